/**
 * The block kernel, one template over the instruction set. Of the class `Isa` (kernel_table.hpp) it
 * uses
 *
 *     arch                   the tag of xsimd
 *     fma(x, y, z)           x * y + z, fused if that is faster: for exact products
 *     fold(batch)            element 0 of the halving fold below, within one register
 *     load<T>(p)             as many elements T at p, of any alignment, as a batch has doubles
 *     load_partial<T>(p, n)  the same with 0 < n < width elements, zeros behind them
 *     widened                how many elements of 16 bits are widened at a time
 *     widen<T>(p, floats)    makes float32 of the absolute values of so many at p
 *     widened_apart<T>       whether the even ones of them then stand before the odd ones
 *     registers              how many there are
 *     prefetch_distance<T>   bytes to prefetch ahead of the loads; 0 for none
 *     adds_with_fma          whether half of the |x| are better added by a fused multiply-add
 */
#pragma once

#include "elements.hpp"
#include "kernels.hpp"

#include <xsimd/xsimd.hpp>

namespace {

using l1l2::kernels::block_elements;
using l1l2::kernels::lanes;
using l1l2::kernels::Sums;
using l1l2::kernels::WantedSums;

template <class Isa, class T, WantedSums wanted>
class BlockSum {
    using Batch = xsimd::batch<double, typename Isa::arch>;

  public:
    static constexpr size_t batches = lanes / Batch::size;

    struct Lanes {
        Batch absolute[batches];
        Batch square[batches];
    };

  private:
    static constexpr bool absolute_wanted = wanted != WantedSums::square;
    static constexpr bool square_wanted = wanted != WantedSums::absolute;

    /// Elements of 16 bits are loaded from a buffer into which they have been widened.
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
    static constexpr size_t cache_line = 64;
    static constexpr size_t prefetch_distance =
        is_narrow<T> ? 0 : Isa::template prefetch_distance<T>;

    /// With too few registers for all lanes, the rows are walked several times, a group of lanes
    /// each, which changes no bit as lanes are independent. The strip of rows that is walked before
    /// the next group must be long enough to pay for the reload of the sums, and so short that its
    /// later passes, which touch other cache lines of it, do not confuse the prefetcher: with AVX2
    /// float32 gains a third in cache with 32 rows over 8, float64 loses a fifth from DRAM.
    static constexpr size_t strip_rows = one_pass                     ? block_elements / lanes
                                         : sizeof(T) < sizeof(double) ? 32
                                                                      : 8;

    /// Widened rows are a ring where one pass takes all lanes: a row is widened while one so many
    /// before it is added. A strip at a time otherwise.
    static constexpr size_t buffer_rows = one_pass ? 16 : strip_rows;
    static constexpr size_t ring_prefetch_distance = 4096;

    /// Where in a row batch j is: after j others. But where widening sets the even elements apart
    /// from the odd ones, batch 2 g + p holds the lanes 2 (g * width + i) + p, of which the fold
    /// knows: that costs no shuffle.
    static constexpr size_t offset(size_t j) {
        if constexpr (is_narrow<T>) {
            if (Isa::template widened_apart<T>) {
                constexpr size_t half = Isa::widened / 2 / width;
                const size_t within = j % (2 * half);
                return (j - within + within % 2 * half + within / 2) * batch_bytes;
            }
        }
        return j * batch_bytes;
    }

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

