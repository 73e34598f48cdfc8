/// Every kernel of every table gives the bits of the generic one, and touches nothing but its
/// elements: for arbitrary bits as elements, so with NaNs, infinities and subnormals of every kind.
#include "catch.hpp"
#include "data.hpp"
#include "guarded_pages.hpp"
#include "narrow.hpp"
#include "surrounded.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <numeric>
#include <string>

using l1l2::kernels::arithmetic;
using l1l2::kernels::Dtype;
using l1l2::kernels::KernelTable;
using l1l2::kernels::runnable_tables;
using l1l2::kernels::Sums;
using l1l2::kernels::Tables;

namespace {

std::size_t index(Dtype dtype) {
    return static_cast<std::size_t>(dtype);
}

/// Arbitrary bits; of the few exponents that are special there are many.
std::vector<unsigned char> arbitrary_elements(Dtype dtype, std::size_t n, unsigned seed) {
    std::mt19937_64 random(seed);
    std::vector<unsigned char> bytes(n * size_of(dtype));
    for (std::size_t i = 0; i < n; ++i) {
        std::uint64_t element = random();
        const std::uint64_t kind = random() % 16;
        const unsigned width = static_cast<unsigned>(8 * size_of(dtype));
        const std::uint64_t sign = std::uint64_t{1} << (width - 1);
        if (kind == 0) {
            element &= sign; // a zero
        } else if (kind == 1) {
            element &= sign | 0x3F; // a subnormal
        } else if (kind == 2) {
            element |= sign - 1;
            element &= ~(random() & 3); // a NaN
        }
        std::memcpy(&bytes[i * size_of(dtype)], &element, size_of(dtype));
    }
    return bytes;
}

/// Numbers of ordinary size alone, whose sums are finite. Those of 16 bits have so many exponents
/// that sums of bfloat16 round, so that the order of additions counts. Of float16 |x| adds up
/// without rounding, whatever the order.
std::vector<unsigned char> ordinary_elements(Dtype dtype, std::size_t n) {
    std::vector<unsigned char> bytes = arbitrary_elements(dtype, n, 7);
    const unsigned mantissa = dtype == Dtype::float16    ? 10
                              : dtype == Dtype::bfloat16 ? 7
                              : dtype == Dtype::float32  ? 23
                                                         : 52;
    const unsigned width = static_cast<unsigned>(8 * size_of(dtype));
    const std::uint64_t exponents = dtype == Dtype::float16    ? 15
                                    : dtype == Dtype::bfloat16 ? 63
                                                               : 3;
    const std::uint64_t one = ((std::uint64_t{1} << (width - 2 - mantissa)) - 1) << mantissa;
    for (std::size_t i = 0; i < n; ++i) {
        std::uint64_t element = 0;
        std::memcpy(&element, &bytes[i * size_of(dtype)], size_of(dtype));
        const std::uint64_t kept = (std::uint64_t{1} << (width - 1)) |
                                   ((std::uint64_t{1} << mantissa) - 1) | (exponents << mantissa);
        element = (element & kept) | (one & ~(exponents << mantissa));
        std::memcpy(&bytes[i * size_of(dtype)], &element, size_of(dtype));
    }
    return bytes;
}

/// n factors of a step: elements of the arithmetic type, finite and not negative.
std::vector<unsigned char> some_steps(Dtype dtype, std::size_t n) {
    const auto magnitudes = [n](Dtype type, auto element) {
        std::vector<unsigned char> bytes = ordinary_elements(type, n);
        for (std::size_t i = 0; i < bytes.size(); i += sizeof element) {
            std::memcpy(&element, &bytes[i], sizeof element);
            element = std::fabs(element);
            std::memcpy(&bytes[i], &element, sizeof element);
        }
        return bytes;
    };
    return dtype == Dtype::float64 ? magnitudes(Dtype::float64, double())
                                   : magnitudes(Dtype::float32, float());
}

/// A kernel with its factors; what it does not make is 0. It may read steps.
struct Kernel {
    std::string name;
    std::function<Sums(const KernelTable&, const void* x, void* y, std::size_t n,
                       const void* steps)>
        run;
};

/// What the sums of as many blocks as a kernel takes, each an element shorter than the one before,
/// add up to, in an order that counts.
Sums sums_of_blocks(const KernelTable& table, Dtype dtype, std::size_t wanted, const void* x,
                    std::size_t n) {
    l1l2::kernels::Block block[l1l2::kernels::most_blocks];
    Sums sums[l1l2::kernels::most_blocks];
    std::size_t shorter = 0;
    for (l1l2::kernels::Block& one : block) {
        const std::size_t first = std::min(n, shorter++);
        one = {static_cast<const char*>(x) + first * size_of(dtype), n - first};
    }
    table.sums_of_each[index(dtype)][wanted](block, l1l2::kernels::most_blocks, sums);
    return std::accumulate(std::begin(sums), std::end(sums), Sums{0.0, 0.0},
                           [](const Sums& a, const Sums& b) {
                               return Sums{a.absolute / 2 + b.absolute, a.square / 2 + b.square};
                           });
}

std::vector<Kernel> kernels_of(Dtype dtype) {
    const std::size_t d = index(dtype);
    std::vector<Kernel> kernels;
    for (const l1l2::kernels::WantedSums wanted : all_wanted_sums) {
        const auto t = static_cast<std::size_t>(wanted);
        const std::string of_wanted = " of wanted sums " + std::to_string(t);
        kernels.push_back(
            {"sums" + of_wanted, [=](const KernelTable& table, const void* x, void*, std::size_t n,
                                     const void*) { return table.sums[d][t](x, n); }});
        kernels.push_back({"sums of blocks" + of_wanted,
                           [=](const KernelTable& table, const void* x, void*, std::size_t n,
                               const void*) { return sums_of_blocks(table, dtype, t, x, n); }});
        for (const double sign : {0.01, -3.0, 0.0}) {
            const double linear = 0.1 - sign;
            kernels.push_back({"gradient" + of_wanted, [=](const KernelTable& table, const void* x,
                                                           void* y, std::size_t n, const void*) {
                                   table.add_gradient[d][t](x, y, n, sign, linear);
                                   return Sums{0.0, 0.0};
                               }});
        }
        kernels.push_back(
            {"gradient and sums" + of_wanted,
             [=](const KernelTable& table, const void* x, void* y, std::size_t n, const void*) {
                 return table.add_gradient_and_sum[d][t](x, y, n, 0.01, -3.0);
             }});
    }
    for (const double threshold : {0.0, 0.01, 1.5}) {
        kernels.push_back({"prox", [=](const KernelTable& table, const void* x, void* y,
                                       std::size_t n, const void*) {
                               table.prox[d](x, y, n, threshold, 1.0 / (1.0 + threshold));
                               return Sums{0.0, 0.0};
                           }});
        // What is written takes the place of the gradient, which so is read where it ends.
        for (const bool with_gradient : {false, true}) {
            for (const bool with_steps : {false, true}) {
                kernels.push_back({std::string("step") + (with_gradient ? " of a gradient" : "") +
                                       (with_steps ? " with steps" : ""),
                                   [=](const KernelTable& table, const void* x, void* y,
                                       std::size_t n, const void* steps) {
                                       table.prox_step[d](x, with_gradient ? y : nullptr,
                                                          with_steps ? steps : nullptr, y, n,
                                                          {0.7, threshold, 3.0 * threshold});
                                       return Sums{0.0, 0.0};
                                   }});
            }
        }
    }
    for (const double factor : {0.7, 0.0, 0x1p-120}) {
        kernels.push_back({"scale", [=](const KernelTable& table, const void* x, void* y,
                                        std::size_t n, const void*) {
                               table.scale[d](x, y, n, factor);
                               return Sums{0.0, 0.0};
                           }});
    }
    kernels.push_back({"greatest step", [=](const KernelTable& table, const void*, void*,
                                            std::size_t n, const void* steps) {
                           return Sums{table.greatest_step[d](steps, n), 0.0};
                       }});
    return kernels;
}

std::uint64_t canonical_bits(double sum) {
    return to_bits(std::isnan(sum) ? std::numeric_limits<double>::quiet_NaN() : sum);
}

/// Every kernel of every table, at places that `places` gives a function for each size, beside
/// generic on an array of its own. Which NaN a sum is, is the formula's matter.
template <class Places>
void compare_with_generic(Dtype dtype, const std::vector<std::size_t>& sizes, Places&& places) {
    const Tables tables = runnable_tables();
    Surrounded x_memory;
    Surrounded y_memory;
    Surrounded steps_memory;
    const std::vector<unsigned char> steps = some_steps(dtype, 4096);
    const std::vector<unsigned char> y = arbitrary_elements(dtype, 4096, 2);
    for (const auto& x : {ordinary_elements(dtype, 4096), arbitrary_elements(dtype, 4096, 1)}) {
        for (const Kernel& kernel : kernels_of(dtype)) {
            for (const std::size_t n : sizes) {
                const std::size_t bytes = n * size_of(dtype);
                std::vector<unsigned char> expected = y;
                const Sums sums =
                    kernel.run(l1l2::kernels::generic, x.data(), expected.data(), n, steps.data());
                const auto compare = [&](const KernelTable& table, std::size_t offset,
                                         bool at_end) {
                    unsigned char* const x_at = x_memory.place(x.data(), bytes, offset, at_end);
                    // Another offset for the second array.
                    unsigned char* const y_at =
                        y_memory.place(y.data(), bytes, offset == 0 ? 0 : offset * 37 % 64, at_end);
                    unsigned char* const steps_at =
                        steps_memory.place(steps.data(), n * size_of(arithmetic(dtype)),
                                           offset == 0 ? 0 : offset * 11 % 64, at_end);
                    const Sums actual = kernel.run(table, x_at, y_at, n, steps_at);
                    if (canonical_bits(actual.absolute) != canonical_bits(sums.absolute) ||
                        canonical_bits(actual.square) != canonical_bits(sums.square) ||
                        !std::equal(y_at, y_at + bytes, expected.begin()) ||
                        !std::equal(x_at, x_at + bytes, x.begin()) ||
                        !x_memory.surroundings_intact() || !y_memory.surroundings_intact()) {
                        FAIL(table.name << ": " << kernel.name << ", dtype " << index(dtype)
                                        << ", n = " << n << ", " << offset << " bytes from the "
                                        << (at_end ? "end" : "begin"));
                    }
                };
                for (std::size_t t = 0; t < tables.count; ++t) {
                    places(n, [&](std::size_t offset, bool at_end) {
                        compare(*tables.table[t], offset, at_end);
                    });
                }
            }
        }
    }
    SUCCEED("all of them"); // a byte too far would have been the end
}

/// Compares all kernels with those of generic on `first` to `last` elements and other numbers of
/// them, right behind an unreadable page and right before one.
void compare_sizes(Dtype dtype, std::size_t first, std::size_t last,
                   const std::vector<std::size_t>& others = {}) {
    std::vector<std::size_t> sizes(last - first + 1);
    std::iota(sizes.begin(), sizes.end(), first);
    sizes.insert(sizes.end(), others.begin(), others.end());
    compare_with_generic(dtype, sizes, [](std::size_t n, auto&& compare) {
        compare(0, true);
        if (n % 7 == 0) {
            compare(0, false);
        }
    });
}

} // namespace

