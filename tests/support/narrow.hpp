/**
 * The four element types: format, bits, special values, generators. The conversions of float16 and
 * bfloat16 are computed from the definition of a binary format.
 */
#pragma once

#include "l1l2.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

struct Float16 {
    std::uint16_t pattern;
};

struct Bfloat16 {
    std::uint16_t pattern;
};

/// A format of IEEE 754. Gradients and proxes are computed in the type Arithmetic.
template <class T>
struct Format;

template <>
struct Format<Float16> {
    using Bits = std::uint16_t;
    using Arithmetic = float;
    static constexpr l1l2_dtype dtype = L1L2_FLOAT16;
    static constexpr int fraction_bits = 10;
    static constexpr Bits sign = 0x8000;
    static constexpr Bits infinity = 0x7c00;
    static constexpr Bits quiet_nan = 0x7e00;
    static constexpr Bits one = 0x3c00;
};

template <>
struct Format<Bfloat16> {
    using Bits = std::uint16_t;
    using Arithmetic = float;
    static constexpr l1l2_dtype dtype = L1L2_BFLOAT16;
    static constexpr int fraction_bits = 7;
    static constexpr Bits sign = 0x8000;
    static constexpr Bits infinity = 0x7f80;
    static constexpr Bits quiet_nan = 0x7fc0;
    static constexpr Bits one = 0x3f80;
};

template <>
struct Format<float> {
    using Bits = std::uint32_t;
    using Arithmetic = float;
    static constexpr l1l2_dtype dtype = L1L2_FLOAT32;
    static constexpr int fraction_bits = 23;
    static constexpr Bits sign = 0x80000000;
    static constexpr Bits infinity = 0x7f800000;
    static constexpr Bits quiet_nan = 0x7fc00000;
    static constexpr Bits one = 0x3f800000;
};

template <>
struct Format<double> {
    using Bits = std::uint64_t;
    using Arithmetic = double;
    static constexpr l1l2_dtype dtype = L1L2_FLOAT64;
    static constexpr int fraction_bits = 52;
    static constexpr Bits sign = 0x8000000000000000;
    static constexpr Bits infinity = 0x7ff0000000000000;
    static constexpr Bits quiet_nan = 0x7ff8000000000000;
    static constexpr Bits one = 0x3ff0000000000000;
};

template <class T>
constexpr bool is_narrow = sizeof(T) == 2;

template <class T>
typename Format<T>::Bits to_bits(T value) {
    typename Format<T>::Bits result;
    std::memcpy(&result, &value, sizeof result);
    return result;
}

template <class T>
T from_bits(std::uint64_t pattern) {
    const auto bits = static_cast<typename Format<T>::Bits>(pattern);
    T result;
    std::memcpy(&result, &bits, sizeof result);
    return result;
}

template <class T>
bool is_nan(T value) {
    return (to_bits(value) & ~Format<T>::sign) > Format<T>::infinity;
}

/// The exact value of an element. A NaN gives a NaN.
template <class T>
double value_of(T element) {
    if constexpr (is_narrow<T>) {
        using F = Format<T>;
        const int magnitude = element.pattern % F::sign;
        const int binade = 1 << F::fraction_bits;
        const int exponent = magnitude / binade;
        const int fraction = magnitude % binade;
        const int bias = F::one / binade;
        double value = exponent == 0
                           ? std::ldexp(fraction, 1 - bias - F::fraction_bits)
                           : std::ldexp(binade + fraction, exponent - bias - F::fraction_bits);
        if (magnitude >= F::infinity) {
            value = magnitude == F::infinity ? std::numeric_limits<double>::infinity()
                                             : std::numeric_limits<double>::quiet_NaN();
        }
        return element.pattern < F::sign ? value : -value;
    } else {
        return static_cast<double>(element);
    }
}

