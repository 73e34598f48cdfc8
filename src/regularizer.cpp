#include "regularizer.hpp"

#include <cstdint>
#include <cstring>

namespace l1l2::core {

bool Regularizer::valid_coefficient(double coefficient) {
    // Told from the bits, as a comparison would depend on the floating-point environment.
    constexpr std::uint64_t infinity = 0x7ff0000000000000;
    constexpr std::uint64_t minus_zero = 0x8000000000000000;
    std::uint64_t bits;
    static_assert(sizeof bits == sizeof coefficient);
    std::memcpy(&bits, &coefficient, sizeof bits);
    return bits < infinity || bits == minus_zero;
}

double Regularizer::penalty(const kernels::KernelTable& table, Dtype dtype, const void* x,
                            std::size_t n) const {
    return penalty_alone(table, dtype, x, n);
}

bool Regularizer::add_gradient(const kernels::KernelTable& table, const Arrays& arrays,
                               double scale, double* penalty) const {
    Operation operation;
    if (!plan_gradient(table, arrays.dtype, scale, operation)) {
        return false;
    }
    if (penalty != nullptr) {
        plan_penalty(table, arrays.dtype, operation);
    }
    const Sums sums = reduce(operation, arrays);
    if (penalty != nullptr) {
        *penalty = this->penalty(sums);
    }
    return true;
}

bool Regularizer::prox(const kernels::KernelTable& table, const Arrays& arrays, double step) const {
    Operation operation;
    if (!plan_prox(table, arrays.dtype, step, operation)) {
        return false;
    }
    reduce(operation, arrays);
    return true;
}

} // namespace l1l2::core
