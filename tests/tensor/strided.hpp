/**
 * Tensors as the library has them once they are read and checked.
 */
#pragma once

#include "tensor.hpp"

#include <cstddef>
#include <vector>

namespace tensor_tests {

struct Axis {
    std::size_t size;
    std::ptrdiff_t stride; ///< in bytes
};

inline l1l2::core::Tensor strided(const std::vector<Axis>& axes, char* data,
                                  l1l2::core::Dtype dtype) {
    l1l2::core::Tensor tensor = {};
    tensor.dtype = dtype;
    tensor.axes = axes.size();
    tensor.count = 1;
    tensor.data = data;
    for (std::size_t i = 0; i < axes.size(); ++i) {
        tensor.size[i] = axes[i].size;
        tensor.stride[i] = axes[i].size == 1 ? 0 : axes[i].stride;
        tensor.count *= axes[i].size;
    }
    return tensor;
}

} // namespace tensor_tests
