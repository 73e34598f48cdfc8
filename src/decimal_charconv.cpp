#include "decimal_digits.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace l1l2::core {

/// About the decimal exponent of a nonzero number, for one so far out of range that its sign tells
/// whether it is too large or too small.
static long magnitude(std::string_view number) {
    const std::string_view mantissa = number.substr(0, number.find_first_of("eE"));
    const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
    const std::size_t first_digit = mantissa.find_first_of("123456789");
    return explicit_exponent(number) + static_cast<long>(point) - static_cast<long>(first_digit);
}

double nearest_double(std::string_view number) {
    double value = 0.0;
    const auto result = std::from_chars(number.data(), number.data() + number.size(), value);
    if (result.ec == std::errc::result_out_of_range) {
        value = magnitude(number) > 0 ? std::numeric_limits<double>::infinity() : 0.0;
        return number.front() == '-' ? -value : value;
    }
    return value;
}

ShortestDigits shortest_digits(double value) {
    // d.ddde+XX
    char text[ShortestDigits::capacity];
    const auto result =
        std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
    const char* e = std::find(text, result.ptr, 'e');
    ShortestDigits shortest;
    for (const char* c = text; c != e; ++c) {
        if (*c != '.') {
            shortest.digit[shortest.count++] = *c;
        }
    }
    int exponent = 0;
    std::from_chars(e + (e[1] == '+' ? 2 : 1), result.ptr, exponent);
    shortest.point = exponent + 1;
    return shortest;
}

} // namespace l1l2::core
