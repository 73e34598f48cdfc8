/**
 * The value {l1, l2} and the formulas.
 */
#pragma once

#include "reduction.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

namespace l1l2::core {

/// Which NaN comes out of an addition depends on the order of the operands, which the compiler is
/// free to swap, and on the architecture; one for all keeps the bits the same.
inline double canonical(double penalty) {
    return std::isnan(penalty) ? std::numeric_limits<double>::quiet_NaN() : penalty;
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

    // What follows needs the default floating-point environment.

    /// l1 * sum |x| + l2 * sum x^2 over n elements at x, a term with a zero coefficient left out.
    [[gnu::noinline]] double penalty(const kernels::KernelTable& table, Dtype dtype, const void* x,
                                     std::size_t n) const;

    /// The penalty of a Walk, or of anything else that has a reduce().
    template <class Elements>
    [[gnu::noinline]] double penalty(const kernels::KernelTable& table, Dtype dtype,
                                     const Elements& elements) const {
        Operation operation;
        plan_penalty(table, dtype, operation);
        return penalty(reduce(operation, elements));
    }

    /// Adds scale times the gradient of x to y, for Arrays or a Walk; *penalty, if that is not
    /// NULL, receives the penalty. False, and nothing is done, if plan_gradient says so.
    template <class Elements>
    [[gnu::noinline]] bool add_gradient(const kernels::KernelTable& table, Dtype dtype,
                                        const Elements& elements, double scale,
                                        double* penalty) const {
        Operation operation;
        if (!plan_gradient(table, dtype, scale, operation)) {
            return false;
        }
        if (penalty != nullptr) {
            plan_penalty(table, dtype, operation);
        }
        const Sums sums = reduce(operation, elements);
        if (penalty != nullptr) {
            *penalty = this->penalty(sums);
        }
        return true;
    }

    /// Writes the proximal operator of x to y. False, and nothing is done, if plan_prox says so.
    template <class Elements>
    [[gnu::noinline]] bool prox(const kernels::KernelTable& table, Dtype dtype,
                                const Elements& elements, double step) const {
        Operation operation;
        if (!plan_prox(table, dtype, step, operation)) {
            return false;
        }
        reduce(operation, elements);
        return true;
    }

    // Their parts, inline because calls are what small arrays cost. They are to be called from
    // functions that are not inlined, for the reason that float_environment.hpp gives.

    /// Adds the sums that the penalty needs to an operation.
    void plan_penalty(const kernels::KernelTable& table, Dtype dtype, Operation& operation) const {
        if (has_terms_) {
            operation.sums = table.sums[index(dtype)][terms_];
        }
    }

    /// Adds the gradient times scale to an operation. False if a factor is not finite in the
    /// arithmetic type.
    bool plan_gradient(const kernels::KernelTable& table, Dtype dtype, double scale,
                       Operation& operation) const {
        const double sign = scale * l1_;
        const double linear = scale * (2.0 * l2_);
        if (!std::isfinite(scale) || !is_finite(sign, dtype) || !is_finite(linear, dtype)) {
            return false;
        }
        if (has_terms_) {
            operation.add_gradient = table.add_gradient[index(dtype)][terms_];
            operation.add_gradient_and_sum = table.add_gradient_and_sum[index(dtype)][terms_];
            operation.sign = sign;
            operation.linear = linear;
        }
        return true;
    }

    /// Adds the proximal operator to an operation. False if the step is negative, or it, the
    /// threshold or the divisor is not finite in the arithmetic type.
    bool plan_prox(const kernels::KernelTable& table, Dtype dtype, double step,
                   Operation& operation) const {
        const double threshold = step * l1_;
        const double divisor = 1.0 + 2.0 * (step * l2_);
        if (!(step >= 0.0) || !std::isfinite(step) || !is_finite(threshold, dtype) ||
            !is_finite(divisor, dtype)) {
            return false;
        }
        operation.prox = table.prox[index(dtype)];
        operation.threshold = threshold;
        operation.factor = 1.0 / divisor;
        return true;
    }

    /// What penalty() computes, without an operation for it to be a part of.
    double penalty_alone(const kernels::KernelTable& table, Dtype dtype, const void* x,
                         std::size_t n) const {
        if (!has_terms_) {
            return 0.0;
        }
        const kernels::BlockKernel kernel = table.sums[index(dtype)][terms_];
        return penalty(n <= kernels::block_elements
                           ? kernel(x, n)
                           : reduce_blocks(kernel, {dtype, x, nullptr, n}));
    }

    /// The penalty of sums that plan_penalty's kernel has made, or of none.
    double penalty(const Sums& sums) const {
        // A term that is left out has a sum of 0, which adds nothing.
        return canonical(l1_ * sums.absolute + l2_ * sums.square);
    }

  private:
    static std::size_t index(Dtype dtype) { return static_cast<std::size_t>(dtype); }

    /// Whether a factor stays finite in the type in which gradients and proxes are computed.
    static bool is_finite(double factor, Dtype dtype) {
        return dtype == Dtype::float64 ? std::isfinite(factor)
                                       : std::isfinite(static_cast<float>(factor));
    }

    double l1_;
    double l2_;
    bool has_terms_;     ///< whether a coefficient is not 0
    std::uint8_t terms_; ///< the kernels::WantedSums of those that are not
};

} // namespace l1l2::core
