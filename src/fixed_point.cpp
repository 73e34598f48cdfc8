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
    return x != 0 ? 64 - __builtin_clzll(x) : 0;
}

/// The number of bits up to the highest of a carried number that is set.
int bit_width(const FixedPoint& number) {
    std::size_t top = number.limbs;
    while (top > 0 && number.limb[top - 1] == 0) {
        --top;
    }
    return top == 0 ? 0
                    : static_cast<int>(top - 1) * limb_bits +
                          bit_width(static_cast<std::uint64_t>(number.limb[top - 1]));
}

/// `count` < 64 bits of a number from bit `position` on. Bits below the number's are 0.
std::uint64_t bits_at(const FixedPoint& number, int position, int count) {
    if (position < 0) {
        const int there = count + position;
        return there > 0 ? bits_at(number, 0, there) << static_cast<unsigned>(-position) : 0;
    }
    const std::size_t first = static_cast<unsigned>(position) / limb_bits;
    const unsigned shift = static_cast<unsigned>(position) % limb_bits;
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

/// Whether a bit below bit `position` of a number is set.
bool any_below(const FixedPoint& number, int position) {
    if (position <= 0) {
        return false;
    }
    const int whole = position / limb_bits;
    return bits_at(number, whole * limb_bits, position % limb_bits) != 0 ||
           std::any_of(number.limb, number.limb + whole, [](auto limb) { return limb != 0; });
}

/// The exponent of the last place of a double whose highest bit is worth 2^highest: 52 bits below,
/// or where subnormals end.
int last_place(int highest) {
    return std::max(highest - mantissa_bits, lowest_exponent);
}
constexpr int largest_last_place = format.bias() - mantissa_bits;

/// The bits of mantissa * 2^last, rounded up if what was cut off is above half of the last place,
/// or half and the mantissa is odd. The hidden bit adds 1 to the exponent field, a mantissa that
/// was rounded up to 2^53 adds 2.
std::uint64_t rounded(std::uint64_t mantissa, int last, bool half, bool more) {
    mantissa += half && (more || (mantissa & 1U) != 0) ? 1 : 0;
    return (static_cast<std::uint64_t>(last - lowest_exponent) << mantissa_bits) + mantissa;
}

/// A square root, rounded down, and what its square leaves.
struct Root {
    std::uint64_t root;
    std::uint64_t remainder;
};

/// Of a number of up to 56 bits, bit by bit.
Root root_of(std::uint64_t x) {
    std::uint64_t root = 0;
    for (std::uint64_t bit = std::uint64_t{1} << 54U; bit != 0; bit >>= 2U) {
        const bool fits = x >= root + bit;
        x -= fits ? root + bit : 0;
        root = (root >> 1U) + (fits ? bit : 0);
    }
    return {root, x};
}

/// Of  high * 2^56 + low  with 56 bits in each, of which one of the two highest is set: one step of
/// Zimmermann, "Karatsuba Square Root" (1999). No number here exceeds 58 bits.
Root root_of(std::uint64_t high, std::uint64_t low) {
    constexpr unsigned quarter = 28;
    constexpr std::uint64_t mask = (std::uint64_t{1} << quarter) - 1;
    const Root of_high = root_of(high);
    const std::uint64_t dividend = (of_high.remainder << quarter) + (low >> quarter);
    const std::uint64_t quotient = dividend / (2 * of_high.root);
    const std::uint64_t rest = dividend % (2 * of_high.root);
    std::uint64_t root = (of_high.root << quarter) + quotient;
    const std::uint64_t reached = (rest << quarter) + (low & mask);
    const std::uint64_t wanted = quotient * quotient;
    if (reached >= wanted) {
        return {root, reached - wanted};
    }
    --root; // by which the square loses 2 * root + 1
    return {root, reached + 2 * root + 1 - wanted};
}

/// The 31 highest bits of a number > 0:  mantissa * 2^exponent <= number < (mantissa + 1) *
/// 2^exponent.
struct Leading {
    std::uint64_t mantissa;
    int exponent;
};
constexpr int leading_bits = 31;

Leading leading(const FixedPoint& number, int width) {
    const int position = width - leading_bits;
    return {bits_at(number, position, leading_bits), number.exponent + position};
}

Leading leading(std::uint64_t n) {
    const int surplus = std::max(bit_width(n) - leading_bits, 0);
    return {n >> static_cast<unsigned>(surplus), surplus};
}

/// Whether  x * 2^exponent <= y  for certain, of numbers below 2^63.
bool surely_not_above(std::uint64_t x, int exponent, std::uint64_t y) {
    if (exponent >= 0) {
        return exponent < 64 && x <= y >> static_cast<unsigned>(exponent);
    }
    return exponent <= -64 || x >> static_cast<unsigned>(-exponent) < y;
}

/// are_sums_of() two numbers > 0, by their leading bits: false if these do not decide.
bool are_surely_sums_of(const Leading& a, const Leading& s, const Leading& m) {
    const int exponent = 2 * a.exponent - s.exponent;
    return surely_not_above(s.mantissa + 1, -exponent, a.mantissa * a.mantissa) &&
           surely_not_above((a.mantissa + 1) * (a.mantissa + 1), exponent - m.exponent,
                            s.mantissa * m.mantissa);
}

/// Adds the product of two limbs.
void add_product(std::int64_t* limb, std::int64_t x, std::int64_t y) {
    const std::uint64_t product = static_cast<std::uint64_t>(x) * static_cast<std::uint64_t>(y);
    limb[0] += static_cast<std::int64_t>(product & limb_mask);
    limb[1] += static_cast<std::int64_t>(product >> limb_bits);
}

/// The limbs of a number > 0 that are not 0: from the first one on to before the end.
struct Used {
    std::size_t first;
    std::size_t end;
};
Used used_limbs(const FixedPoint& number) {
    const auto is_used = [](std::int64_t limb) { return limb != 0; };
    std::int64_t* const end = number.limb + number.limbs;
    return {static_cast<std::size_t>(std::find_if(number.limb, end, is_used) - number.limb),
            static_cast<std::size_t>((bit_width(number) - 1) / limb_bits + 1)};
}

/// are_sums_of() two numbers > 0. Elements of equal size, and one by itself, have an equality here;
/// of what they have, only the limbs that are not 0 are multiplied.
bool are_sums_of_exactly(const FixedPoint& absolute, const FixedPoint& square, std::uint64_t n) {
    const Used a = used_limbs(absolute);
    const Used s = used_limbs(square);
    const std::size_t first = std::min(2 * a.first, s.first);
    const std::size_t end = std::max(2 * a.end, s.end + 2) + 1;
    constexpr std::size_t most_limbs = 138;
    std::int64_t above[most_limbs]; ///< (sum |x|)^2 - sum x^2
    std::int64_t below[most_limbs]; ///< n * sum x^2 - (sum |x|)^2
    std::fill(above + first, above + end, 0);
    for (std::size_t i = a.first; i < a.end; ++i) {
        for (std::size_t j = a.first; absolute.limb[i] != 0 && j < a.end; ++j) {
            add_product(above + i + j, absolute.limb[i], absolute.limb[j]);
        }
    }
    for (std::size_t i = first; i < end; ++i) {
        below[i] = -above[i];
    }
    for (std::size_t i = s.first; i < s.end; ++i) {
        above[i] -= square.limb[i];
        add_product(below + i, square.limb[i], static_cast<std::int64_t>(n & limb_mask));
        add_product(below + i + 1, square.limb[i], static_cast<std::int64_t>(n >> limb_bits));
    }
    return carry({above + first, end - first, 0}) && carry({below + first, end - first, 0});
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
    const int width = bit_width(number);
    if (width == 0) {
        return 0;
    }
    const int last = last_place(number.exponent + width - 1);
    if (last > largest_last_place) {
        return format.infinity();
    }
    const int position = last - number.exponent;
    return rounded(bits_at(number, position, mantissa_bits + 1), last,
                   bits_at(number, position - 1, 1) != 0, any_below(number, position - 1));
}

std::uint64_t nearest_root(const FixedPoint& number) {
    const int width = bit_width(number);
    if (width == 0) {
        return 0;
    }
    // The number is m * 2^exponent with m = high * 2^56 + low and a fraction, where 2^110 <= m <
    // 2^112 and the exponent is even. The root of m, rounded down, is that of m with its fraction,
    // and it has 56 bits: at least three more than a double.
    constexpr int half_bits = 56;
    const int position = (width & ~1) - 2 * half_bits + (width & 1) * 2; // even
    const Root of = root_of(bits_at(number, position + half_bits, half_bits),
                            bits_at(number, position, half_bits));
    const int exponent = (number.exponent + position) / 2;
    const int last = last_place(exponent + half_bits - 1);
    if (last > largest_last_place) {
        return format.infinity();
    }
    // From 57 on nothing is left of the 56 bits.
    const auto cut = static_cast<unsigned>(std::min(last - exponent, 63));
    const std::uint64_t below_half = of.root & ((std::uint64_t{1} << (cut - 1)) - 1);
    return rounded(of.root >> cut, last, (of.root >> (cut - 1) & 1U) != 0,
                   below_half != 0 || of.remainder != 0 || any_below(number, position));
}

bool are_sums_of(const FixedPoint& absolute, const FixedPoint& square, std::uint64_t n) {
    const int absolute_width = bit_width(absolute);
    const int square_width = bit_width(square);
    if (absolute_width == 0 || square_width == 0) {
        return absolute_width == square_width;
    }
    return are_surely_sums_of(leading(absolute, absolute_width), leading(square, square_width),
                              leading(n)) ||
           are_sums_of_exactly(absolute, square, n);
}

} // namespace l1l2::core
