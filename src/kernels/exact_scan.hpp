// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// The scan of a block, which finds the least and the greatest exponent of its elements. It runs
/// alone, so that the loops that sum have the registers to themselves, or, with Isa::scans_ahead,
/// beside the sums of the block before.
#pragma once

#include "exact_bins.hpp"

#include <xsimd/xsimd.hpp>

namespace {

/// The scan of float32 or float64, which may go on while another block is summed.
template <class Isa, class T>
class Scanner {
    using Words = typename Isa::SignedWords;
    using Values = xsimd::batch<T, typename Isa::arch>;

    static constexpr size_t chains = 2;

    /// The least upper word but 0; more than any if there is none.
    [[gnu::noinline]] static int32_t least_but_zero(const char* x, size_t n) {
        const Values zero(T{0});
        const Values infinite(static_cast<T>(__builtin_inf()));
        Values least = infinite;
        for (size_t i = 0; i < n; i += Values::size) {
            const Values value = xsimd::abs(Isa::template load_arithmetic<T>(x + i * sizeof(T)));
            least = xsimd::min(least, xsimd::select(value == zero, infinite, value));
        }
        const T result = InMemory<T, Values>(least).least();
        Bits<T> bits;
        __builtin_memcpy(&bits, &result, sizeof bits);
        return static_cast<int32_t>(bits >> (8 * sizeof(T) - 32));
    }

    Words least_[chains];
    Words greatest_[chains];

  public:
    [[gnu::always_inline]] inline Scanner() {
        unrolled<0, chains>([&](auto j) __attribute__((always_inline)) {
            least_[j.value] = Words(INT32_MAX);
            greatest_[j.value] = Words(0);
        });
    }

    /// Takes the n elements at p.
    template <size_t n>
    [[gnu::always_inline]] inline void take(const char* p) {
        static_assert(n % Words::size == 0 && n <= chains * Words::size);
        unrolled<0, n / Words::size>([&](auto j) __attribute__((always_inline)) {
            const Words words = Isa::template upper_words<T>(p + j.value * Words::size * sizeof(T));
            least_[j.value] = xsimd::min(least_[j.value], words);
            greatest_[j.value] = xsimd::max(greatest_[j.value], words);
        });
    }

    /// When all of the n elements at x have been taken.
    [[gnu::always_inline]] inline Scan result(const char* x, size_t n) const {
        const Words all_least = xsimd::min(least_[0], least_[1]);
        const Words all_greatest = xsimd::max(greatest_[0], greatest_[1]);
        const int32_t low = InMemory<int32_t, Words>(all_least).least();
        const int32_t high = InMemory<int32_t, Words>(all_greatest).greatest();
        return scan_of<T>(low == 0 ? least_but_zero(x, n) : low, high);
    }

    [[gnu::noinline]] static Scan scan(const char* x, size_t n) {
        Scanner scanner;
        for (size_t i = 0; i < n; i += chains * Words::size) {
            scanner.template take<chains * Words::size>(x + i * sizeof(T));
        }
        return scanner.result(x, n);
    }
};

/// The scan of 16-bit elements as they are. If there are zeros, a second one leaves them out.
template <class Isa, class T, bool zeros_are_least = true>
[[gnu::noinline]] Scan scan_narrow(const char* x, size_t n) {
    using Halves = typename Isa::Halves;
    const Halves magnitude(INT16_MAX);
    const Halves one(1);
    Halves least = magnitude;
    Halves greatest(0);
    for (size_t i = 0; i < n; i += Halves::size) {
        const Halves halves = Isa::load_halves(x + i * sizeof(T)) & magnitude;
        // Of all less 1, so that 0 becomes the greatest. (No select: that of xsimd 8.1 for 16 bits
        // of AVX-512 does not compile at -O0.)
        least = xsimd::min(least, zeros_are_least ? halves : (halves - one) & magnitude);
        greatest = xsimd::max(greatest, halves);
    }
    const int16_t low = InMemory<int16_t, Halves>(least).least();
    if constexpr (zeros_are_least) {
        if (low == 0) {
            return scan_narrow<Isa, T, false>(x, n);
        }
    }
    return scan_of<T>(zeros_are_least ? low : low + 1,
                      InMemory<int16_t, Halves>(greatest).greatest());
}

} // namespace
