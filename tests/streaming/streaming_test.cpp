/// Results that are streamed past the caches: which are, and that they are what ordinary stores
/// write.
#include "catch.hpp"
#include "clip.hpp"
#include "data.hpp"
#include "streaming.hpp"
#include "surrounded.hpp"
#include "terms.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

using l1l2::core::apply;
using l1l2::core::apply_blocks;
using l1l2::core::Arrays;
using l1l2::core::bytes_of;
using l1l2::core::Clip;
using l1l2::core::Dtype;
using l1l2::core::Job;
using l1l2::core::Operation;
using l1l2::core::Regularizer;
using l1l2::core::stream_kernel;
using l1l2::core::Term;
using l1l2::core::write_streaming;
using l1l2::kernels::arithmetic;
using l1l2::kernels::block_elements;
using l1l2::kernels::cache_line;
using l1l2::kernels::KernelTable;
using l1l2::kernels::Tables;

namespace {

constexpr Dtype all_dtypes[] = {Dtype::float32, Dtype::float64, Dtype::float16, Dtype::bfloat16};
const Regularizer regularizer(0.03, 0.25);

/// Arbitrary bits, but steps that are finite and not negative.
std::vector<unsigned char> arbitrary_bytes(std::size_t count, unsigned seed, bool steps) {
    std::mt19937 random(seed);
    std::vector<unsigned char> bytes(count);
    for (std::size_t i = 0; i < count; ++i) {
        const auto byte = static_cast<unsigned char>(random());
        bytes[i] = steps ? byte % 0x40 : byte; // of the last byte of an element, exponents below 2
    }
    return bytes;
}

struct Named {
    std::string name;
    Operation operation;
    bool reads_gradient = false;
    bool reads_steps = false;
};

std::vector<Named> operations(const KernelTable& table, Dtype dtype) {
    return {{"prox", regularizer.prox(table, dtype, 0.5)},
            {"step", regularizer.prox_step(table, dtype, 0.5)},
            {"step of a gradient", regularizer.prox_step(table, dtype, 0.5), true},
            {"step with steps", regularizer.prox_step(table, dtype, 0.5), true, true},
            {"scale", Clip{3.0, 2.0}.operation(table, dtype)},
            {"scale by little", Clip{1e300, 1e-20}.operation(table, dtype)},
            {"copy", Clip{1.0, 2.0}.operation(table, dtype)}};
}

/// All operations of all tables that stream, n elements, with y at `offset` from a cache line.
void compare_with_stores(Dtype dtype, std::size_t n, std::size_t offset) {
    static Surrounded x_memory;
    static Surrounded y_memory;
    const std::size_t bytes = n * size_of(dtype);
    const std::vector<unsigned char> x = arbitrary_bytes(bytes, 1, false);
    const std::vector<unsigned char> y = arbitrary_bytes(bytes, 2, false);
    const std::vector<unsigned char> gradient = arbitrary_bytes(bytes, 3, false);
    const std::vector<unsigned char> steps =
        arbitrary_bytes(n * size_of(arithmetic(dtype)), 4, true);
    const Tables tables = l1l2::kernels::runnable_tables();
    for (std::size_t t = 0; t < tables.count; ++t) {
        const KernelTable& table = *tables.table[t];
        for (const Named& named : operations(table, dtype)) {
            REQUIRE(named.operation.stream() == table.stream);
            if (table.stream == nullptr) {
                continue;
            }
            Arrays arrays = {dtype, x.data(), nullptr, n};
            arrays.gradient = named.reads_gradient ? gradient.data() : nullptr;
            arrays.steps = named.reads_steps ? steps.data() : nullptr;
            std::vector<unsigned char> expected = y;
            arrays.y = expected.data();
            named.operation.write(arrays);
            // Another offset for x. Both arrays end where a byte further cannot be written.
            arrays.x = x_memory.place(x.data(), bytes, offset * 37 % 64, true);
            unsigned char* const y_at = y_memory.place(
                y.data(), bytes, (2 * cache_line - offset - bytes % cache_line) % cache_line, true);
            arrays.y = y_at;
            write_streaming(named.operation, arrays, table.stream);
            if (!std::equal(expected.begin(), expected.end(), y_at) ||
                !y_memory.surroundings_intact()) {
                FAIL(table.name << ": " << named.name << " of " << n << " elements of "
                                << size_of(dtype) << " bytes, " << offset
                                << " bytes from a cache line");
            }
        }
    }
}

// A table of generic's kernels that counts the lines that it streams.
std::size_t streamed_lines = 0;

void stream_and_count(const void* from, void* to, std::size_t lines, const void* /*next*/) {
    CHECK(reinterpret_cast<std::uintptr_t>(to) % cache_line == 0);
    std::memcpy(to, from, lines * cache_line);
    streamed_lines += lines;
}

KernelTable counting_table() {
    KernelTable table = l1l2::kernels::generic;
    table.stream = stream_and_count;
    return table;
}

const KernelTable counting = counting_table();

/// The last-level cache has so many bytes in its scope.
class CacheOf {
  public:
    explicit CacheOf(std::size_t bytes) {
        l1l2::kernels::chosen_table(); // which would set it
        before_ = l1l2::kernels::last_level_cache.exchange(bytes);
    }
    ~CacheOf() { l1l2::kernels::last_level_cache = before_; }
    CacheOf(const CacheOf&) = delete;
    CacheOf& operator=(const CacheOf&) = delete;

