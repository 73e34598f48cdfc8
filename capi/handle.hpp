/**
 * What the files of the C interface share: the handle, and how constants become those of the core.
 */
#pragma once

#include "l1l2.h"

#include "operation.hpp"
#include "regularizer.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

struct l1l2_regularizer {
    l1l2::core::Regularizer value;
};

namespace l1l2::capi {

inline std::optional<core::Dtype> to_dtype(l1l2_dtype dtype) {
    switch (dtype) {
    case L1L2_FLOAT32: return core::Dtype::float32;
    case L1L2_FLOAT64: return core::Dtype::float64;
    case L1L2_FLOAT16: return core::Dtype::float16;
    case L1L2_BFLOAT16: return core::Dtype::bfloat16;
    default: return std::nullopt;
    }
}

/// Whether there can be n elements at x.
inline bool is_array(const void* x, std::size_t n, core::Dtype dtype) {
    return n <= static_cast<std::size_t>(PTRDIFF_MAX) / core::size_of(dtype) &&
           (x != nullptr || n == 0);
}

/// Whether two arrays of n elements share a byte. Compared as numbers, as they are of two objects.
inline bool overlap(const void* x, const void* y, std::size_t n, core::Dtype dtype) {
    const auto a = reinterpret_cast<std::uintptr_t>(x);
    const auto b = reinterpret_cast<std::uintptr_t>(y);
    return (a < b ? b - a : a - b) < n * core::size_of(dtype);
}

} // namespace l1l2::capi
