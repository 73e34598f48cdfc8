/// Every kernel of every table gives the bits of the generic one, and touches nothing but its
/// elements: for arbitrary bits as elements, so with NaNs, infinities and subnormals of every kind.
#include "catch.hpp"
#include "data.hpp"
#include "guarded_pages.hpp"

#include <algorithm>
#include <functional>
#include <string>

using l1l2::kernels::Dtype;
using l1l2::kernels::KernelTable;
using l1l2::kernels::runnable_tables;
using l1l2::kernels::Sums;
using l1l2::kernels::Tables;

namespace {

constexpr Dtype all_dtypes[] = {Dtype::float32, Dtype::float64, Dtype::float16, Dtype::bfloat16};

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

/// Numbers of ordinary size alone, whose sums are finite.
std::vector<unsigned char> ordinary_elements(Dtype dtype, std::size_t n) {
    std::vector<unsigned char> bytes = arbitrary_elements(dtype, n, 7);
    const unsigned mantissa = dtype == Dtype::float16    ? 10
                              : dtype == Dtype::bfloat16 ? 7
                              : dtype == Dtype::float32  ? 23
                                                         : 52;
    const unsigned width = static_cast<unsigned>(8 * size_of(dtype));
    const std::uint64_t one = ((std::uint64_t{1} << (width - 2 - mantissa)) - 1) << mantissa;
    for (std::size_t i = 0; i < n; ++i) {
        std::uint64_t element = 0;
        std::memcpy(&element, &bytes[i * size_of(dtype)], size_of(dtype));
        const std::uint64_t kept = (std::uint64_t{1} << (width - 1)) |
                                   ((std::uint64_t{1} << mantissa) - 1) |
                                   (std::uint64_t{3} << mantissa);
        element = (element & kept) | (one & ~(std::uint64_t{3} << mantissa));
        std::memcpy(&bytes[i * size_of(dtype)], &element, size_of(dtype));
    }
    return bytes;
}

/// Sizes around every width of register, row and block.
std::vector<std::size_t> sizes() {
    std::vector<std::size_t> result;
    for (std::size_t n = 0; n <= 140; ++n) {
        result.push_back(n);
    }
    for (const std::size_t n : {500U, 511U, 512U, 513U, 1023U, 1024U, 1057U, 4095U, 4096U}) {
        result.push_back(n);
    }
    return result;
}

using Write = std::function<void(const KernelTable&, const void* x, void* y, std::size_t n)>;

std::vector<Write> writes_of(Dtype dtype) {
    std::vector<Write> writes;
    for (const l1l2::kernels::Terms terms : all_terms) {
        for (const double sign : {0.01, -3.0, 0.0}) {
            writes.push_back([=](const KernelTable& table, const void* x, void* y, std::size_t n) {
                table.add_gradient[index(dtype)][static_cast<std::size_t>(terms)](x, y, n, sign,
                                                                                  0.1 - sign);
            });
        }
    }
    for (const double threshold : {0.0, 0.01, 1.5}) {
        writes.push_back([=](const KernelTable& table, const void* x, void* y, std::size_t n) {
            table.prox[index(dtype)](x, y, n, threshold, 1.0 / (1.0 + threshold));
        });
    }
    return writes;
}

} // namespace

TEST_CASE("every gradient and prox kernel gives the bits of generic between unreadable pages",
          "[kernels]") {
    const Tables tables = runnable_tables();
    const GuardedPages x_pages(9);
    const GuardedPages y_pages(9);
    for (const Dtype dtype : all_dtypes) {
        const std::vector<Write> writes = writes_of(dtype);
        const std::vector<unsigned char> x = arbitrary_elements(dtype, 4096, 1);
        const std::vector<unsigned char> y = arbitrary_elements(dtype, 4096, 2);
        for (const std::size_t n : sizes()) {
            const std::size_t bytes = n * size_of(dtype);
            for (std::size_t w = 0; w < writes.size(); ++w) {
                std::vector<unsigned char> expected(y.begin(),
                                                    y.begin() + static_cast<std::ptrdiff_t>(bytes));
                writes[w](l1l2::kernels::generic, x.data(), expected.data(), n);
                for (std::size_t t = 0; t < tables.count; ++t) {
                    for (const bool at_end : {false, true}) {
                        unsigned char* const x_at =
                            at_end ? x_pages.end() - bytes : x_pages.begin();
                        unsigned char* const y_at =
                            at_end ? y_pages.end() - bytes : y_pages.begin();
                        std::memcpy(x_at, x.data(), bytes);
                        std::memcpy(y_at, y.data(), bytes);
                        writes[w](*tables.table[t], x_at, y_at, n);
                        if (!std::equal(expected.begin(), expected.end(), y_at)) {
                            FAIL(tables.table[t]->name << ", dtype " << index(dtype) << ", write "
                                                       << w << ", n = " << n);
                        }
                    }
                }
            }
        }
    }
    SUCCEED("all sizes");
}

