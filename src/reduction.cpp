// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "reduction.hpp"

#include "kernels/dispatch.hpp"
#include "streaming.hpp"

#include <atomic>

namespace l1l2::core {

using kernels::block_elements;

Sums apply_blocks(const Operation& operation, const Arrays& arrays, std::size_t first,
                  std::size_t count, std::size_t bytes) {
    const auto part = [&](std::size_t begin, std::size_t end) {
        return arrays.part(begin * block_elements, end * block_elements);
    };
    if (!operation.sums()) { // without an order to keep
        const Arrays all = part(first, first + count);
        const std::size_t cache = kernels::last_level_cache.load(std::memory_order_relaxed);
        if (const auto kernel = stream_kernel(operation, arrays, bytes, cache)) {
            write_streaming(operation, all, kernel);
        } else {
            operation.write(all);
        }
        return {0.0, 0.0};
    }
    return reduce_tree(
        count, [&](std::size_t i) { return operation.apply(part(first + i, first + i + 1)); });
}

} // namespace l1l2::core