  private:
    std::size_t before_;
};

/// How many lines f streams.
template <class F>
std::size_t lines_of(F&& f) {
    streamed_lines = 0;
    f();
    return streamed_lines;
}

struct alignas(cache_line) Line {
    float element[cache_line / sizeof(float)];
};

/// Whole cache lines.
struct Lines {
    explicit Lines(std::size_t n) : line(n * sizeof(float) / cache_line) {}
    float* data() { return line.data()->element; }
    std::vector<Line> line;
};

class Terms final : public l1l2::core::TermSource {
  public:
    explicit Terms(const std::vector<Term>& terms) : TermSource(terms.size()), terms_(terms) {}
    void read(std::size_t first, std::size_t count, Term* terms) const override {
        terms_read += count;
        std::copy_n(terms_.begin() + static_cast<std::ptrdiff_t>(first), count, terms);
    }
    std::size_t read_blocks(std::size_t, std::size_t, l1l2::kernels::Block*) const override {
        return 0;
    }

    mutable std::size_t terms_read = 0;

  private:
    const std::vector<Term>& terms_;
};

std::int32_t one_after_another(void* /*state*/, void (*task)(void*, std::size_t), void* work,
                               std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        task(work, i);
    }
    return 0;
}

} // namespace

TEST_CASE("what is streamed has the bits of what is stored, at every address", "[streaming]") {
    for (const Dtype dtype : all_dtypes) {
        for (std::size_t offset = 0; offset < cache_line; ++offset) {
            for (const std::size_t n : {0, 1, 7, 16, 33, 64, 95, 1111, 2200}) {
                compare_with_stores(dtype, n, offset);
            }
        }
    }
}

TEST_CASE("all whole cache lines of the result are streamed, and nothing else", "[streaming]") {
    for (const Dtype dtype : all_dtypes) {
        const std::size_t element = size_of(dtype);
        const std::size_t n = 3000;
        const std::vector<unsigned char> x(n * element);
        std::vector<Line> memory(n * element / cache_line + 2);
        auto* const begin = reinterpret_cast<unsigned char*>(memory.data());
        for (std::size_t offset = 0; offset < cache_line; ++offset) {
            const std::size_t first = offset == 0 ? 0 : 1;
            const std::size_t last = (offset + n * element) / cache_line;
            const std::size_t expected = offset % element == 0 ? last - first : 0;
            const Arrays arrays = {dtype, x.data(), begin + offset, n};
            CHECK(lines_of([&] {
                      write_streaming(regularizer.prox(counting, dtype, 0.5), arrays,
                                      counting.stream);
                  }) == expected);
        }
    }
}

TEST_CASE(
    "results of float32 and float64 to another array are streamed if a call is larger than the "
    "last-level cache",
    "[streaming]") {
    char x[1];
    char y[1];
    char gradient[1];
    for (const Dtype dtype : all_dtypes) {
        const bool wide = dtype == Dtype::float32 || dtype == Dtype::float64;
        for (const Named& named : operations(counting, dtype)) {
            const Arrays arrays = {dtype, x, y, 1, gradient};
            const auto streams = [&](const Arrays& of, std::size_t bytes, std::size_t cache) {
                return stream_kernel(named.operation, of, bytes, cache) == counting.stream;
            };
            CHECK(streams(arrays, 1001, 1000) == wide);
            CHECK_FALSE(streams(arrays, 1000, 1000));
            CHECK_FALSE(streams(arrays, 1000, 0)); // unknown
            CHECK_FALSE(streams({dtype, y, y, 1, gradient}, 1001, 1000));
            CHECK_FALSE(streams({dtype, x, gradient, 1, gradient}, 1001, 1000));
        }
        const Arrays arrays = {dtype, x, y, 1};
        const auto never = [&](const Operation& operation) {
            return stream_kernel(operation, arrays, 1001, 1000) == nullptr;
        };
        CHECK(stream_kernel(regularizer.prox(counting, Dtype::float64, 0.5),
                            {Dtype::float64, x, y, 100}, 1000, 1599) != nullptr);
        CHECK(never(regularizer.prox(l1l2::kernels::generic, dtype, 0.5)));
        CHECK(never(regularizer.sum(counting, dtype)));
        CHECK(never(regularizer.gradient(counting, dtype, 0.5)));
        CHECK(never(regularizer.gradient_and_sum(counting, dtype, 0.5)));
    }
}