// Two tests, as the first is quick and reaches almost all code: scripts/coverage.sh leaves out the
// second.
TEMPLATE_TEST_CASE("every kernel gives the bits of generic at every size up to 600", "[kernels]",
                   float, double, Float16, Bfloat16) {
    compare_sizes(core_dtype<TestType>, 0, 600, {1057, 2081, 4096}); // several strips of rows
}

TEMPLATE_TEST_CASE("every kernel gives the bits of generic at every size from 601 to 4096",
                   "[kernels][exhaustive]", float, double, Float16, Bfloat16) {
    compare_sizes(core_dtype<TestType>, 601, 4096);
}

TEMPLATE_TEST_CASE("every kernel gives the bits of generic at every address, between NaNs",
                   "[kernels][exhaustive]", float, double, Float16, Bfloat16) {
    std::vector<std::size_t> sizes(140);
    std::iota(sizes.begin(), sizes.end(), std::size_t{0});
    // What is around a strip of rows, a ring of them, a chunk of a gradient, a block.
    sizes.insert(sizes.end(), {255, 257, 289, 511, 512, 513, 545, 1024, 1057, 4063, 4095, 4096});
    compare_with_generic(core_dtype<TestType>, sizes, [](std::size_t, auto&& compare) {
        for (std::size_t offset = 0; offset < 64; ++offset) {
            compare(offset, true);
            compare(offset, false);
        }
    });
}

