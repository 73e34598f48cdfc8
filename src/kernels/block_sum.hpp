/**
 * The block kernel, one template over the instruction set.
 *
 * A file that includes this defines a class `Isa` that owns what xsimd has no common ground for
 * over its versions 8 to 14, and instantiates the table:
 *
 *     arch                   the tag of xsimd
 *     fold(batch)            element 0 of the halving fold below, within one register
 *     load<T>(p)             as many elements T at p, of any alignment, as a batch has doubles
 *     load_partial<T>(p, n)  the same with 0 < n < width elements, zeros behind them
 *     pass_lanes<T>(terms)   how many lanes one pass over the rows carries in registers
 *     prefetch_distance<T>   bytes to prefetch ahead of the loads; 0 for none
 *     adds_with_fma          whether half of the |x| are better added by a fused multiply-add
 *
 * Everything stands in an anonymous namespace and uses no std:: template, so that no function
 * compiled for one instruction set can be linked into another one's code; a test looks at the
 * symbols of the objects.
 */
#pragma once

#include "kernels.hpp"

#include <xsimd/xsimd.hpp>

namespace {

using l1l2::kernels::block_elements;
using l1l2::kernels::KernelTable;
using l1l2::kernels::lanes;
using l1l2::kernels::Sums;
using l1l2::kernels::Terms;

template <size_t i>
struct Index {
    static constexpr size_t value = i;
};

/// Calls f(Index<i>()) for i = first .. last - 1. Sums in an array stay in registers only if every
/// index is a constant before the compiler looks at loops.
template <size_t first, size_t last, class F>
[[gnu::always_inline]] inline void unrolled(F&& f) {
    if constexpr (first < last) {
        f(Index<first>());
        unrolled<first + 1, last>(f);
    }
}

template <class Isa, class T, Terms terms>
class BlockSum {
    using Batch = xsimd::batch<double, typename Isa::arch>;

    static constexpr bool absolute_wanted = terms != Terms::square;
    static constexpr bool square_wanted = terms != Terms::absolute;

    static constexpr size_t width = Batch::size;
    static constexpr size_t batches = lanes / width;
    static constexpr size_t pass_batches = Isa::template pass_lanes<T>(terms) / width;
    static constexpr size_t row_bytes = lanes * sizeof(T);
    static constexpr size_t batch_bytes = width * sizeof(T);
    static constexpr size_t cache_line = 64;
    static constexpr size_t prefetch_distance = Isa::template prefetch_distance<T>;

    /// With too few registers for all lanes, the rows are walked several times, a group of lanes
    /// each, which changes no bit as lanes are independent. The strip of rows that is walked before
    /// the next group must be long enough to pay for the reload of the sums, and so short that its
    /// later passes, which touch other cache lines of it, do not confuse the prefetcher: with AVX2
    /// float32 gains a third in cache with 32 rows over 8, float64 loses a fifth from DRAM.
    static constexpr size_t strip_rows = pass_batches == batches      ? block_elements / lanes
                                         : sizeof(T) < sizeof(double) ? 32
                                                                      : 8;

    struct Lanes {
        Batch absolute[batches];
        Batch square[batches];
    };

    [[gnu::always_inline]] static inline void add_absolute(Batch x, Batch& sum) {
        if constexpr (absolute_wanted) {
            sum = sum + xsimd::abs(x);
        }
    }

    /// The same bits, made as |x| * 1 + sum by a fused multiply-add. Where the units that add are
    /// apart from those that multiply, as in Zen and Haswell, the conversion of float32 competes
    /// with the additions; half of them done on the other units is faster (Zen 4: 52 GB/s instead
    /// of 48).
    [[gnu::always_inline]] static inline void add_absolute_by_fma(Batch x, Batch one, Batch& sum) {
        if constexpr (absolute_wanted) {
            sum = xsimd::fma(xsimd::abs(x), one, sum);
        }
    }

