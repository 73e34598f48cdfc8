// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * The C functions that compute over DLPack tensors.
 */
#include "handle.hpp"

#include "float_environment.hpp"
#include "steps.hpp"

using namespace l1l2::capi;
using l1l2::core::Dtype;
using l1l2::core::Regularizer;
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

/// The tensors of a step of proximal gradient descent. Not all of them need be there.
class StepTensors {
  public:
    TensorFault read(const void* x, const void* gradient, const void* steps, const void* out) {
        TensorFault fault = x_.read(x);
        if (fault == TensorFault::none) {
            fault = read(gradient, x_.dtype, gradient_);
        }
        if (fault == TensorFault::none) {
            fault = read(steps, l1l2::core::arithmetic(x_.dtype), steps_);
        }
        if (fault == TensorFault::none) {
            fault = out_.read(out);
        }
        has_gradient_ = gradient != nullptr;
        has_steps_ = steps != nullptr;
        return fault == TensorFault::none ? check_step(x_, this->gradient(), this->steps(), out_)
                                          : fault;
    }

    Dtype dtype() const { return x_.dtype; }
    const Tensor* steps() const { return has_steps_ ? &steps_ : nullptr; }
    Walk walk() const { return Walk(x_, &out_, gradient(), steps()); }

  private:
    const Tensor* gradient() const { return has_gradient_ ? &gradient_ : nullptr; }

    TensorFault read(const void* dltensor, Dtype dtype, Tensor& tensor) const {
        if (dltensor == nullptr) {
            return TensorFault::none;
        }
        const TensorFault fault = tensor.read(dltensor);
        return fault == TensorFault::none ? check_read(x_, tensor, dtype) : fault;
    }

    Tensor x_;
    Tensor gradient_;
    Tensor steps_;
    Tensor out_;
    bool has_gradient_ = false;
    bool has_steps_ = false;
};

l1l2_status take_step_of_tensors(const Regularizer* regularizer, const StepTensors* tensors,
                                 double step) {
    const l1l2::kernels::KernelTable& table = l1l2::kernels::chosen_table();
    const Dtype dtype = tensors->dtype();
    if (!regularizer->accepts_prox_step(step, dtype) ||
        !accepts_all_steps(table, *regularizer, step, dtype, tensors->steps())) {
        return L1L2_ERROR_INVALID_STEP;
    }
    apply(regularizer->prox_step(table, dtype, step), tensors->walk());
    return L1L2_OK;
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
    const Walk walk(tensor, &written);
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
    const Walk walk(tensor, &written);
    return with_default_environment<write_prox<Walk>>(&regularizer->value, tensor.dtype, &walk,
                                                      step);
}

l1l2_status l1l2_prox_step_dlpack(const l1l2_regularizer* regularizer, const void* x,
                                  const void* gradient, double step, const void* steps,
                                  const void* out) noexcept {
    if (regularizer == nullptr || x == nullptr || out == nullptr) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    StepTensors tensors;
    const TensorFault fault = tensors.read(x, gradient, steps, out);
    if (fault != TensorFault::none) {
        return to_status(fault);
    }
    return with_default_environment<take_step_of_tensors>(&regularizer->value, &tensors, step);
}
