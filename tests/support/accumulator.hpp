/**
 * What the tests of exact sums share: accumulators of the C interface, and the one that elements
 * must have, limb by limb. Big integers and the layout that docs/distributed.md describes, nothing
 * of the library's own.
 */
#pragma once

#include "exact_sum.hpp"
#include "l1l2.h"
#include "narrow.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace exact {

using Accumulator = std::array<std::int64_t, L1L2_EXACT_SUMS_LENGTH>;

constexpr std::int64_t layout_tag = 0x6C316C01;
constexpr std::int64_t checksum_modulus = 0x7FFFFFFF;
constexpr std::int64_t most_parts = std::int64_t{1} << 30;

enum : std::size_t {
    tag_index,
    checksum_index,
    count_index,
    infinities_index,
    nans_index,
    absolute_index,
    square_index = 73
};
constexpr int absolute_exponent = -1088; ///< of its first limb
constexpr int square_exponent = -2176;

inline std::int64_t checksum_of(const Accumulator& accumulator) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < accumulator.size(); ++i) {
        const std::int64_t factor = i == checksum_index ? 0 : static_cast<std::int64_t>(i) + 1;
        sum += accumulator[i] % checksum_modulus * factor;
    }
    return (sum % checksum_modulus + checksum_modulus) % checksum_modulus;
}

/// An accumulator that was changed, with the checksum of what it is now.
inline Accumulator with_checksum(Accumulator accumulator) {
    accumulator[checksum_index] = checksum_of(accumulator);
    return accumulator;
}

/// What an all-reduce or a query does.
inline Accumulator operator+(const Accumulator& a, const Accumulator& b) {
    Accumulator sum;
    for (std::size_t i = 0; i < sum.size(); ++i) {
        sum[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(a[i]) +
                                           static_cast<std::uint64_t>(b[i]));
    }
    return sum;
}

/// `times` accumulators, added.
inline Accumulator operator*(std::int64_t times, const Accumulator& accumulator) {
    Accumulator product;
    for (std::size_t i = 0; i < product.size(); ++i) {
        product[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(times) *
                                               static_cast<std::uint64_t>(accumulator[i]));
    }
    return product;
}

/// What is true of some elements.
class Truth {
  public:
    template <class T>
    void add(T element) {
        const double value = value_of(element);
        ++count;
        if (is_nan(element)) {
            ++nans;
        } else if (std::isinf(value)) {
            ++infinities;
        } else {
            absolute.add_absolute(value);
            square.add_square(value);
        }
    }

    template <class T>
    void add(const T* elements, std::size_t n) {
        std::for_each(elements, elements + n, [this](T element) { add(element); });
    }

    template <class T>
    void add(const std::vector<T>& elements) {
        add(elements.data(), elements.size());
    }

    /// Adds the elements of another one so many times.
    void add(const Truth& other, std::int64_t times) {
        count += times * other.count;
        infinities += times * other.infinities;
        nans += times * other.nans;
        absolute.add_product(static_cast<double>(times), other.absolute);
        square.add_product(static_cast<double>(times), other.square);
    }

    /// The accumulator that the library must write.
    Accumulator accumulator() const {
        Accumulator accumulator = {};
        if (count == 0) {
            return accumulator;
        }
        accumulator[tag_index] = layout_tag;
        accumulator[count_index] = count;
        accumulator[infinities_index] = infinities;
        accumulator[nans_index] = nans;
        const std::size_t absolute_limbs = square_index - absolute_index;
        const std::size_t square_limbs = accumulator.size() - square_index;
        const auto absolute_sum = absolute.limbs_from(absolute_exponent, absolute_limbs);
        const auto square_sum = square.limbs_from(square_exponent, square_limbs);
        std::copy(absolute_sum.begin(), absolute_sum.end(), &accumulator[absolute_index]);
        std::copy(square_sum.begin(), square_sum.end(), &accumulator[square_index]);
        return with_checksum(accumulator);
    }

    bool absolute_is(double value) const { return is(absolute, value); }
    bool square_is(double value) const { return is(square, value); }
    bool norm_is(double value) const {
        return nans > 0 || infinities > 0 ? is(square, value) : square.root_rounds_to(value);
    }

