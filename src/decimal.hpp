// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * Numbers as text, read and written alike in every locale.
 *
 * The floating-point environment must be the default one, and the C library must round to nearest:
 * on x86-64 it asks the x87 unit, which with_default_environment leaves alone.
 */
#pragma once

#include <cfenv>
#include <cstddef>
#include <string_view>

namespace l1l2::core {

/// While an object of this class lives, the C library rounds to nearest.
class RoundingToNearest {
  public:
    RoundingToNearest() {
        std::fegetenv(&saved_);
        std::fesetround(FE_TONEAREST);
    }
    ~RoundingToNearest() { std::fesetenv(&saved_); }
    RoundingToNearest(const RoundingToNearest&) = delete;
    RoundingToNearest& operator=(const RoundingToNearest&) = delete;

  private:
    std::fenv_t saved_ = {};
};

/// The double nearest to a JSON number, ties to even; 0 or infinity if it is out of range. Any byte
/// may stand for the decimal point.
double parse_decimal(std::string_view number);

/// Enough for any double as write_decimal writes it: "2.2250738585072014e-308".
constexpr std::size_t decimal_capacity = 32;

/**
 * Writes a finite value >= 0 as Python's repr does and returns the end: the fewest digits that read
 * back to the same double; fixed notation with at least one decimal for 0 and 1e-4 <= value < 1e16,
 * else an exponent of at least two digits.
 */
char* write_decimal(double value, char* out);

} // namespace l1l2::core
