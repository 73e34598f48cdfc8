/**
 * The reference for the tests of accuracy and exact sums: sums of doubles, of their squares and of
 * coefficients times sums, as one fixed-point integer of 6656 bits, without rounding.
 */
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

class ExactSum {
  public:
    void add(double x) {
        const Parts p = split(x);
        add_scaled(p.mantissa, p.exponent, p.sign);
    }

    void add_absolute(double x) { add(std::fabs(x)); }

    void add_square(double x) {
        const Parts p = split(x);
        add_scaled(static_cast<Wide>(p.mantissa) * p.mantissa, 2 * p.exponent, 1);
    }

    /// Adds value * 2^exponent.
    void add_integer(std::int64_t value, int exponent) {
        const auto bits = static_cast<std::uint64_t>(value);
        const std::uint64_t magnitude = value < 0 ? -bits : bits;
        add_scaled(magnitude, exponent, value < 0 ? -1 : 1);
    }

    /// Adds coefficient * sum, both >= 0.
    void add_product(double coefficient, ExactSum sum) {
        const Parts p = split(coefficient);
        sum.carry();
        for (std::size_t i = 0; i < limbs; ++i) {
            add_scaled(static_cast<Wide>(sum.limb_[i]) * p.mantissa,
                       static_cast<int>(i) * limb_bits - bits_below + p.exponent, 1);
        }
    }

    /// |value - sum| / sum; 0 if both are 0, infinity if only the sum is.
    double relative_error(double value) const {
        ExactSum residue = *this;
        residue.add(-value);
        const Magnitude error = residue.magnitude();
        const Magnitude truth = magnitude();
        if (error.mantissa == 0.0) {
            return 0.0;
        }
        return std::ldexp(error.mantissa / truth.mantissa, error.exponent - truth.exponent);
    }

    /// -1, 0 or 1.
    int sign() const {
        ExactSum carried = *this;
        carried.carry();
        for (std::size_t i = limbs; i-- > 0;) {
            if (carried.limb_[i] != 0) {
                return carried.limb_[i] < 0 ? -1 : 1;
            }
        }
        return 0;
    }

    /// Whether a double is the one that is nearest to a sum >= 0, of two the even one, and infinity
    /// from 2^1024 - 2^970 on: it is, if the sum does not lie beyond the middle of it and one of
    /// its neighbours, nor in the middle if it is odd.
    bool rounds_to(double value) const {
        constexpr std::uint64_t infinity = 0x7ff0000000000000;
        std::uint64_t bits;
        std::memcpy(&bits, &value, sizeof bits);
        if (bits > infinity) {
            return false; // negative, -0 or a NaN
        }
        const bool odd = bits % 2 != 0;
        // Twice the distance from the middle.
        const auto side = [&](std::uint64_t neighbour) {
            ExactSum distance;
            distance.add_product(2.0, *this);
            for (const std::uint64_t number : {bits, neighbour}) {
                double x;
                std::memcpy(&x, &number, sizeof x);
                if (number == infinity) { // which stands for 2^1024
                    distance.add(-0x1p1023);
                    x = 0x1p1023;
                }
                distance.add(-x);
            }
            return distance.sign();
        };
        const int above = bits < infinity ? side(bits + 1) : -1;
        const int below = bits > 0 ? side(bits - 1) : 1;
        return (above < 0 || (above == 0 && !odd)) && (below > 0 || (below == 0 && !odd));
    }

    /// Whether a double is the one that is nearest to the square root of a sum >= 0, in the same
    /// way: the sum is compared with the squares of both middles, which are integers in small
    /// units.
    bool root_rounds_to(double value) const {
        constexpr std::uint64_t infinity = 0x7ff0000000000000;
        constexpr std::uint64_t hidden = std::uint64_t{1} << 52;
        std::uint64_t bits;
        std::memcpy(&bits, &value, sizeof bits);
        if (bits > infinity) {
            return false;
        }
        const std::uint64_t field = bits >> 52;
        const std::uint64_t mantissa = bits % hidden + (field > 0 ? hidden : 0);
        const int unit = (field > 0 ? static_cast<int>(field) : 1) - 1075;
        // The sign of sum - (middle * 2^exponent)^2.
        const auto side = [&](std::uint64_t middle, int exponent) {
            const auto high = static_cast<std::int64_t>(middle >> 28);
            const auto low = static_cast<std::int64_t>(middle % (1 << 28));
            ExactSum distance = *this;
            distance.add_integer(-high * high, 2 * exponent + 56);
            distance.add_integer(-2 * high * low, 2 * exponent + 28);
            distance.add_integer(-low * low, 2 * exponent);
            return distance.sign();
        };
        const bool odd = mantissa % 2 != 0;
        const bool binade_begins = mantissa == hidden && field > 1;
        const int above = bits < infinity ? side(2 * mantissa + 1, unit - 1) : -1;
        const int below = bits == 0       ? 1
                          : binade_begins ? side(4 * mantissa - 1, unit - 2)
                                          : side(2 * mantissa - 1, unit - 1);
        return (above < 0 || (above == 0 && !odd)) && (below > 0 || (below == 0 && !odd));
    }

