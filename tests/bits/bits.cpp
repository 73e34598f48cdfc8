/**
 * Whether the library computes the same bits here as everywhere:
 *
 *     bits GOLDEN    the hashes of golden.txt, which make_golden.py makes without the library
 *     bits isa       the instruction set that the library takes here
 *
 * Beside conformance.c, whose arrays are short enough to be written down: this has tensors, terms,
 * more elements, threads, exact sums in pieces, and floating-point environments that a host may
 * have set. What is computed in one of these ways must have the hashes of the same elements in an
 * array.
 *
 * Nothing here computes in floating point, so that no compiler and no environment matters but the
 * library's. Its only header is l1l2.h, as it must compile for every system that the library does.
 */
#include <l1l2.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cfenv>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <string>
#include <thread>
#include <vector>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace {

// What golden.txt is of; make_golden.py has the same.

struct Format {
    const char* name;
    l1l2_dtype dtype;
    std::uint8_t dlpack_code;
    unsigned mantissa;
    unsigned bias;
    unsigned binades; ///< of ordinary elements
    double small;     ///< a coefficient that is subnormal, or a product with it
    unsigned bits;
};
constexpr Format formats[] = {
    {"float32", L1L2_FLOAT32, 2, 23, 127, 40, 0x1p-128, 32},
    {"float64", L1L2_FLOAT64, 2, 52, 1023, 40, 0x1p-1024, 64},
    {"float16", L1L2_FLOAT16, 2, 10, 15, 28, 0x1p-16, 16},
    {"bfloat16", L1L2_BFLOAT16, 4, 7, 127, 40, 0x1p-128, 16},
};

/// Of the last one there are exact sums alone.
enum class Kind { ordinary, wide, small, special, repeated, varied };
constexpr const char* kind_names[] = {"ordinary", "wide", "small", "special", "repeated", "varied"};
constexpr Kind kinds[] = {Kind::ordinary, Kind::wide,     Kind::small,
                          Kind::special,  Kind::repeated, Kind::varied};

struct Sizes {
    const char* name;
    std::vector<std::size_t> n;
};
std::vector<std::size_t> up_to(std::size_t last) {
    std::vector<std::size_t> n(last + 1);
    for (std::size_t i = 0; i <= last; ++i) {
        n[i] = i;
    }
    return n;
}
const Sizes short_sizes = {"short", up_to(140)};
const Sizes block_sizes = {
    "blocks", {255, 256, 257, 511, 512, 513, 1000, 4095, 4096, 4097, 8191, 8192, 8193, 12305}};
const Sizes task_sizes = {"tasks", {65535, 65536, 65537, 163857, 217105}};

constexpr double scale = -0.7;
constexpr double step = 0.7;
constexpr std::uint64_t gradient_index = 1U << 20U;

/// The finalizer of splitmix64.
std::uint64_t mix(std::uint64_t x) {
    x = (x + 1) * 0x9E3779B97F4A7C15U;
    x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31U);
}

/// The exponent's field and the mantissa's.
struct Magnitude {
    std::uint64_t field;
    std::uint64_t fraction;
};

/// Zeros, subnormals, the smallest normals; of float64 also those whose squares are subnormal.
Magnitude small_magnitude(const Format& format, std::uint64_t fraction, std::uint64_t q) {
    const std::uint64_t edge = format.bits == 64 ? format.bias - 535U : 0U;
    switch (q % 4) {
    case 0: return {0, 0};
    case 1: return {0, fraction};
    case 2: return {(q >> 2U) % 4, fraction};
    default: return {edge + (q >> 2U) % 24, fraction};
    }
}

Magnitude special_magnitude(const Format& format, std::uint64_t index, std::uint64_t fraction,
                            std::uint64_t q) {
    const std::uint64_t ones = (std::uint64_t{1} << format.mantissa) - 1;
    const std::uint64_t bias = format.bias;
    if (index % 97 == 96) return {2 * bias + 1, fraction | 1U}; // a NaN, quiet or signaling
    if (index % 89 == 88) return {2 * bias + 1, 0};
    if (index % 61 == 60) return {2 * bias, ones};
    switch (q % 7) {
    case 0: return {0, 0};
    case 1: return {0, 1};
    case 2: return {0, ones};
    case 3: return {1, 0};
    case 4: return {bias, 0};
    case 5: return {bias - 1, ones};
    default: return {bias, fraction};
    }
}

