/**
 * The value {l1, l2} and the formulas.
 */
#pragma once

#include "operation.hpp"

#include <cmath>
#include <cstddef>

namespace l1l2::core {

class Regularizer {
  public:
    /// What Keras 3 takes for a coefficient: finite and not negative.
    static bool valid_coefficient(double coefficient);

    /// Both must be valid coefficients. -0.0 is stored as 0.0.
    Regularizer(double l1, double l2) : l1_(std::fabs(l1)), l2_(std::fabs(l2)) {}

    double l1() const { return l1_; }
    double l2() const { return l2_; }

    // What follows needs the default floating-point environment, and is not inlined for the reason
    // that float_environment.hpp gives.

    /// l1 * sum |x| + l2 * sum x^2 over n elements at x, a term with a zero coefficient left out.
    [[gnu::noinline]] double penalty(const kernels::KernelTable& table, Dtype dtype, const void* x,
                                     std::size_t n) const;

    /// The penalty of sums that plan_penalty's kernel has made.
    [[gnu::noinline]] double penalty(const Sums& sums) const;

    /// Adds the sums that the penalty needs to an operation.
    [[gnu::noinline]] void plan_penalty(const kernels::KernelTable& table, Dtype dtype,
                                        Operation& operation) const;

    /// Adds the gradient times scale to an operation. False if a factor is not finite in the
    /// arithmetic type.
    [[gnu::noinline]] bool plan_gradient(const kernels::KernelTable& table, Dtype dtype,
                                         double scale, Operation& operation) const;

    /// Adds the proximal operator to an operation. False if the step is negative, or it, the
    /// threshold or the divisor is not finite in the arithmetic type.
    [[gnu::noinline]] bool plan_prox(const kernels::KernelTable& table, Dtype dtype, double step,
                                     Operation& operation) const;

  private:
    double l1_;
    double l2_;
};

} // namespace l1l2::core
