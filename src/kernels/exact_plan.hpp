// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * How a block is summed exactly: a plan that follows from the exponents of its elements.
 *
 * A bin is a double that starts at 1.5 * 2^k and stays in its binade, so that it counts in
 * multiples of its lowest bit, 2^(k - 52): an integer in the mantissa. Adding a value to it rounds
 * the value to such a multiple, and the difference of before and after is exactly that multiple.
 * The rest of the value goes to the next bin, which takes up where the bits of this one end. The
 * last bin takes all of its rest, so that its lowest bit must not be above that of the smallest
 * element.
 *
 * (The splitting is that of Rump, Ogita and Oishi, "Accurate floating-point summation", SIAM J.
 * Sci. Comput. 31 (2008), and of Demmel and Nguyen's indexed sums. Here the bins carry over a whole
 * block and nothing but integers leaves them.)
 */
#pragma once

#include "elements.hpp"
#include "kernels.hpp"

namespace {

using l1l2::kernels::exact_block_elements;
using l1l2::kernels::ExactPart;
using l1l2::kernels::ExactParts;

/// The powers of two between which the elements of a block are, but for zeros.
struct Exponents {
    int lowest; ///< all are multiples of 2^lowest
    int bound;  ///< all are below 2^bound
};

enum class Contents { numbers, zeros, specials };

/// What the scan of a block found.
struct Scan {
    Contents contents;
    Exponents exponents; ///< of numbers
};

/// The upper 32 bits of an element, or all 16.
template <class T>
struct UpperBits {
    static constexpr int mantissa_bits = (sizeof(T) == 2 ? 15 : 31) - format<T>.exponent_bits();
    static constexpr int32_t infinity = format<T>.special_exponent() << mantissa_bits;

    static int exponent(int32_t bits) {
        const int field = bits >> mantissa_bits;
        return (field > 1 ? field : 1) - format<T>.bias();
    }
};

/// What follows from the least upper bits but 0, or INT32_MAX if all are 0, and the greatest.
template <class T>
Scan scan_of(int32_t least, int32_t greatest) {
    using Upper = UpperBits<T>;
    if (greatest >= Upper::infinity) {
        return {Contents::specials, {}};
    }
    if (least >= Upper::infinity) {
        return {Contents::zeros, {}};
    }
    return {Contents::numbers,
            {Upper::exponent(least) - format<T>.mantissa_bits, Upper::exponent(greatest) + 1}};
}

/// A loop that sums a block, by its numbers of bins.
struct ExactLoop {
    size_t absolute; ///< for |x|
    size_t square;   ///< for x^2
    size_t error;    ///< for what the rounding of x^2 has lost, which happens with float64 alone

    constexpr size_t bins() const { return absolute + square + error; }
};

/// The loops of a type, the shortest one first. float16 needs no more, as its exponents are never
/// far apart.
template <class T>
struct ExactLoops {
    static constexpr ExactLoop loop[] = {{1, 2, 0}, {2, 3, 0}};
};
template <>
struct ExactLoops<double> {
    static constexpr ExactLoop loop[] = {{2, 2, 2}, {2, 3, 3}};
};
template <>
struct ExactLoops<Float16> {
    static constexpr ExactLoop loop[] = {{1, 1, 0}, {1, 2, 0}};
};
template <>
struct ExactLoops<BFloat16> {
    static constexpr ExactLoop loop[] = {{1, 1, 0}, {1, 2, 0}, {2, 3, 0}};
};

/// Where the bins of a sum are, to which each lane adds at most 2^log2_additions values. The first
/// bin holds a sum of values below 2^(first - 1 - log2_additions).
template <int log2_additions>
struct Bins {
    int first; ///< k of the first bin