    bool penalty_is(double l1, double l2, double value) const {
        if (l1 == 0.0 && l2 == 0.0) {
            return to_bits(value) == to_bits(0.0);
        }
        ExactSum penalty;
        penalty.add_product(l1, absolute);
        penalty.add_product(l2, square);
        return is(penalty, value);
    }

    ExactSum absolute; ///< of the finite elements, and so is the next
    ExactSum square;
    std::int64_t count = 0;
    std::int64_t infinities = 0;
    std::int64_t nans = 0;

  private:
    bool is(const ExactSum& finite, double value) const {
        return nans > 0         ? to_bits(value) == Format<double>::quiet_nan
               : infinities > 0 ? to_bits(value) == Format<double>::infinity
                                : finite.rounds_to(value);
    }
};

template <class T>
Truth truth_of(const std::vector<T>& elements) {
    Truth truth;
    truth.add(elements);
    return truth;
}

// The C interface. A failure leaves what no true result has.

template <class T>
l1l2_status add(Accumulator& sums, const std::vector<T>& elements) {
    return l1l2_exact_sums_add(sums.data(), Format<T>::dtype, elements.data(), elements.size());
}

template <class T>
Accumulator sums_of(const std::vector<T>& elements) {
    Accumulator sums = {};
    if (add(sums, elements) != L1L2_OK) {
        sums.fill(-1);
    }
    return sums;
}

/// What the library writes for an accumulator that was added up elsewhere.
inline Accumulator canonical(const Accumulator& sums) {
    Accumulator merged = {};
    if (l1l2_exact_sums_merge(merged.data(), sums.data()) != L1L2_OK) {
        merged.fill(-1);
    }
    return merged;
}

struct Numbers {
    double absolute = -1.0;
    double square = -1.0;
    std::int64_t count = -1;
};

inline Numbers read(const Accumulator& sums) {
    Numbers numbers;
    l1l2_exact_sums_read(sums.data(), &numbers.absolute, &numbers.square, &numbers.count);
    return numbers;
}

inline double norm_of(const Accumulator& sums) {
    double norm = -1.0;
    l1l2_exact_sums_norm(sums.data(), &norm);
    return norm;
}

/// Whether an accumulator reads as what is true.
inline bool reads_as(const Accumulator& sums, const Truth& truth) {
    const Numbers numbers = read(sums);
    return numbers.count == truth.count && truth.absolute_is(numbers.absolute) &&
           truth.square_is(numbers.square) && truth.norm_is(norm_of(sums));
}

/// Empty if two accumulators are the same, else where they are not.
inline std::string difference(const Accumulator& actual, const Accumulator& expected) {
    const auto [a, e] = std::mismatch(actual.begin(), actual.end(), expected.begin());
    return a == actual.end() ? ""
                             : "number " + std::to_string(a - actual.begin()) + " is " +
                                   std::to_string(*a) + ", not " + std::to_string(*e);
}

// Elements by the place of their highest bit: 0 is that of the smallest one.

/// How many places there are.
template <class T>
constexpr int places = Format<T>::fraction_bits +
                       (Format<T>::infinity >> Format<T>::fraction_bits) - 1;

/// The element whose highest bit is at a place, with the lower bits of `fraction` below it, as many
/// as it has.
template <class T>
T element_at(int place, std::uint64_t fraction) {
    constexpr int bits = Format<T>::fraction_bits;
    const int explicit_bits = std::min(place, bits);
    const std::uint64_t below = fraction & ((std::uint64_t{1} << explicit_bits) - 1);
    return from_bits<T>(place < bits
                            ? (std::uint64_t{1} << place) + below
                            : (static_cast<std::uint64_t>(place - bits + 1) << bits) + below);
}

/// Any patterns that are neither infinite nor NaN: every exponent as often as any other.
template <class T>
std::vector<T> finite_elements(std::size_t n, unsigned seed) {
    std::mt19937_64 random(seed);
    std::vector<T> elements(n);
    for (T& element : elements) {
        const std::uint64_t sign = random() % 2 != 0 ? std::uint64_t{Format<T>::sign} : 0;
        element = from_bits<T>(sign + random() % Format<T>::infinity);
    }
    return elements;
}

} // namespace exact
