// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "reduction.hpp"

#include <algorithm>

namespace l1l2::core {

using kernels::block_elements;

Sums apply_blocks(const Operation& operation, const Arrays& arrays, std::size_t first,
                  std::size_t count) {
    const std::size_t element = size_of(arrays.dtype);
    const char* const x = static_cast<const char*>(arrays.x);
    char* const y = static_cast<char*>(arrays.y);
    const auto apply = [&](std::size_t begin, std::size_t end) {
        return operation.apply(x + begin * element,
                               operation.writes() ? y + begin * element : nullptr,
                               std::min(arrays.n, end) - begin);
    };
    if (!operation.sums()) { // without an order to keep
        return apply(first * block_elements, (first + count) * block_elements);
    }
    return reduce_tree(count, [&](std::size_t i) {
        return apply((first + i) * block_elements, (first + i + 1) * block_elements);
    });
}

} // namespace l1l2::core
