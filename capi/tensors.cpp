/**
 * The C functions that compute over DLPack tensors.
 */
#include "handle.hpp"

#include "float_environment.hpp"
#include "kernels/dispatch.hpp"
#include "tensor.hpp"

using l1l2::capi::to_status;
using l1l2::core::FloatEnvironment;
using l1l2::core::Tensor;
using l1l2::core::TensorFault;
using l1l2::core::Walk;
using l1l2::kernels::chosen_table;

namespace {

/// Reads both tensors and adds the second one to a walk over the first.
TensorFault add_written(Walk& walk, const Tensor& x, const void* written, bool in_place) {
    Tensor y;
    const TensorFault fault = y.read(written);
    return fault != TensorFault::none ? fault : walk.add_written(x, y, in_place);
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
    const FloatEnvironment environment;
    *penalty = regularizer->value.penalty(chosen_table(), tensor.dtype, Walk(tensor));
    return L1L2_OK;
}

l1l2_status l1l2_add_gradient_dlpack(const l1l2_regularizer* regularizer, const void* x,
                                     double scale, const void* gradient, double* penalty) noexcept {
    if (regularizer == nullptr || x == nullptr || gradient == nullptr) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    Tensor tensor;
    TensorFault fault = tensor.read(x);
    if (fault != TensorFault::none) {
        return to_status(fault);
    }
    Walk walk(tensor);
    fault = add_written(walk, tensor, gradient, false);
    if (fault != TensorFault::none) {
        return to_status(fault);
    }
    const FloatEnvironment environment;
    const bool done =
        regularizer->value.add_gradient(chosen_table(), tensor.dtype, walk, scale, penalty);
    return done ? L1L2_OK : L1L2_ERROR_INVALID_SCALE;
}

l1l2_status l1l2_prox_dlpack(const l1l2_regularizer* regularizer, const void* x, double step,
                             const void* out) noexcept {
    if (regularizer == nullptr || x == nullptr || out == nullptr) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    Tensor tensor;
    TensorFault fault = tensor.read(x);
    if (fault != TensorFault::none) {
        return to_status(fault);
    }
    Walk walk(tensor);
    fault = add_written(walk, tensor, out, true);
    if (fault != TensorFault::none) {
        return to_status(fault);
    }
    const FloatEnvironment environment;
    const bool done = regularizer->value.prox(chosen_table(), tensor.dtype, walk, step);
    return done ? L1L2_OK : L1L2_ERROR_INVALID_STEP;
}
