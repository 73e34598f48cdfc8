// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// Sums by exponent field with registers of two 64-bit integers: two numbers of a place are added
/// at once.
#pragma once

#include "exact_places.hpp"

#include <emmintrin.h>

namespace {

template <class T>
class ExactPairs {
    using Places = ExactPlaces<T>;

    static __m128i load(const char* p) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    }

    static __m128i* at(const char* x, size_t i, uint64_t* places) {
        return reinterpret_cast<__m128i*>(Places::of(x, i, places));
    }

    static void add_pair(__m128i* to, __m128i pair) { *to = _mm_add_epi64(*to, pair); }

    /// Words are compared; of float64 only the upper ones count, which have the hidden bit.
    static __m128i mantissas(__m128i bits) {
        constexpr bool is_double = is_same<T, double>;
        const auto all = [](uint64_t value) {
            return is_double ? _mm_set1_epi64x(static_cast<long long>(value))
                             : _mm_set1_epi32(static_cast<int>(value));
        };
        const __m128i upper_fraction =
            _mm_set1_epi32(is_double ? Places::fraction >> 32 : Places::fraction);
        const __m128i magnitude = _mm_and_si128(bits, _mm_set1_epi32(INT32_MAX));
        const __m128i is_normal = _mm_cmpgt_epi32(magnitude, upper_fraction);
        return _mm_or_si128(_mm_and_si128(bits, all(Places::fraction)),
                            _mm_and_si128(is_normal, all(Places::hidden)));
    }

    static void add_floats(const char* x, uint64_t* places) {
        const __m128i m = mantissas(load(x));
        const __m128i even = _mm_and_si128(m, _mm_set1_epi64x(0xFFFFFFFF));
        const __m128i odd = _mm_srli_epi64(m, 32);
        const __m128i even_square = _mm_mul_epu32(even, even);
        const __m128i odd_square = _mm_mul_epu32(odd, odd);
        add_pair(at(x, 0, places), _mm_unpacklo_epi64(even, even_square));
        add_pair(at(x, 1, places), _mm_unpacklo_epi64(odd, odd_square));
        add_pair(at(x, 2, places), _mm_unpackhi_epi64(even, even_square));
        add_pair(at(x, 3, places), _mm_unpackhi_epi64(odd, odd_square));
    }

    static void add_doubles(const char* x, uint64_t* places) {
        const __m128i m = mantissas(load(x));
        const __m128i upper = _mm_srli_epi64(m, Places::lower_bits);
        const __m128i lower = _mm_and_si128(m, _mm_set1_epi64x(Places::lower_half));
        const __m128i upper_square = _mm_mul_epu32(upper, upper);
        const __m128i cross = _mm_mul_epu32(upper, lower);
        const __m128i lower_square = _mm_mul_epu32(lower, lower);
        __m128i* const first = at(x, 0, places);
        __m128i* const second = at(x, 1, places);
        add_pair(first, _mm_unpacklo_epi64(m, upper_square));
        add_pair(first + 1, _mm_unpacklo_epi64(cross, lower_square));
        add_pair(second, _mm_unpackhi_epi64(m, upper_square));
        add_pair(second + 1, _mm_unpackhi_epi64(cross, lower_square));
    }

  public:
    static void add(const char* x, size_t n, uint64_t* places) {
        constexpr size_t at_once = sizeof(__m128i) / sizeof(T);
        for (size_t i = 0; i < n; i += at_once) {
            if constexpr (is_same<T, double>) {
                add_doubles(x + i * sizeof(T), places);
            } else {
                add_floats(x + i * sizeof(T), places);
            }
        }
    }
};

} // namespace
