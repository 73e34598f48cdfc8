// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// The kernels that work element by element, gradients, proxes and steps, one template over the
/// instruction set.
#pragma once

#include "block_sum.hpp"
#include "elements.hpp"
#include "kernels.hpp"

#include <xsimd/xsimd.hpp>

namespace {

using l1l2::kernels::ProxStepFactors;

/// Stores the canonical NaN in y wherever x or y is a NaN.
template <class T>
[[gnu::noinline]] void canonicalize_nans(const char* x, char* y, size_t n) {
    for (size_t i = 0; i < n; ++i) {
        if (is_nan<T>(x + i * sizeof(T)) || is_nan<T>(y + i * sizeof(T))) {
            store_nan<T>(y + i * sizeof(T));
        }
    }
}

template <class Isa, class T>
class Elementwise {
    using A = Arithmetic<T>;
    using Batch = typename Isa::template Register<A>;

    static constexpr size_t width = Batch::size;
    static constexpr size_t batch_bytes = width * sizeof(T);

    static constexpr size_t cache_line = l1l2::kernels::cache_line;

    /// Elements between two checks for NaN.
    static constexpr size_t chunk = 512;
    static_assert(chunk % lanes == 0);

    /// What is read beside x.
    static constexpr unsigned with_y = 1;
    static constexpr unsigned with_gradient = 2;
    static constexpr unsigned with_steps = 4;

    /// Where the elements are. What is not read or written may be NULL.
    struct Places {
        const char* x;
        char* y;
        const char* gradient;
        const char* steps;
    };

    /// What was read of a batch.
    struct Elements {
        Batch x = Batch(A{0});
        Batch y = Batch(A{0});
        Batch gradient = Batch(A{0});
        Batch step = Batch(A{0});
    };

    /// The places i elements on.
    template <unsigned reads>
    [[gnu::always_inline]] static inline Places advance(const Places& from, size_t i) {
        Places to = from;
        to.x += i * sizeof(T);
        to.y += i * sizeof(T);
        if constexpr ((reads & with_gradient) != 0) {
            to.gradient += i * sizeof(T);
        }
        if constexpr ((reads & with_steps) != 0) {
            to.steps += i * sizeof(A);
        }
        return to;
    }

    /// Stores at y what compute(elements, watch) returns for one batch.
    template <unsigned reads, class F>
    [[gnu::always_inline]] static inline void compute_batch(const Places& at, Batch& watch,
                                                            F&& compute) {
        Elements elements;
        elements.x = Isa::template load_arithmetic<T>(at.x);
        if constexpr ((reads & with_y) != 0) {
            elements.y = Isa::template load_arithmetic<T>(at.y);
        }
        if constexpr ((reads & with_gradient) != 0) {
            elements.gradient = Isa::template load_arithmetic<T>(at.gradient);
        }
        if constexpr ((reads & with_steps) != 0) {
            elements.step = Isa::template load_arithmetic<A>(at.steps);
        }
        Isa::template store_arithmetic<T>(at.y, compute(elements, watch));
    }

    /// The even and the odd elements of a register of bfloat16.
    [[gnu::always_inline]] static inline void load_even_and_odd(const char* p, Batch& even,
                                                                Batch& odd) {
        const typename Isa::Words words = Isa::load_words(p);
        even = Isa::as_floats(words << 16);
        odd = Isa::as_floats(words & typename Isa::Words(0xFFFF0000));
    }

    /// Two batches of bfloat16, the even and the odd elements: to part them and to join them takes
    /// fewer operations than to widen and to narrow one batch after the other.
    template <unsigned reads, class F>
    [[gnu::always_inline]] static inline void
    compute_even_and_odd(const Places& at, Batch& watch, Batch& other_watch, F&& compute) {
        static_assert((reads & with_steps) == 0);
        Elements even;
        Elements odd;
        load_even_and_odd(at.x, even.x, odd.x);
        if constexpr ((reads & with_y) != 0) {
            load_even_and_odd(at.y, even.y, odd.y);
        }
        if constexpr ((reads & with_gradient) != 0) {
            load_even_and_odd(at.gradient, even.gradient, odd.gradient);
        }
        const auto joined = Isa::join_bfloat16(Isa::as_words(compute(even, watch)),
                                               Isa::as_words(compute(odd, other_watch)));
        Isa::template store_arithmetic<float>(at.y, Isa::as_floats(joined));
    }

