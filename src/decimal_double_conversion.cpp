// The lower layers of double-conversion: its class StringToDoubleConverter would link all of
// libstdc++'s locales.
#include "decimal_digits.hpp"

#include <double-conversion/bignum-dtoa.h>
#include <double-conversion/fast-dtoa.h>
#include <double-conversion/strtod.h>

#include <algorithm>
#include <string>

namespace l1l2::core {

double nearest_double(std::string_view number) {
    const bool negative = number.front() == '-';
    const std::size_t mantissa_end = std::min(number.find_first_of("eE"), number.size());
    const std::string_view mantissa = number.substr(negative ? 1 : 0, mantissa_end - negative);
    const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
    std::string digits(mantissa.substr(0, point));
    int exponent = explicit_exponent(number);
    if (point < mantissa.size()) {
        const std::string_view fraction = mantissa.substr(point + 1);
        digits += fraction;
        exponent -= static_cast<int>(fraction.size());
    }
    const double value = double_conversion::Strtod(
        double_conversion::Vector<const char>(digits.data(), static_cast<int>(digits.size())),
        exponent);
    return negative ? -value : value;
}

ShortestDigits shortest_digits(double value) {
    ShortestDigits shortest;
    if (value == 0.0) { // which the algorithms leave to their callers
        shortest.digit[0] = '0';
        shortest.count = 1;
        shortest.point = 1;
        return shortest;
    }
    const double_conversion::Vector<char> digits(shortest.digit, ShortestDigits::capacity);
    int count = 0;
    // Grisu3 knows when it has not found them, which is once in two hundred times.
    if (!double_conversion::FastDtoa(value, double_conversion::FAST_DTOA_SHORTEST, 0, digits,
                                     &count, &shortest.point)) {
        double_conversion::BignumDtoa(value, double_conversion::BIGNUM_DTOA_SHORTEST, 0, digits,
                                      &count, &shortest.point);
    }
    shortest.count = static_cast<std::size_t>(count);
    return shortest;
}

} // namespace l1l2::core