/// More and more binades, then zeros, as what is exact takes another way for each.
Magnitude varied_magnitude(const Format& format, std::uint64_t index, std::uint64_t fraction,
                           std::uint64_t q) {
    const std::uint64_t binades = 1 + (index >> 12U) % (format.binades + 1);
    if (binades > format.binades) return {0, 0};
    return {format.bias - binades / 2 + q % binades, fraction};
}

std::uint64_t element(const Format& format, Kind kind, std::uint64_t index) {
    const auto seed =
        static_cast<std::uint64_t>(&format - formats) * 8 + static_cast<unsigned>(kind);
    const std::uint64_t r = mix(index + (seed << 40U));
    const std::uint64_t q = mix(r);
    const std::uint64_t fraction = (r >> 8U) & ((std::uint64_t{1} << format.mantissa) - 1);
    Magnitude magnitude = {format.bias - format.binades / 2 + q % format.binades, fraction};
    if (kind == Kind::wide) magnitude.field = q % (2 * format.bias + 1);
    if (kind == Kind::small) magnitude = small_magnitude(format, fraction, q);
    if (kind == Kind::varied) magnitude = varied_magnitude(format, index, fraction, q);
    if (kind == Kind::special) magnitude = special_magnitude(format, index, fraction, q);
    return (r >> 63U) << (format.bits - 1) | magnitude.field << format.mantissa |
           magnitude.fraction;
}

class Hash {
  public:
    void add(std::uint64_t bits) { value_ += (bits + 1) * mix(position_++); }
    /// By reference: i386 copies a double through its x87 unit, where a subnormal one may trap.
    void add(const double& value) {
        std::uint64_t bits = 0;
        std::memcpy(&bits, &value, sizeof bits);
        add(bits);
    }
    std::uint64_t value() const { return value_; }

  private:
    std::uint64_t value_ = 0;
    std::uint64_t position_ = 0;
};

// Elements in memory.

/// Calls f with a zero of the unsigned type that has as many bits as an element.
template <class F>
void with_type(const Format& format, F f) {
    switch (format.bits) {
    case 16: f(std::uint16_t{0}); break;
    case 32: f(std::uint32_t{0}); break;
    default: f(std::uint64_t{0});
    }
}

/// Where the elements of an array or a tensor are, in their order: rows of columns.
struct Place {
    std::size_t rows;
    std::size_t columns;
    std::size_t row; ///< from one row to the next, in elements
    std::size_t column;
};
Place contiguous(std::size_t n) {
    return {1, n, n, 1};
}

template <class F>
void for_each_place(const Place& place, F f) {
    for (std::size_t i = 0; i < place.rows; ++i) {
        for (std::size_t j = 0; j < place.columns; ++j) {
            f(i * place.columns + j, i * place.row + j * place.column);
        }
    }
}

void add_elements(Hash& hash, const Format& format, const unsigned char* from, const Place& place) {
    with_type(format, [&](auto bits) {
        for_each_place(place, [&](std::size_t, std::size_t at) {
            std::memcpy(&bits, from + at * sizeof bits, sizeof bits);
            hash.add(std::uint64_t{bits});
        });
    });
}

/// Bytes that are a NaN of every type, at an address as far from a cache line as is asked for.
class Memory {
  public:
    unsigned char* fresh(std::size_t size, std::size_t offset) {
        constexpr std::size_t line = 64;
        bytes_.assign(size + 2 * line, 0xFF);
        const auto address = reinterpret_cast<std::uintptr_t>(bytes_.data());
        return bytes_.data() + (line - address % line) + offset;
    }

  private:
    std::vector<unsigned char> bytes_;
};

struct Handle {
    l1l2_regularizer* regularizer = nullptr;

    Handle(double l1, double l2) {
        if (l1l2_create(l1, l2, &regularizer) != L1L2_OK) std::abort();
    }
    Handle(Handle&& other) noexcept : regularizer(other.regularizer) {
        other.regularizer = nullptr;
    }
    ~Handle() { l1l2_destroy(regularizer); }
};

/// A line of golden.txt for each operation: the same elements in all sizes, with all coefficients.
class Case {
  public:
    const Format& format;
    const Kind kind;
    const Sizes& sizes;
    std::vector<Handle> handles;

    Case(const Format& of_format, Kind of_kind, const Sizes& of_sizes)
        : format(of_format), kind(of_kind), sizes(of_sizes) {
        handles.emplace_back(0.01, 0.0);
        handles.emplace_back(0.0, 0.3);
        handles.emplace_back(0.01, 0.3);
        handles.emplace_back(0.0, 0.0);
        handles.emplace_back(format.small, 0.45);
        x_ = make(0);
        gradient_ = make(gradient_index);
    }