    /// 1, of which the compiler does not know that it is.
    [[gnu::always_inline]] static inline Batch opaque_one() {
        double one = 1.0;
        __asm__("" : "+m"(one));
        return Batch(one);
    }

    [[gnu::always_inline]] static inline void add_square(Batch x, Batch& sum) {
        if constexpr (square_wanted && sizeof(T) < sizeof(double)) {
            sum = xsimd::fma(x, x, sum); // the product is exact: fused or not, the same bits
        } else if constexpr (square_wanted) {
            sum = sum + x * x;
        }
    }

    /// Adds `rows` rows to the lanes of one pass, which begins at batch `first`.
    template <size_t first>
    [[gnu::always_inline]] static inline void add_rows(const char* x, size_t rows, Batch one,
                                                       Lanes& sums) {
        Batch absolute[pass_batches];
        Batch square[pass_batches];
        unrolled<0, pass_batches>([&](auto j) __attribute__((always_inline)) {
            absolute[j.value] = sums.absolute[first + j.value];
            square[j.value] = sums.square[first + j.value];
        });
        // Unrolled by GCC 12, a short strip of rows takes half as long again.
#pragma GCC unroll 1
        for (x += first * batch_bytes; rows > 0; --rows, x += row_bytes) {
            if constexpr (prefetch_distance != 0) {
                for (size_t line = 0; line < pass_batches * batch_bytes; line += cache_line) {
                    __builtin_prefetch(x + line + prefetch_distance);
                }
            }
            unrolled<0, pass_batches>([&](auto j) __attribute__((always_inline)) {
                const Batch element = Isa::template load<T>(x + j.value * batch_bytes);
                if constexpr (Isa::adds_with_fma && j.value % 2 == 1) {
                    add_absolute_by_fma(element, one, absolute[j.value]);
                } else {
                    add_absolute(element, absolute[j.value]);
                }
                add_square(element, square[j.value]);
            });
        }
        unrolled<0, pass_batches>([&](auto j) __attribute__((always_inline)) {
            sums.absolute[first + j.value] = absolute[j.value];
            sums.square[first + j.value] = square[j.value];
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

    /// Adds the upper half of the lanes to the lower half until one is left. The batches from
    /// `used` on hold +0 and are left out, which changes no bit.
    template <size_t half = batches / 2>
    [[gnu::always_inline]] static inline Sums fold(Lanes& sums, size_t used) {
        if constexpr (half == 0) {
            return {absolute_wanted ? Isa::fold(sums.absolute[0]) : 0.0,
                    square_wanted ? Isa::fold(sums.square[0]) : 0.0};
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

  public:
    static Sums run(const void* data, size_t n) {
        const char* x = static_cast<const char*>(data);
        Lanes sums;
        unrolled<0, batches>([&](auto j) __attribute__((always_inline)) {
            sums.absolute[j.value] = sums.square[j.value] = Batch(0.0);
        });
        const Batch one = opaque_one();
        for (size_t rows = n / lanes; rows > 0;) {
            const size_t strip = rows < strip_rows ? rows : strip_rows;
            unrolled<0, batches / pass_batches>([&](auto pass) __attribute__((always_inline)) {
                add_rows<pass.value * pass_batches>(x, strip, one, sums);
            });
            x += strip * row_bytes;
            rows -= strip;
        }
        if (n % lanes != 0) {
            add_tail(x, n % lanes, sums);
        }
        return fold(sums, n < lanes ? (n + width - 1) / width : batches);
    }
};

template <class Isa>
constexpr KernelTable kernel_table(const char* isa, const char* name) {
    return {isa,
            name,
            {BlockSum<Isa, float, Terms::absolute>::run, BlockSum<Isa, float, Terms::square>::run,
             BlockSum<Isa, float, Terms::both>::run},
            {BlockSum<Isa, double, Terms::absolute>::run, BlockSum<Isa, double, Terms::square>::run,
             BlockSum<Isa, double, Terms::both>::run}};
}

} // namespace
