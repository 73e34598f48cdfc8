// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * The kernel that sums a block, one template over the instruction set. Its words:
 *
 *     block    up to 4096 elements, summed by one call
 *     lane     one of 32 partial sums
 *     row      32 consecutive elements, one for each lane
 *     batch    one register of lanes (xsimd's word)
 *     pass     one walk over rows, for the lanes that fit in registers
 *     strip    the rows that are walked before the next pass
 *     ring     the buffer of widened 16-bit rows
 *     used     the number of batches that may be nonzero
 */
#pragma once

#include "elements.hpp"
#include "kernels.hpp"
#include "lane_order.hpp"
#include "widened_rows.hpp"

#include <xsimd/xsimd.hpp>

namespace {

using l1l2::kernels::Block;
using l1l2::kernels::block_elements;
using l1l2::kernels::most_blocks;
using l1l2::kernels::Sums;
using l1l2::kernels::WantedSums;

template <class Isa, class T, WantedSums wanted>
class BlockSum {
    using Batch = typename Isa::Doubles;
    using Order = LaneOrder<Isa, T>;

  public:
    static constexpr size_t batches = Order::registers;

    struct Lanes {
        Batch absolute[batches];
        Batch square[batches];
    };

  private:
    static constexpr bool absolute_wanted = wanted != WantedSums::square;
    static constexpr bool square_wanted = wanted != WantedSums::absolute;

    /// 16-bit elements are loaded from a buffer, see widened_rows.hpp.
    using Loaded = typename Select<is_narrow<T>, float, T>::type;

    static constexpr size_t width = Batch::size;
    /// One pass over the rows carries as many batches of lanes as half of the registers hold.
    static constexpr size_t most_pass_batches =
        Isa::registers / (wanted == WantedSums::both ? 4 : 2);
    static constexpr size_t pass_batches =
        batches < most_pass_batches ? batches : most_pass_batches;
    static constexpr bool one_pass = pass_batches == batches;
    static constexpr size_t row_bytes = lanes * sizeof(T);
    static constexpr size_t batch_bytes = width * sizeof(Loaded);
    static constexpr size_t cache_line = l1l2::kernels::cache_line;
    static constexpr size_t prefetch_distance =
        is_narrow<T> ? 0 : Isa::template prefetch_distance<T>;
    static constexpr size_t far_prefetch_distance =
        is_narrow<T> ? 0 : Isa::template far_prefetch_distance<T>;

    /// Where the registers hold fewer lanes than a row has, each strip of rows is walked in several
    /// passes, one group of lanes each. Lanes are independent, so no bit changes. A strip must be
    /// long enough to pay for reloading the sums, and short enough that its later passes, which
    /// touch other cache lines, do not confuse the hardware prefetcher. With AVX2, 32 rows instead
    /// of 8 make float32 a third faster in cache and float64 a fifth slower from DRAM.
    static constexpr size_t strip_rows = one_pass                     ? block_elements / lanes
                                         : sizeof(T) < sizeof(double) ? 32
                                                                      : 8;

    static constexpr size_t ring_rows = one_pass ? 16 : strip_rows;
    static constexpr size_t ring_prefetch_distance = 4096;
    using Widened = WidenedRows<Isa, T, ring_rows>;

    /// |x|, which widening has made already.
    [[gnu::always_inline]] static inline Batch magnitude(Batch x) {
        if constexpr (is_narrow<T>) {
            return x;
        } else {
            return xsimd::abs(x);
        }
    }

    [[gnu::always_inline]] static inline void add_absolute(Batch x, Batch& sum) {
        if constexpr (absolute_wanted) {
            sum = sum + magnitude(x);
        }
    }

    /// Whether register j is added by a fused multiply-add, as |x| * 1 + sum: the same bits. On
    /// CPUs whose adders are other units than their multipliers, as Zen and Haswell, conversions
    /// compete with the additions. With half of these on the other units Zen 4 sums 52 GB/s of
    /// float32 instead of 48. Of 16-bit elements all go there if no squares do (0.86 of the time),
    /// and three of four where the adders' units widen float16 at the same time (0.94).
    template <bool widening>
    static constexpr bool adds_by_fma(size_t j) {
        if (is_narrow<T> && !square_wanted) {
            return Isa::adds_with_fma;
        }
        return Isa::adds_with_fma && (widening && is_same<T, Float16> ? j % 4 != 0 : j % 2 == 1);
    }

    [[gnu::always_inline]] static inline void add_absolute_by_fma(Batch x, Batch one, Batch& sum) {
        if constexpr (absolute_wanted) {
            sum = Isa::fma(magnitude(x), one, sum);
        }
    }

    [[gnu::always_inline]] static inline void add_square(Batch x, Batch& sum) {
        if constexpr (square_wanted && sizeof(T) < sizeof(double)) {
            sum = Isa::fma(x, x, sum); // the product is exact: fused or not, the same bits
        } else if constexpr (square_wanted) {
            sum = sum + x * x;
        }
    }

    /// Adds `rows` rows to the lanes of one pass, which begins at batch `first`. begin(r) returns
    /// where row r is, widened `together` elements at a time; end(r) is called when it has been
    /// added, and widens another one if `widening`.
    template <size_t first, size_t together, bool widening, class Begin, class End>
    [[gnu::always_inline]] static inline void add_rows(size_t rows, Batch one, Lanes& sums,
                                                       Begin&& begin, End&& end) {
        Batch absolute[pass_batches];
        Batch square[pass_batches];
        unrolled<0, pass_batches>([&](auto j) __attribute__((always_inline)) {
            absolute[j.value] = sums.absolute[first + j.value];
            square[j.value] = sums.square[first + j.value];
        });
        // Unrolled by GCC 12, a short strip of rows takes half as long again.
#pragma GCC unroll 1
        for (size_t r = 0; r < rows; ++r) {
            const char* const row = begin(r);
            for (size_t line = 0; line < pass_batches * batch_bytes; line += cache_line) {
                if constexpr (prefetch_distance != 0) {
                    __builtin_prefetch(row + first * batch_bytes + line + prefetch_distance);
                }
                if constexpr (far_prefetch_distance != 0) {
                    constexpr int second_level = 2;
                    __builtin_prefetch(row + first * batch_bytes + line + far_prefetch_distance, 0,
                                       second_level);
                }
            }
            unrolled<0, pass_batches>([&](auto j) __attribute__((always_inline)) {
                const Batch x = Isa::template load<Loaded>(
                    row + Order::template place<together>(first + j.value) * batch_bytes);
                if constexpr (adds_by_fma<widening>(j.value)) {
                    add_absolute_by_fma(x, one, absolute[j.value]);
                } else {
                    add_absolute(x, absolute[j.value]);
                }
                add_square(x, square[j.value]);
            });
            end(r);
        }
        unrolled<0, pass_batches>([&](auto j) __attribute__((always_inline)) {
            sums.absolute[first + j.value] = absolute[j.value];
            sums.square[first + j.value] = square[j.value];
        });
    }

    /// Adds a strip of rows that stand one after another.
    template <size_t together = Order::widened>
    [[gnu::always_inline]] static inline void add_strip(const char* x, size_t rows, Batch one,
                                                        Lanes& sums) {
        unrolled<0, batches / pass_batches>([&](auto pass) __attribute__((always_inline)) {
            add_rows<pass.value * pass_batches, together, false>(
                rows, one, sums, [&](size_t r) { return x + r * lanes * sizeof(Loaded); },
                [](size_t) {});
        });
    }

    /// Adds the last, incomplete row from batch j on. It is padded with zeros, which change no bit.
    /// Recursion leaves through one taken branch; taken branches are what a small array costs.
    template <size_t j = 0>
    [[gnu::always_inline]] static inline void add_tail(const char* x, size_t tail, Lanes& sums) {
        if constexpr (j < batches) {
            const char* const at = x + j * batch_bytes;
            if (tail >= (j + 1) * width) {
                const Batch element = Isa::template load<T>(at);
                add_absolute(element, sums.absolute[j]);
                add_square(element, sums.square[j]);
                add_tail<j + 1>(x, tail, sums);
            } else if (tail > j * width) {
                const Batch element = Isa::template load_partial<T>(at, tail - j * width);
                add_absolute(element, sums.absolute[j]);
                add_square(element, sums.square[j]);
            }
        }
    }

    /// Adds rows of elements that are loaded as they are.
    [[gnu::always_inline]] static inline void add_wide(const char* x, size_t rows, Batch one,
                                                       Lanes& sums) {
        while (rows > 0) {
            const size_t strip = rows < strip_rows ? rows : strip_rows;
            add_strip(x, strip, one, sums);
            x += strip * row_bytes;
            rows -= strip;
        }
    }

    /// Adds rows of 16-bit elements, widened a ring ahead, or else a strip at a time.
    [[gnu::always_inline]] static inline void add_narrow(const char* x, size_t rows, Batch one,
                                                         Lanes& sums) {
        Widened widened;
        const auto put_first = [&](size_t count) __attribute__((always_inline)) {
            for (size_t r = 0; r < count; ++r) {
                widened.put(r, x + r * row_bytes);
            }
        };
        if constexpr (one_pass) {
            put_first(rows < ring_rows ? rows : ring_rows);
            const auto begin = [&](size_t r) __attribute__((always_inline)) {
                return widened.at(r);
            };
            const auto end = [&](size_t r) __attribute__((always_inline)) {
                const char* const next = x + (r + ring_rows) * row_bytes;
                __builtin_prefetch(next + ring_prefetch_distance);
                if (r + ring_rows < rows) {
                    widened.put(r + ring_rows, next);
                }
            };
            add_rows<0, Order::widened, true>(rows, one, sums, begin, end);
        } else {
            // A strip fills the ring from row 0 on, and so is read from there as one array.
            static_assert(ring_rows == strip_rows);
            while (rows > 0) {
                const size_t strip = rows < ring_rows ? rows : ring_rows;
                put_first(strip);
                add_strip(widened.at(0), strip, one, sums);
                x += strip * row_bytes;
                rows -= strip;
            }
        }
    }

    /// What is left of the lanes when they are folded.
    struct Folded {
        Batch absolute[Order::folded];
        Batch square[Order::folded];

        [[gnu::always_inline]] inline void keep(const Lanes& sums) {
            unrolled<0, Order::folded>([&](auto j) __attribute__((always_inline)) {
                absolute[j.value] = sums.absolute[j.value];
                square[j.value] = sums.square[j.value];
            });
        }
    };

    [[gnu::always_inline]] static inline Sums total(const Batch* absolute, const Batch* square) {
        return {absolute_wanted ? Order::total(absolute) : 0.0,
                square_wanted ? Order::total(square) : 0.0};
    }

    /// Asks for the first two rows at x, which may begin within a cache line. The addresses are
    /// numbers, as a block may have fewer rows, or be NULL.
    [[gnu::always_inline]] static inline void prefetch_rows(const void* x) {
        const auto address = reinterpret_cast<uintptr_t>(x);
        for (size_t line = 0; line <= 2 * row_bytes; line += cache_line) {
            // NOLINTNEXTLINE(performance-no-int-to-ptr): no pointer may stand beyond the elements
            __builtin_prefetch(reinterpret_cast<const void*>(address + line));
        }
    }

    /// Sets the lanes to the sums of a block and returns how many batches may be nonzero.
    [[gnu::always_inline]] static inline size_t add_block(const char* x, size_t n, Lanes& sums) {
        const size_t rows = n / lanes;
        if (is_narrow<T> || rows == 0) {
            clear(sums);
            add(x, rows, sums);
        } else {
            begin_with_row(x, sums);
            add(x + row_bytes, rows - 1, sums);
        }
        const size_t used = add_rest(x + rows * row_bytes, n % lanes, sums);
        return rows == 0 ? used : batches;
    }

  public:
    // A block may be added in several runs of whole rows, then what is left, then folded.

    [[gnu::always_inline]] static inline void clear(Lanes& sums) {
        unrolled<0, batches>([&](auto j) __attribute__((always_inline)) {
            sums.absolute[j.value] = sums.square[j.value] = Batch(0.0);
        });
    }

    /// The same as clear() and adding one row, since 0 + s = s. Saves a tenth of the time of a
    /// small array.
    [[gnu::always_inline]] static inline void begin_with_row(const char* x, Lanes& sums) {
        unrolled<0, batches>([&](auto j) __attribute__((always_inline)) {
            const Batch element = Isa::template load<Loaded>(x + j.value * batch_bytes);
            sums.absolute[j.value] = magnitude(element);
            sums.square[j.value] = element * element;
        });
    }

    [[gnu::always_inline]] static inline void add(const char* x, size_t rows, Lanes& sums) {
        if constexpr (is_narrow<T>) {
            add_narrow(x, rows, opaque_one<double, Batch>(), sums);
        } else {
            add_wide(x, rows, opaque_one<double, Batch>(), sums);
        }
    }

    /// Adds rows of the absolute values of 16-bit elements, widened `together` at a time.
    template <size_t together>
    [[gnu::always_inline]] static inline void add_widened(const float* rows, size_t count,
                                                          Lanes& sums) {
        add_strip<together>(reinterpret_cast<const char*>(rows), count, opaque_one<double, Batch>(),
                            sums);
    }

    /// Adds the elements after the last full row. Returns how many batches may be nonzero if there
    /// was no full row.
    [[gnu::always_inline]] static inline size_t add_rest(const char* x, size_t rest, Lanes& sums) {
        if constexpr (is_narrow<T>) {
            if (rest > 0) {
                char padded[row_bytes] = {};
                __builtin_memcpy(padded, x, rest * sizeof(T));
                WidenedRows<Isa, T, 1> row;
                row.put(0, padded);
                add_strip(row.at(0), 1, opaque_one<double, Batch>(), sums);
            }
            return batches;
        } else {
            if (rest > 0) {
                add_tail(x, rest, sums);
            }
            return (rest + width - 1) / width;
        }
    }

    /// Adds up the lanes, of which batches from `used` on hold +0.
    [[gnu::always_inline]] static inline Sums fold(Lanes& sums, size_t used) {
        Order::fold(used, sums.absolute, sums.square);
        return total(sums.absolute, sums.square);
    }

    [[gnu::noinline]] static Sums run(const void* x, size_t n) {
        Lanes sums;
        const size_t used = add_block(static_cast<const char*>(x), n, sums);
        return fold(sums, used);
    }

    /**
     * The last additions of a block wait for one another, longer than the CPU has other work at
     * hand. So they are left for the end, where those of all blocks run side by side. Measured on
     * Zen 4, float32, both sums of 64 elements: 6.6 ns a block instead of 8.4, in L1.
     *
     * No prefetcher of a CPU knows where the next block begins, so its first rows are asked for.
     * 2,000 blocks of 64 float32, apart in memory: 10.7 ns instead of 12.3.
     *
     * Widening 16-bit elements leaves no room for either, and registers of two doubles have nothing
     * to fold: there the code of each block, 60 KB in all, would be twice in the library.
     */
    static void run_each(const Block* block, size_t count, Sums* sums) {
        if constexpr (is_narrow<T> || width == 2) {
            for (size_t i = 0; i < count; ++i) {
                sums[i] = run(block[i].x, block[i].n);
            }
        } else {
            constexpr size_t ahead = 4;
            Folded folded[most_blocks];
            for (size_t i = 0; i < count; ++i) {
                if (i + ahead < count) {
                    prefetch_rows(block[i + ahead].x);
                }
                Lanes of_block;
                const size_t used =
                    add_block(static_cast<const char*>(block[i].x), block[i].n, of_block);
                Order::fold(used, of_block.absolute, of_block.square);
                folded[i].keep(of_block);
            }
            for (size_t i = 0; i < count; ++i) {
                sums[i] = total(folded[i].absolute, folded[i].square);
            }
        }
    }
};

} // namespace
