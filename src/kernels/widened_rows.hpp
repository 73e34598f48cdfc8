// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * A buffer through which rows of 16-bit elements go on their way to the sums, widened to float32.
 *
 * On Zen 4 a conversion to double is one operation from memory, but two from half a register. A row
 * written just before it is loaded would arrive late. So the buffer is a ring: a row is widened
 * while the one `size` before it is added, and takes its place.
 *
 *     memory    | r | r + 1 | r + 2 |  ...  | r + 15 | r + 16 | ...
 *                                                        |
 *                                       put(r + 16, ...) | when r has been added
 *                                                        v
 *     ring      | r + 1 | r + 2 |  ...  | r + 15 |    r + 16     |
 *                   ^
 *                   at(r + 1) is added next
 *
 * bfloat16 from L2: 28 GB/s; without a buffer 18.6; with a strip of rows at a time, which needs
 * fewer registers, 22. The ring puts so many instructions between a load and its use that the CPU
 * sees few cache lines ahead, so that it needs a prefetch: from DRAM 16 rows with one give 23 GB/s,
 * 8 rows without 19.
 */
#pragma once

#include "lane_order.hpp"

namespace {

template <class Isa, class T, size_t size>
class WidenedRows {
    using Order = LaneOrder<Isa, T>;

  public:
    /// Widens the row at x as number r.
    [[gnu::always_inline]] inline void put(size_t r, const char* x) {
        for (size_t i = 0; i < lanes; i += Order::widened) {
            Order::widen(x + i * sizeof(T), row_[r % size].element + i);
        }
    }

    /// Row r as float32, one of the last `size` that were put. The ring goes on without a gap.
    [[gnu::always_inline]] inline const char* at(size_t r) const {
        return reinterpret_cast<const char*>(row_[r % size].element);
    }

  private:
    struct alignas(64) Row { // two cache lines
        float element[lanes];
    };
    static_assert(sizeof(Row) == lanes * sizeof(float));
    Row row_[size];
};

} // namespace
