// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// The kernels that work element by element, gradient and prox, one template over the instruction
/// set.
#pragma once

#include "block_sum.hpp"
#include "elements.hpp"
#include "kernels.hpp"

#include <xsimd/xsimd.hpp>

namespace {

template <class Isa, class T>
class Elementwise {
    using A = Arithmetic<T>;
    using Batch = typename Isa::template Register<A>;

    static constexpr size_t width = Batch::size;
    static constexpr size_t batch_bytes = width * sizeof(T);

    /// Elements between two checks for NaN.
    static constexpr size_t chunk = 512;
    static_assert(chunk % lanes == 0);

    /// Stores the canonical NaN in y wherever x or y is a NaN.
    [[gnu::noinline]] static void canonicalize_nans(const char* x, char* y, size_t n) {
        for (size_t i = 0; i < n; ++i) {
            if (is_nan<T>(x + i * sizeof(T)) || is_nan<T>(y + i * sizeof(T))) {
                store_nan<T>(y + i * sizeof(T));
            }
        }
    }

    /// Stores at y what compute(x, y, watch) returns for one batch.
    template <bool reads_y, class F>
    [[gnu::always_inline]] static inline void compute_batch(const char* x, char* y, Batch& watch,
                                                            F&& compute) {
        const Batch x_batch = Isa::template load_arithmetic<T>(x);
        const Batch y_batch = reads_y ? Isa::template load_arithmetic<T>(y) : Batch(A{0});
        Isa::template store_arithmetic<T>(y, compute(x_batch, y_batch, watch));
    }

    /**
     * Computes n elements, at most a chunk.
     *
     * Canonicalizing every batch would cost two operations of seven. Instead compute() adds 0 * v
     * to `watch` for each v that may be a NaN. Once NaN, `watch` stays NaN, and the chunk's NaNs
     * are replaced afterwards. An infinity gives a false alarm.
     */
    template <bool reads_y, class F>
    [[gnu::always_inline]] static inline void for_chunk(const char* x, char* y, size_t n,
                                                        F&& compute) {
        Batch watch(A{0});
        Batch other_watch(A{0}); // used by turns, as each addition would wait for the last
        size_t i = 0;
        for (; i + width <= n; i += width) {
            compute_batch<reads_y>(x + i * sizeof(T), y + i * sizeof(T), watch, compute);
            const Batch latest = watch;
            watch = other_watch;
            other_watch = latest;
        }
        if (i < n) {
            const size_t rest = n - i;
            char x_rest[batch_bytes] = {};
            char y_rest[batch_bytes] = {};
            __builtin_memcpy(x_rest, x + i * sizeof(T), rest * sizeof(T));
            if (reads_y) {
                __builtin_memcpy(y_rest, y + i * sizeof(T), rest * sizeof(T));
            }
            compute_batch<reads_y>(x_rest, y_rest, watch, compute);
            __builtin_memcpy(y + i * sizeof(T), y_rest, rest * sizeof(T));
        }
        watch = watch + other_watch;
        if (xsimd::any(xsimd::isnan(watch))) {
            canonicalize_nans(x, y, n);
        }
    }

    template <bool reads_y, class F>
    [[gnu::always_inline]] static inline void for_each(const void* from, void* to, size_t n,
                                                       F&& compute) {
        const char* x = static_cast<const char*>(from);
        char* y = static_cast<char*>(to);
        while (n > 0) {
            const size_t count = n < chunk ? n : chunk;
            for_chunk<reads_y>(x, y, count, compute);
            n -= count;
            x += count * sizeof(T);
            y += count * sizeof(T);
        }
    }

    [[gnu::always_inline]] static inline void watch_for_nan(Batch x, Batch& watch) {
        watch = Isa::fma(x, Batch(A{0}), watch);
    }

    /// What add_gradient computes of each batch.
    template <WantedSums wanted>
    [[gnu::always_inline]] static inline auto gradient_of(double l1_factor, double l2_factor) {
        const Batch a(static_cast<A>(l1_factor));
        const Batch b(static_cast<A>(l2_factor));
        return [=](Batch x, Batch g, Batch & watch) __attribute__((always_inline)) {
            Batch result;
            if constexpr (wanted == WantedSums::both) {
                result = g + (b * x + Isa::times_sign(x, a));
            } else if constexpr (wanted == WantedSums::square) {
                result = g + b * x;
            } else {
                result = g + Isa::times_sign(x, a);
                watch_for_nan(x, watch); // times_sign may lose a NaN
            }
            watch_for_nan(result, watch);
            return result;
        };
    }

  public:
    template <WantedSums wanted>
    static void add_gradient(const void* x, void* gradient, size_t n, double l1_factor,
                             double l2_factor) {
        for_each<true>(x, gradient, n, gradient_of<wanted>(l1_factor, l2_factor));
    }

    /// Also sums the block, alternating with the gradient chunk by chunk. A chunk stays in the
    /// nearest cache. It is short enough that memory is read for one while the other computes.
    template <WantedSums wanted, class SumIsa>
    static Sums add_gradient_and_sum(const void* from, void* to, size_t n, double l1_factor,
                                     double l2_factor) {
        using Sum = BlockSum<SumIsa, T, wanted>;
        const char* x = static_cast<const char*>(from);
        char* gradient = static_cast<char*>(to);
        const auto compute = gradient_of<wanted>(l1_factor, l2_factor);
        typename Sum::Lanes sums;
        Sum::clear(sums);
        size_t used = 0;
        for (size_t left = n; left > 0;) {
            const size_t count = left < chunk ? left : chunk;
            const size_t rows = count / lanes;
            Sum::add(x, rows, sums);
            used = Sum::add_rest(x + rows * lanes * sizeof(T), count % lanes, sums);
            for_chunk<true>(x, gradient, count, compute);
            x += count * sizeof(T);
            gradient += count * sizeof(T);
            left -= count;
        }
        return Sum::fold(sums, n < lanes ? used : Sum::batches);
    }

    /// The threshold is subtracted in two parts, as it may have more mantissa bits than a float32.
    static void prox(const void* x, void* out, size_t n, double threshold, double factor) {
        const A upper = static_cast<A>(threshold);
        const Batch t(upper);
        const Batch t_rest(static_cast<A>(threshold - static_cast<double>(upper)));
        const Batch m(static_cast<A>(factor));
        for_each<false>(
            x, out, n, [=](Batch xs, Batch, Batch & watch) __attribute__((always_inline)) {
                Batch above = xsimd::abs(xs) - t;
                if constexpr (!is_same<T, double>) {
                    above = above - t_rest;
                }
                const Batch shrunk = Isa::positive_part(above) * m;
                watch_for_nan(shrunk, watch);
                return Isa::signed_as(xs, shrunk);
            });
    }
};

} // namespace
