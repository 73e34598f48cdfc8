// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * What the files of the C interface share: the handle, and how constants become those of the core.
 */
#pragma once

#include "l1l2.h"

#include "exact_sums.hpp"
#include "kernels/dispatch.hpp"
#include "operation.hpp"
#include "reduction.hpp"
#include "regularizer.hpp"
#include "tensor.hpp"
#include "walk.hpp"

#include <cstddef>
#include <cstdint>

struct l1l2_regularizer {
    l1l2::core::Regularizer value;
};

namespace l1l2::capi {

// The constants in the order of the core, so that no branch is needed.
static_assert(L1L2_FLOAT32 == 1 + static_cast<int>(core::Dtype::float32));
static_assert(L1L2_FLOAT64 == 1 + static_cast<int>(core::Dtype::float64));
static_assert(L1L2_FLOAT16 == 1 + static_cast<int>(core::Dtype::float16));
static_assert(L1L2_BFLOAT16 == 1 + static_cast<int>(core::Dtype::bfloat16));

inline bool is_dtype(l1l2_dtype dtype) {
    return static_cast<std::uint32_t>(dtype) - 1U < kernels::dtype_count;
}

/// Of a dtype that is one.
inline core::Dtype to_dtype(l1l2_dtype dtype) {
    return static_cast<core::Dtype>(static_cast<std::uint32_t>(dtype) - 1U);
}

/// Whether there can be n elements at x: at most PTRDIFF_MAX bytes, and none only at NULL.
inline bool is_array(const void* x, std::size_t n, core::Dtype dtype) {
    constexpr unsigned bits = 8 * sizeof(std::size_t) - 1;
    static constexpr unsigned log2_of_size[] = {2, 3, 1, 1};
    static_assert(core::size_of(core::Dtype::float32) == 1U << log2_of_size[0] &&
                  core::size_of(core::Dtype::float64) == 1U << log2_of_size[1] &&
                  core::size_of(core::Dtype::float16) == 1U << log2_of_size[2] &&
                  core::size_of(core::Dtype::bfloat16) == 1U << log2_of_size[3]);
    const unsigned log2 = log2_of_size[static_cast<std::size_t>(dtype)];
    return (n >> (bits - log2)) == 0 && (x != nullptr || n == 0);
}

/// Whether two arrays of n elements share a byte. Compared as numbers, as they are of two objects.
inline bool overlap(const void* x, core::Dtype x_type, const void* y, core::Dtype y_type,
                    std::size_t n) {
    const auto a = reinterpret_cast<std::uintptr_t>(x);
    const auto b = reinterpret_cast<std::uintptr_t>(y);
    return a < b ? b - a < n * core::size_of(x_type) : a - b < n * core::size_of(y_type);
}
inline bool overlap(const void* x, const void* y, std::size_t n, core::Dtype dtype) {
    return overlap(x, dtype, y, dtype, n);
}

/// Whether the arrays of a step of proximal gradient descent can be arrays. gradient and steps may
/// be NULL.
inline bool are_step_arrays(const core::Arrays& of) {
    return is_array(of.x, of.n, of.dtype) && is_array(of.y, of.n, of.dtype) &&
           (of.steps == nullptr || is_array(of.steps, of.n, core::arithmetic(of.dtype)));
}

/// Whether `out` lies within an array that is read, other than being x or the gradient.
inline bool step_overlaps(const core::Arrays& of) {
    return (of.y != of.x && overlap(of.x, of.y, of.n, of.dtype)) ||
           (of.gradient != nullptr && of.y != of.gradient &&
            overlap(of.gradient, of.y, of.n, of.dtype)) ||
           (of.steps != nullptr &&
            overlap(of.steps, core::arithmetic(of.dtype), of.y, of.dtype, of.n));
}

inline l1l2_status to_status(core::TensorFault fault) {
    switch (fault) {
    case core::TensorFault::none: return L1L2_OK;
    case core::TensorFault::unsupported_device: return L1L2_ERROR_UNSUPPORTED_DEVICE;
    case core::TensorFault::unsupported_dtype: return L1L2_ERROR_UNSUPPORTED_DTYPE;
    case core::TensorFault::overlap: return L1L2_ERROR_OVERLAP;
    case core::TensorFault::invalid_tensor: break;
    }
    return L1L2_ERROR_INVALID_TENSOR;
}

inline l1l2_status to_status(core::SumsFault fault) {
    switch (fault) {
    case core::SumsFault::none: return L1L2_OK;
    case core::SumsFault::unknown_layout: return L1L2_ERROR_UNKNOWN_LAYOUT;
    case core::SumsFault::count_overflow: return L1L2_ERROR_COUNT_OVERFLOW;
    case core::SumsFault::invalid_sums: break;
    }
    return L1L2_ERROR_INVALID_SUMS;
}

// What is computed of Arrays or a Walk. Needs the default floating-point environment.

template <class Elements>
void set_penalty(const core::Regularizer* regularizer, core::Dtype dtype, const Elements* elements,
                 double* penalty) {
    *penalty =
        regularizer->penalty(apply(regularizer->sum(kernels::chosen_table(), dtype), *elements));
}

template <class Elements>
l1l2_status add_gradient(const core::Regularizer* regularizer, core::Dtype dtype,
                         const Elements* elements, double scale, double* penalty) {
    const kernels::KernelTable& table = kernels::chosen_table();
    if (!regularizer->accepts_scale(scale, dtype)) {
        return L1L2_ERROR_INVALID_SCALE;
    }
    if (penalty == nullptr) {
        apply(regularizer->gradient(table, dtype, scale), *elements);
    } else {
        *penalty = regularizer->penalty(
            apply(regularizer->gradient_and_sum(table, dtype, scale), *elements));
    }
    return L1L2_OK;
}

template <class Elements>
l1l2_status write_prox(const core::Regularizer* regularizer, core::Dtype dtype,
                       const Elements* elements, double step) {
    if (!regularizer->accepts_step(step, dtype)) {
        return L1L2_ERROR_INVALID_STEP;
    }
    apply(regularizer->prox(kernels::chosen_table(), dtype, step), *elements);
    return L1L2_OK;
}

} // namespace l1l2::capi
