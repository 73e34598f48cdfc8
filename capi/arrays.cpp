/**
 * The C functions that compute over contiguous arrays.
 */
#include "handle.hpp"

#include "float_environment.hpp"
#include "kernels/dispatch.hpp"

using l1l2::capi::is_array;
using l1l2::capi::is_dtype;
using l1l2::capi::overlap;
using l1l2::capi::to_dtype;
using l1l2::core::Arrays;
using l1l2::core::Dtype;
using l1l2::core::FloatEnvironment;
using l1l2::kernels::chosen_table;

l1l2_status l1l2_penalty(const l1l2_regularizer* regularizer, l1l2_dtype dtype, const void* x,
                         size_t n, double* penalty) noexcept {
    if (!is_dtype(dtype)) {
        return L1L2_ERROR_UNSUPPORTED_DTYPE;
    }
    const Dtype type = to_dtype(dtype);
    if (regularizer == nullptr || penalty == nullptr || !is_array(x, n, type)) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    const FloatEnvironment environment;
    *penalty = regularizer->value.penalty(chosen_table(), type, x, n);
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
    const FloatEnvironment environment;
    const bool done = regularizer->value.add_gradient(chosen_table(), type,
                                                      Arrays{type, x, gradient, n}, scale, penalty);
    return done ? L1L2_OK : L1L2_ERROR_INVALID_SCALE;
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
    const FloatEnvironment environment;
    const bool done = regularizer->value.prox(chosen_table(), type, Arrays{type, x, out, n}, step);
    return done ? L1L2_OK : L1L2_ERROR_INVALID_STEP;
}
