#include "regularizer.hpp"

#include <cstdint>
#include <cstring>
#include <limits>

namespace l1l2::core {

using kernels::Sums;
using kernels::Terms;

bool Regularizer::valid_coefficient(double coefficient) {
    // Told from the bits, as a comparison would depend on the floating-point environment.
    constexpr std::uint64_t infinity = 0x7ff0000000000000;
    constexpr std::uint64_t minus_zero = 0x8000000000000000;
    std::uint64_t bits;
    static_assert(sizeof bits == sizeof coefficient);
    std::memcpy(&bits, &coefficient, sizeof bits);
    return bits < infinity || bits == minus_zero;
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