    /// The same bits, made as |x| * 1 + sum by a fused multiply-add. Where the units that add are
    /// apart from those that multiply, as in Zen and Haswell, the conversion of float32 competes
    /// with the additions; half of them done on the other units is faster (Zen 4: 52 GB/s instead
    /// of 48).
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
    /// where row r is, end(r) is called when it has been added.
    template <size_t first, class Begin, class End>
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
            if constexpr (prefetch_distance != 0) {
                for (size_t line = 0; line < pass_batches * batch_bytes; line += cache_line) {
                    __builtin_prefetch(row + first * batch_bytes + line + prefetch_distance);
                }
            }
            unrolled<0, pass_batches>([&](auto j) __attribute__((always_inline)) {
                const Batch x = Isa::template load<Loaded>(row + offset(first + j.value));
                if constexpr (Isa::adds_with_fma && j.value % 2 == 1) {
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
    [[gnu::always_inline]] static inline void add_strip(const char* x, size_t rows, Batch one,
                                                        Lanes& sums) {
        unrolled<0, batches / pass_batches>([&](auto pass) __attribute__((always_inline)) {
            add_rows<pass.value * pass_batches>(
                rows, one, sums, [&](size_t r) { return x + r * lanes * sizeof(Loaded); },
                [](size_t) {});
        });
    }

    /// Adds the last, incomplete row from batch j on. What is missing of it is zeros, whose
    /// addition changes no bit. A chain that is left once, as taken branches are what a small array
    /// costs.
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

    struct alignas(cache_line) WidenedRow {
        float element[lanes];
    };

    [[gnu::always_inline]] static inline void widen_row(const char* x, WidenedRow& row) {
        for (size_t i = 0; i < lanes; i += Isa::widened) {
            Isa::template widen<T>(x + i * sizeof(T), row.element + i);
        }
    }

    /**
     * Adds rows of 16-bit elements through the buffer, because a conversion to double that reads
     * memory is one operation on Zen 4, and two if it takes half of a register. A row that was
     * written just before would be loaded late; as a ring the detour is free: 28 GB/s of bfloat16
     * from L2 instead of 18.6 without buffer and 22 with a strip at a time, which needs fewer
     * registers. The ring keeps so many instructions between a load and its use that the CPU sees
     * few cache lines ahead: from DRAM 16 rows and a prefetch give 23 GB/s, 8 rows without it 19.
     */
    [[gnu::always_inline]] static inline void add_narrow(const char* x, size_t rows, Batch one,
                                                         Lanes& sums) {
        WidenedRow buffer[buffer_rows];
        const auto widen_rows = [&](size_t count) __attribute__((always_inline)) {
            for (size_t r = 0; r < count; ++r) {
                widen_row(x + r * row_bytes, buffer[r]);
            }
        };
        if constexpr (one_pass) {
            widen_rows(rows < buffer_rows ? rows : buffer_rows);
            const auto begin = [&](size_t r) __attribute__((always_inline)) {
                __asm__("" : "+m"(buffer)); // what is in memory is not to be kept in registers
                return reinterpret_cast<const char*>(&buffer[r % buffer_rows]);
            };
            const auto end = [&](size_t r) __attribute__((always_inline)) {
                __builtin_prefetch(x + (r + buffer_rows) * row_bytes + ring_prefetch_distance);
                if (r + buffer_rows < rows) {
                    widen_row(x + (r + buffer_rows) * row_bytes, buffer[r % buffer_rows]);
                }
            };
            add_rows<0>(rows, one, sums, begin, end);
        } else {
            while (rows > 0) {
                const size_t strip = rows < buffer_rows ? rows : buffer_rows;
                widen_rows(strip);
                add_strip(reinterpret_cast<const char*>(buffer), strip, one, sums);
                x += strip * row_bytes;
                rows -= strip;
            }
        }
    }

  public:
    // A block may be added in several runs of whole rows, then what is left, then folded.

    [[gnu::always_inline]] static inline void clear(Lanes& sums) {
        unrolled<0, batches>([&](auto j) __attribute__((always_inline)) {
            sums.absolute[j.value] = sums.square[j.value] = Batch(0.0);
        });
    }

    /// What clear() and the first row make of the lanes, as 0 + s = s: a tenth of a small array.
    [[gnu::always_inline]] static inline void begin_with_row(const char* x, Lanes& sums) {
        unrolled<0, batches>([&](auto j) __attribute__((always_inline)) {
            const Batch element = Isa::template load<Loaded>(x + offset(j.value));
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

    /// Adds what does not fill a row; returns how many batches may be other than 0 if that was all.
    [[gnu::always_inline]] static inline size_t add_rest(const char* x, size_t rest, Lanes& sums) {
        if constexpr (is_narrow<T>) {
            if (rest > 0) {
                char padded[row_bytes] = {};
                __builtin_memcpy(padded, x, rest * sizeof(T));
                WidenedRow row;
                widen_row(padded, row);
                add_strip(reinterpret_cast<const char*>(&row), 1, opaque_one<double, Batch>(),
                          sums);
            }
            return batches;
        } else {
            if (rest > 0) {
                add_tail(x, rest, sums);
            }
            return (rest + width - 1) / width;
        }
    }

    /// Adds the upper half of the lanes to the lower half until one is left. The batches from
    /// `used` on hold +0 and are left out, which changes no bit. Even and odd lanes that are apart
    /// are so in the last two batches too, and meet last, as they would in their order.
    template <size_t half = batches / 2>
    [[gnu::always_inline]] static inline Sums fold(Lanes& sums, size_t used) {
        if constexpr (half == 0) {
            return {absolute_wanted ? Isa::fold(sums.absolute[0]) : 0.0,
                    square_wanted ? Isa::fold(sums.square[0]) : 0.0};
        } else if constexpr (half == 1 && offset(1) != batch_bytes) {
            return {absolute_wanted ? Isa::fold(sums.absolute[0]) + Isa::fold(sums.absolute[1])
                                    : 0.0,
                    square_wanted ? Isa::fold(sums.square[0]) + Isa::fold(sums.square[1]) : 0.0};
        } else {
            if (used > half) {
                unrolled<0, half>([&](auto j) __attribute__((always_inline)) {
                    sums.absolute[j.value] = sums.absolute[j.value] + sums.absolute[j.value + half];
                    sums.square[j.value] = sums.square[j.value] + sums.square[j.value + half];
                });
            }
            return fold<half / 2>(sums, used);
        }
    }

    static Sums run(const void* data, size_t n) {
        const char* const x = static_cast<const char*>(data);
        const size_t rows = n / lanes;
        Lanes sums;
        if (is_narrow<T> || rows == 0) {
            clear(sums);
            add(x, rows, sums);
        } else {
            begin_with_row(x, sums);
            add(x + row_bytes, rows - 1, sums);
        }
        const size_t used = add_rest(x + rows * row_bytes, n % lanes, sums);
        return fold(sums, rows == 0 ? used : batches);
    }
};

} // namespace
