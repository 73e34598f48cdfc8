#include "decimal.hpp"

#include "decimal_digits.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string>

namespace l1l2::core {

double parse_decimal(std::string_view number) {
    std::string text(number);
    std::replace_if(
        text.begin(), text.end(),
        [](char c) { return std::string_view("0123456789+-eE").find(c) == std::string_view::npos; },
        '.');
    return nearest_double(text);
}

static char* append(std::string_view text, char* out) {
    return std::copy(text.begin(), text.end(), out);
}

char* write_decimal(double value, char* out) {
    const ShortestDigits shortest = shortest_digits(value);
    const std::string_view digits(shortest.digit, shortest.count);
    const int exponent = shortest.point - 1; // of the first digit
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
