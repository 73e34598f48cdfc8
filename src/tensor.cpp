// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "tensor.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <optional>

namespace l1l2::core {

namespace {

bool is_readable_by_cpu(std::int32_t device_type) {
    constexpr std::int32_t cpu = 1;
    constexpr std::int32_t cuda_host = 3;
    constexpr std::int32_t rocm_host = 11;
    constexpr std::int32_t cuda_managed = 13;
    return device_type == cpu || device_type == cuda_host || device_type == rocm_host ||
           device_type == cuda_managed;
}

std::optional<Dtype> dtype_of(const DLTensor& tensor) {
    constexpr std::uint8_t ieee = 2;
    constexpr std::uint8_t bfloat = 4;
    if (tensor.dtype_lanes == 1 && tensor.dtype_code == ieee) {
        switch (tensor.dtype_bits) {
        case 16: return Dtype::float16;
        case 32: return Dtype::float32;
        case 64: return Dtype::float64;
        default: return std::nullopt;
        }
    }
    if (tensor.dtype_lanes == 1 && tensor.dtype_code == bfloat && tensor.dtype_bits == 16) {
        return Dtype::bfloat16;
    }
    return std::nullopt;
}

/// Reads a size or stride that whoever shares the memory may change: once, so that what is checked
/// is what is used.
std::int64_t read_once(const std::int64_t& number) {
    return static_cast<const volatile std::int64_t&>(number);
}

/// False if the sizes are none. The count is 0 if one of them is, else 1 for now.
bool read_shape(const DLTensor& given, Tensor& tensor) {
    if (given.ndim < 0 || static_cast<std::size_t>(given.ndim) > max_axes ||
        (given.shape == nullptr && given.ndim > 0)) {
        return false;
    }
    tensor.axes = static_cast<std::size_t>(given.ndim);
    tensor.count = 1;
    for (std::size_t i = 0; i < tensor.axes; ++i) {
        const std::int64_t size = read_once(given.shape[i]);
        if (size < 0 || size > PTRDIFF_MAX) {
            return false;
        }
        tensor.size[i] = static_cast<std::size_t>(size);
        tensor.count = tensor.size[i] == 0 ? 0 : tensor.count;
    }
    return true;
}

/// Multiplies the count by the sizes. False if that, or a stride, is beyond the address space.
bool read_strides(const DLTensor& given, Tensor& tensor) {
    const auto element = static_cast<std::ptrdiff_t>(size_of(tensor.dtype));
    std::ptrdiff_t compact = element; // the stride of a compact tensor, and the bytes so far
    for (std::size_t i = tensor.axes; i-- > 0;) {
        std::ptrdiff_t& stride = tensor.stride[i];
        stride = compact;
        if (__builtin_mul_overflow(compact, static_cast<std::ptrdiff_t>(tensor.size[i]),
                                   &compact)) {
            return false;
        }
        if (tensor.size[i] == 1) {
            stride = 0; // whatever it is, it is never used
        } else if (given.strides != nullptr &&
                   __builtin_mul_overflow(read_once(given.strides[i]), element, &stride)) {
            return false;
        }
        tensor.count *= tensor.size[i];
    }
    return true;
}

/// False if there is no address.
bool read_data(const DLTensor& given, Tensor& tensor) {
    std::uintptr_t address = 0;
    if (given.data == nullptr || given.byte_offset > UINTPTR_MAX ||
        __builtin_add_overflow(reinterpret_cast<std::uintptr_t>(given.data),
                               static_cast<std::uintptr_t>(given.byte_offset), &address)) {
        return false;
    }
    // As a number, since an offset may pass PTRDIFF_MAX.
    tensor.data = reinterpret_cast<char*>(address); // NOLINT(performance-no-int-to-ptr)
    return true;
}

/// The bytes first .. last - 1, from a tensor's lowest element to its highest one.
struct Extent {
    std::uintptr_t first;
    std::uintptr_t last;
};

/// Nothing if that leaves the address space. For a tensor that has elements.
std::optional<Extent> extent_of(const Tensor& tensor) {
    std::ptrdiff_t below = 0;
    auto above = static_cast<std::ptrdiff_t>(size_of(tensor.dtype));
    for (std::size_t i = 0; i < tensor.axes; ++i) {
        std::ptrdiff_t reach = 0;
        std::ptrdiff_t& side = tensor.stride[i] < 0 ? below : above;
        if (__builtin_mul_overflow(tensor.stride[i],
                                   static_cast<std::ptrdiff_t>(tensor.size[i] - 1), &reach) ||
            __builtin_add_overflow(side, reach, &side)) {
            return std::nullopt;
        }
    }
    const auto data = reinterpret_cast<std::uintptr_t>(tensor.data);
    Extent extent = {};
    if (__builtin_sub_overflow(data, -static_cast<std::uintptr_t>(below), &extent.first) ||
        __builtin_add_overflow(data, static_cast<std::uintptr_t>(above), &extent.last) ||
        extent.last - extent.first > static_cast<std::uintptr_t>(PTRDIFF_MAX)) {
        return std::nullopt;
    }
    return extent;
}

/// Whether both have the same elements in the same places.
bool are_the_same(const Tensor& x, const Tensor& y) {
    return x.data == y.data && std::equal(x.stride, x.stride + x.axes, y.stride);
}

/// The greatest common divisor of the strides of both, 0 if there are none.
std::uintptr_t common_stride(const Tensor& x, const Tensor& y) {
    std::ptrdiff_t divisor = 0;
    for (const Tensor* tensor : {&x, &y}) {
        for (std::size_t i = 0; i < tensor->axes; ++i) {
            divisor = std::gcd(divisor, tensor->stride[i]);
        }
    }
    return static_cast<std::uintptr_t>(divisor);
}

} // namespace

TensorFault Tensor::read(const void* dltensor) {
    DLTensor given;
    std::memcpy(&given, dltensor, sizeof given);
    __asm__ __volatile__("" : : "r"(&given) : "memory"); // from here on the copy alone is read
    if (!is_readable_by_cpu(given.device_type)) {
        return TensorFault::unsupported_device;
    }
    const std::optional<Dtype> known = dtype_of(given);
    if (!known) {
        return TensorFault::unsupported_dtype;
    }
    dtype = *known;
    data = nullptr;
    if (!read_shape(given, *this)) {
        return TensorFault::invalid_tensor;
    }
    const bool valid = count == 0 || (read_strides(given, *this) && read_data(given, *this) &&
                                      extent_of(*this).has_value());
    return valid ? TensorFault::none : TensorFault::invalid_tensor;
}

bool is_nested(const Tensor& tensor) {
    std::size_t order[max_axes];
    std::size_t axes = 0;
    for (std::size_t i = 0; i < tensor.axes; ++i) {
        if (tensor.size[i] > 1) {
            order[axes++] = i;
        }
    }
    std::sort(order, order + axes, [&](std::size_t a, std::size_t b) {
        return std::abs(tensor.stride[a]) < std::abs(tensor.stride[b]);
    });
    std::size_t covered = size_of(tensor.dtype);
    for (std::size_t i = 0; i < axes; ++i) {
        const auto stride = static_cast<std::size_t>(std::abs(tensor.stride[order[i]]));
        if (stride < covered) {
            return false;
        }
        covered += stride * (tensor.size[order[i]] - 1);
    }
    return true;
}

bool are_apart(const Tensor& x, const Tensor& y) {
    const std::optional<Extent> a = extent_of(x);
    const std::optional<Extent> b = extent_of(y);
    if (a->last <= b->first || b->last <= a->first) {
        return true;
    }
    const std::uintptr_t period = common_stride(x, y);
    if (period == 0) {
        return false;
    }
    const std::uintptr_t distance = (b->first % period + period - a->first % period) % period;
    return distance >= size_of(x.dtype) && period - distance >= size_of(y.dtype);
}

TensorFault check_read(const Tensor& x, const Tensor& other, Dtype dtype) {
    const bool fits = other.dtype == dtype && other.axes == x.axes &&
                      std::equal(x.size, x.size + x.axes, other.size);
    return fits ? TensorFault::none : TensorFault::invalid_tensor;
}

TensorFault check_written(const Tensor& x, const Tensor& y, bool in_place) {
    const TensorFault fault = check_read(x, y, x.dtype);
    if (fault != TensorFault::none || x.count == 0) {
        return fault;
    }
    const bool writable = is_nested(y) && ((in_place && are_the_same(x, y)) || are_apart(x, y));
    return writable ? TensorFault::none : TensorFault::overlap;
}

TensorFault check_step(const Tensor& x, const Tensor* gradient, const Tensor* steps,
                       const Tensor& y) {
    TensorFault fault = check_written(x, y, true);
    if (fault == TensorFault::none && gradient != nullptr) {
        fault = check_written(*gradient, y, true);
    }
    if (fault == TensorFault::none && steps != nullptr && x.count > 0 && !are_apart(*steps, y)) {
        fault = TensorFault::overlap;
    }
    return fault;
}

} // namespace l1l2::core