    std::size_t element_size() const { return format.bits / 8; }

    /// Of n elements, how many times some of them are repeated.
    std::size_t repetitions(std::size_t n) const {
        return kind == Kind::repeated && n > 0 && n % 3 == 0 ? 3 : 1;
    }

    void copy_x(unsigned char* to, std::size_t n, const Place& place) const {
        const std::size_t period = n / repetitions(n);
        copy(x_, to, place, [&](std::size_t i) { return i < period ? i : i % period; });
    }
    void copy_gradient(unsigned char* to, const Place& place) const {
        copy(gradient_, to, place, [](std::size_t i) { return i; });
    }

  private:
    std::vector<unsigned char> make(std::uint64_t first) const {
        const std::size_t n = sizes.n.back();
        std::vector<unsigned char> bytes(n * element_size());
        with_type(format, [&](auto bits) {
            for (std::size_t i = 0; i < n; ++i) {
                bits = static_cast<decltype(bits)>(element(format, kind, first + i));
                std::memcpy(bytes.data() + i * sizeof bits, &bits, sizeof bits);
            }
        });
        return bytes;
    }

    template <class Index>
    void copy(const std::vector<unsigned char>& from, unsigned char* to, const Place& place,
              Index index) const {
        with_type(format, [&](auto bits) {
            for_each_place(place, [&](std::size_t i, std::size_t at) {
                std::memcpy(to + at * sizeof bits, from.data() + index(i) * sizeof bits,
                            sizeof bits);
            });
        });
    }

    std::vector<unsigned char> x_;
    std::vector<unsigned char> gradient_;
};

// What is compared with what.

class Golden {
  public:
    explicit Golden(const char* path) {
        std::FILE* const file = std::fopen(path, "r");
        if (file == nullptr) {
            std::fprintf(stderr, "%s cannot be opened\n", path);
            std::exit(2);
        }
        char line[256];
        while (std::fgets(line, sizeof line, file) != nullptr) {
            char* const hash = std::strrchr(line, ' ');
            if (line[0] == '#' || hash == nullptr) continue;
            *hash = '\0';
            expected_[line] = {std::strtoull(hash + 1, nullptr, 16), 0};
        }
        std::fclose(file);
    }

    void compare(const Case& c, const char* operation, const Hash& hash, const std::string& way) {
        const std::string key = std::string(operation) + ' ' + c.format.name + ' ' +
                                kind_names[static_cast<int>(c.kind)] + ' ' + c.sizes.name;
        ++compared_;
        const auto found = expected_.find(key);
        if (found == expected_.end()) {
            fail(key + ": no such line");
        } else {
            ++found->second.compared;
            if (found->second.hash != hash.value()) fail(key + ": another hash for " + way);
        }
    }
    void expect_ok(l1l2_status status, const std::string& way) {
        if (status != L1L2_OK) fail(way + ": " + l1l2_status_string(status));
    }
    void fail(const std::string& what) {
        std::fprintf(stderr, "%s%s\n", what.c_str(), environment.c_str());
        failed_ = true;
    }

    /// How many hashes were compared, 0 if one differed or was never computed.
    std::size_t finish() {
        for (const auto& [key, line] : expected_) {
            if (line.compared == 0) fail(key + ": never computed");
        }
        return failed_ ? 0 : compared_;
    }

    std::string environment; ///< where the failure was

  private:
    struct Line {
        std::uint64_t hash;
        std::size_t compared;
    };
    std::map<std::string, Line> expected_;
    std::size_t compared_ = 0;
    bool failed_ = false;
};

// The ways to compute.

/// With the penalty in the gradient's pass and a prox from array to array, or without the one and
/// in place; the latter at an odd address.
enum class Manner { fused, in_place };

const char* describe(Manner manner) {
    return manner == Manner::fused ? ", the gradient with the penalty" : ", the prox in place";
}

/// What is computed of one array or tensor after another.
struct Hashes {
    Hash penalties;
    Hash fused_penalties;
    Hash gradients;
    Hash proxes;

    void compare(Golden& golden, const Case& c, Manner manner, const std::string& way) const {
        golden.compare(c, "penalty", penalties, way);
        if (manner == Manner::fused) golden.compare(c, "penalty", fused_penalties, way);
        golden.compare(c, "add_gradient", gradients, way);
        golden.compare(c, "prox", proxes, way);
    }
};

