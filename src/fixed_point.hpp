// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * Nonnegative numbers as wide as a sum needs, in limbs of 32 bits. Each limb is kept in an int64_t,
 * so that many values can be added before anything is carried. All of it is integer arithmetic,
 * which depends on no floating-point environment.
 */
#pragma once

#include <cstddef>
#include <cstdint>

namespace l1l2::core {

constexpr int limb_bits = 32;
constexpr std::uint64_t limb_mask = 0xFFFFFFFF;

/// limb[0] * 2^exponent + limb[1] * 2^(exponent + 32) + ...; a view of somebody's array. Carried,
/// each limb is 0 .. 2^32 - 1.
struct FixedPoint {
    std::int64_t* limb;
    std::size_t limbs;
    int exponent; ///< of the lowest bit; a multiple of 32
};

/// How many values may be added to a carried number before the next carry(): each changes a limb by
/// less than 2^33, and a limb has room for 2^62.
constexpr std::int64_t deposits_per_carry = std::int64_t{1} << 29;

/// Adds value * 2^exponent. Its lowest bit must not be below the number's, and there must be two
/// limbs above the one that 2^exponent is in. A sum that is not negative in the end may be so in
/// between.
inline void deposit(const FixedPoint& sum, std::int64_t value, int exponent) {
    const auto position = static_cast<unsigned>(exponent - sum.exponent);
    const unsigned shift = position % limb_bits;
    std::int64_t* const limb = sum.limb + position / limb_bits;
    const std::uint64_t low = (static_cast<std::uint64_t>(value) & limb_mask) << shift;
    const std::int64_t high = (value >> limb_bits) * (std::int64_t{1} << shift);
    limb[0] += static_cast<std::int64_t>(low & limb_mask);
    limb[1] += static_cast<std::int64_t>((low >> limb_bits) +
                                         (static_cast<std::uint64_t>(high) & limb_mask));
    limb[2] += high >> limb_bits;
}

/// Brings each limb into 0 .. 2^32 - 1. False if the number is negative or does not fit.
bool carry(const FixedPoint& sum);

/// Adds the product of a carried factor and a finite double >= 0, which is given by its bits. 2^28
/// products may be added before the next carry().
void add_product(const FixedPoint& sum, const FixedPoint& factor, std::uint64_t coefficient);

/// The bits of the double nearest to a carried number, ties to even; infinity from 2^1024 - 2^970
/// on. The number's lowest bit must be below 2^-1074.
std::uint64_t nearest_double(const FixedPoint& number);

/// The same of the number's square root.
std::uint64_t nearest_root(const FixedPoint& number);

/// Whether carried numbers can be sum |x| and sum x^2 of n > 0 elements:
///     sum x^2 <= (sum |x|)^2 <= n * sum x^2,
/// the latter by Cauchy and Schwarz. Exact. The limbs of the squares must be those of the other
/// sum's square: the same number of them or less, and a lowest bit worth its square.
bool are_sums_of(const FixedPoint& absolute, const FixedPoint& square, std::uint64_t n);

} // namespace l1l2::core