TEST_CASE("a NaN that stands alone among numbers is kept, wherever it is", "[kernels]") {
    constexpr std::size_t n = 139;
    const Tables tables = runnable_tables();
    for (const Dtype dtype : {Dtype::float16, Dtype::bfloat16, Dtype::float32, Dtype::float64}) {
        const std::uint64_t nan = l1l2::kernels::format_of(dtype).infinity() + 1;
        const std::vector<unsigned char> numbers = ordinary_elements(dtype, n);
        const std::vector<unsigned char> steps = some_steps(dtype, n);
        std::vector<unsigned char> actual;
        for (const Kernel& kernel : kernels_of(dtype)) {
            for (std::size_t i = 0; i < 2 * n; ++i) { // in x, then in y
                std::vector<unsigned char> x = numbers;
                std::vector<unsigned char> y = numbers;
                std::memcpy(&(i < n ? x : y)[i % n * size_of(dtype)], &nan, size_of(dtype));
                std::vector<unsigned char> expected = y;
                kernel.run(l1l2::kernels::generic, x.data(), expected.data(), n, steps.data());
                for (std::size_t t = 0; t < tables.count; ++t) {
                    actual = y;
                    kernel.run(*tables.table[t], x.data(), actual.data(), n, steps.data());
                    if (actual != expected) {
                        FAIL(tables.table[t]->name << ": " << kernel.name << ", dtype "
                                                   << index(dtype) << ", number " << i);
                    }
                }
            }
        }
    }
    SUCCEED("all of them");
}

