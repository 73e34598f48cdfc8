// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "streaming.hpp"

#include <algorithm>
#include <cstdint>

#ifdef __x86_64__
#include <emmintrin.h>
#endif

namespace l1l2::core {

using kernels::cache_line;
using kernels::StreamKernel;

namespace {

/// Orders streamed stores before all that follow, which x86 does of itself with others alone.
void finish_streaming() {
#ifdef __x86_64__
    _mm_sfence();
#endif
}

} // namespace

StreamKernel stream_kernel(const Operation& operation, const Arrays& arrays, std::size_t bytes,
                           std::size_t cache) {
    const bool narrow = size_of(arrays.dtype) < sizeof(float);
    const bool in_place = arrays.y == arrays.x || arrays.y == arrays.gradient;
    const bool large = cache != 0 && std::max(bytes, bytes_of(arrays)) > cache;
    return large && !narrow && !in_place ? operation.stream() : nullptr;
}

void write_streaming(const Operation& operation, const Arrays& arrays, StreamKernel kernel) {
    // With 1 KiB the calls show, with 8 KiB the memory waits for the arithmetic.
    constexpr std::size_t buffer_bytes = 2048;
    alignas(cache_line) char buffer[buffer_bytes];
    const std::size_t element = size_of(arrays.dtype);
    const std::size_t per_line = cache_line / element;
    // The elements that fill whole lines are streamed. None does if none begins a line.
    const std::size_t to_line = -reinterpret_cast<std::uintptr_t>(arrays.y) % cache_line;
    const std::size_t first = to_line % element == 0 ? to_line / element : arrays.n;
    const std::size_t last = arrays.n - (arrays.n - first) % per_line;
    for (std::size_t i = 0; i < arrays.n;) {
        const bool streams = i >= first && i < last;
        const std::size_t next = i < first ? first
                                 : streams ? std::min(i + buffer_bytes / element, last)
                                           : arrays.n;
        Arrays part = arrays.part(i, next);
        char* const to = static_cast<char*>(part.y);
        part.y = streams ? buffer : to;
        operation.write(part);
        if (streams) {
            kernel(buffer, to, part.n / per_line, arrays.part(next, last).x);
        }
        i = next;
    }
    finish_streaming();
}

} // namespace l1l2::core
