// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * The C functions that compute over DLPack tensors.
 */
#include "handle.hpp"

#include "float_environment.hpp"

using namespace l1l2::capi;
using l1l2::core::Tensor;
using l1l2::core::TensorFault;
using l1l2::core::Walk;
using l1l2::core::with_default_environment;

namespace {

/// Reads two tensors, the second of which is written for the first.
TensorFault read_both(const void* x, const void* y, bool in_place, Tensor& read, Tensor& written) {
    // cppcheck-suppress ctuuninitvar ; read() writes it
    TensorFault fault = read.read(x);
    if (fault == TensorFault::none) {
        fault = written.read(y);
    }
    return fault == TensorFault::none ? check_written(read, written, in_place) : fault;
}

} // namespace

l1l2_status l1l2_penalty_dlpack(const l1l2_regularizer* regularizer, const void* x,
                                double* penalty) noexcept {
    if (regularizer == nullptr || x == nullptr || penalty == nullptr) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    Tensor tensor;
    const TensorFault fault = tensor.read(x);
    if (fault != TensorFault::none) {
        return to_status(fault);
    }
    const Walk walk(tensor);
    with_default_environment<set_penalty<Walk>>(&regularizer->value, tensor.dtype, &walk, penalty);
    return L1L2_OK;
}

l1l2_status l1l2_add_gradient_dlpack(const l1l2_regularizer* regularizer, const void* x,
                                     double scale, const void* gradient, double* penalty) noexcept {
    if (regularizer == nullptr || x == nullptr || gradient == nullptr) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    Tensor tensor;
    Tensor written;
    const TensorFault fault = read_both(x, gradient, false, tensor, written);
    if (fault != TensorFault::none) {
        return to_status(fault);
    }
    const Walk walk(tensor, written);
    return with_default_environment<add_gradient<Walk>>(&regularizer->value, tensor.dtype, &walk,
                                                        scale, penalty);
}

l1l2_status l1l2_prox_dlpack(const l1l2_regularizer* regularizer, const void* x, double step,
                             const void* out) noexcept {
    if (regularizer == nullptr || x == nullptr || out == nullptr) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    Tensor tensor;
    Tensor written;
    const TensorFault fault = read_both(x, out, true, tensor, written);
    if (fault != TensorFault::none) {
        return to_status(fault);
    }
    const Walk walk(tensor, written);
    return with_default_environment<write_prox<Walk>>(&regularizer->value, tensor.dtype, &walk,
                                                      step);
}
