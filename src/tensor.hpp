// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * Tensors of any strides, as DLPack describes them, and what is checked of them.
 */
#pragma once

#include "operation.hpp"

#include <cstddef>
#include <cstdint>

namespace l1l2::core {

/// As many axes as NumPy and PyTorch have at most.
constexpr std::size_t max_axes = 64;

/// The struct DLTensor of dlpack.h, which is part of DLPack's ABI since its first version.
struct DLTensor {
    void* data;
    std::int32_t device_type;
    std::int32_t device_id;
    std::int32_t ndim;
    std::uint8_t dtype_code;
    std::uint8_t dtype_bits;
    std::uint16_t dtype_lanes;
    std::int64_t* shape;
    std::int64_t* strides;
    std::uint64_t byte_offset;
};
static_assert(sizeof(void*) != 8 || sizeof(DLTensor) == 48);

/// Why a tensor, or two of them, cannot be walked.
enum class TensorFault {
    none,
    unsupported_device,
    unsupported_dtype,
    invalid_tensor, ///< its numbers make no tensor, or not one that fits the other
    overlap
};

/// A checked view of a DLTensor, with the strides in bytes.
struct Tensor {
    Dtype dtype;
    std::size_t axes;
    std::size_t count; ///< the product of the sizes
    char* data;        ///< its first element
    std::size_t size[max_axes];
    std::ptrdiff_t stride[max_axes]; ///< 0 for an axis of one element

    /// Reads a struct DLTensor. With a fault the view is unspecified.
    TensorFault read(const void* dltensor);
};

/// Whether what is computed of x, element by element, can be written to y: the same dtype and
/// shape, no two elements of y in one place, and none where x has another. y may be x's memory only
/// if in_place allows it, and then with the same strides.
TensorFault check_written(const Tensor& x, const Tensor& y, bool in_place);

/// Whether a tensor beside x, of another dtype perhaps, can be read: the dtype and the shape of x.
TensorFault check_read(const Tensor& x, const Tensor& other, Dtype dtype);

/// Whether the outcome of a step of proximal gradient descent can be written to y: as to that of x
/// in place, of the gradient in place, and not where the steps are. Each may be NULL but x.
TensorFault check_step(const Tensor& x, const Tensor* gradient, const Tensor* steps,
                       const Tensor& y);

// The parts of that check, for tensors that have elements.

/// Whether each stride of more than one element reaches beyond all that the smaller ones cover, so
/// that no two elements meet. A sufficient condition: some tensors whose elements never meet, but
/// interleave, fail it.
bool is_nested(const Tensor& tensor);

/// Whether it is plain that no element of one shares a byte with one of the other: they lie in
/// ranges of addresses that are apart, or, as the columns of one matrix do, in addresses that
/// differ modulo a common divisor of all strides by at least an element.
bool are_apart(const Tensor& x, const Tensor& y);

} // namespace l1l2::core
