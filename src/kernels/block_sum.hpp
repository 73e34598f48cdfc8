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

constexpr size_t cache_line = 64;

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

    /// With too few registers for all lanes, the rows are walked several times, a group of lanes
    /// each, which changes no bit as lanes are independent. Short strips keep the later passes in
    /// the first-level cache and near the prefetcher's stream; their cost is the reload of the
    /// sums.
    static constexpr size_t strip_rows = pass_batches == batches ? block_elements / lanes : 8;

    static inline void add(Batch x, Batch& absolute, Batch& square) {
        if constexpr (absolute_wanted) {
            absolute = absolute + xsimd::abs(x);
        }
        if constexpr (square_wanted && sizeof(T) < sizeof(double)) {
            square = xsimd::fma(x, x, square); // the product is exact: fused or not, the same bits
        } else if constexpr (square_wanted) {
            square = square + x * x;
        }
    }

    /// Adds `rows` rows to the lanes of one pass.
    static inline void add_rows(const char* x, size_t rows, Batch* absolute, Batch* square) {
        Batch a[pass_batches];
        Batch s[pass_batches];
        for (size_t j = 0; j < pass_batches; ++j) {
            a[j] = absolute[j];
            s[j] = square[j];
        }
        for (; rows > 0; --rows, x += row_bytes) {
            if constexpr (Isa::template prefetch_distance < T >> 0) {
                for (size_t line = 0; line < pass_batches * batch_bytes; line += cache_line) {
                    __builtin_prefetch(x + line + Isa::template prefetch_distance<T>);
                }
            }
            for (size_t j = 0; j < pass_batches; ++j) {
                add(Isa::template load<T>(x + j * batch_bytes), a[j], s[j]);
            }
        }
        for (size_t j = 0; j < pass_batches; ++j) {
            absolute[j] = a[j];
            square[j] = s[j];
        }
    }

    /// Adds the upper half of the lanes to the lower half until one is left. Lanes from 32 / 2^k
    /// up that are known to be +0 may be left out: adding them changes no bit.
    static inline double fold(Batch* lane, size_t used_batches) {
        for (size_t half = batches / 2; half > 0; half /= 2) {
            if (used_batches > half) {
                for (size_t j = 0; j < half; ++j) {
                    lane[j] = lane[j] + lane[j + half];
                }
            }
        }
        return Isa::fold(lane[0]);
    }

  public:
    static Sums run(const void* data, size_t n) {
        const char* x = static_cast<const char*>(data);
        Batch absolute[batches];
        Batch square[batches];
        for (size_t j = 0; j < batches; ++j) {
            absolute[j] = square[j] = Batch(0.0);
        }
        for (size_t rows = n / lanes; rows > 0;) {
            const size_t strip = rows < strip_rows ? rows : strip_rows;
            for (size_t j = 0; j < batches; j += pass_batches) {
                add_rows(x + j * batch_bytes, strip, absolute + j, square + j);
            }
            x += strip * row_bytes;
            rows -= strip;
        }
        const size_t tail = n % lanes;
        for (size_t j = 0; j < batches; ++j) {
            if (tail >= (j + 1) * width) {
                add(Isa::template load<T>(x + j * batch_bytes), absolute[j], square[j]);
            } else if (tail > j * width) {
                add(Isa::template load_partial<T>(x + j * batch_bytes, tail - j * width),
                    absolute[j], square[j]);
            }
        }
        const size_t used = n < lanes ? (n + width - 1) / width : batches;
        return {absolute_wanted ? fold(absolute, used) : 0.0,
                square_wanted ? fold(square, used) : 0.0};
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
