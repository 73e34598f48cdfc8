// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "reduction.hpp"

namespace l1l2::core {

using kernels::block_elements;

Sums apply_blocks(const Operation& operation, const Arrays& arrays, std::size_t first,
                  std::size_t count) {
    const auto apply = [&](std::size_t begin, std::size_t end) {
        return operation.apply(arrays.part(begin * block_elements, end * block_elements));
    };
    if (!operation.sums()) { // without an order to keep
        return apply(first, first + count);
    }
    return reduce_tree(count, [&](std::size_t i) { return apply(first + i, first + i + 1); });
}

} // namespace l1l2::core
