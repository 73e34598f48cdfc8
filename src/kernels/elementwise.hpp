/**
 * The kernels that work element by element, gradient and prox, one template over the instruction
 * set. Of the class `Isa` (kernel_table.hpp) they use, beside arch and fma as block_sum.hpp has
 * them,
 *
 *     load<T>(p)             as many elements T at p as a batch of Arithmetic<T> has, converted to
 * it Stored<T>              these elements unconverted, or the batch stored<T>(p, batch)    the
 * elements at p, of which load has made the batch narrow<T>(batch)       the batch rounded to T, or
 * as it is store<T>(p, stored)    the reverse of load; a NaN stays one if its lower half is 0
 *     signed_as(x, y)        y with its sign flipped where that of x is set; for Stored
 *     sign_term(x, stored_x, a)  a, -a or +0, or of a NaN anything
 */
#pragma once

#include "block_sum.hpp"
#include "elements.hpp"
#include "kernels.hpp"

#include <xsimd/xsimd.hpp>

namespace {

template <class Isa, class T>
class Elementwise {
    using A = Arithmetic<T>;
    using Batch = xsimd::batch<A, typename Isa::arch>;

    using Stored = typename Isa::template Stored<T>;

    static constexpr size_t width = Batch::size;
    static constexpr size_t batch_bytes = width * sizeof(T);

    /// How many elements are computed before a look at whether a NaN was among them.
    static constexpr size_t chunk = 512;
    static_assert(chunk % lanes == 0);

    /// Puts the one NaN where x or y is any.
    [[gnu::noinline]] static void make_nans_one(const char* x, char* y, size_t n) {
        for (size_t i = 0; i < n; ++i) {
            if (is_nan<T>(x + i * sizeof(T)) || is_nan<T>(y + i * sizeof(T))) {
                store_nan<T>(y + i * sizeof(T));
            }
        }
    }

    /**
     * Calls compute(x, stored_x, y, watch) on batches of x and y and stores at y what it returns,
     * for n elements. Loads y only if it is `updated`.
     *
     * To make all NaNs one costs two operations of a dozen if it is done to each batch. Instead
     * compute() adds 0 times whatever may be a NaN to `watch`, which then is one, and what went by
     * since the last look is mended. An infinity gives a false alarm.
     */
    template <bool updated, class F>
    [[gnu::always_inline]] static inline void step(const char* x, char* y, Stored& watch,
                                                   F&& compute) {
        const Batch x_batch = Isa::template load<T>(x);
        const Batch y_batch = updated ? Isa::template load<T>(y) : Batch(A{0});
        Isa::template store<T>(
            y, compute(x_batch, Isa::template stored<T>(x, x_batch), y_batch, watch));
    }

    /// For n elements, up to a chunk of them.
    template <bool updated, class F>
    [[gnu::always_inline]] static inline void for_chunk(const char* x, char* y, size_t n,
                                                        F&& compute) {
        Stored watch(0);
        Stored other_watch(0); // two, as one would be waited for
        size_t i = 0;
        for (; i + 2 * width <= n; i += 2 * width) {
            step<updated>(x + i * sizeof(T), y + i * sizeof(T), watch, compute);
            step<updated>(x + i * sizeof(T) + batch_bytes, y + i * sizeof(T) + batch_bytes,
                          other_watch, compute);
        }
        if (i + width <= n) {
            step<updated>(x + i * sizeof(T), y + i * sizeof(T), watch, compute);
            i += width;
        }
        if (i < n) {
            const size_t rest = n - i;
            char x_rest[batch_bytes] = {};
            char y_rest[batch_bytes] = {};
            __builtin_memcpy(x_rest, x + i * sizeof(T), rest * sizeof(T));
            if (updated) {
                __builtin_memcpy(y_rest, y + i * sizeof(T), rest * sizeof(T));
            }
            step<updated>(x_rest, y_rest, watch, compute);
            __builtin_memcpy(y + i * sizeof(T), y_rest, rest * sizeof(T));
        }
        watch = watch + other_watch;
        if (!xsimd::all(watch == watch)) {
            make_nans_one(x, y, n);
        }
    }

