#include "decimal.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <string>

namespace l1l2::core {

/// About the decimal exponent of a nonzero number, for one so far out of range that its sign tells
/// whether it is too large or too small. An explicit exponent beyond all doubles is cut.
static long magnitude(std::string_view number) {
    constexpr long exponent_limit = 1000000;
    const std::size_t mantissa_end = std::min(number.find_first_of("eE"), number.size());
    const std::string_view mantissa = number.substr(0, mantissa_end);
    const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
    const std::size_t first_digit = mantissa.find_first_of("123456789");
    long exponent = 0;
    if (mantissa_end < number.size()) {
        std::size_t digits = mantissa_end + 1;
        const bool negative = number[digits] == '-';
        digits += (negative || number[digits] == '+') ? 1 : 0;
        for (const char digit : number.substr(digits)) {
            exponent = std::min(exponent_limit, exponent * 10 + (digit - '0'));
        }
        exponent = negative ? -exponent : exponent;
    }
    return exponent + static_cast<long>(point) - static_cast<long>(first_digit);
}

double parse_decimal(std::string_view number) {
    std::string text(number);
    std::replace_if(
        text.begin(), text.end(),
        [](char c) { return std::string_view("0123456789+-eE").find(c) == std::string_view::npos; },
        '.');
    double value = 0.0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (result.ec == std::errc::result_out_of_range) {
        value = magnitude(text) > 0 ? std::numeric_limits<double>::infinity() : 0.0;
        return text.front() == '-' ? -value : value;
    }
    return value;
}

static char* append(std::string_view text, char* out) {
    return std::copy(text.begin(), text.end(), out);
}

/// Splits the shortest scientific form, d.ddde+XX, into its digits and its exponent.
struct ShortestDigits {
    explicit ShortestDigits(double value) {
        char text[decimal_capacity];
        const auto result =
            std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
        const char* e = std::find(text, result.ptr, 'e');
        for (const char* c = text; c != e; ++c) {
            if (*c != '.') {
                digit[count++] = *c;
            }
        }
        const char* exponent_text = e + (e[1] == '+' ? 2 : 1);
        std::from_chars(exponent_text, result.ptr, exponent);
    }

    char digit[decimal_capacity] = {};
    std::size_t count = 0;
    int exponent = 0; ///< of the first digit
};

char* write_decimal(double value, char* out) {
    const ShortestDigits shortest(value);
    const std::string_view digits(shortest.digit, shortest.count);
    const int exponent = shortest.exponent;
    if (exponent < -4 || exponent >= 16) {
        *out++ = digits.front();
        if (digits.size() > 1) {
            *out++ = '.';
            out = append(digits.substr(1), out);
        }
        out = append(exponent < 0 ? "e-" : "e+", out);
        const int size = std::abs(exponent);
        if (size < 10) {
            *out++ = '0';
        }
        return std::to_chars(out, out + 4, size).ptr;
    }
    if (exponent < 0) {
        out = append("0.", out);
        out = std::fill_n(out, -exponent - 1, '0');
        return append(digits, out);
    }
    const std::size_t whole = static_cast<std::size_t>(exponent) + 1;
    out = append(digits.substr(0, whole), out);
    if (digits.size() <= whole) {
        out = std::fill_n(out, whole - digits.size(), '0');
        return append(".0", out);
    }
    *out++ = '.';
    return append(digits.substr(whole), out);
}

} // namespace l1l2::core