void check_arrays(Golden& golden, const Case& c, Manner manner) {
    const std::string way = std::string("arrays") + describe(manner);
    const bool fused = manner == Manner::fused;
    Memory x_memory;
    Memory y_memory;
    Hashes hashes;
    for (const Handle& handle : c.handles) {
        for (const std::size_t n : c.sizes.n) {
            const Place place = contiguous(n);
            const std::size_t size = n * c.element_size();
            unsigned char* const x = x_memory.fresh(size, fused ? 0 : 1);
            unsigned char* y = y_memory.fresh(size, fused ? 32 : 3);
            c.copy_x(x, n, place);
            c.copy_gradient(y, place);
            double penalty = -1.0;
            double fused_penalty = -1.0;
            golden.expect_ok(l1l2_penalty(handle.regularizer, c.format.dtype, x, n, &penalty), way);
            golden.expect_ok(l1l2_add_gradient(handle.regularizer, c.format.dtype, x, n, scale, y,
                                               fused ? &fused_penalty : nullptr),
                             way);
            hashes.penalties.add(penalty);
            hashes.fused_penalties.add(fused_penalty);
            add_elements(hashes.gradients, c.format, y, place);
            y = fused ? y_memory.fresh(size, 32) : x;
            golden.expect_ok(l1l2_prox(handle.regularizer, c.format.dtype, x, n, step, y), way);
            add_elements(hashes.proxes, c.format, y, place);
        }
    }
    hashes.compare(golden, c, manner, way);
}

/// The struct DLTensor of dlpack.h.
struct DLTensor {
    void* data;
    std::int32_t device_type;
    std::int32_t device_id;
    std::int32_t ndim;
    std::uint8_t dtype_code;
    std::uint8_t dtype_bits;
    std::uint16_t dtype_lanes;
    std::int64_t* shape;
    std::int64_t* strides;
    std::uint64_t byte_offset;
};

/// A tensor of two axes and where the elements are that it walks over, in this order.
struct Layout {
    Place place;
    std::int64_t shape[2];
    std::int64_t strides[2];
    std::size_t first; ///< the place of the element of index (0, 0)

    std::size_t extent() const {
        return place.rows * place.columns == 0
                   ? 0
                   : (place.rows - 1) * place.row + (place.columns - 1) * place.column + 1;
    }

    DLTensor tensor(const Format& format, unsigned char* memory) {
        constexpr std::int32_t cpu = 1;
        return {memory,
                cpu,
                0,
                2,
                format.dlpack_code,
                static_cast<std::uint8_t>(format.bits),
                1,
                shape,
                strides,
                std::uint64_t{first} * format.bits / 8};
    }
};

enum class View { transposed, flipped, strided, broadcast };
constexpr const char* view_names[] = {"transposed", "flipped", "strided", "broadcast"};

struct Layouts {
    Layout x;
    Layout y; ///< of what is written
};

/// Views of n elements whose order in memory is that of an array.
Layouts layouts(View view, const Case& c, std::size_t n) {
    std::size_t rows = 1;
    for (const std::size_t divisor : {2U, 3U, 5U, 7U}) {
        if (n % divisor == 0) rows = divisor;
    }
    if (view == View::broadcast) rows = c.repetitions(n);
    const std::size_t columns = n / rows;
    const auto r = static_cast<std::int64_t>(rows);
    const auto k = static_cast<std::int64_t>(columns);
    const Layout compact = {{rows, columns, columns, 1}, {r, k}, {k, 1}, 0};
    switch (view) {
    case View::transposed: {
        const Layout layout = {compact.place, {k, r}, {1, k}, 0};
        return {layout, layout};
    }
    case View::flipped: {
        const Layout layout = {compact.place, {r, k}, {-k, -1}, n > 0 ? n - 1 : 0};
        return {layout, layout};
    }
    case View::strided:
        return {{{rows, columns, 3 * columns + 5, 3}, {r, k}, {3 * k + 5, 3}, 0},
                {{rows, columns, 1, rows}, {r, k}, {1, r}, 0}};
    default: return {{{rows, columns, 0, 1}, {r, k}, {0, 1}, 0}, compact};
    }
}

