// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "regularizer.hpp"

#include <cstdint>

namespace l1l2::core {

using kernels::WantedSums;

// Coefficients are judged by their bits, as comparisons depend on the floating-point environment.

bool Regularizer::valid_coefficient(double coefficient) {
    constexpr std::uint64_t infinity = 0x7ff0000000000000;
    constexpr std::uint64_t minus_zero = 0x8000000000000000;
    const std::uint64_t bits = bits_of(coefficient);
    return bits < infinity || bits == minus_zero;
}

Regularizer::Regularizer(double l1, double l2) : l1_(std::fabs(l1)), l2_(std::fabs(l2)) {
    const bool has_l1 = bits_of(l1_) != 0;
    const bool has_l2 = bits_of(l2_) != 0;
    if (has_l1 || has_l2) {
        wanted_ = !has_l2 ? WantedSums::absolute : !has_l1 ? WantedSums::square : WantedSums::both;
    }
}

} // namespace l1l2::core
