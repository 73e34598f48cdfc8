// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "clip.hpp"

#include "regularizer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace l1l2::core {

namespace {

/// The quotient of two positive numbers as if doubles had any exponent.
kernels::FarFactor far_quotient(double dividend, double divisor) {
    int dividend_exponent = 0;
    int divisor_exponent = 0;
    double factor =
        std::frexp(dividend, &dividend_exponent) / std::frexp(divisor, &divisor_exponent);
    int exponent = dividend_exponent - divisor_exponent;
    if (factor >= 1.0) { // so that no product overflows
        factor *= 0.5;
        ++exponent;
    }
    // The last product is the only one that may round to a subnormal: where the one before it does,
    // less than 2^-1022 times 2^-1074 remains.
    constexpr int least =
        std::numeric_limits<double>::min_exponent - std::numeric_limits<double>::digits; // 2^-1074
    const int rest = std::max(exponent, least);
    return {factor, std::ldexp(1.0, exponent - rest), std::ldexp(1.0, rest)};
}

} // namespace

bool Clip::is_valid() const {
    return Regularizer::valid_coefficient(norm) && Regularizer::valid_coefficient(max_norm);
}

Operation Clip::operation(const kernels::KernelTable& table, Dtype dtype) const {
    const double limit = std::fabs(max_norm);
    if (norm <= limit) {
        return Operation(Operation::Copy{size_of(dtype)}, table.stream);
    }
    const auto index = static_cast<std::size_t>(dtype);
    const double quotient = limit / norm;
    const double smallest_normal = dtype == Dtype::float64
                                       ? std::numeric_limits<double>::min()
                                       : double{std::numeric_limits<float>::min()};
    if (quotient >= smallest_normal || limit == 0.0) {
        return Operation(Operation::Scale{table.scale[index], quotient}, table.stream);
    }
    return Operation(Operation::FarScale{kernels::scale_far[index], far_quotient(limit, norm)},
                     table.stream);
}

} // namespace l1l2::core