void check_tensors(Golden& golden, const Case& c, View view, Manner manner) {
    const std::string way =
        std::string(view_names[static_cast<int>(view)]) + " tensors" + describe(manner);
    const bool fused = manner == Manner::fused;
    Memory x_memory;
    Memory y_memory;
    Hashes hashes;
    for (const Handle& handle : c.handles) {
        for (const std::size_t n : c.sizes.n) {
            Layouts at = layouts(view, c, n);
            unsigned char* const x = x_memory.fresh(at.x.extent() * c.element_size(), 1);
            unsigned char* y = y_memory.fresh(at.y.extent() * c.element_size(), 0);
            c.copy_x(x, n, at.x.place);
            c.copy_gradient(y, at.y.place);
            const DLTensor x_tensor = at.x.tensor(c.format, x);
            DLTensor y_tensor = at.y.tensor(c.format, y);
            double penalty = -1.0;
            double fused_penalty = -1.0;
            golden.expect_ok(l1l2_penalty_dlpack(handle.regularizer, &x_tensor, &penalty), way);
            golden.expect_ok(l1l2_add_gradient_dlpack(handle.regularizer, &x_tensor, scale,
                                                      &y_tensor, fused ? &fused_penalty : nullptr),
                             way);
            hashes.penalties.add(penalty);
            hashes.fused_penalties.add(fused_penalty);
            add_elements(hashes.gradients, c.format, y, at.y.place);
            y = fused ? y_memory.fresh(at.y.extent() * c.element_size(), 0) : x;
            y_tensor = fused ? at.y.tensor(c.format, y) : x_tensor;
            golden.expect_ok(l1l2_prox_dlpack(handle.regularizer, &x_tensor, step, &y_tensor), way);
            add_elements(hashes.proxes, c.format, y, fused ? at.y.place : at.x.place);
        }
    }
    hashes.compare(golden, c, manner, way);
}

/// Some threads that take the next task as they come to it.
std::int32_t run_on_threads(void* state, l1l2_task task, void* work, std::size_t count) {
    const std::size_t threads = *static_cast<const std::size_t*>(state);
    std::atomic<std::size_t> next{0};
    std::vector<std::thread> running;
    for (std::size_t i = 0; i < threads; ++i) {
        running.emplace_back([&] {
            for (std::size_t index = next++; index < count; index = next++) {
                task(work, index);
            }
        });
    }
    for (std::thread& thread : running) {
        thread.join();
    }
    return 0;
}

/// All sizes with all coefficients, over copies of the elements.
std::vector<l1l2_term> make_terms(const Case& c, Memory& x_memory, Memory& y_memory) {
    std::size_t size = 0;
    for (const std::size_t n : c.sizes.n) {
        size += n * c.element_size() + 1; // the next one is at an odd address
    }
    unsigned char* y = y_memory.fresh(size * c.handles.size(), 0);
    unsigned char* const all_x = x_memory.fresh(size, 0);
    std::vector<l1l2_term> terms;
    for (const auto& handle : c.handles) {
        unsigned char* x = all_x;
        for (const std::size_t n : c.sizes.n) {
            l1l2_term term = {};
            term.regularizer = handle.regularizer;
            term.x = x;
            term.n = n;
            term.gradient = y;
            term.out = y;
            term.dtype = c.format.dtype;
            terms.push_back(term);
            c.copy_x(x, n, contiguous(n));
            c.copy_gradient(y, contiguous(n));
            x += n * c.element_size() + 1;
            y += n * c.element_size() + 1;
        }
    }
    return terms;
}

void compare_penalties(Golden& golden, const Case& c, const std::string& way,
                       const std::vector<double>& penalties, const double& total) {
    Hash hash;
    for (const double& penalty : penalties) {
        hash.add(penalty);
    }
    golden.compare(c, "penalty", hash, way);
    Hash total_hash;
    total_hash.add(total);
    golden.compare(c, "total", total_hash, way);
}

void compare_written(Golden& golden, const Case& c, const std::string& way, const char* operation,
                     const std::vector<l1l2_term>& terms) {
    Hash hash;
    for (const l1l2_term& term : terms) {
        add_elements(hash, c.format, static_cast<const unsigned char*>(term.out),
                     contiguous(term.n));
    }
    golden.compare(c, operation, hash, way);
}

