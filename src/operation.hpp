/**
 * What is computed of the elements: kernels and their factors, as regularizer.hpp chooses them, and
 * what they are applied to.
 */
#pragma once

#include "kernels/kernels.hpp"

#include <cstddef>

namespace l1l2::core {

using kernels::Dtype;
using kernels::size_of;
using kernels::Sums;

/// Any part of it may be missing. Copied freely; needs the default floating-point environment.
struct Operation {
    kernels::BlockKernel sums = nullptr;
    kernels::GradientKernel add_gradient = nullptr;
    kernels::GradientAndSumKernel add_gradient_and_sum = nullptr; ///< there if add_gradient is
    double sign = 0.0;                                            ///< of the gradient
    double linear = 0.0;                                          ///< of the gradient
    kernels::ProxKernel prox = nullptr;
    double threshold = 0.0; ///< of prox
    double factor = 0.0;    ///< of prox

    bool writes() const { return add_gradient != nullptr || prox != nullptr; }

    /// The part that writes, for n elements of x and y.
    void write(const void* x, void* y, std::size_t n) const {
        if (add_gradient != nullptr) {
            add_gradient(x, y, n, sign, linear);
        } else if (prox != nullptr) {
            prox(x, y, n, threshold, factor);
        }
    }

    /// For one block of at most kernels::block_elements elements: its sums, taken of x as it was
    /// before, and what is written to y.
    Sums apply(const void* x, void* y, std::size_t n) const {
        if (sums != nullptr && add_gradient_and_sum != nullptr) {
            return add_gradient_and_sum(x, y, n, sign, linear);
        }
        const Sums result = sums != nullptr ? sums(x, n) : Sums{0.0, 0.0};
        write(x, y, n);
        return result;
    }
};

/// n contiguous elements, and as many that are written, or NULL.
struct Arrays {
    Dtype dtype;
    const void* x;
    void* y;
    std::size_t n;
};

} // namespace l1l2::core