    template <bool updated, class F>
    [[gnu::always_inline]] static inline void for_each(const void* from, void* to, size_t n,
                                                       F&& compute) {
        const char* x = static_cast<const char*>(from);
        char* y = static_cast<char*>(to);
        for (; n > chunk; n -= chunk, x += chunk * sizeof(T), y += chunk * sizeof(T)) {
            for_chunk<updated>(x, y, chunk, compute);
        }
        for_chunk<updated>(x, y, n, compute);
    }

    [[gnu::always_inline]] static inline void look_at(Stored x, Stored& watch) {
        watch = Isa::fma(x, Stored(0), watch);
    }

    /// What add_gradient calls for each batch.
    template <Terms terms>
    [[gnu::always_inline]] static inline auto gradient_of(double sign, double linear) {
        const Batch a(static_cast<A>(sign));
        const Batch b(static_cast<A>(linear));
        const Batch one = opaque_one<A, Batch>();
        return [=](Batch x, Stored stored_x, Batch g, Stored & watch)
            __attribute__((always_inline)) {
            Batch term = b * x;
            if constexpr (terms == Terms::both && Isa::adds_with_fma) {
                // An addition on the units that multiply: those that add also convert.
                term = Isa::fma(Isa::sign_term(x, stored_x, a), one, term);
            } else if constexpr (terms == Terms::both) {
                term = term + Isa::sign_term(x, stored_x, a);
            } else if constexpr (terms == Terms::absolute) {
                term = Isa::sign_term(x, stored_x, a);
                look_at(stored_x, watch); // of a NaN the sign alone would be seen
            }
            const Stored result = Isa::template narrow<T>(g + term);
            look_at(result, watch);
            return result;
        };
    }

  public:
    template <Terms terms>
    static void add_gradient(const void* x, void* gradient, size_t n, double sign, double linear) {
        for_each<true>(x, gradient, n, gradient_of<terms>(sign, linear));
    }

    /// The sums of a block, too. By turns for some rows each, which stay in the nearest cache: a
    /// loop that does both would save a conversion in a dozen of operations.
    template <Terms terms, class SumIsa>
    static Sums add_gradient_and_sum(const void* from, void* to, size_t n, double sign,
                                     double linear) {
        using Sum = BlockSum<SumIsa, T, terms>;
        const char* x = static_cast<const char*>(from);
        char* gradient = static_cast<char*>(to);
        const auto compute = gradient_of<terms>(sign, linear);
        typename Sum::Lanes sums;
        Sum::clear(sums);
        const size_t rest = n % lanes;
        for (size_t left = n - rest; left > 0;) {
            const size_t some = left < chunk ? left : chunk;
            Sum::add(x, some / lanes, sums);
            for_chunk<true>(x, gradient, some, compute);
            x += some * sizeof(T);
            gradient += some * sizeof(T);
            left -= some;
        }
        const size_t used = Sum::add_rest(x, rest, sums);
        for_chunk<true>(x, gradient, rest, compute);
        return Sum::fold(sums, n < lanes ? used : Sum::batches);
    }

    static void prox(const void* x, void* out, size_t n, double threshold, double factor) {
        const Batch t(static_cast<A>(threshold));
        const Batch m(static_cast<A>(factor));
        const Batch one = opaque_one<A, Batch>();
        for_each<false>(
            x, out, n,
            [=](Batch xs, Stored stored_x, Batch, Stored & watch) __attribute__((always_inline)) {
                const Batch rest =
                    Isa::adds_with_fma ? Isa::fma(xsimd::abs(xs), one, -t) : xsimd::abs(xs) - t;
                // In this order a NaN comes through.
                const Stored shrunk = Isa::template narrow<T>(xsimd::max(Batch(A{0}), rest) * m);
                look_at(shrunk, watch);
                return Isa::signed_as(stored_x, shrunk);
            });
    }
};

} // namespace