/// All terms in one call; `threads` 0 is the calling one.
void check_terms(Golden& golden, const Case& c, std::size_t threads) {
    const std::string way = "terms on " + std::to_string(threads) + " threads";
    const l1l2_runner runner = threads > 0 ? run_on_threads : nullptr;
    Memory x_memory;
    Memory y_memory;
    const std::vector<l1l2_term> terms = make_terms(c, x_memory, y_memory);
    std::vector<double> penalties(terms.size(), -1.0);
    double total = -1.0;
    golden.expect_ok(l1l2_penalty_terms(terms.data(), sizeof(l1l2_term), terms.size(), runner,
                                        &threads, penalties.data(), &total, nullptr),
                     way);
    compare_penalties(golden, c, way, penalties, total);
    std::fill(penalties.begin(), penalties.end(), -1.0);
    golden.expect_ok(l1l2_add_gradient_terms(terms.data(), sizeof(l1l2_term), terms.size(), scale,
                                             runner, &threads, penalties.data(), &total, nullptr),
                     way);
    compare_penalties(golden, c, way, penalties, total);
    compare_written(golden, c, way, "add_gradient", terms);
    golden.expect_ok(l1l2_prox_terms(terms.data(), sizeof(l1l2_term), terms.size(), step, runner,
                                     &threads, nullptr),
                     way);
    compare_written(golden, c, way, "prox", terms);
}

// Exact sums, which may be added up in many ways.

using Sums = std::array<std::int64_t, L1L2_EXACT_SUMS_LENGTH>;

/// Adds vectors as an all-reduce does.
void add_numbers(Sums& sums, const Sums& others) {
    for (std::size_t i = 0; i < sums.size(); ++i) {
        sums[i] += others[i];
    }
}

/// All that there is to know of some sums, which may have been added up here.
void add_results(Golden& golden, Hash& hash, const Case& c, const Sums& sums,
                 const std::string& way) {
    Sums canonical = {};
    golden.expect_ok(l1l2_exact_sums_merge(canonical.data(), sums.data()), way);
    for (const std::int64_t number : canonical) {
        hash.add(static_cast<std::uint64_t>(number));
    }
    double absolute = -1.0;
    double square = -1.0;
    std::int64_t count = -1;
    golden.expect_ok(l1l2_exact_sums_read(sums.data(), &absolute, &square, &count), way);
    hash.add(absolute);
    hash.add(square);
    hash.add(static_cast<std::uint64_t>(count));
    for (const Handle& handle : c.handles) {
        double penalty = -1.0;
        golden.expect_ok(l1l2_penalty_exact_sums(handle.regularizer, sums.data(), &penalty), way);
        hash.add(penalty);
    }
}

/// Arrays of all sizes, each cut into as many shares as there are vectors to add it to.
struct Shared {
    const Case* c;
    std::vector<const unsigned char*> arrays;
    std::size_t shares;
    std::vector<Sums> sums; ///< of each share of each array
    std::vector<l1l2_status> statuses;
};

/// The task of a share, as a runner takes one.
void add_share(void* work, std::size_t index) {
    Shared& shared = *static_cast<Shared*>(work);
    const std::size_t share = index % shared.shares;
    const std::size_t array = index / shared.shares;
    const std::size_t n = shared.c->sizes.n[array];
    const std::size_t first = n * share / shared.shares;
    const std::size_t last = n * (share + 1) / shared.shares;
    shared.statuses[index] =
        l1l2_exact_sums_add(shared.sums[index].data(), shared.c->format.dtype,
                            shared.arrays[array] + first * shared.c->element_size(), last - first);
}

enum class Addition { merged, as_numbers };

/// One call for each share, on so many threads; 0 is the calling one.
void check_exact_sums(Golden& golden, const Case& c, std::size_t shares, std::size_t threads,
                      Addition addition) {
    const std::string way = "exact sums of " + std::to_string(shares) + " shares on " +
                            std::to_string(threads) + " threads" +
                            (addition == Addition::merged ? ", merged" : ", added as numbers");
    Shared shared = {};
    shared.c = &c;
    shared.shares = shares;
    std::size_t size = 0;
    for (const std::size_t n : c.sizes.n) {
        size += n * c.element_size() + 1; // the next one is at an odd address
    }
    Memory memory;
    unsigned char* x = memory.fresh(size, 0);
    for (const std::size_t n : c.sizes.n) {
        c.copy_x(x, n, contiguous(n));
        shared.arrays.push_back(x);
        x += n * c.element_size() + 1;
    }
    const std::size_t tasks = shared.arrays.size() * shares;
    shared.sums.assign(tasks, Sums{});
    shared.statuses.assign(tasks, -1);
    if (threads > 0) {
        run_on_threads(&threads, add_share, &shared, tasks);
    } else {
        for (std::size_t i = 0; i < tasks; ++i) {
            add_share(&shared, i);
        }
    }
    Hash hash;
    for (std::size_t array = 0; array < shared.arrays.size(); ++array) {
        Sums total = {};
        for (std::size_t i = (array + 1) * shares; i-- > array * shares;) {
            golden.expect_ok(shared.statuses[i], way);
            if (addition == Addition::as_numbers) {
                add_numbers(total, shared.sums[i]);
            } else {
                golden.expect_ok(l1l2_exact_sums_merge(total.data(), shared.sums[i].data()), way);
            }
        }
        add_results(golden, hash, c, total, way);
    }
    golden.compare(c, "exact_sums", hash, way);
}

