// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * The C functions that compute over contiguous arrays.
 */
#include "handle.hpp"

#include "float_environment.hpp"
#include "steps.hpp"

using namespace l1l2::capi;
using l1l2::core::accepts_all_steps;
using l1l2::core::Arrays;
using l1l2::core::Dtype;
using l1l2::core::Regularizer;
using l1l2::core::with_default_environment;

namespace {

// Of an array's parts, which unlike Arrays stay in registers.

void penalty_of(const Regularizer* regularizer, Dtype dtype, const void* x, std::size_t n,
                double* penalty) {
    const Arrays arrays = {dtype, x, nullptr, n};
    set_penalty(regularizer, dtype, &arrays, penalty);
}

l1l2_status add_gradient_of(const Regularizer* regularizer, Dtype dtype, const void* x,
                            std::size_t n, double scale, void* gradient, double* penalty) {
    const Arrays arrays = {dtype, x, gradient, n};
    return add_gradient(regularizer, dtype, &arrays, scale, penalty);
}

l1l2_status write_prox_of(const Regularizer* regularizer, Dtype dtype, const void* x, std::size_t n,
                          double step, void* out) {
    const Arrays arrays = {dtype, x, out, n};
    return write_prox(regularizer, dtype, &arrays, step);
}

l1l2_status take_step_of_arrays(const Regularizer* regularizer, const Arrays* arrays, double step) {
    const l1l2::kernels::KernelTable& table = l1l2::kernels::chosen_table();
    if (!regularizer->accepts_prox_step(step, arrays->dtype) ||
        !accepts_all_steps(table, *regularizer, step, *arrays)) {
        return L1L2_ERROR_INVALID_STEP;
    }
    apply(regularizer->prox_step(table, arrays->dtype, step), *arrays);
    return L1L2_OK;
}

} // namespace

l1l2_status l1l2_penalty(const l1l2_regularizer* regularizer, l1l2_dtype dtype, const void* x,
                         size_t n, double* penalty) noexcept {
    if (!is_dtype(dtype)) {
        return L1L2_ERROR_UNSUPPORTED_DTYPE;
    }
    const Dtype type = to_dtype(dtype);
    if (regularizer == nullptr || penalty == nullptr || !is_array(x, n, type)) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    with_default_environment<penalty_of>(&regularizer->value, type, x, n, penalty);
    return L1L2_OK;
}

l1l2_status l1l2_add_gradient(const l1l2_regularizer* regularizer, l1l2_dtype dtype, const void* x,
                              size_t n, double scale, void* gradient, double* penalty) noexcept {
    if (!is_dtype(dtype)) {
        return L1L2_ERROR_UNSUPPORTED_DTYPE;
    }
    const Dtype type = to_dtype(dtype);
    if (regularizer == nullptr || !is_array(x, n, type) || !is_array(gradient, n, type)) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    if (overlap(x, gradient, n, type)) {
        return L1L2_ERROR_OVERLAP;
    }
    return with_default_environment<add_gradient_of>(&regularizer->value, type, x, n, scale,
                                                     gradient, penalty);
}

l1l2_status l1l2_prox(const l1l2_regularizer* regularizer, l1l2_dtype dtype, const void* x,
                      size_t n, double step, void* out) noexcept {
    if (!is_dtype(dtype)) {
        return L1L2_ERROR_UNSUPPORTED_DTYPE;
    }
    const Dtype type = to_dtype(dtype);
    if (regularizer == nullptr || !is_array(x, n, type) || !is_array(out, n, type)) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    if (out != x && overlap(x, out, n, type)) {
        return L1L2_ERROR_OVERLAP;
    }
    return with_default_environment<write_prox_of>(&regularizer->value, type, x, n, step, out);
}

l1l2_status l1l2_prox_step(const l1l2_regularizer* regularizer, l1l2_dtype dtype, const void* x,
                           size_t n, const void* gradient, double step, const void* steps,
                           void* out) noexcept {
    if (!is_dtype(dtype)) {
        return L1L2_ERROR_UNSUPPORTED_DTYPE;
    }
    const Arrays arrays = {to_dtype(dtype), x, out, n, gradient, steps};
    if (regularizer == nullptr || !are_step_arrays(arrays)) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    if (step_overlaps(arrays)) {
        return L1L2_ERROR_OVERLAP;
    }
    return with_default_environment<take_step_of_arrays>(&regularizer->value, &arrays, step);
}
