/// When the limbs of exact sums are carried, beside a kernel that is made up.
#include "accumulator.hpp"
#include "catch.hpp"
#include "exact_sums.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

using namespace l1l2::kernels;
using exact::absolute_index;
using l1l2::core::ExactSums;

TEST_CASE("limbs are carried before one can overflow", "[exact_sums]") {
    // A kernel that reads nothing and adds what takes the most room, as if of any number of
    // elements, counts how many there have been since all limbs were carried.
    static std::size_t elements;
    static std::size_t most;
    elements = most = 0;
    KernelTable table = generic;
    table.exact[static_cast<std::size_t>(Dtype::float16)] = [](const void*, std::size_t n,
                                                               const ExactSink& sink) {
        std::array<std::int64_t, ExactSums::length> number;
        std::memcpy(number.data(), sink.state, sizeof number); // the first member of ExactSums
        const bool carried = std::all_of(number.begin() + absolute_index, number.end(),
                                         [](std::int64_t limb) { return limb <= UINT32_MAX; });
        elements = (carried ? 0 : elements) + n;
        most = std::max(most, elements);
        ExactParts parts = {};
        parts.square[0] = parts.square[1] = {UINT32_MAX, 0};
        sink.add_parts(sink.state, parts);
    };
    constexpr std::size_t n = std::size_t{1} << 24U;
    const std::unique_ptr<std::uint16_t[]> x(new std::uint16_t[n]);
    ExactSums sums;
    sums.clear();
    for (int i = 0; i < 10; ++i) {
        for (const std::size_t some : {n, std::size_t{1}, n / 2, n - 1}) {
            sums.add(table, Dtype::float16, x.get(), some);
        }
    }
    CHECK(most >= n);
    CHECK(most * std::size(ExactParts{}.square) <= l1l2::core::deposits_per_carry);
}
