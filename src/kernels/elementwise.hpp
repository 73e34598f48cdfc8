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

    // What is read beside x.
    static constexpr unsigned with_y = 1;
    static constexpr unsigned with_gradient = 2;
    static constexpr unsigned with_steps = 4;
    // What else is done: x is watched, as its result may lose a NaN; |x| is stored as float32.
    static constexpr unsigned watching_x = 8;
    static constexpr unsigned keeping_magnitudes = 16;

    /// Where the elements are. What is not read or written may be NULL.
    struct Places {
        const char* x;
        char* y;
        const char* gradient;
        const char* steps;
        float* magnitude;
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
        if constexpr ((reads & keeping_magnitudes) != 0) {
            to.magnitude += i;
        }
        return to;
    }

    /**
     * Canonicalizing every batch would cost two operations of seven. Instead a chunk's results are
     * watched, one operation for two batches, and its NaNs are replaced afterwards. Infinities
     * may give a false alarm, and products of two results that overflow.
     */
    class Watch {
      public:
        [[gnu::always_inline]] inline void see(Batch x, Batch y) { sum_ = Isa::fma(x, y, sum_); }
        /// Two that need not wait for those.
        [[gnu::always_inline]] inline void see_too(Batch x, Batch y) {
            other_sum_ = Isa::fma(x, y, other_sum_);
        }
        [[gnu::always_inline]] inline bool is_alarmed() const {
            return xsimd::any(xsimd::isnan(sum_ + other_sum_));
        }

      private:
        // From 1 on, as sums that are subnormal are slow on some CPUs.
        Batch sum_ = Batch(A{1});
        Batch other_sum_ = Batch(A{1});
    };

    template <unsigned reads>
    [[gnu::always_inline]] static inline Elements load(const Places& at) {
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
        return elements;
    }

    /// The even and the odd elements of a register of bfloat16.
    [[gnu::always_inline]] static inline void load_even_and_odd(const char* p, Batch& even,
                                                                Batch& odd) {
        const typename Isa::Words words = Isa::load_words(p);
        even = Isa::as_floats(words << 16);
        odd = Isa::as_floats(words & typename Isa::Words(0xFFFF0000));
    }

    /// Two batches of bfloat16 are the even and the odd elements: to part them and to join them
    /// takes fewer operations than to widen and to narrow one batch after the other.
    template <unsigned reads>
    static constexpr bool even_and_odd = is_same<T, BFloat16> && (reads & with_steps) == 0;

    template <unsigned reads>
    [[gnu::always_inline]] static inline void load_two(const Places& at, Elements& one,
                                                       Elements& other) {
        if constexpr (even_and_odd<reads>) {
            load_even_and_odd(at.x, one.x, other.x);
            if constexpr ((reads & with_y) != 0) {
                load_even_and_odd(at.y, one.y, other.y);
            }
            if constexpr ((reads & with_gradient) != 0) {
                load_even_and_odd(at.gradient, one.gradient, other.gradient);
            }
        } else {
            one = load<reads>(at);
            other = load<reads>(advance<reads>(at, width));
        }
    }

    /// Two batches of 16-bit elements, rounded, in one register.
    [[gnu::always_inline]] static inline typename Isa::Words joined(Batch one, Batch other) {
        if constexpr (is_same<T, BFloat16>) {
            return Isa::join_bfloat16(Isa::as_words(one), Isa::as_words(other));
        } else {
            return Isa::join_float16(one, other);
        }
    }

    template <unsigned reads>
    [[gnu::always_inline]] static inline void store_two(char* y, Batch one, Batch other) {
        if constexpr (even_and_odd<reads>) {
            Isa::template store_arithmetic<float>(y, Isa::as_floats(joined(one, other)));
        } else {
            Isa::template store_arithmetic<T>(y, one);
            Isa::template store_arithmetic<T>(y + batch_bytes, other);
        }
    }

    /// x + y. Of float16 as x * 1 + y, the same bits, as the adders' units convert it, too.
    [[gnu::always_inline]] static inline Batch sum(Batch one, Batch x, Batch y) {
        return is_same<T, Float16> && Isa::adds_with_fma ? Isa::fma(x, one, y) : x + y;
    }

    /// What prox computes. The threshold is subtracted in two parts, as it may have more mantissa
    /// bits than a float32.
    class Shrink {
      public:
        Shrink(double threshold, double factor)
            : t_(static_cast<A>(threshold)),
              t_rest_(static_cast<A>(threshold - static_cast<double>(static_cast<A>(threshold)))),
              m_(static_cast<A>(factor)), one_(opaque_one<A, Batch>()) {}

        [[gnu::always_inline]] inline Batch operator()(const Elements& of) const {
            return of_value(of.x);
        }
        [[gnu::always_inline]] inline Batch of_value(Batch v) const {
            return Isa::signed_as(v, Isa::positive_part(above(xsimd::abs(v))) * m_);
        }
        /// The same of magnitudes, but below 0 where it is 0.
        [[gnu::always_inline]] inline Batch of_magnitude(Batch v) const { return above(v) * m_; }

      private:
        [[gnu::always_inline]] inline Batch above(Batch magnitude) const {
            const Batch above = sum(one_, magnitude, -t_);
            return is_same<T, double> ? above : above - t_rest_;
        }
        Batch t_;
        Batch t_rest_;
        Batch m_;
        Batch one_;
    };

    /// Whether two batches of 16-bit elements fill a register of words, in the order of lanes.
    static constexpr bool narrow_pairs =
        is_same<T, BFloat16> || (is_same<T, Float16> && Isa::converts_float16);

    /// The prox of two batches of 16-bit elements. The sign is put back, and what is below 0 made
    /// 0, for both together.
    [[gnu::always_inline]] static inline void shrink_two(const Places& at, Watch& watch,
                                                         const Shrink& shrink) {
        using Words = typename Isa::Words;
        const Words words = Isa::load_words(at.x);
        Batch one;
        Batch other;
        if constexpr (is_same<T, BFloat16>) {
            one = Isa::as_floats((words & Words(0x7FFF)) << 16);
            other = Isa::as_floats(words & Words(0x7FFF0000));
        } else {
            one = xsimd::abs(Isa::template load_arithmetic<T>(at.x));
            other = xsimd::abs(Isa::template load_arithmetic<T>(at.x + batch_bytes));
        }
        one = shrink.of_magnitude(one);
        other = shrink.of_magnitude(other);
        watch.see(one, other);
        const Words result = Isa::positive_halves(joined(one, other)) | (words & Words(0x80008000));
        Isa::template store_arithmetic<float>(at.y, Isa::as_floats(result));
    }

    /// Stores at y what compute(elements) returns for two batches.
    template <unsigned reads, class F>
    [[gnu::always_inline]] static inline void compute_two(const Places& at, Watch& watch,
                                                          const F& compute) {
        Elements one;
        Elements other;
        load_two<reads>(at, one, other);
        const Batch result = compute(one);
        const Batch other_result = compute(other);
        watch.see(result, other_result);
        if constexpr ((reads & watching_x) != 0) {
            watch.see_too(one.x, other.x);
        }
        if constexpr ((reads & keeping_magnitudes) != 0) {
            char* const to = reinterpret_cast<char*>(at.magnitude);
            Isa::template store_arithmetic<float>(to, xsimd::abs(one.x));
            Isa::template store_arithmetic<float>(to + width * sizeof(float), xsimd::abs(other.x));
        }
        store_two<reads>(at.y, result, other_result);
    }

    /// The same for one batch.
    template <unsigned reads, class F>
    [[gnu::always_inline]] static inline void compute_batch(const Places& at, Watch& watch,
                                                            const F& compute) {
        const Elements elements = load<reads>(at);
        const Batch result = compute(elements);
        watch.see(result, (reads & watching_x) != 0 ? elements.x : result);
        Isa::template store_arithmetic<T>(at.y, result);
    }

    /// Two batches, those of the prox of 16-bit elements together.
    template <unsigned reads, class F>
    [[gnu::always_inline]] static inline void compute_pair(const Places& at, Watch& watch,
                                                           const F& compute) {
        if constexpr (narrow_pairs && is_same<F, Shrink>) {
            shrink_two(at, watch, compute);
        } else {
            compute_two<reads>(at, watch, compute);
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
    [[gnu::always_inline]] static inline void compute_rest(const Places& at, size_t n, Watch& watch,
                                                           const F& compute) {
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
        compute_batch<reads>({x_rest, y_rest, gradient_rest, steps_rest, nullptr}, watch, compute);
        __builtin_memcpy(at.y, y_rest, n * sizeof(T));
    }

    /// Computes n elements, at most a chunk.
    template <unsigned reads, class F>
    [[gnu::always_inline]] static inline void for_chunk(const Places& at, size_t n,
                                                        const F& compute) {
        Watch watch;
        size_t i = 0;
        if constexpr (Isa::update_prefetch_distance != 0) {
            constexpr size_t four_lines = 4 * cache_line / sizeof(T);
#pragma GCC unroll 1
            for (; i + four_lines <= n; i += four_lines) {
                unrolled<0, four_lines / (2 * width)>([&](auto two) __attribute__((always_inline)) {
                    const Places at_two = advance<reads>(at, i + two.value * 2 * width);
                    prefetch<reads>(at_two);
                    compute_pair<reads>(at_two, watch, compute);
                });
            }
            for (; i + width <= n; i += width) {
                compute_batch<reads>(advance<reads>(at, i), watch, compute);
            }
        } else {
            // GCC 12 would unroll all of a chunk, for no gain.
#pragma GCC unroll 1
            for (; i + 2 * width <= n; i += 2 * width) {
                compute_pair<reads>(advance<reads>(at, i), watch, compute);
            }
            if (i + width <= n) {
                compute_batch<reads>(advance<reads>(at, i), watch, compute);
                i += width;
            }
        }
        if (i < n) {
            compute_rest<reads>(advance<reads>(at, i), n - i, watch, compute);
        }
        if (watch.is_alarmed()) {
            canonicalize_nans<T>(at.x, at.y, n);
        }
    }

    template <unsigned reads, class F>
    [[gnu::always_inline]] static inline void for_each(Places at, size_t n, const F& compute) {
        while (n > 0) {
            const size_t count = n < chunk ? n : chunk;
            for_chunk<reads>(at, count, compute);
            n -= count;
            at = advance<reads>(at, count);
        }
    }

    /// times_sign may lose a NaN, which only b * x would keep.
    template <WantedSums wanted>
    static constexpr unsigned gradient_reads = with_y |
                                               (wanted == WantedSums::absolute ? watching_x : 0);

    /// What add_gradient computes of each batch.
    template <WantedSums wanted>
    [[gnu::always_inline]] static inline auto gradient_of(double l1_factor, double l2_factor) {
        const Batch a(static_cast<A>(l1_factor));
        const Batch b(static_cast<A>(l2_factor));
        const Batch one = opaque_one<A, Batch>();
        return [=](const Elements& of) __attribute__((always_inline)) {
            const Batch x = Isa::in_register(of.x);
            const Batch g = of.y;
            if constexpr (wanted == WantedSums::both) {
                return sum(one, g, b * x + Isa::times_sign(x, a));
            } else if constexpr (wanted == WantedSums::square) {
                return sum(one, g, b * x);
            } else {
                return sum(one, g, Isa::times_sign(x, a));
            }
        };
    }

    /// What prox_step computes of each batch with steps.
    template <unsigned reads>
    [[gnu::always_inline]] static inline auto step_of_each(const ProxStepFactors& factors) {
        const Batch s(static_cast<A>(factors.step));
        const Batch t(static_cast<A>(factors.threshold));
        const Batch b(static_cast<A>(factors.excess));
        return [=](const Elements& of) __attribute__((always_inline)) {
            Batch v = of.x;
            if constexpr ((reads & with_gradient) != 0) {
                v = v - (s * of.step) * of.gradient;
            }
            const Batch above = xsimd::abs(v) - t * of.step;
            return Isa::signed_as(
                v, Isa::quotient(Isa::positive_part(above), Batch(A{1}) + b * of.step));
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
        for_each<gradient_reads<wanted>>(
            {static_cast<const char*>(x), static_cast<char*>(gradient), nullptr, nullptr, nullptr},
            n, gradient_of<wanted>(l1_factor, l2_factor));
    }

    /// Also sums the block, alternating with the gradient chunk by chunk. A chunk stays in the
    /// nearest cache. It is short enough that memory is read for one while the other computes.
    /// 16-bit elements are widened once: the gradient keeps their absolute values for the sums.
    template <WantedSums wanted, class SumIsa>
    static Sums add_gradient_and_sum(const void* from, void* to, size_t n, double l1_factor,
                                     double l2_factor) {
        using Sum = BlockSum<SumIsa, T, wanted>;
        // Of whole rows all magnitudes are kept by loops over two batches.
        static_assert(!narrow_pairs ||
                      (Isa::update_prefetch_distance == 0 && lanes % (2 * width) == 0));
        const char* x = static_cast<const char*>(from);
        char* gradient = static_cast<char*>(to);
        const auto compute = gradient_of<wanted>(l1_factor, l2_factor);
        typename Sum::Lanes sums;
        Sum::clear(sums);
        size_t used = 0;
        for (size_t left = n; left > 0;) {
            const size_t count = left < chunk ? left : chunk;
            const size_t rows = count / lanes;
            if constexpr (narrow_pairs) {
                alignas(64) float magnitude[chunk];
                for_chunk<gradient_reads<wanted> | keeping_magnitudes>(
                    {x, gradient, nullptr, nullptr, magnitude}, count, compute);
                Sum::template add_widened<2 * width>(magnitude, rows, sums);
            } else {
                Sum::add(x, rows, sums);
                for_chunk<gradient_reads<wanted>>({x, gradient, nullptr, nullptr, nullptr}, count,
                                                  compute);
            }
            used = Sum::add_rest(x + rows * lanes * sizeof(T), count % lanes, sums);
            x += count * sizeof(T);
            gradient += count * sizeof(T);
            left -= count;
        }
        return Sum::fold(sums, n < lanes ? used : Sum::batches);
    }

    static void prox(const void* x, void* out, size_t n, double threshold, double factor) {
        const Shrink shrink(threshold, factor);
        const Places at = {static_cast<const char*>(x), static_cast<char*>(out), nullptr, nullptr,
                           nullptr};
        for_each<0>(at, n, shrink);
    }

    static void scale(const void* x, void* out, size_t n, double factor) {
        const Batch f(static_cast<A>(factor));
        for_each<0>(
            {static_cast<const char*>(x), static_cast<char*>(out), nullptr, nullptr, nullptr},
            n, [=](const Elements& of) __attribute__((always_inline)) { return of.x * f; });
    }

    /// One step for all elements.
    static void step_of_gradient(const void* x, const void* gradient, void* out, size_t n,
                                 const ProxStepFactors& factors) {
        const Batch s(static_cast<A>(factors.step));
        const Shrink shrink(factors.threshold, 1.0 / (1.0 + factors.excess));
        for_each<with_gradient>(
            {static_cast<const char*>(x), static_cast<char*>(out),
             static_cast<const char*>(gradient), nullptr, nullptr},
            n, [=](const Elements& of) __attribute__((always_inline)) {
                return shrink.of_value(of.x - s * of.gradient);
            });
    }

    static void prox_step(const void* x, const void* gradient_or_null, const void* steps_or_null,
                          void* out, size_t n, const ProxStepFactors& factors) {
        const Places at = {static_cast<const char*>(x), static_cast<char*>(out),
                           static_cast<const char*>(gradient_or_null),
                           static_cast<const char*>(steps_or_null), nullptr};
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
