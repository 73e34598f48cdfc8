#include "fixed_point.hpp"

#include <algorithm>

namespace l1l2::core {

namespace {

// A double is mantissa * 2^(field - 1075), or for the field 0 that of 1.
constexpr int double_digits = 52; ///< the explicit ones
constexpr int lowest_exponent = -1074;
constexpr std::uint64_t infinity = 0x7FF0000000000000;

/// The number of bits up to the highest that is set.
int bit_width(std::uint64_t x) {
    int width = 0;
    for (; x != 0; x >>= 1U) {
        ++width;
    }
    return width;
}

/// `count` < 64 bits of a number from bit `position` on.
std::uint64_t bits_at(const FixedPoint& number, std::size_t position, int count) {
    const std::size_t first = position / digit_bits;
    const unsigned shift = position % digit_bits;
    std::uint64_t bits = 0;
    // Three digits hold any 64 bits.
    for (std::size_t i = 0; i < 3 && first + i < number.digits; ++i) {
        const auto digit = static_cast<std::uint64_t>(number.digit[first + i]);
        const int place = static_cast<int>(i) * digit_bits - static_cast<int>(shift);
        if (place < 0) {
            bits |= digit >> static_cast<unsigned>(-place);
        } else if (place < 64) {
            bits |= digit << static_cast<unsigned>(place);
        }
    }
    return bits & ((std::uint64_t{1} << static_cast<unsigned>(count)) - 1);
}

} // namespace

bool carry(const FixedPoint& sum) {
    std::int64_t carried = 0;
    for (std::size_t i = 0; i < sum.digits; ++i) {
        const std::int64_t digit = sum.digit[i] + carried;
        carried = digit >> digit_bits;
        sum.digit[i] = digit & static_cast<std::int64_t>(digit_mask);
    }
    return carried == 0;
}

void add_product(const FixedPoint& sum, const FixedPoint& factor, std::uint64_t coefficient) {
    const auto field = static_cast<int>(coefficient >> double_digits);
    constexpr std::uint64_t hidden = std::uint64_t{1} << double_digits;
    const std::uint64_t mantissa = (coefficient & (hidden - 1)) | (field != 0 ? hidden : 0);
    const int exponent = lowest_exponent + std::max(field, 1) - 1;
    const auto position = static_cast<unsigned>(factor.exponent + exponent - sum.exponent);
    const unsigned shift = position % digit_bits;
    // The mantissa's digits in the place where they are needed: 53 + 31 bits.
    const std::uint64_t low = (mantissa & digit_mask) << shift;
    const std::uint64_t high = ((mantissa >> digit_bits) << shift) + (low >> digit_bits);
    const std::uint64_t word[] = {low & digit_mask, high & digit_mask, high >> digit_bits};
    std::int64_t* const digit = sum.digit + position / digit_bits;
    for (std::size_t i = 0; i < factor.digits; ++i) {
        const auto value = static_cast<std::uint64_t>(factor.digit[i]);
        for (std::size_t j = 0; value != 0 && j < 3; ++j) {
            const std::uint64_t product = value * word[j];
            digit[i + j] += static_cast<std::int64_t>(product & digit_mask);
            digit[i + j + 1] += static_cast<std::int64_t>(product >> digit_bits);
        }
    }
}

std::uint64_t nearest_double(const FixedPoint& number) {
    std::size_t top = number.digits;
    while (top > 0 && number.digit[top - 1] == 0) {
        --top;
    }
    if (top == 0) {
        return 0;
    }
    const int width = static_cast<int>(top - 1) * digit_bits +
                      bit_width(static_cast<std::uint64_t>(number.digit[top - 1]));
    // The last place: 52 bits below the highest bit, or where subnormals end.
    const int last = std::max(number.exponent + width - 1 - double_digits, lowest_exponent);
    constexpr int largest_last = 971;
    if (last > largest_last) {
        return infinity;
    }
    const auto position = static_cast<std::size_t>(last - number.exponent);
    std::uint64_t mantissa = bits_at(number, position, double_digits + 1);
    const bool half = bits_at(number, position - 1, 1) != 0;
    if (half) {
        bool more = bits_at(number, (position - 1) / digit_bits * digit_bits,
                            static_cast<int>((position - 1) % digit_bits)) != 0;
        for (std::size_t i = 0; i < (position - 1) / digit_bits && !more; ++i) {
            more = number.digit[i] != 0;
        }
        mantissa += more || (mantissa & 1U) != 0 ? 1 : 0;
    }
    // A mantissa with its hidden bit adds 1 to the field, one that was rounded up to 2^53 two.
    return (static_cast<std::uint64_t>(last - lowest_exponent) << double_digits) + mantissa;
}

} // namespace l1l2::core
