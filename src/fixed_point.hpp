/**
 * Nonnegative numbers as wide as a sum needs: digits of 32 bits in carry-save form, each with room
 * in an int64_t for what has not been carried yet. All of it is integer arithmetic, so that no
 * floating-point environment matters.
 */
#pragma once

#include <cstddef>
#include <cstdint>

namespace l1l2::core {

constexpr int digit_bits = 32;
constexpr std::uint64_t digit_mask = 0xFFFFFFFF;

/// digit[0] * 2^exponent + digit[1] * 2^(exponent + 32) + ...; a view of somebody's array.
struct FixedPoint {
    std::int64_t* digit;
    std::size_t digits;
    int exponent; ///< a multiple of 32
};

/// Adds value * 2^exponent. Its lowest bit must not be below the sum's lowest digit, and the sum
/// must have two digits above the one that 2^exponent is in. At most 2^29 values may be added
/// before the next carry(). A sum that is not negative in the end may be so in between.
inline void deposit(const FixedPoint& sum, std::int64_t value, int exponent) {
    const auto position = static_cast<unsigned>(exponent - sum.exponent);
    const unsigned shift = position % digit_bits;
    std::int64_t* const digit = sum.digit + position / digit_bits;
    const std::uint64_t low = (static_cast<std::uint64_t>(value) & digit_mask) << shift;
    const std::int64_t high = (value >> digit_bits) * (std::int64_t{1} << shift);
    digit[0] += static_cast<std::int64_t>(low & digit_mask);
    digit[1] += static_cast<std::int64_t>((low >> digit_bits) +
                                          (static_cast<std::uint64_t>(high) & digit_mask));
    digit[2] += high >> digit_bits;
}

/// Makes each digit what it is in base 2^32. False if the number is negative or does not fit.
bool carry(const FixedPoint& sum);

/// Adds the product of `factor`, whose digits carry() has made, and a finite double >= 0 that is
/// given by its bits. At most 2^28 products may be added before the next carry().
void add_product(const FixedPoint& sum, const FixedPoint& factor, std::uint64_t coefficient);

/// The bits of the double that is nearest, ties to even, to a number whose digits carry() has made
/// and whose lowest digit is below 2^-1074. Infinity from 2^1024 - 2^970 on.
std::uint64_t nearest_double(const FixedPoint& number);

} // namespace l1l2::core