    /// The sign of sum * factor - other.
    int compare_product(std::uint64_t factor, const ExactSum& other) const {
        ExactSum carried = *this;
        carried.carry();
        ExactSum difference = other;
        difference.carry();
        for (std::int64_t& limb : difference.limb_) {
            limb = -limb;
        }
        for (std::size_t i = 0; i + 3 < limbs; ++i) {
            difference.add_scaled(static_cast<Wide>(carried.limb_[i]) * factor,
                                  static_cast<int>(i) * limb_bits - bits_below, 1);
        }
        return difference.sign();
    }

    /// The square of a sum >= 0 without bits below 2^-1664.
    ExactSum squared() const {
        ExactSum carried = *this;
        carried.carry();
        ExactSum square;
        for (std::size_t i = limbs / 4; i < limbs * 3 / 4; ++i) {
            for (std::size_t j = limbs / 4; carried.limb_[i] != 0 && j < limbs * 3 / 4; ++j) {
                square.add_scaled(static_cast<Wide>(carried.limb_[i]) *
                                      static_cast<std::uint64_t>(carried.limb_[j]),
                                  static_cast<int>(i + j) * limb_bits - 2 * bits_below, 1);
            }
        }
        return square;
    }

    /// The limbs (32 bits each) of a sum >= 0, the first one in units of 2^exponent, which is a
    /// multiple of 32.
    std::vector<std::int64_t> limbs_from(int exponent, std::size_t count) const {
        ExactSum carried = *this;
        carried.carry();
        const auto first = carried.limb_.begin() + (exponent + bits_below) / limb_bits;
        return {first, first + static_cast<std::ptrdiff_t>(count)};
    }

  private:
    __extension__ using Wide = unsigned __int128;

    struct Parts {
        std::uint64_t mantissa;
        int exponent;
        int sign;
    };
    struct Magnitude {
        double mantissa;
        int exponent;
    };

    static constexpr int limb_bits = 32;
    static constexpr int bits_below = 3328; ///< below 2^(3 * -1074), the least product of all
    static constexpr std::size_t limbs = 208;

    static Parts split(double x) {
        int exponent = 0;
        const double fraction = std::frexp(std::fabs(x), &exponent);
        return {static_cast<std::uint64_t>(std::ldexp(fraction, 53)), exponent - 53,
                std::signbit(x) ? -1 : 1};
    }

    void add_scaled(Wide mantissa, int exponent, int sign) {
        const auto position = static_cast<std::size_t>(exponent + bits_below);
        const std::size_t shift = position % limb_bits;
        for (std::size_t i = position / limb_bits; mantissa != 0; ++i, mantissa >>= 32) {
            const std::uint64_t piece = static_cast<std::uint64_t>(mantissa & 0xFFFFFFFFU) << shift;
            limb_[i] += sign * static_cast<std::int64_t>(piece & 0xFFFFFFFFU);
            limb_[i + 1] += sign * static_cast<std::int64_t>(piece >> 32);
        }
    }

    /// Brings every limb but the highest to 0 .. 2^32 - 1; the highest holds the sign.
    void carry() {
        for (std::size_t i = 0; i + 1 < limbs; ++i) {
            limb_[i + 1] += limb_[i] >> 32; // an arithmetic shift: rounds down
            limb_[i] &= 0xFFFFFFFF;
        }
    }

    Magnitude magnitude() const {
        ExactSum absolute = *this;
        absolute.carry();
        if (absolute.limb_[limbs - 1] < 0) {
            for (std::int64_t& limb : absolute.limb_) {
                limb = -limb;
            }
            absolute.carry();
        }
        std::size_t top = limbs - 1;
        while (top > 2 && absolute.limb_[top] == 0) {
            --top;
        }
        double mantissa = 0.0;
        for (std::size_t i = 0; i < 3; ++i) {
            mantissa = mantissa * 0x1p32 + static_cast<double>(absolute.limb_[top - i]);
        }
        return {mantissa, static_cast<int>(top - 2) * limb_bits - bits_below};
    }

    std::array<std::int64_t, limbs> limb_ = {};
};
