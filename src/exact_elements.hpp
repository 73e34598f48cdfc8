// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * Elements as integers, and sums of many of them by exponent field, as an ExactPlacesKernel makes
 * them.
 */
#pragma once

#include "fixed_point.hpp"
#include "kernels/kernels.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace l1l2::core {

using kernels::Dtype;

/// Numbers of 128 bits, as the compiler has them for 64-bit processors alone.
struct Uint128 {
    std::uint64_t low;
    std::uint64_t high;

    Uint128& operator+=(const Uint128& other) {
        low += other.low;
        high += other.high + (low < other.low ? 1 : 0);
        return *this;
    }
    /// By less than 64 bits.
    Uint128 operator<<(unsigned shift) const {
        return {low << shift, (high << shift) | ((low >> 1U) >> (63 - shift))};
    }
};

inline Uint128 product(std::uint64_t x, std::uint64_t y) {
#ifdef __SIZEOF_INT128__
    __extension__ using Native = unsigned __int128;
    const Native both = static_cast<Native>(x) * y;
    return {static_cast<std::uint64_t>(both), static_cast<std::uint64_t>(both >> 64U)};
#else
    const std::uint64_t x0 = x & limb_mask;
    const std::uint64_t x1 = x >> limb_bits;
    const std::uint64_t y0 = y & limb_mask;
    const std::uint64_t y1 = y >> limb_bits;
    Uint128 sum = {x0 * y0, x1 * y1};
    sum += Uint128{x0 * y1, 0} << limb_bits;
    sum += Uint128{x1 * y0, 0} << limb_bits;
    return sum;
#endif
}

/// The same as deposit() of fixed_point.hpp does, once for each limb; there must be four limbs
/// above the one that 2^exponent is in.
inline void deposit(const FixedPoint& sum, const Uint128& value, int exponent) {
    const auto position = static_cast<unsigned>(exponent - sum.exponent);
    std::int64_t* limb = sum.limb + position / limb_bits;
    std::uint64_t carried = 0;
    for (const std::uint64_t piece : {value.low & limb_mask, value.low >> limb_bits,
                                      value.high & limb_mask, value.high >> limb_bits}) {
        carried += piece << position % limb_bits;
        *limb++ += static_cast<std::int64_t>(carried & limb_mask);
        carried >>= limb_bits;
    }
    *limb += static_cast<std::int64_t>(carried);
}

/// An element of float32 or float64, as kernels::Format describes it.
template <Dtype dtype>
struct Element {
    using Bits = std::conditional_t<dtype == Dtype::float64, std::uint64_t, std::uint32_t>;
    static constexpr kernels::Format format = kernels::format_of(dtype);
    static constexpr int special = format.special_exponent();

    int exponent_field;
    std::uint64_t fraction; ///< the mantissa without its hidden bit

    /// The bits of element i at p, which may have any alignment, without the sign.
    static Bits magnitude(const char* p, std::size_t i) {
        Bits bits;
        std::memcpy(&bits, p + i * sizeof bits, sizeof bits);
        return bits & (static_cast<Bits>(-1) >> 1U);
    }

    Element(const char* p, std::size_t i)
        : exponent_field(static_cast<int>(magnitude(p, i) >> format.mantissa_bits)),
          fraction(magnitude(p, i) % hidden) {}

    std::uint64_t mantissa() const { return exponent_field != 0 ? fraction | hidden : fraction; }

    /// The exponent of the lowest bit of a normal element.
    static constexpr int lowest_exponent(int exponent_field) {
        return format.lowest_exponent() + exponent_field - 1;
    }
    int lowest_exponent() const {
        return lowest_exponent(exponent_field != 0 ? exponent_field : 1);
    }

  private:
    static constexpr std::uint64_t hidden = std::uint64_t{1} << format.mantissa_bits;
};

/// Adds one of the `numbers` of all places, both copies, where each place is worth 2^step of the
/// one before. 16 of them add up to less than 2^(64 + 1 + 15 * 2 + 1).
[[gnu::noinline]] inline void deposit_places(const FixedPoint& sum, const std::uint64_t* number,
                                             std::size_t numbers, unsigned step, int exponent) {
    constexpr unsigned at_once = 16;
    static_assert(kernels::exact_copies == 2);
    Uint128 total = {};
    for (unsigned i = kernels::exact_fields; i-- > 0;) {
        const std::uint64_t* const place = number + std::size_t{i} * 2 * numbers;
        total = total << step;
        total += Uint128{place[0], 0};
        total += Uint128{place[numbers], 0};
        if (i % at_once == 0) {
            deposit(sum, total, exponent + static_cast<int>(i * step));
            total = {};
        }
    }
}

/// The places of a block, as an ExactPlacesKernel fills them.
template <Dtype dtype>
class Places {
    using E = Element<dtype>;

    static constexpr int fields = kernels::exact_fields;
    static constexpr std::size_t copies = kernels::exact_copies;
    static constexpr std::size_t numbers = kernels::exact_numbers(dtype);

    alignas(64) std::uint64_t number_[(fields + 1) * copies * numbers] = {};

    std::uint64_t* place(int i) { return number_ + static_cast<std::size_t>(i) * copies * numbers; }

  public:
    /// The exponent field of the first place.
    static constexpr int first_field = kernels::exact_first_field(dtype);

    /// Also of those of float32 that are not finite.
    static bool has(const E& element) {
        return element.exponent_field >= first_field &&
               element.exponent_field < first_field + fields;
    }

    /// Adds those of n elements that have a place. Returns whether there are others but zeros.
    bool add(const char* x, std::size_t n, kernels::ExactPlacesKernel add_to_places) {
        add_to_places(x, n, number_);
        std::uint64_t* const others = place(dtype == Dtype::float64 ? fields : E::special);
        bool has_others = false;
        for (std::size_t i = 0; i < copies * numbers; ++i) {
            has_others = has_others || others[i] != 0;
            others[i] = 0;
            if constexpr (first_field == 0) { // subnormal elements, which have the exponent of 1
                place(1)[i] += place(0)[i];
                place(0)[i] = 0;
            }
        }
        return has_others;
    }

    void deposit_to(const FixedPoint& absolute, const FixedPoint& square) {
        const int exponent = E::lowest_exponent(first_field);
        deposit_places(absolute, number_, numbers, 1, exponent);
        if constexpr (dtype == Dtype::float64) {
            constexpr int half = kernels::exact_lower_bits;
            deposit_places(square, number_ + 1, numbers, 2, 2 * exponent + 2 * half);
            deposit_places(square, number_ + 2, numbers, 2, 2 * exponent + half + 1);
            deposit_places(square, number_ + 3, numbers, 2, 2 * exponent);
        } else {
            deposit_places(square, number_ + 1, numbers, 2, 2 * exponent);
        }
    }
};

} // namespace l1l2::core
