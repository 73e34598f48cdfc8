/**
 * Numbers as text, read and written without regard to the locale.
 */
#pragma once

#include <cstddef>
#include <string_view>

namespace l1l2::core {

/**
 * The double nearest to a JSON number with a fraction or an exponent; 0 if it is too small for one,
 * infinity if it is too large. The floating-point environment must be the default one.
 *
 * `number` may have any other byte in the place of the decimal point: the tokens of nlohmann_json
 * hold what the locale has there.
 */
double parse_decimal(std::string_view number);

/// Enough for any double as write_decimal writes it: "-2.2250738585072014e-308".
constexpr std::size_t decimal_capacity = 32;

/**
 * Writes a finite value >= 0 as Python's repr does and returns the end: the fewest digits that read
 * back to the same double; fixed notation with at least one decimal for 0 and 1e-4 <= value < 1e16,
 * else an exponent of at least two digits. The floating-point environment must be the default one:
 * libraries that find the digits compare the value with 0.
 */
char* write_decimal(double value, char* out);

} // namespace l1l2::core