TEST_CASE("every float16 and bfloat16 is widened and narrowed alike", "[kernels]") {
    const Tables tables = runnable_tables();
    constexpr std::size_t count = 65536;
    std::vector<std::uint16_t> x(count);
    for (std::size_t i = 0; i < count; ++i) {
        x[i] = static_cast<std::uint16_t>(i);
    }
    for (const Dtype dtype : {Dtype::float16, Dtype::bfloat16}) {
        for (std::size_t t = 0; t < tables.count; ++t) {
            const KernelTable& table = *tables.table[t];
            INFO(table.name << ", dtype " << index(dtype));
            // With threshold 0 and factor 1 the prox gives each number back, and the one NaN.
            std::vector<std::uint16_t> y(count);
            table.prox[index(dtype)](x.data(), y.data(), count, 0.0, 1.0);
            const std::uint32_t infinity = dtype == Dtype::float16 ? 0x7C00 : 0x7F80;
            const std::uint32_t nan = dtype == Dtype::float16 ? 0x7E00 : 0x7FC0;
            bool right = true;
            for (std::uint32_t i = 0; i < count; ++i) {
                right = right && y[i] == ((i & 0x7FFFU) > infinity ? nan : i);
            }
            CHECK(right);
            // Each of many factors rounds as it does in generic, ties and overflows included.
            for (const double factor : {0.75, 1.25, 0.5, 0x1.004p0, 0x1.01p-9, 3.0, 0x1p-15}) {
                std::vector<std::uint16_t> expected(count);
                l1l2::kernels::generic.prox[index(dtype)](x.data(), expected.data(), count, 0.0,
                                                          factor);
                table.prox[index(dtype)](x.data(), y.data(), count, 0.0, factor);
                CHECK(y == expected);
            }
        }
    }
}

TEST_CASE("of blocks that are summed in one call no other one is read", "[kernels]") {
    using l1l2::kernels::Block;
    constexpr std::size_t count = 8;
    const std::vector<double> x(64, 1.0);
    const GuardedPages pages;
    Block* const at_the_ends[] = {reinterpret_cast<Block*>(pages.begin()),
                                  reinterpret_cast<Block*>(pages.end()) - count};
    const Tables tables = runnable_tables();
    for (std::size_t t = 0; t < tables.count; ++t) {
        for (const Dtype dtype : {Dtype::float32, Dtype::float64}) {
            for (const l1l2::kernels::WantedSums wanted : all_wanted_sums) {
                for (Block* const block : at_the_ends) {
                    std::fill_n(block, count, Block{x.data(), 64});
                    Sums sums[count];
                    tables.table[t]->sums_of_each[index(dtype)][static_cast<std::size_t>(wanted)](
                        block, count, sums);
                }
            }
        }
    }
    SUCCEED("all of them"); // another one would have crashed
}

TEST_CASE("the greatest step is found wherever it is, and a NaN for one that is none",
          "[kernels]") {
    const Tables tables = runnable_tables();
    const auto check = [&](Dtype dtype, auto zero) {
        using A = decltype(zero);
        for (std::size_t n = 0; n < 200; n += n < 70 ? 1 : 9) {
            std::vector<A> steps(n, A(0.25));
            for (std::size_t at = 0; at < n; ++at) {
                for (const A value :
                     {A(3), -std::numeric_limits<A>::denorm_min(), A(-0.0),
                      std::numeric_limits<A>::infinity(), std::numeric_limits<A>::quiet_NaN()}) {
                    steps[at] = value;
                    const double expected = value == A(3)   ? 3.0
                                            : value == A(0) ? (n == 1 ? 0.0 : 0.25)
                                                            : std::nan("");
                    for (std::size_t t = 0; t < tables.count; ++t) {
                        const double found =
                            tables.table[t]->greatest_step[index(dtype)](steps.data(), n);
                        if (canonical_bits(found) != canonical_bits(expected)) {
                            FAIL(tables.table[t]->name << ", " << value << " at " << at << " of "
                                                       << n << ": " << found);
                        }
                    }
                }
                steps[at] = A(0.25);
            }
        }
    };
    for (const Dtype dtype : {Dtype::float32, Dtype::float16, Dtype::bfloat16}) {
        check(dtype, 0.0F);
    }
    check(Dtype::float64, 0.0);
    SUCCEED("all of them");
}