    /// Two batches with a watch each, so that neither addition waits for the other.
    template <unsigned reads, class F>
    [[gnu::always_inline]] static inline void compute_two(const Places& at, Batch& watch,
                                                          Batch& other_watch, F&& compute) {
        if constexpr (is_same<T, BFloat16> && (reads & with_steps) == 0) {
            compute_even_and_odd<reads>(at, watch, other_watch, compute);
        } else {
            compute_batch<reads>(at, watch, compute);
            compute_batch<reads>(advance<reads>(at, width), other_watch, compute);
        }
    }

    /// Asks for what is read far beyond two batches.
    template <unsigned reads>
    [[gnu::always_inline]] static inline void prefetch(const Places& at) {
        constexpr size_t distance = Isa::update_prefetch_distance;
        for (size_t line = distance; line < distance + 2 * batch_bytes; line += cache_line) {
            __builtin_prefetch(at.x + line);
            if constexpr ((reads & with_y) != 0) {
                __builtin_prefetch(at.y + line);
            }
            if constexpr ((reads & with_gradient) != 0) {
                __builtin_prefetch(at.gradient + line);
            }
        }
    }

    /// The last n elements, fewer than a batch.
    template <unsigned reads, class F>
    [[gnu::always_inline]] static inline void compute_rest(const Places& at, size_t n, Batch& watch,
                                                           F&& compute) {
        char x_rest[batch_bytes] = {};
        char y_rest[batch_bytes] = {};
        char gradient_rest[batch_bytes] = {};
        char steps_rest[width * sizeof(A)] = {};
        __builtin_memcpy(x_rest, at.x, n * sizeof(T));
        if constexpr ((reads & with_y) != 0) {
            __builtin_memcpy(y_rest, at.y, n * sizeof(T));
        }
        if constexpr ((reads & with_gradient) != 0) {
            __builtin_memcpy(gradient_rest, at.gradient, n * sizeof(T));
        }
        if constexpr ((reads & with_steps) != 0) {
            __builtin_memcpy(steps_rest, at.steps, n * sizeof(A));
        }
        compute_batch<reads>({x_rest, y_rest, gradient_rest, steps_rest}, watch, compute);
        __builtin_memcpy(at.y, y_rest, n * sizeof(T));
    }

    /**
     * Computes n elements, at most a chunk.
     *
     * Canonicalizing every batch would cost two operations of seven. Instead compute() adds 0 * v
     * to `watch` for each v that may be a NaN. Once NaN, `watch` stays NaN, and the chunk's NaNs
     * are replaced afterwards. An infinity gives a false alarm.
     */
    template <unsigned reads, class F>
    [[gnu::always_inline]] static inline void for_chunk(const Places& at, size_t n, F&& compute) {
        Batch watch(A{0});
        Batch other_watch(A{0});
        size_t i = 0;
        if constexpr (Isa::update_prefetch_distance != 0) {
            constexpr size_t four_lines = 4 * cache_line / sizeof(T);
            for (; i + four_lines <= n; i += four_lines) {
                unrolled<0, four_lines / (2 * width)>([&](auto two) __attribute__((always_inline)) {
                    const Places at_two = advance<reads>(at, i + two.value * 2 * width);
                    prefetch<reads>(at_two);
                    compute_two<reads>(at_two, watch, other_watch, compute);
                });
            }
            for (; i + width <= n; i += width) {
                compute_batch<reads>(advance<reads>(at, i), watch, compute);
            }
        } else {
            for (; i + 2 * width <= n; i += 2 * width) {
                compute_two<reads>(advance<reads>(at, i), watch, other_watch, compute);
            }
            if (i + width <= n) {
                compute_batch<reads>(advance<reads>(at, i), watch, compute);
                i += width;
            }
        }
        if (i < n) {
            compute_rest<reads>(advance<reads>(at, i), n - i, other_watch, compute);
        }
        watch = watch + other_watch;
        if (xsimd::any(xsimd::isnan(watch))) {
            canonicalize_nans<T>(at.x, at.y, n);
        }
    }