TEST_CASE("every kernel of sums gives the bits of generic between unreadable pages", "[kernels]") {
    const Tables tables = runnable_tables();
    const GuardedPages pages(9);
    for (const Dtype dtype : all_dtypes) {
        for (const auto& x : {ordinary_elements(dtype, 4096), arbitrary_elements(dtype, 4096, 3)}) {
            for (const std::size_t n : sizes()) {
                const std::size_t bytes = n * size_of(dtype);
                for (const l1l2::kernels::Terms terms : all_terms) {
                    const auto canonical = [](double sum) {
                        return bits(std::isnan(sum) ? std::numeric_limits<double>::quiet_NaN()
                                                    : sum);
                    };
                    const Sums expected =
                        sums_of(l1l2::kernels::generic, dtype, terms, x.data(), n);
                    for (std::size_t t = 0; t < tables.count; ++t) {
                        for (unsigned char* const at : {pages.begin(), pages.end() - bytes}) {
                            std::memcpy(at, x.data(), bytes);
                            const Sums sums = sums_of(*tables.table[t], dtype, terms, at, n);
                            if (canonical(sums.absolute) != canonical(expected.absolute) ||
                                canonical(sums.square) != canonical(expected.square)) {
                                FAIL(tables.table[t]->name << ", dtype " << index(dtype)
                                                           << ", n = " << n);
                            }
                        }
                    }
                }
            }
        }
    }
    SUCCEED("all sizes");
}

TEST_CASE("a gradient with its sums is the gradient and the sums", "[kernels]") {
    const Tables tables = runnable_tables();
    const GuardedPages x_pages(9);
    const GuardedPages y_pages(9);
    for (const Dtype dtype : all_dtypes) {
        const std::vector<unsigned char> x = ordinary_elements(dtype, 4096);
        const std::vector<unsigned char> y = arbitrary_elements(dtype, 4096, 2);
        for (const l1l2::kernels::Terms terms : all_terms) {
            const auto t_terms = static_cast<std::size_t>(terms);
            for (const std::size_t n : sizes()) {
                const std::size_t bytes = n * size_of(dtype);
                std::vector<unsigned char> expected(y.begin(),
                                                    y.begin() + static_cast<std::ptrdiff_t>(bytes));
                l1l2::kernels::generic.add_gradient[index(dtype)][t_terms](
                    x.data(), expected.data(), n, 0.01, -3.0);
                const Sums sums = sums_of(l1l2::kernels::generic, dtype, terms, x.data(), n);
                for (std::size_t t = 0; t < tables.count; ++t) {
                    unsigned char* const x_at = x_pages.end() - bytes;
                    unsigned char* const y_at = y_pages.end() - bytes;
                    std::memcpy(x_at, x.data(), bytes);
                    std::memcpy(y_at, y.data(), bytes);
                    const Sums together =
                        tables.table[t]->add_gradient_and_sum[index(dtype)][t_terms](x_at, y_at, n,
                                                                                     0.01, -3.0);
                    if (!std::equal(expected.begin(), expected.end(), y_at) ||
                        bits(together.absolute) != bits(sums.absolute) ||
                        bits(together.square) != bits(sums.square)) {
                        FAIL(tables.table[t]->name << ", dtype " << index(dtype) << ", n = " << n);
                    }
                }
            }
        }
    }
    SUCCEED("all sizes");
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
