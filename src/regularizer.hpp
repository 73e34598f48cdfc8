// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * The value {l1, l2} and the formulas.
 */
#pragma once

#include "operation.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>

namespace l1l2::core {

/// Which NaN comes out of an addition depends on the order of the operands, which the compiler is
/// free to swap, and on the architecture. One for all keeps the bits the same.
inline double canonical(double penalty) {
    // A branch, for which nothing waits; a conditional move takes a cycle of each small call.
    if (__builtin_expect(static_cast<long>(std::isnan(penalty)), 0) != 0) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    return penalty;
}

inline std::uint64_t bits_of(double x) {
    std::uint64_t bits;
    static_assert(sizeof bits == sizeof x);
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}

class Regularizer {
  public:
    /// What Keras 3 takes for a coefficient: finite and not negative.
    static bool valid_coefficient(double coefficient);

    /// Both must be valid coefficients. -0.0 is stored as 0.0.
    Regularizer(double l1, double l2);

    double l1() const { return l1_; }
    double l2() const { return l2_; }

    // What follows needs the default floating-point environment. It is inline because calls are
    // what small arrays cost.

    /// Whether the factors of the gradient are finite in the arithmetic type.
    bool accepts_scale(double scale, Dtype dtype) const {
        return std::isfinite(scale) && is_finite(l1_factor(scale), dtype) &&
               is_finite(l2_factor(scale), dtype);
    }

    /// Whether a step is not negative and the factors of the prox are finite in the arithmetic
    /// type.
    bool accepts_step(double step, Dtype dtype) const {
        return step >= 0.0 && std::isfinite(step) && is_finite(threshold(step), dtype) &&
               is_finite(divisor(step), dtype);
    }

    /// Whether a step of proximal gradient descent can be taken: also the step itself must be
    /// finite in the arithmetic type.
    bool accepts_prox_step(double step, Dtype dtype) const {
        return accepts_step(step, dtype) && is_finite(step, dtype);
    }

    /// Whether the factors of such a step are finite also when they are multiplied by the greatest
    /// of steps, as its kernel returns it.
    bool accepts_steps(double step, double greatest, Dtype dtype) const {
        const auto product_is_finite = [&](double factor) {
            return dtype == Dtype::float64
                       ? std::isfinite(factor * greatest)
                       : std::isfinite(static_cast<float>(factor) * static_cast<float>(greatest));
        };
        return product_is_finite(step) && product_is_finite(threshold(step)) &&
               product_is_finite(excess(step));
    }

    /// The sums that the penalty needs; nothing if both coefficients are 0.
    Operation sum(const kernels::KernelTable& table, Dtype dtype) const {
        return wanted_ ? Operation(sum_of(table, dtype)) : Operation();
    }

    /// Stores these sums of each of count <= kernels::most_blocks blocks; zeros if there are none.
    void sum_each(const kernels::KernelTable& table, Dtype dtype, const kernels::Block* block,
                  std::size_t count, Sums* sums) const {
        if (wanted_) {
            table.sums_of_each[index(dtype)][index(*wanted_)](block, count, sums);
        } else {
            std::fill_n(sums, count, Sums{0.0, 0.0});
        }
    }

    /// Adds a scale that is accepted times the gradient; nothing if both coefficients are 0.
    Operation gradient(const kernels::KernelTable& table, Dtype dtype, double scale) const {
        return wanted_ ? Operation(gradient_of(table, dtype, scale)) : Operation();
    }
    Operation gradient_and_sum(const kernels::KernelTable& table, Dtype dtype, double scale) const {
        return wanted_ ? Operation(Operation::GradientAndSum{
                             table.add_gradient_and_sum[index(dtype)][index(*wanted_)],
                             gradient_of(table, dtype, scale), sum_of(table, dtype)})
                       : Operation();
    }

    /// The proximal operator for a step that is accepted.
    Operation prox(const kernels::KernelTable& table, Dtype dtype, double step) const {
        return Operation(
            Operation::Prox{table.prox[index(dtype)], threshold(step), 1.0 / divisor(step)},
            table.stream);
    }

    /// A step of proximal gradient descent that is accepted. That of -0.0 is the one of 0.0.
    Operation prox_step(const kernels::KernelTable& table, Dtype dtype, double step) const {
        return Operation(Operation::ProxStep{table.prox_step[index(dtype)],
                                             {std::fabs(step), threshold(step), excess(step)}},
                         table.stream);
    }

    /// l1 * sum |x| + l2 * sum x^2, of the sums that an operation has made. The sum for a
    /// coefficient of 0 is 0, which adds nothing.
    double penalty(const Sums& sums) const {
        return canonical(l1_ * sums.absolute + l2_ * sums.square);
    }

  private:
    template <class Enum>
    static std::size_t index(Enum value) {
        return static_cast<std::size_t>(value);
    }

    /// In the type in which gradients and proxes are computed.
    static bool is_finite(double factor, Dtype dtype) {
        return dtype == Dtype::float64 ? std::isfinite(factor)
                                       : std::isfinite(static_cast<float>(factor));
    }

    double l1_factor(double scale) const { return scale * l1_; }
    double l2_factor(double scale) const { return scale * (2.0 * l2_); }
    double threshold(double step) const { return step * l1_; }
    double excess(double step) const { return 2.0 * (step * l2_); }
    double divisor(double step) const { return 1.0 + excess(step); }

    Operation::Sum sum_of(const kernels::KernelTable& table, Dtype dtype) const {
        return {table.sums[index(dtype)][index(*wanted_)]};
    }
    Operation::Gradient gradient_of(const kernels::KernelTable& table, Dtype dtype,
                                    double scale) const {
        return {table.add_gradient[index(dtype)][index(*wanted_)], l1_factor(scale),
                l2_factor(scale)};
    }

    double l1_;
    double l2_;
    std::optional<kernels::WantedSums> wanted_; ///< those with a coefficient that is not 0
};

} // namespace l1l2::core
