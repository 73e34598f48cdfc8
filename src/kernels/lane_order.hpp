// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * The order of lanes: which lane each element of a register holds, and how the lanes are added up
 * in the end. No other file depends on it.
 *
 * Elements of 32 and 64 bits are loaded as they stand. 16-bit elements are widened to float32 in
 * memory first. Where an instruction converts them they keep their order. Otherwise they are taken
 * in pairs, as words of 32 bits, and masks and shifts separate even elements from odd ones without
 * a shuffle. With registers of 4 doubles, which hold 16 of them:
 *
 *     elements       0  1  2  3 ...                                        15
 *     widened        0  2  4  6 |  8 10 12 14 |  1  3  5  7 |  9 11 13 15
 *     register j          0            1             2             3
 */
#pragma once

#include "elements.hpp"
#include "kernels.hpp"

namespace {

using l1l2::kernels::lanes;

template <class Isa, class T>
class LaneOrder {
    using Batch = typename Isa::Doubles;
    using Floats = typename Isa::Floats;
    using Words = typename Isa::Words;

    static constexpr size_t width = Batch::size;

    static constexpr bool even_apart_from_odd =
        is_same<T, BFloat16> || (is_same<T, Float16> && !Isa::converts_float16);

    [[gnu::always_inline]] static inline void store(float* to, Floats x) {
        Isa::template store_arithmetic<float>(reinterpret_cast<char*>(to), x);
    }

  public:
    static constexpr size_t registers = lanes / width;

    /// How many 16-bit elements fill a register and are widened at a time.
    static constexpr size_t widened = 4 * width;

    /// Makes float32 of the absolute values of so many elements.
    [[gnu::always_inline]] static inline void widen(const char* x, float* to) {
        if constexpr (even_apart_from_odd) {
            const Words pairs = Isa::load_words(x);
            const Words even = pairs & Words(0x7FFF);
            if constexpr (is_same<T, BFloat16>) {
                store(to, Isa::as_floats(even << 16));
                store(to + widened / 2, Isa::as_floats(pairs & Words(0x7FFF0000)));
            } else {
                store(to, Isa::float_of_half(even));
                store(to + widened / 2, Isa::float_of_half((pairs >> 16) & Words(0x7FFF)));
            }
        } else {
            for (size_t i = 0; i < widened; i += widened / 2) {
                store(to + i, abs(Isa::template load_arithmetic<T>(x + i * sizeof(T))));
            }
        }
    }

    /// Which register of a row is register j, if `together` elements were widened at a time, as the
    /// first half of them the even ones.
    template <size_t together>
    static constexpr size_t place(size_t j) {
        constexpr size_t half = together / 2 / width;
        const size_t of_its_half = j / 4 * 2 + j % 2;
        const size_t is_odd = j / 2 % 2;
        return even_apart_from_odd ? (of_its_half / half * 2 + is_odd) * half + of_its_half % half
                                   : j;
    }

    /// Adds lane l + half to lane l of each sum, for half = 16, 8, ... until one register is left
    /// (two where even and odd lanes are separate). Registers from `used` on hold +0; skipping them
    /// changes no bit. One call folds all sums, because a small array notices each branch.
    template <size_t half = registers / 2, class... Sums>
    [[gnu::always_inline]] static inline void fold(size_t used, Sums&... sum) {
        if constexpr (half == 2 && even_apart_from_odd) {
            ((sum[0] = sum[0] + sum[1], sum[1] = sum[2] + sum[3]), ...);
        } else if constexpr (half > 0) {
            if (used > half) {
                unrolled<0, half>([&](auto j) __attribute__((always_inline)) {
                    ((sum[j.value] = sum[j.value] + sum[j.value + half]), ...);
                });
            }
            fold<half / 2>(used, sum...);
        }
    }

    /// How many registers a folded sum has.
    static constexpr size_t folded = even_apart_from_odd ? 2 : 1;

    /// The total of a folded sum. Even and odd lanes meet last, as they do in order, where lane 1
    /// is added to lane 0 in the end.
    [[gnu::always_inline]] static inline auto total(const Batch* sum) {
        return even_apart_from_odd ? Isa::fold(sum[0]) + Isa::fold(sum[1]) : Isa::fold(sum[0]);
    }
};

} // namespace
