/**
 * Doubles and decimal digits, both ways correctly rounded: the work of a library, of which the
 * build takes one. Standard libraries that convert floating-point numbers in <charconv> serve by
 * themselves (decimal_charconv.cpp); libstdc++ before 11 does not (decimal_double_conversion.cpp).
 */
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace l1l2::core {

/// The number after the e of a JSON number; 0 if there is none. Beyond all doubles it is cut.
inline int explicit_exponent(std::string_view number) {
    constexpr int limit = 1000000;
    const std::size_t e = number.find_first_of("eE");
    if (e == std::string_view::npos) {
        return 0;
    }
    std::size_t first_digit = e + 1;
    const bool negative = number[first_digit] == '-';
    first_digit += (negative || number[first_digit] == '+') ? 1 : 0;
    int exponent = 0;
    for (const char digit : number.substr(first_digit)) {
        exponent = std::min(limit, exponent * 10 + (digit - '0'));
    }
    return negative ? -exponent : exponent;
}

/**
 * The double nearest to a JSON number, ties to even; 0 if it is too small for one, infinity if it
 * is too large. The floating-point environment must be the default one.
 */
double nearest_double(std::string_view number);

/// The fewest digits that read back to a double, and of those the nearest: 0.d0d1d2... * 10^point.
struct ShortestDigits {
    static constexpr std::size_t capacity = 32; ///< 17 are enough; the libraries want room

    char digit[capacity] = {};
    std::size_t count = 0;
    int point = 0;
};

/// Of a finite value >= 0; one digit, 0, with the point after it, for 0.
ShortestDigits shortest_digits(double value);

} // namespace l1l2::core