    template <unsigned reads, class F>
    [[gnu::always_inline]] static inline void for_each(Places at, size_t n, F&& compute) {
        while (n > 0) {
            const size_t count = n < chunk ? n : chunk;
            for_chunk<reads>(at, count, compute);
            n -= count;
            at = advance<reads>(at, count);
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
        return [=](const Elements& of, Batch& watch) __attribute__((always_inline)) {
            const Batch x = of.x;
            const Batch g = of.y;
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

    /// What prox computes of each batch. The threshold is subtracted in two parts, as it may have
    /// more mantissa bits than a float32.
    [[gnu::always_inline]] static inline auto shrinking(double threshold, double factor) {
        const A upper = static_cast<A>(threshold);
        const Batch t(upper);
        const Batch t_rest(static_cast<A>(threshold - static_cast<double>(upper)));
        const Batch m(static_cast<A>(factor));
        return [=](Batch v, Batch & watch) __attribute__((always_inline)) {
            Batch above = xsimd::abs(v) - t;
            if constexpr (!is_same<T, double>) {
                above = above - t_rest;
            }
            const Batch shrunk = Isa::positive_part(above) * m;
            watch_for_nan(shrunk, watch);
            return Isa::signed_as(v, shrunk);
        };
    }

    /// What prox_step computes of each batch with steps.
    template <unsigned reads>
    [[gnu::always_inline]] static inline auto step_of_each(const ProxStepFactors& factors) {
        const Batch s(static_cast<A>(factors.step));
        const Batch t(static_cast<A>(factors.threshold));
        const Batch b(static_cast<A>(factors.excess));
        return [=](const Elements& of, Batch& watch) __attribute__((always_inline)) {
            Batch v = of.x;
            if constexpr ((reads & with_gradient) != 0) {
                v = v - (s * of.step) * of.gradient;
            }
            const Batch above = xsimd::abs(v) - t * of.step;
            const Batch shrunk =
                Isa::quotient(Isa::positive_part(above), Batch(A{1}) + b * of.step);
            watch_for_nan(shrunk, watch);
            return Isa::signed_as(v, shrunk);
        };
    }

    /// What greatest_step knows of the steps so far.
    struct Range {
        Batch least = Batch(A{0});
        Batch most = Batch(A{0});
        Batch watch =
            Batch(A{0}); ///< has all bits that are set in a NaN, if there was one or an infinity

        [[gnu::always_inline]] inline void add(const char* at) {
            const Batch w = Isa::template load_arithmetic<A>(at);
            least = xsimd::min(least, w);
            most = xsimd::max(most, w);
            watch = watch | (w * Batch(A{0}));
        }
        [[gnu::always_inline]] inline void add(const Range& other) {
            least = xsimd::min(least, other.least);
            most = xsimd::max(most, other.most);
            watch = watch | other.watch;
        }
        [[gnu::always_inline]] inline double greatest() const {
            const bool valid = !xsimd::any(least < Batch(A{0})) && !xsimd::any(xsimd::isnan(watch));
            A of_lanes[width];
            Isa::template store_arithmetic<A>(reinterpret_cast<char*>(of_lanes), most);
            A greatest{0};
            for (size_t i = 0; i < width; ++i) {
                greatest = of_lanes[i] > greatest ? of_lanes[i] : greatest;
            }
            return valid ? static_cast<double>(greatest) : __builtin_nan("");
        }
    };

  public:
    template <WantedSums wanted>
    static void add_gradient(const void* x, void* gradient, size_t n, double l1_factor,
                             double l2_factor) {
        for_each<with_y>(
            {static_cast<const char*>(x), static_cast<char*>(gradient), nullptr, nullptr}, n,
            gradient_of<wanted>(l1_factor, l2_factor));
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
            for_chunk<with_y>({x, gradient, nullptr, nullptr}, count, compute);
            x += count * sizeof(T);
            gradient += count * sizeof(T);
            left -= count;
        }
        return Sum::fold(sums, n < lanes ? used : Sum::batches);
    }

    static void prox(const void* x, void* out, size_t n, double threshold, double factor) {
        const auto shrink = shrinking(threshold, factor);
        for_each<0>(
            {static_cast<const char*>(x), static_cast<char*>(out), nullptr, nullptr},
            n, [=](const Elements& of, Batch& watch) __attribute__((always_inline)) {
                return shrink(of.x, watch);
            });
    }

    static void scale(const void* x, void* out, size_t n, double factor) {
        const Batch f(static_cast<A>(factor));
        for_each<0>(
            {static_cast<const char*>(x), static_cast<char*>(out), nullptr, nullptr},
            n, [=](const Elements& of, Batch& watch) __attribute__((always_inline)) {
                const Batch product = of.x * f;
                watch_for_nan(product, watch);
                return product;
            });
    }

    /// One step for all elements.
    static void step_of_gradient(const void* x, const void* gradient, void* out, size_t n,
                                 const ProxStepFactors& factors) {
        const Batch s(static_cast<A>(factors.step));
        const auto shrink = shrinking(factors.threshold, 1.0 / (1.0 + factors.excess));
        for_each<with_gradient>(
            {static_cast<const char*>(x), static_cast<char*>(out),
             static_cast<const char*>(gradient), nullptr},
            n, [=](const Elements& of, Batch& watch) __attribute__((always_inline)) {
                return shrink(of.x - s * of.gradient, watch);
            });
    }

    static void prox_step(const void* x, const void* gradient_or_null, const void* steps_or_null,
                          void* out, size_t n, const ProxStepFactors& factors) {
        const Places at = {static_cast<const char*>(x), static_cast<char*>(out),
                           static_cast<const char*>(gradient_or_null),
                           static_cast<const char*>(steps_or_null)};
        if (at.steps == nullptr && at.gradient == nullptr) {
            prox(x, out, n, factors.threshold, 1.0 / (1.0 + factors.excess));
        } else if (at.steps == nullptr) {
            step_of_gradient(x, at.gradient, out, n, factors);
        } else if (at.gradient == nullptr) {
            for_each<with_steps>(at, n, step_of_each<with_steps>(factors));
        } else {
            for_each<with_gradient | with_steps>(at, n,
                                                 step_of_each<with_gradient | with_steps>(factors));
        }
    }

    /// T is the arithmetic type here.
    static double greatest_step(const void* steps, size_t n) {
        constexpr size_t batches = 4; // to wait for none of them
        constexpr size_t together = batches * width;
        Range range[batches];
        const char* at = static_cast<const char*>(steps);
        size_t i = 0;
        for (; i + together <= n; i += together) {
            unrolled<0, batches>([&](auto batch) __attribute__((always_inline)) {
                range[batch.value].add(at + (i + batch.value * width) * sizeof(A));
            });
        }
        for (; i < n; i += width) {
            char rest[width * sizeof(A)] = {};
            const size_t count = n - i < width ? n - i : width;
            __builtin_memcpy(rest, at + i * sizeof(A), count * sizeof(A));
            range[0].add(rest);
        }
        unrolled<1, batches>([&](auto batch) __attribute__((always_inline)) {
            range[0].add(range[batch.value]);
        });
        return range[0].greatest();
    }
};

} // namespace
