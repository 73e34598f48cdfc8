// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * The C functions of exact sums. Each reads accumulators, works on them and, if all went well,
 * writes one back.
 */
#include "handle.hpp"

#include "exact_sums.hpp"
#include "float_environment.hpp"

#include <cstring>

using namespace l1l2::capi;
using l1l2::core::Dtype;
using l1l2::core::ExactSums;
using l1l2::core::Regularizer;
using l1l2::core::SumsFault;
using l1l2::core::Tensor;
using l1l2::core::with_default_environment;
using l1l2::kernels::chosen_table;

static_assert(L1L2_EXACT_SUMS_LENGTH == ExactSums::length);

namespace {

/// Reads an accumulator, adds n elements to it by add(ExactSums&), and writes it back.
template <class Add>
l1l2_status add_to(int64_t* sums, std::size_t n, Add add) {
    ExactSums exact;
    SumsFault fault = exact.load(sums);
    if (fault == SumsFault::none) {
        fault = exact.add_to_count(n);
    }
    if (fault != SumsFault::none) {
        return to_status(fault);
    }
    add(exact);
    exact.store(sums);
    return L1L2_OK;
}

/// Changes an accumulator by another one.
template <SumsFault (ExactSums::*change)(ExactSums&)>
l1l2_status combine(int64_t* sums, const int64_t* other) {
    if (sums == nullptr || other == nullptr) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    ExactSums exact;
    ExactSums changing;
    SumsFault fault = exact.load(sums);
    if (fault == SumsFault::none) {
        fault = changing.load(other);
    }
    if (fault == SumsFault::none) {
        fault = (exact.*change)(changing);
    }
    if (fault == SumsFault::none) {
        exact.store(sums);
    }
    return to_status(fault);
}

/// Writes a double by its bits, which must not pass through a register.
void set(double* where, std::uint64_t bits) {
    static_assert(sizeof *where == sizeof bits);
    std::memcpy(where, &bits, sizeof bits);
}

l1l2_status add_array(std::int64_t* sums, Dtype dtype, const void* x, std::size_t n) {
    return add_to(sums, n, [&](ExactSums& exact) { exact.add(chosen_table(), dtype, x, n); });
}

l1l2_status add_tensor(std::int64_t* sums, const Tensor* x) {
    return add_to(sums, x->count, [&](ExactSums& exact) { exact.add(chosen_table(), *x); });
}

/// The coefficients, unlike the result, pass through registers.
void penalty_of_sums(double* penalty, ExactSums* exact, const Regularizer* regularizer) {
    set(penalty, exact->penalty(*regularizer));
}

} // namespace

size_t l1l2_exact_sums_length() noexcept {
    return L1L2_EXACT_SUMS_LENGTH;
}

l1l2_status l1l2_exact_sums_add(int64_t* sums, l1l2_dtype dtype, const void* x, size_t n) noexcept {
    if (!is_dtype(dtype)) {
        return L1L2_ERROR_UNSUPPORTED_DTYPE;
    }
    const Dtype type = to_dtype(dtype);
    if (sums == nullptr || !is_array(x, n, type)) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    return with_default_environment<add_array>(sums, type, x, n);
}

l1l2_status l1l2_exact_sums_add_dlpack(int64_t* sums, const void* x) noexcept {
    if (sums == nullptr || x == nullptr) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    Tensor tensor;
    const l1l2_status status = to_status(tensor.read(x));
    if (status != L1L2_OK) {
        return status;
    }
    return with_default_environment<add_tensor>(sums, &tensor);
}

l1l2_status l1l2_exact_sums_merge(int64_t* sums, const int64_t* other) noexcept {
    return combine<&ExactSums::merge>(sums, other);
}

l1l2_status l1l2_exact_sums_subtract(int64_t* sums, const int64_t* other) noexcept {
    return combine<&ExactSums::subtract>(sums, other);
}

l1l2_status l1l2_exact_sums_check(const int64_t* sums) noexcept {
    if (sums == nullptr) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    ExactSums exact;
    return to_status(exact.load(sums));
}

l1l2_status l1l2_exact_sums_read(const int64_t* sums, double* absolute, double* square,
                                 int64_t* count) noexcept {
    if (sums == nullptr) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    ExactSums exact;
    const SumsFault fault = exact.load(sums);
    if (fault != SumsFault::none) {
        return to_status(fault);
    }
    if (absolute != nullptr) {
        set(absolute, exact.absolute());
    }
    if (square != nullptr) {
        set(square, exact.square());
    }
    if (count != nullptr) {
        *count = exact.count();
    }
    return L1L2_OK;
}

l1l2_status l1l2_exact_sums_norm(const int64_t* sums, double* norm) noexcept {
    if (sums == nullptr || norm == nullptr) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    ExactSums exact;
    const SumsFault fault = exact.load(sums);
    if (fault == SumsFault::none) {
        set(norm, exact.norm());
    }
    return to_status(fault);
}

l1l2_status l1l2_penalty_exact_sums(const l1l2_regularizer* regularizer, const int64_t* sums,
                                    double* penalty) noexcept {
    if (regularizer == nullptr || sums == nullptr || penalty == nullptr) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    ExactSums exact;
    const SumsFault fault = exact.load(sums);
    if (fault != SumsFault::none) {
        return to_status(fault);
    }
    with_default_environment<penalty_of_sums>(penalty, &exact, &regularizer->value);
    return L1L2_OK;
}
