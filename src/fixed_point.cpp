// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "fixed_point.hpp"

#include "kernels/kernels.hpp"

#include <algorithm>

namespace l1l2::core {

namespace {

constexpr kernels::Format format = kernels::format_of(kernels::Dtype::float64);
constexpr int mantissa_bits = format.mantissa_bits; ///< without the hidden one
constexpr int lowest_exponent = format.lowest_exponent();

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
    const std::size_t first = position / limb_bits;
    const unsigned shift = position % limb_bits;
    std::uint64_t bits = 0;
    // Three limbs hold any 64 bits.
    for (std::size_t i = 0; i < 3 && first + i < number.limbs; ++i) {
        const auto limb = static_cast<std::uint64_t>(number.limb[first + i]);
        const int place = static_cast<int>(i) * limb_bits - static_cast<int>(shift);
        if (place < 0) {
            bits |= limb >> static_cast<unsigned>(-place);
        } else if (place < 64) {
            bits |= limb << static_cast<unsigned>(place);
        }
    }
    return bits & ((std::uint64_t{1} << static_cast<unsigned>(count)) - 1);
}

} // namespace

bool carry(const FixedPoint& sum) {
    std::int64_t carried = 0;
    for (std::size_t i = 0; i < sum.limbs; ++i) {
        const std::int64_t limb = sum.limb[i] + carried;
        carried = limb >> limb_bits;
        sum.limb[i] = limb & static_cast<std::int64_t>(limb_mask);
    }
    return carried == 0;
}

void add_product(const FixedPoint& sum, const FixedPoint& factor, std::uint64_t coefficient) {
    const auto exponent_field = static_cast<int>(coefficient >> mantissa_bits);
    constexpr std::uint64_t hidden = std::uint64_t{1} << mantissa_bits;
    const std::uint64_t mantissa =
        (coefficient & (hidden - 1)) | (exponent_field != 0 ? hidden : 0);
    const int exponent = lowest_exponent + std::max(exponent_field, 1) - 1;
    const auto position = static_cast<unsigned>(factor.exponent + exponent - sum.exponent);
    const unsigned shift = position % limb_bits;
    // The mantissa, shifted to the limbs of the sum: 53 + 31 bits.
    const std::uint64_t low = (mantissa & limb_mask) << shift;
    const std::uint64_t high = ((mantissa >> limb_bits) << shift) + (low >> limb_bits);
    const std::uint64_t piece[] = {low & limb_mask, high & limb_mask, high >> limb_bits};
    std::int64_t* const limb = sum.limb + position / limb_bits;
    for (std::size_t i = 0; i < factor.limbs; ++i) {
        const auto value = static_cast<std::uint64_t>(factor.limb[i]);
        for (std::size_t j = 0; value != 0 && j < 3; ++j) {
            const std::uint64_t product = value * piece[j];
            limb[i + j] += static_cast<std::int64_t>(product & limb_mask);
            limb[i + j + 1] += static_cast<std::int64_t>(product >> limb_bits);
        }
    }
}

std::uint64_t nearest_double(const FixedPoint& number) {
    std::size_t top = number.limbs;
    while (top > 0 && number.limb[top - 1] == 0) {
        --top;
    }
    if (top == 0) {
        return 0;
    }
    const int width = static_cast<int>(top - 1) * limb_bits +
                      bit_width(static_cast<std::uint64_t>(number.limb[top - 1]));
    // The last place: 52 bits below the highest bit, or where subnormals end.
    const int last = std::max(number.exponent + width - 1 - mantissa_bits, lowest_exponent);
    constexpr int largest_last = format.bias() - mantissa_bits;
    if (last > largest_last) {
        return format.infinity();
    }
    const auto position = static_cast<std::size_t>(last - number.exponent);
    std::uint64_t mantissa = bits_at(number, position, mantissa_bits + 1);
    const bool half = bits_at(number, position - 1, 1) != 0;
    if (half) {
        bool more = bits_at(number, (position - 1) / limb_bits * limb_bits,
                            static_cast<int>((position - 1) % limb_bits)) != 0;
        for (std::size_t i = 0; i < (position - 1) / limb_bits && !more; ++i) {
            more = number.limb[i] != 0;
        }
        mantissa += more || (mantissa & 1U) != 0 ? 1 : 0;
    }
    // The hidden bit adds 1 to the exponent field, a mantissa that was rounded up to 2^53 adds 2.
    return (static_cast<std::uint64_t>(last - lowest_exponent) << mantissa_bits) + mantissa;
}

} // namespace l1l2::core