void check_exact_tensors(Golden& golden, const Case& c, View view) {
    const std::string way =
        std::string("exact sums of ") + view_names[static_cast<int>(view)] + " tensors";
    Memory memory;
    Hash hash;
    for (const std::size_t n : c.sizes.n) {
        Layout at = layouts(view, c, n).x;
        unsigned char* const x = memory.fresh(at.extent() * c.element_size(), 1);
        c.copy_x(x, n, at.place);
        const DLTensor tensor = at.tensor(c.format, x);
        Sums sums = {};
        golden.expect_ok(l1l2_exact_sums_add_dlpack(sums.data(), &tensor), way);
        add_results(golden, hash, c, sums, way);
    }
    golden.compare(c, "exact_sums", hash, way);
}

void check_all_exact_sums(Golden& golden, const Case& c) {
    check_exact_sums(golden, c, 1, 0, Addition::merged);
    check_exact_sums(golden, c, 5, 0, Addition::as_numbers);
    check_exact_sums(golden, c, 2, 2, Addition::as_numbers);
    check_exact_sums(golden, c, 7, 3, Addition::merged);
    check_exact_tensors(golden, c, View::transposed);
    check_exact_tensors(golden, c, View::flipped);
    check_exact_tensors(golden, c, View::strided);
    if (c.kind == Kind::repeated) check_exact_tensors(golden, c, View::broadcast);
}

// Floating-point environments.

#if defined(__aarch64__)
void set_fpcr(std::uint64_t bits) {
    __asm__ __volatile__("msr fpcr, %0" : : "r"(bits));
}
#elif defined(__arm__) && defined(__VFP_FP__) && !defined(__SOFTFP__)
void set_fpscr(std::uint32_t bits) {
    __asm__ __volatile__("vmsr fpscr, %0" : : "r"(bits));
}
#endif

/// All of the environment but the flags that tell what has happened.
std::uint64_t control() {
    auto bits = static_cast<std::uint64_t>(std::fegetround());
#if defined(__GLIBC__)
    bits = bits << 8U ^ static_cast<std::uint64_t>(fegetexcept());
#endif
#if defined(__SSE2__)
    constexpr unsigned flags = 0x3F;
    bits = bits << 32U ^ (_mm_getcsr() & ~flags);
#elif defined(__aarch64__)
    std::uint64_t fpcr = 0;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(fpcr));
    bits = bits << 32U ^ fpcr;
#elif defined(__arm__) && defined(__VFP_FP__) && !defined(__SOFTFP__)
    constexpr std::uint32_t control_bits = 0x07FF9F00;
    std::uint32_t fpscr = 0;
    __asm__ __volatile__("vmrs %0, fpscr" : "=r"(fpscr));
    bits = bits << 32U ^ (fpscr & control_bits);
#endif
    return bits;
}

struct Environment {
    const char* name;
    void (*set)();
    bool everywhere; ///< whether each CPU of this kind has it
};
#if defined(__SOFTFP__)
constexpr bool hardware = false;
#else
constexpr bool hardware = true;
#endif
constexpr Environment environments[] = {
#if defined(FE_DOWNWARD)
    {"downward", [] { std::fesetround(FE_DOWNWARD); }, hardware},
#endif
#if defined(FE_UPWARD)
    {"upward", [] { std::fesetround(FE_UPWARD); }, hardware},
#endif
#if defined(FE_TOWARDZERO)
    {"towards zero", [] { std::fesetround(FE_TOWARDZERO); }, hardware},
#endif
#if defined(__SSE2__)
    {"denormals are zero", [] { _mm_setcsr(_mm_getcsr() | 0x0040U); }, true},
    {"flush to zero", [] { _mm_setcsr(_mm_getcsr() | 0x8000U); }, true},
    {"both of them, upward", [] { _mm_setcsr(_mm_getcsr() | 0xC040U); }, true},
#elif defined(__aarch64__)
    {"flush to zero", [] { set_fpcr(1U << 24U); }, true},
    // And to zero for float16; one NaN for all; upward.
    {"flush to zero, upward", [] { set_fpcr(0x3480000U); }, true},
#elif defined(__arm__) && defined(__VFP_FP__) && !defined(__SOFTFP__)
    {"flush to zero", [] { set_fpscr(1U << 24U); }, true},
    {"flush to zero, upward", [] { set_fpscr(0x3400000U); }, true},
#endif
    {"exceptions trap",
     [] {
#if defined(__GLIBC__)
         std::feclearexcept(FE_ALL_EXCEPT); // one that is pending would trap here
         feenableexcept(FE_ALL_EXCEPT);
#endif
     },
     false},
};

