/**
 * The kernels that work element by element, gradient and prox, one template over the instruction
 * set. Of the class `Isa` (kernel_table.hpp) they use
 *
 *     arch            the tag of xsimd
 *     load<T>(p)      as many elements T at p as a batch of Arithmetic<T> has, converted to it
 *     store<T>(p, x)  the reverse, rounding; a NaN in x is the default one
 */
#pragma once

#include "elements.hpp"
#include "kernels.hpp"

#include <xsimd/xsimd.hpp>

namespace {

using l1l2::kernels::Terms;

template <class Isa, class T>
class Elementwise {
    using A = Arithmetic<T>;
    using Batch = xsimd::batch<A, typename Isa::arch>;

    static constexpr size_t width = Batch::size;
    static constexpr size_t batch_bytes = width * sizeof(T);

    /// With the one NaN in the place of all others and wherever x is one.
    [[gnu::always_inline]] static inline Batch canonical(Batch result) {
        return xsimd::select(result == result, result, Batch(static_cast<A>(__builtin_nan(""))));
    }

    /// Calls compute(x, y) on batches of x and y and stores at y what it returns, for n elements.
    /// Loads y only if it is to be `updated`.
    template <bool updated, class F>
    [[gnu::always_inline]] static inline void for_each(const void* from, void* to, size_t n,
                                                       F&& compute) {
        const char* x = static_cast<const char*>(from);
        char* y = static_cast<char*>(to);
        const auto step = [&](const char* x_at, char* y_at) __attribute__((always_inline)) {
            const Batch x_batch = Isa::template load<T>(x_at);
            const Batch y_batch = updated ? Isa::template load<T>(y_at) : Batch(A{0});
            Isa::template store<T>(y_at, compute(x_batch, y_batch));
        };
        for (; n >= width; n -= width, x += batch_bytes, y += batch_bytes) {
            step(x, y);
        }
        if (n > 0) {
            char x_tail[batch_bytes] = {};
            char y_tail[batch_bytes] = {};
            __builtin_memcpy(x_tail, x, n * sizeof(T));
            if (updated) {
                __builtin_memcpy(y_tail, y, n * sizeof(T));
            }
            step(x_tail, y_tail);
            __builtin_memcpy(y, y_tail, n * sizeof(T));
        }
    }

  public:
    template <Terms terms>
    static void add_gradient(const void* x, void* gradient, size_t n, double sign, double linear) {
        const Batch s(static_cast<A>(sign));
        const Batch b(static_cast<A>(linear));
        const Batch zero(A{0});
        for_each<true>(
            x, gradient, n, [&](Batch xs, Batch g) __attribute__((always_inline)) {
                if constexpr (terms == Terms::square) {
                    return canonical(g + b * xs);
                } else {
                    const Batch signs = xsimd::select(xs == zero, zero, s ^ xsimd::bitofsign(xs));
                    if constexpr (terms == Terms::both) {
                        return canonical(g + (b * xs + signs));
                    } else {
                        // Of a NaN the sign alone would be seen.
                        return canonical(xsimd::select(xs == xs, g + signs, xs));
                    }
                }
            });
    }

    static void prox(const void* x, void* out, size_t n, double threshold, double factor) {
        const Batch t(static_cast<A>(threshold));
        const Batch m(static_cast<A>(factor));
        const Batch zero(A{0});
        for_each<false>(
            x, out, n, [&](Batch xs, Batch) __attribute__((always_inline)) {
                const Batch rest = xsimd::abs(xs) - t;
                // A NaN is not below 0 and so stays.
                const Batch shrunk = xsimd::select(rest < zero, zero, rest) * m;
                return canonical(shrunk | xsimd::bitofsign(xs));
            });
    }
};

} // namespace