/// Rounds to the nearest element, ties to even. Too large a value becomes infinite, a NaN the
/// canonical one of l1l2.h.
template <class T>
T nearest(typename Format<T>::Arithmetic value) {
    using F = Format<T>;
    if (is_nan(value)) {
        return from_bits<T>(F::quiet_nan);
    }
    if constexpr (is_narrow<T>) {
        const int binade = 1 << F::fraction_bits;
        const int bias = F::one / binade;
        const double magnitude = std::fabs(static_cast<double>(value));
        // The exponent of this magnitude; for subnormal numbers that of the smallest normal one.
        const int exponent =
            magnitude < std::ldexp(1.0, 1 - bias) ? 1 - bias : std::ilogb(magnitude);
        double pattern = F::infinity;
        if (!std::isinf(value)) {
            // In units in the last place: at most 2^(fraction_bits + 1), the begin of the next
            // binade.
            const double units = std::nearbyint(std::ldexp(magnitude, F::fraction_bits - exponent));
            pattern = std::fmin(pattern, (exponent - (1 - bias)) * double(binade) + units);
        }
        return from_bits<T>(static_cast<std::uint64_t>(pattern) +
                            (std::signbit(value) ? F::sign : 0));
    } else {
        return static_cast<T>(value);
    }
}

/// Of either sign: zero, the ends of the subnormal and normal ranges, 1, infinity, quiet and
/// signalling NaNs with and without a payload.
template <class T>
std::vector<T> special_values() {
    using F = Format<T>;
    const std::uint64_t smallest_normal = std::uint64_t{1} << F::fraction_bits;
    std::vector<T> values;
    for (const std::uint64_t magnitude :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, smallest_normal / 2 + 1,
          smallest_normal - 1, smallest_normal, smallest_normal + 1, std::uint64_t{F::one} - 1,
          std::uint64_t{F::one}, std::uint64_t{F::one} + 1, std::uint64_t{F::infinity} - 2,
          std::uint64_t{F::infinity} - 1, std::uint64_t{F::infinity},
          std::uint64_t{F::infinity} + 1, std::uint64_t{F::quiet_nan} - 1,
          std::uint64_t{F::quiet_nan}, std::uint64_t{F::quiet_nan} + 1,
          std::uint64_t{F::sign} - 1}) {
        values.push_back(from_bits<T>(magnitude));
        values.push_back(from_bits<T>(magnitude + F::sign));
    }
    return values;
}

/// Finite elements of both signs between 2^low and 2^(high + 1), with mantissas that make
/// operations round.
template <class T>
std::vector<T> ordinary_elements(std::size_t n, unsigned seed, int low = -6, int high = 5) {
    std::mt19937_64 random(seed);
    std::vector<T> elements(n);
    for (T& element : elements) {
        const double mantissa = 1.0 + static_cast<double>(random() >> 12) * 0x1p-52;
        const int exponent =
            low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1));
        const double value = std::ldexp(random() % 2 == 0 ? mantissa : -mantissa, exponent);
        element = nearest<T>(static_cast<typename Format<T>::Arithmetic>(value));
    }
    return elements;
}

/// Ordinary elements mixed with special values and random bit patterns.
template <class T>
std::vector<T> rough_elements(std::size_t n, unsigned seed) {
    static const std::vector<T> special = special_values<T>();
    std::mt19937_64 random(seed + 1000);
    std::vector<T> elements = ordinary_elements<T>(n, seed);
    for (T& element : elements) {
        switch (random() % 8) {
        case 0: element = special[random() % special.size()]; break;
        case 1: element = from_bits<T>(random()); break;
        default: break;
        }
    }
    return elements;
}

/// Subnormal elements of both signs, so small that the sum of two is subnormal or 0.
template <class T>
std::vector<T> subnormal_elements(std::size_t n, unsigned seed) {
    using F = Format<T>;
    std::mt19937_64 random(seed);
    const std::uint64_t most = (std::uint64_t{1} << F::fraction_bits) / 2 - 1;
    std::vector<T> elements(n);
    for (T& element : elements) {
        const std::uint64_t sign = random() % 2 == 0 ? 0 : std::uint64_t{F::sign};
        element = from_bits<T>(sign + 1 + random() % most);
    }
    return elements;
}

/// All values of a narrow type, in the order of their patterns.
template <class T>
std::vector<T> all_values() {
    static_assert(is_narrow<T>);
    std::vector<T> values(65536);
    for (std::size_t pattern = 0; pattern < values.size(); ++pattern) {
        values[pattern] = from_bits<T>(pattern);
    }
    return values;
}