    /// The next bin holds the rests of this one: each is of either sign and at most half of the
    /// lowest bit.
    constexpr int exponent(size_t i) const {
        return first - static_cast<int>(i) * (format<double>.mantissa_bits - log2_additions);
    }
    constexpr int lowest(size_t i) const { return exponent(i) - format<double>.mantissa_bits; }
    double start(size_t i) const {
        const uint64_t bits = static_cast<uint64_t>(exponent(i) + format<double>.bias())
                              << format<double>.mantissa_bits;
        double power;
        __builtin_memcpy(&power, &bits, sizeof power);
        return 1.5 * power;
    }
};

/// The loop to take, and k of its first bins.
struct ExactPlan {
    size_t loop; ///< ExactPlans::loops if none is enough
    int absolute;
    int square;
    int error;
};

/// The plans for a type and so many vector registers, each of `width` doubles.
template <class T, size_t registers, size_t width>
struct ExactPlans {
    static constexpr size_t loops = sizeof(ExactLoops<T>::loop) / sizeof(ExactLoop);
    static constexpr size_t block = exact_block_elements(dtype_of<T>);

    /// Elements are taken in multiples of so many.
    static constexpr size_t most_batches = 4;
    static constexpr size_t granularity = most_batches * width;

    /// How many batches of elements a loop adds at a time, each to bins of its own. A quarter of
    /// the registers is for all else.
    static constexpr size_t batches(size_t loop) {
        size_t count = most_batches;
        while (count > 1 && count * ExactLoops<T>::loop[loop].bins() > registers - registers / 4) {
            count /= 2;
        }
        return count;
    }

    /// The logarithm of how often a loop adds to a lane.
    static constexpr int log2_additions(size_t loop) {
        int log2 = 0;
        for (size_t n = block / (batches(loop) * width); n > 1; n /= 2) {
            ++log2;
        }
        return log2;
    }

    /// The shortest loop, from `loop` on, that loses nothing.
    template <size_t loop = 0>
    static ExactPlan plan(const Exponents& exponents) {
        if constexpr (loop == loops) {
            return {loop, 0, 0, 0};
        } else {
            constexpr ExactLoop bins = ExactLoops<T>::loop[loop];
            static_assert(bins.absolute * sizeof(ExactPart) <= sizeof(ExactParts::absolute) &&
                          (bins.square + bins.error) * sizeof(ExactPart) <=
                              sizeof(ExactParts::square));
            constexpr int additions = log2_additions(loop);
            // docs/numerics.md derives the k of each first bin, and when no bit is lost.
            const Bins<additions> absolute = {exponents.bound + additions + 1};
            const Bins<additions> square = {2 * exponents.bound + additions + 1};
            // A square below 2^b is rounded to 53 bits, with an error of at most 2^(b - 54).
            const Bins<additions> error = {square.first - (format<double>.mantissa_bits + 2)};
            bool enough = absolute.lowest(bins.absolute - 1) <= exponents.lowest;
            if constexpr (is_same<T, double>) {
                // No element is subnormal, so each but 0 is at least 2^(lowest + 52) and its
                // square, once rounded, a multiple of 2^(2 * lowest + 52). The limit is far from
                // where squares and their errors leave the range of normal numbers.
                constexpr int limit = 1000;
                enough = enough &&
                         square.lowest(bins.square - 1) <=
                             2 * exponents.lowest + format<double>.mantissa_bits &&
                         error.lowest(bins.error - 1) <= 2 * exponents.lowest &&
                         2 * exponents.lowest >= -limit &&
                         2 * exponents.bound <= limit - additions &&
                         error.exponent(bins.error - 1) >= -limit;
            } else {
                enough = enough && square.lowest(bins.square - 1) <= 2 * exponents.lowest;
            }
            if constexpr (is_same<T, BFloat16>) {
                // Zeros are read as numbers below 2^-126, which must be less than half of the
                // lowest bits. Subnormal elements are below the bits of any plan that is left.
                constexpr int limit = -124;
                enough = enough && absolute.lowest(bins.absolute - 1) >= limit &&
                         square.lowest(bins.square - 1) >= 2 * limit;
            }
            return enough ? ExactPlan{loop, absolute.first, square.first, error.first}
                          : plan<loop + 1>(exponents);
        }
    }
};

} // namespace
