/**
 * The value {l1, l2} and the formula.
 */
#pragma once

#include "reduction.hpp"

#include <cmath>

namespace l1l2::core {

class Regularizer {
  public:
    /// What Keras 3 takes for a coefficient: finite and not negative.
    static bool valid_coefficient(double coefficient);

    /// Both must be valid coefficients. -0.0 is stored as 0.0.
    Regularizer(double l1, double l2) : l1_(std::fabs(l1)), l2_(std::fabs(l2)) {}

    double l1() const { return l1_; }
    double l2() const { return l2_; }

    /// l1 * sum |x| + l2 * sum x^2 over n elements at x, a term with a zero coefficient left out.
    /// The floating-point environment must be the default one; not inlined for the reason that
    /// float_environment.hpp gives.
    [[gnu::noinline]] double penalty(const kernels::KernelTable& table, Dtype dtype, const void* x,
                                     std::size_t n) const;

  private:
    double l1_;
    double l2_;
};

} // namespace l1l2::core