constexpr std::size_t thread_counts[] = {0, 1, 2, 3, 7};

void check_all(Golden& golden) {
    for (const Format& format : formats) {
        for (const Kind kind : kinds) {
            for (const Sizes* sizes : {&short_sizes, &block_sizes, &task_sizes}) {
                const bool has_tasks = kind == Kind::ordinary || kind == Kind::varied;
                if (sizes == &task_sizes && !has_tasks) continue;
                const Case c(format, kind, *sizes);
                check_all_exact_sums(golden, c);
                if (kind == Kind::varied) continue;
                check_arrays(golden, c, Manner::fused);
                check_arrays(golden, c, Manner::in_place);
                check_tensors(golden, c, View::transposed, Manner::fused);
                check_tensors(golden, c, View::flipped, Manner::in_place);
                check_tensors(golden, c, View::strided, Manner::fused);
                check_tensors(golden, c, View::strided, Manner::in_place);
                if (kind == Kind::repeated) {
                    check_tensors(golden, c, View::broadcast, Manner::fused);
                }
                for (const std::size_t threads : thread_counts) {
                    check_terms(golden, c, threads);
                }
            }
        }
    }
}

/// What does not take long.
void check_some(Golden& golden, const std::vector<Case>& cases) {
    for (const Case& c : cases) {
        if (&c.sizes == &task_sizes) {
            check_terms(golden, c, 3);
            continue;
        }
        check_exact_sums(golden, c, 1, 0, Addition::merged);
        check_exact_sums(golden, c, 5, 3, Addition::as_numbers);
        if (c.kind == Kind::varied) continue;
        check_arrays(golden, c, Manner::fused);
        check_arrays(golden, c, Manner::in_place);
        check_tensors(golden, c, View::strided, Manner::fused);
        check_terms(golden, c, 0);
        check_terms(golden, c, 3);
    }
}

/// The names of the environments in which some was checked.
std::string check_environments(Golden& golden) {
    std::vector<Case> cases;
    for (const Format& format : formats) {
        for (const Kind kind : kinds) {
            cases.emplace_back(format, kind, short_sizes);
        }
        cases.emplace_back(format, Kind::ordinary, block_sizes);
        cases.emplace_back(format, Kind::varied, block_sizes);
    }
    cases.emplace_back(formats[0], Kind::ordinary, task_sizes);
    std::string names;
    std::fenv_t before;
    std::fegetenv(&before);
#if defined(__SSE2__)
    const unsigned mxcsr_before = _mm_getcsr(); // which fesetenv may not restore on Windows
#endif
    const std::uint64_t default_control = control();
    for (const Environment& environment : environments) {
        environment.set();
        const std::uint64_t hostile = control();
        if (hostile == default_control) {
            if (environment.everywhere) golden.fail("an environment could not be set");
        } else {
            golden.environment = std::string(" in the environment: ") + environment.name;
            check_some(golden, cases);
            if (control() != hostile) golden.fail("the environment was changed");
            names += std::string(names.empty() ? "" : "; ") + environment.name;
        }
        std::fesetenv(&before);
#if defined(__SSE2__)
        _mm_setcsr(mxcsr_before);
#endif
    }
    golden.environment.clear();
    if (control() != default_control) golden.fail("the environment was not restored");
    return names;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: bits GOLDEN | isa\n", stderr);
        return 2;
    }
    if (std::strcmp(argv[1], "isa") == 0) return std::puts(l1l2_isa()) == EOF;
    Golden golden(argv[1]);
    check_all(golden);
    const std::string names = check_environments(golden);
    const std::size_t compared = golden.finish();
    if (compared == 0) return 1;
    std::printf(
        "%zu hashes, all bits equal (%s; terms on 0, 1, 2, 3 and 7 threads; environments: %s)\n",
        compared, l1l2_isa(), names.c_str());
    return 0;
}
