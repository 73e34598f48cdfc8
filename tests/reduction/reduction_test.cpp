/// The order of summation that docs/numerics.md specifies, for every kernel that this CPU can run.
#include "catch.hpp"
#include "data.hpp"
#include "guarded_pages.hpp"

#include <string>

using l1l2::kernels::KernelTable;
using l1l2::kernels::runnable_tables;
using l1l2::kernels::Sums;
using l1l2::kernels::Tables;
using l1l2::kernels::WantedSums;

namespace {

constexpr std::size_t lanes = 32;
constexpr std::size_t block = 4096;

/// The specification, as the page states it and not as the library computes it: one lane at a time,
/// the tree from the top. The constants are those of the contract, not of the library.
template <class T>
double specified_block(const T* x, std::size_t n, bool square) {
    double lane[lanes] = {};
    for (std::size_t j = 0; j < lanes; ++j) {
        for (std::size_t i = j; i < n; i += lanes) {
            const double value = static_cast<double>(x[i]);
            lane[j] = lane[j] + (square ? value * value : std::fabs(value));
        }
    }
    for (std::size_t half = 16; half >= 1; half /= 2) {
        for (std::size_t j = 0; j < half; ++j) {
            lane[j] = lane[j] + lane[j + half];
        }
    }
    return lane[0];
}

template <class T>
double specified_sum(const T* x, std::size_t n, bool square) {
    if (n <= block) {
        return specified_block(x, n, square);
    }
    std::size_t left = block;
    while (2 * left < n) {
        left *= 2;
    }
    return specified_sum(x, left, square) + specified_sum(x + left, n - left, square);
}

bool same_bits(const Sums& a, const Sums& b) {
    return to_bits(a.absolute) == to_bits(b.absolute) && to_bits(a.square) == to_bits(b.square);
}

} // namespace

TEMPLATE_TEST_CASE("every kernel adds in the specified order", "[reduction]", float, double) {
    const std::size_t largest = 40 * block;
    const std::vector<TestType> x = ordinary_elements<TestType>(largest, 1, -20, 20);
    const Tables tables = runnable_tables();
    for (const std::size_t n :
         {std::size_t{0}, std::size_t{1}, lanes - 1, lanes, lanes + 1, 5 * lanes + 7, block - 1,
          block, block + 1, 2 * block, 3 * block, 3 * block + 1, 4 * block - 5, 5 * block + 33,
          7 * block, 8 * block, 13 * block + 17, largest}) {
        const double absolute = specified_sum(x.data(), n, false);
        const double square = specified_sum(x.data(), n, true);
        for (std::size_t t = 0; t < tables.count; ++t) {
            INFO(tables.table[t]->name << ", n = " << n);
            const auto sums = [&](WantedSums wanted) {
                return sums_of(*tables.table[t], core_dtype<TestType>, wanted, x.data(), n);
            };
            CHECK(to_bits(sums(WantedSums::absolute).absolute) == to_bits(absolute));
            CHECK(to_bits(sums(WantedSums::square).square) == to_bits(square));
            CHECK(same_bits(sums(WantedSums::both), {absolute, square}));
        }
    }
}

TEMPLATE_TEST_CASE("every kernel gives the bits of generic at every size up to two blocks",
                   "[reduction]", float, double) {
    const std::size_t largest = 2 * block + 2 * lanes + 1;
    const std::vector<TestType> x = ordinary_elements<TestType>(largest, 1, -30, 30);
    const Tables tables = runnable_tables();
    for (const WantedSums wanted : all_wanted_sums) {
        for (std::size_t n = 0; n <= largest; ++n) {
            const Sums expected =
                sums_of(l1l2::kernels::generic, core_dtype<TestType>, wanted, x.data(), n);
            for (std::size_t t = 0; t < tables.count; ++t) {
                const Sums sums =
                    sums_of(*tables.table[t], core_dtype<TestType>, wanted, x.data(), n);
                if (!same_bits(sums, expected)) {
                    FAIL(tables.table[t]->name << ", n = " << n);
                }
            }
        }
    }
    SUCCEED("all sizes");
}

TEMPLATE_TEST_CASE("the address of the data changes no bit", "[reduction]", float, double) {
    const Tables tables = runnable_tables();
    const std::vector<TestType> x = ordinary_elements<TestType>(block + 3 * lanes + 5, 1, -30, 30);
    std::vector<unsigned char> buffer(x.size() * sizeof(TestType) + 128);
    const std::size_t to_line = (64 - reinterpret_cast<std::uintptr_t>(buffer.data()) % 64) % 64;
    for (const std::size_t n : {std::size_t{1}, std::size_t{3}, std::size_t{5}, lanes + 1,
                                3 * lanes + 29, block - 1, x.size()}) {
        const Sums expected =
            sums_of(l1l2::kernels::generic, core_dtype<TestType>, WantedSums::both, x.data(), n);
        for (std::size_t offset = 0; offset < 64; ++offset) {
            unsigned char* const at = buffer.data() + to_line + offset;
            std::memcpy(at, x.data(), n * sizeof(TestType));
            for (std::size_t t = 0; t < tables.count; ++t) {
                const Sums sums =
                    sums_of(*tables.table[t], core_dtype<TestType>, WantedSums::both, at, n);
                if (!same_bits(sums, expected)) {
                    FAIL(tables.table[t]->name << ", n = " << n << ", offset " << offset);
                }
            }
        }
    }
    SUCCEED("all offsets");
}