TEST_CASE("the size of a call is that of all its arrays", "[streaming]") {
    char a[1];
    char b[1];
    char c[1];
    CHECK(bytes_of({Dtype::float64, a, nullptr, 5}) == 40);
    CHECK(bytes_of({Dtype::float32, a, b, 5}) == 40);
    CHECK(bytes_of({Dtype::float32, a, a, 5}) == 20);
    CHECK(bytes_of({Dtype::float16, a, b, 5, c}) == 30);
    CHECK(bytes_of({Dtype::float16, a, c, 5, c}) == 20);
    CHECK(bytes_of({Dtype::bfloat16, a, b, 5, c, c}) == 50);
    CHECK(bytes_of({Dtype::float64, a, b, 5, nullptr, c}) == 120);
}

TEST_CASE("the size of the whole call decides, not that of a part", "[streaming]") {
    const std::size_t n = 3 * block_elements;
    Lines x(n);
    Lines y(n);
    const Operation prox = regularizer.prox(counting, Dtype::float32, 0.5);
    const Arrays arrays = {Dtype::float32, x.data(), y.data(), n};
    const std::size_t lines = n * sizeof(float) / cache_line;
    const std::size_t bytes = 2 * n * sizeof(float);
    {
        const CacheOf cache(bytes - 1);
        CHECK(lines_of([&] { apply(prox, arrays); }) == lines);
        CHECK(lines_of([&] { apply_blocks(prox, arrays, 1, 1, 0); }) == lines / 3);
    }
    const CacheOf cache(bytes);
    CHECK(lines_of([&] { apply(prox, arrays); }) == 0);
    CHECK(lines_of([&] { apply(prox, arrays, bytes + 1); }) == lines);
}

TEST_CASE("the size of a list is that of all terms, with or without threads", "[streaming]") {
    const std::size_t few = 2 * block_elements;
    const std::size_t many = 40 * block_elements; // in pieces, with threads
    const std::size_t small = 96;                 // not streamed
    const std::size_t small_terms = 41;           // terms are read 32 at a time
    const std::size_t n = few + many + small_terms * small;
    Lines x(n);
    Lines y(n);
    std::vector<Term> terms;
    std::size_t first = 0;
    const auto add = [&](std::size_t count) {
        terms.push_back(
            {&regularizer,
             {Dtype::float32, x.data() + first, y.data() + first, count, x.data() + first}});
        first += count;
    };
    add(few);
    add(many);
    for (std::size_t i = 0; i < small_terms; ++i) {
        add(small);
    }
    const std::size_t bytes = 3 * n * sizeof(float);
    const auto lines = [&](Job::Kind kind, std::size_t cache_bytes, bool threads) {
        const CacheOf cache(cache_bytes);
        return lines_of([&] {
            CHECK(l1l2::core::compute_terms(counting, Terms(terms), {kind, 0.5, 0.25},
                                            {threads ? one_after_another : nullptr, nullptr},
                                            nullptr, nullptr));
        });
    };
    for (const bool threads : {false, true}) {
        for (const Job::Kind kind : {Job::Kind::prox, Job::Kind::prox_step, Job::Kind::clip}) {
            CHECK(lines(kind, bytes - 1, threads) == (few + many) * sizeof(float) / cache_line);
            CHECK(lines(kind, bytes, threads) == 0);
        }
        CHECK(lines(Job::Kind::gradient, 1, threads) == 0);
    }
}

TEST_CASE("terms are read once, and once more for their size if one is larger than a block",
          "[streaming]") {
    Lines x(2 * block_elements);
    Lines y(2 * block_elements);
    const auto reads_of = [&](std::size_t large) {
        std::vector<Term> terms(
            100, {&regularizer, {Dtype::float32, x.data(), y.data(), block_elements}});
        for (std::size_t i = 0; i < large; ++i) {
            terms[10 * i].arrays.n = block_elements + 1;
        }
        const Terms source(terms);
        CHECK(l1l2::core::compute_terms(counting, source, {Job::Kind::prox, 0.5}, {}, nullptr,
                                        nullptr));
        return source.terms_read;
    };
    CHECK(reads_of(0) == 100);
    CHECK(reads_of(1) == 200);
    CHECK(reads_of(3) == 200);
}
