// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * Results to another array, written past the caches.
 *
 * An ordinary store first reads its cache line. Where the line comes from memory and goes back
 * there before anything uses it, that is a third of all traffic. Measured on Zen 4 with 32 MiB of
 * last-level cache, float32 prox, time relative to ordinary stores, by the size of both arrays
 * together: 16 MiB 1.24, 24 MiB 0.76, 32 MiB 0.68, 64 MiB 0.75, 512 MiB 0.75. So whatever fits in
 * the cache is stored as ever, as its reader finds it there. float16 and bfloat16 take 1.2 to 1.4
 * of the time at any size: there the arithmetic is the limit.
 */
#pragma once

#include "operation.hpp"

#include <cstddef>

namespace l1l2::core {

/// The bytes of all arrays that are there, those of y once if it is another one, too.
constexpr std::size_t bytes_of(const Arrays& arrays) {
    const bool y_alone = arrays.y != nullptr && arrays.y != arrays.x && arrays.y != arrays.gradient;
    const std::size_t of_dtype = 1U + (y_alone ? 1U : 0U) + (arrays.gradient != nullptr ? 1U : 0U);
    const std::size_t steps = arrays.steps != nullptr ? size_of(arithmetic(arrays.dtype)) : 0;
    return arrays.n * (of_dtype * size_of(arrays.dtype) + steps);
}

/**
 * How an operation writes to arrays: the kernel that streams, or NULL for ordinary stores.
 *
 * bytes  what the whole call reads and writes, if that is more than these arrays.
 * cache  the bytes of the last-level cache, 0 if they are unknown.
 */
kernels::StreamKernel stream_kernel(const Operation& operation, const Arrays& arrays,
                                    std::size_t bytes, std::size_t cache);

/// Writes what operation.write(arrays) does, through a buffer that stays in the nearest cache.
/// Other threads see all of it as they see ordinary stores.
void write_streaming(const Operation& operation, const Arrays& arrays,
                     kernels::StreamKernel kernel);

} // namespace l1l2::core
