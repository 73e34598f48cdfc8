#include "regularizer.hpp"

#include "reduction.hpp"

#include <cstdint>
#include <cstring>
#include <limits>

namespace l1l2::core {

using kernels::Terms;

static std::size_t index(Dtype dtype) {
    return static_cast<std::size_t>(dtype);
}

/// The index of the terms that coefficients ask for, of which one at least is not 0.
static std::size_t index_of_terms(double l1, double l2) {
    return static_cast<std::size_t>(l2 == 0.0   ? Terms::absolute
                                    : l1 == 0.0 ? Terms::square
                                                : Terms::both);
}

/// Whether a factor stays finite in the type in which gradients and proxes are computed.
static bool is_finite(double factor, Dtype dtype) {
    return dtype == Dtype::float64 ? std::isfinite(factor)
                                   : std::isfinite(static_cast<float>(factor));
}

bool Regularizer::valid_coefficient(double coefficient) {
    // Told from the bits, as a comparison would depend on the floating-point environment.
    constexpr std::uint64_t infinity = 0x7ff0000000000000;
    constexpr std::uint64_t minus_zero = 0x8000000000000000;
    std::uint64_t bits;
    static_assert(sizeof bits == sizeof coefficient);
    std::memcpy(&bits, &coefficient, sizeof bits);
    return bits < infinity || bits == minus_zero;
}

double Regularizer::penalty(const Sums& sums) const {
    // A term that is left out has a sum of 0, which adds nothing.
    const double result = l1_ * sums.absolute + l2_ * sums.square;
    // Which NaN comes out of an addition depends on the order of the operands, which the compiler
    // is free to swap, and on the architecture; one NaN for all keeps the bits the same.
    return std::isnan(result) ? std::numeric_limits<double>::quiet_NaN() : result;
}

double Regularizer::penalty(const kernels::KernelTable& table, Dtype dtype, const void* x,
                            std::size_t n) const {
    Operation operation;
    plan_penalty(table, dtype, operation);
    if (operation.sums == nullptr) {
        return 0.0;
    }
    return penalty(reduce(operation, {dtype, x, nullptr, n}));
}

void Regularizer::plan_penalty(const kernels::KernelTable& table, Dtype dtype,
                               Operation& operation) const {
    if (l1_ != 0.0 || l2_ != 0.0) {
        operation.sums = table.sums[index(dtype)][index_of_terms(l1_, l2_)];
    }
}

bool Regularizer::plan_gradient(const kernels::KernelTable& table, Dtype dtype, double scale,
                                Operation& operation) const {
    const double sign = scale * l1_;
    const double linear = scale * (2.0 * l2_);
    if (!std::isfinite(scale) || !is_finite(sign, dtype) || !is_finite(linear, dtype)) {
        return false;
    }
    if (l1_ != 0.0 || l2_ != 0.0) {
        const std::size_t terms = index_of_terms(l1_, l2_);
        operation.add_gradient = table.add_gradient[index(dtype)][terms];
        operation.add_gradient_and_sum = table.add_gradient_and_sum[index(dtype)][terms];
        operation.sign = sign;
        operation.linear = linear;
    }
    return true;
}

bool Regularizer::plan_prox(const kernels::KernelTable& table, Dtype dtype, double step,
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

} // namespace l1l2::core
