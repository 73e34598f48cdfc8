#include "regularizer.hpp"

#include <limits>

namespace l1l2::core {

using kernels::Sums;
using kernels::Terms;

bool Regularizer::valid_coefficient(double coefficient) {
    return std::isfinite(coefficient) && coefficient >= 0.0;
}

/// Which NaN comes out of an addition depends on the order of the operands, which the compiler is
/// free to swap, and on the architecture; one NaN for all keeps the bits the same.
static double canonical(double penalty) {
    return std::isnan(penalty) ? std::numeric_limits<double>::quiet_NaN() : penalty;
}

double Regularizer::penalty(const kernels::KernelTable& table, Dtype dtype, const void* x,
                            std::size_t n) const {
    if (l1_ != 0.0 && l2_ != 0.0) {
        const Sums sums = reduce(table, dtype, Terms::both, x, n);
        return canonical(l1_ * sums.absolute + l2_ * sums.square);
    }
    if (l1_ != 0.0) {
        return canonical(l1_ * reduce(table, dtype, Terms::absolute, x, n).absolute);
    }
    if (l2_ != 0.0) {
        return canonical(l2_ * reduce(table, dtype, Terms::square, x, n).square);
    }
    return 0.0;
}

} // namespace l1l2::core
