// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "decimal.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace l1l2::core {

double parse_decimal(std::string_view number) {
    const std::size_t e = std::min(number.find_first_of("eE"), number.size());
    const std::size_t point = std::min(number.find_first_not_of("-0123456789"), e);
    constexpr long beyond_all_numbers = 1000000;
    const std::string exponent_text(number.substr(std::min(e + 1, number.size())));
    long exponent = std::clamp(std::strtol(exponent_text.c_str(), nullptr, 10), -beyond_all_numbers,
                               beyond_all_numbers);
    // strtod expects the locale's decimal point, so it gets none: 1.25e3 becomes 125e1.
    std::string text(number.substr(0, point));
    if (point < e) {
        const std::string_view fraction = number.substr(point + 1, e - point - 1);
        text += fraction;
        exponent -= static_cast<long>(fraction.size());
    }
    text += 'e' + std::to_string(exponent);
    return std::strtod(text.c_str(), nullptr);
}

/// Whether Python writes the number without an exponent.
static bool is_fixed(double value) {
    return value == 0.0 || (value >= 1e-4 && value < 1e16);
}

#if !defined(L1L2_NO_TO_CHARS) && (_GLIBCXX_RELEASE >= 11 || _LIBCPP_VERSION >= 14000)

char* write_decimal(double value, char* out) {
    const auto format = is_fixed(value) ? std::chars_format::fixed : std::chars_format::scientific;
    char* end = std::to_chars(out, out + decimal_capacity, value, format).ptr;
    if (is_fixed(value) && std::find(out, end, '.') == end) {
        *end++ = '.';
        *end++ = '0';
    }
    return end;
}

#else // libstdc++ 10 and libc++ 13 have no std::to_chars for double

char* write_decimal(double value, char* out) {
    const RoundingToNearest rounding;
    char text[2 * decimal_capacity];
    // cppcheck-suppress legacyUninitvar ; snprintf writes it before each call
    const auto reads_back = [&] { return std::strtod(text, nullptr) == value; };
    for (int decimals = is_fixed(value) ? 1 : 0;; ++decimals) {
        std::snprintf(text, sizeof text, is_fixed(value) ? "%.*f" : "%.*e", decimals, value);
        if (reads_back()) {
            break;
        }
        // Above a power of two doubles are half as dense as below: there the number above the
        // nearest may read back although the nearest does not.
        ++*(std::find(text, text + std::strlen(text), 'e') - 1);
        if (reads_back()) {
            break;
        }
    }
    for (const char* c = text; *c != '\0'; ++c) {
        if (std::strchr("0123456789e+-", *c) != nullptr) {
            *out++ = *c;
        } else if (out[-1] != '.') { // the first byte of the locale's decimal point
            *out++ = '.';
        }
    }
    return out;
}

#endif

} // namespace l1l2::core