TEMPLATE_TEST_CASE("a kernel reads no byte beyond its elements", "[reduction]", float, double) {
    const GuardedPages pages;
    const Tables tables = runnable_tables();
    const std::vector<TestType> x =
        ordinary_elements<TestType>(pages.size() / sizeof(TestType), 1, -3, 3);
    for (std::size_t n = 0; n <= x.size(); n += n < 3 * lanes ? 1 : 37) {
        const std::size_t bytes = n * sizeof(TestType);
        for (unsigned char* const at : {pages.begin(), pages.end() - bytes}) {
            std::memcpy(at, x.data(), bytes);
            for (const WantedSums wanted : all_wanted_sums) {
                const Sums expected =
                    sums_of(l1l2::kernels::generic, core_dtype<TestType>, wanted, x.data(), n);
                for (std::size_t t = 0; t < tables.count; ++t) {
                    const Sums sums =
                        sums_of(*tables.table[t], core_dtype<TestType>, wanted, at, n);
                    if (!same_bits(sums, expected)) {
                        FAIL(tables.table[t]->name << ", n = " << n);
                    }
                }
            }
        }
    }
    SUCCEED("all sizes"); // a byte too far would have crashed
}

TEST_CASE("the tree is pairwise for a million blocks", "[reduction]") {
    std::vector<double> block_sums =
        ordinary_elements<double>((std::size_t{1} << 20) + 12345, 1, -20, 20);
    for (double& sum : block_sums) {
        sum = std::fabs(sum);
    }
    const auto pairwise = [](const auto& self, const double* sums, std::size_t count) -> double {
        if (count == 1) {
            return sums[0];
        }
        std::size_t left = 1;
        while (2 * left < count) {
            left *= 2;
        }
        return self(self, sums, left) + self(self, sums + left, count - left);
    };
    for (const std::size_t blocks : {std::size_t{2}, std::size_t{3}, std::size_t{1} << 20,
                                     (std::size_t{1} << 20) - 1, block_sums.size()}) {
        std::size_t calls = 0;
        const Sums sums = l1l2::core::reduce_tree(blocks, [&](std::size_t i) {
            CHECK(i == calls);
            ++calls;
            return Sums{block_sums[i], 1.0};
        });
        CHECK(calls == blocks);
        CHECK(to_bits(sums.absolute) == to_bits(pairwise(pairwise, block_sums.data(), blocks)));
        CHECK(sums.square == static_cast<double>(blocks));
    }
}

TEMPLATE_TEST_CASE("the neighbours of the elements are not added", "[reduction]", float, double) {
    const Tables tables = runnable_tables();
    const TestType nan = std::numeric_limits<TestType>::quiet_NaN();
    for (std::size_t n = 0; n <= 3 * lanes; ++n) {
        std::vector<TestType> x(n + 2 * lanes, nan);
        for (std::size_t i = 0; i < n; ++i) {
            x[lanes + i] = TestType{1};
        }
        for (std::size_t t = 0; t < tables.count; ++t) {
            INFO(tables.table[t]->name << ", n = " << n);
            const Sums sums = sums_of(*tables.table[t], core_dtype<TestType>, WantedSums::both,
                                      x.data() + lanes, n);
            CHECK(sums.absolute == static_cast<double>(n));
            CHECK(sums.square == static_cast<double>(n));
        }
    }
}

TEMPLATE_TEST_CASE("a NaN or an infinity at any place of a block shows in the sums", "[reduction]",
                   float, double) {
    using Limits = std::numeric_limits<TestType>;
    const Tables tables = runnable_tables();
    std::vector<TestType> x = ramp_vector<TestType>(block + 37);
    for (std::size_t t = 0; t < tables.count; ++t) {
        for (std::size_t i = 0; i < x.size();
             i += i < 2 * lanes || i + 2 * lanes > block ? 1 : 61) {
            INFO(tables.table[t]->name << ", element " << i);
            const TestType kept = x[i];
            const auto sums = [&] {
                return sums_of(*tables.table[t], core_dtype<TestType>, WantedSums::both, x.data(),
                               x.size());
            };
            x[i] = -Limits::infinity();
            const Sums infinite = sums();
            x[i] = -Limits::quiet_NaN();
            const Sums undefined = sums();
            x[i] = kept;
            if (infinite.absolute != HUGE_VAL || infinite.square != HUGE_VAL ||
                !std::isnan(undefined.absolute) || !std::isnan(undefined.square)) {
                FAIL("not seen");
            }
        }
    }
    SUCCEED("all places");
}
