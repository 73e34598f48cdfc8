/**
 * The C functions that compute over contiguous arrays.
 */
#include "handle.hpp"

#include "float_environment.hpp"
#include "kernels/dispatch.hpp"
#include "reduction.hpp"

using l1l2::capi::is_array;
using l1l2::capi::overlap;
using l1l2::capi::to_dtype;
using l1l2::core::Dtype;
using l1l2::core::FloatEnvironment;
using l1l2::core::Operation;
using l1l2::core::Sums;
using l1l2::kernels::chosen_table;

namespace {

/// Not inlined for the reason that float_environment.hpp gives.
[[gnu::noinline]] Sums compute(const Operation& operation, const l1l2::core::Arrays& arrays) {
    return l1l2::core::reduce(operation, arrays);
}

} // namespace

l1l2_status l1l2_penalty(const l1l2_regularizer* regularizer, l1l2_dtype dtype, const void* x,
                         size_t n, double* penalty) noexcept {
    const std::optional<Dtype> type = to_dtype(dtype);
    if (!type) {
        return L1L2_ERROR_UNSUPPORTED_DTYPE;
    }
    if (regularizer == nullptr || penalty == nullptr || !is_array(x, n, *type)) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    const FloatEnvironment environment;
    *penalty = regularizer->value.penalty(chosen_table(), *type, x, n);
    return L1L2_OK;
}

l1l2_status l1l2_add_gradient(const l1l2_regularizer* regularizer, l1l2_dtype dtype, const void* x,
                              size_t n, double scale, void* gradient, double* penalty) noexcept {
    const std::optional<Dtype> type = to_dtype(dtype);
    if (!type) {
        return L1L2_ERROR_UNSUPPORTED_DTYPE;
    }
    if (regularizer == nullptr || !is_array(x, n, *type) || !is_array(gradient, n, *type)) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    const FloatEnvironment environment;
    Operation operation;
    if (!regularizer->value.plan_gradient(chosen_table(), *type, scale, operation)) {
        return L1L2_ERROR_INVALID_SCALE;
    }
    if (overlap(x, gradient, n, *type)) {
        return L1L2_ERROR_OVERLAP;
    }
    if (penalty != nullptr) {
        regularizer->value.plan_penalty(chosen_table(), *type, operation);
    }
    const Sums sums = compute(operation, {*type, x, gradient, n});
    if (penalty != nullptr) {
        *penalty = regularizer->value.penalty(sums);
    }
    return L1L2_OK;
}

l1l2_status l1l2_prox(const l1l2_regularizer* regularizer, l1l2_dtype dtype, const void* x,
                      size_t n, double step, void* out) noexcept {
    const std::optional<Dtype> type = to_dtype(dtype);
    if (!type) {
        return L1L2_ERROR_UNSUPPORTED_DTYPE;
    }
    if (regularizer == nullptr || !is_array(x, n, *type) || !is_array(out, n, *type)) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    const FloatEnvironment environment;
    Operation operation;
    if (!regularizer->value.plan_prox(chosen_table(), *type, step, operation)) {
        return L1L2_ERROR_INVALID_STEP;
    }
    if (out != x && overlap(x, out, n, *type)) {
        return L1L2_ERROR_OVERLAP;
    }
    compute(operation, {*type, x, out, n});
    return L1L2_OK;
}
