// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * Loads, stores and the fold for registers of 4 doubles or 8 floats: AVX2 with FMA and F16C, and
 * AVX-512 in its 256-bit form.
 */
#pragma once

#include "exact_places_sse2.hpp"
#include "kernel_table.hpp"

#include <immintrin.h>

namespace {

/// ExactPairs of float64 with one register for a place.
inline void add_doubles_to_places(const char* x, size_t n, uint64_t* places) {
    using Places = ExactPlaces<double>;
    constexpr size_t width = 4;
    const __m256i fraction = _mm256_set1_epi64x(Places::fraction);
    for (size_t i = 0; i < n; i += width) {
        const char* const p = x + i * sizeof(double);
        const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
        const __m256i magnitude = _mm256_and_si256(bits, _mm256_set1_epi64x(INT64_MAX));
        const __m256i hidden = _mm256_and_si256(_mm256_cmpgt_epi64(magnitude, fraction),
                                                _mm256_set1_epi64x(Places::hidden));
        const __m256i m = _mm256_or_si256(_mm256_and_si256(bits, fraction), hidden);
        const __m256i upper = _mm256_srli_epi64(m, Places::lower_bits);
        const __m256i lower = _mm256_and_si256(m, _mm256_set1_epi64x(Places::lower_half));
        const __m256i upper_square = _mm256_mul_epu32(upper, upper);
        const __m256i cross = _mm256_mul_epu32(upper, lower);
        const __m256i lower_square = _mm256_mul_epu32(lower, lower);
        const __m256i even = _mm256_unpacklo_epi64(m, upper_square);
        const __m256i even_rest = _mm256_unpacklo_epi64(cross, lower_square);
        const __m256i odd = _mm256_unpackhi_epi64(m, upper_square);
        const __m256i odd_rest = _mm256_unpackhi_epi64(cross, lower_square);
        const __m256i value[width] = {_mm256_permute2x128_si256(even, even_rest, 0x20),
                                      _mm256_permute2x128_si256(odd, odd_rest, 0x20),
                                      _mm256_permute2x128_si256(even, even_rest, 0x31),
                                      _mm256_permute2x128_si256(odd, odd_rest, 0x31)};
        for (size_t j = 0; j < width; ++j) {
            auto* const to = reinterpret_cast<__m256i*>(Places::of(p, j, places));
            *to = _mm256_add_epi64(*to, value[j]);
        }
    }
}

struct FourDoubles : CommonIsa<xsimd::fma3<xsimd::avx2>> {
    static constexpr bool adds_with_fma = true;
    static constexpr bool converts_float16 = true;
    static constexpr bool scans_ahead = false;

    /// On Zen 4, where it was measured, prefetching never gained and often lost: the hardware's
    /// prefetchers follow the strips by themselves.
    template <class T>
    static constexpr size_t prefetch_distance = 0;

    template <class T>
    static inline Doubles load(const char* p) {
        if constexpr (is_same<T, float>) {
            return _mm256_cvtps_pd(_mm_loadu_ps(reinterpret_cast<const float*>(p)));
        } else {
            return _mm256_loadu_pd(reinterpret_cast<const double*>(p));
        }
    }

    template <class T>
    static inline Register<Arithmetic<T>> load_arithmetic(const char* p) {
        if constexpr (is_same<T, Float16>) {
            return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
        } else if constexpr (is_same<T, BFloat16>) {
            const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
            return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
        } else if constexpr (is_same<T, float>) {
            return _mm256_loadu_ps(reinterpret_cast<const float*>(p));
        } else {
            return _mm256_loadu_pd(reinterpret_cast<const double*>(p));
        }
    }

    /// Apart from a store: with the conversion in one instruction it takes twice as long on Zen 4.
    static inline __m128i float16(Floats x) {
        __m128i halves = _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT);
        __asm__("" : "+x"(halves));
        return halves;
    }

    template <class T>
    static inline void store_arithmetic(char* p, Register<Arithmetic<T>> x) {
        if constexpr (is_same<T, Float16>) {
            _mm_storeu_si128(reinterpret_cast<__m128i*>(p), float16(x));
        } else if constexpr (is_same<T, BFloat16>) {
            const __m256i upper = rounded<16>(as_words(x)) >> 16;
            const __m128i packed =
                _mm_packus_epi32(_mm256_castsi256_si128(upper), _mm256_extracti128_si256(upper, 1));
            _mm_storeu_si128(reinterpret_cast<__m128i*>(p), packed);
        } else if constexpr (is_same<T, float>) {
            _mm256_storeu_ps(reinterpret_cast<float*>(p), x);
        } else {
            _mm256_storeu_pd(reinterpret_cast<double*>(p), x);
        }
    }

    template <class T>
    static inline Doubles load_partial(const char* p, size_t n) {
        const __m256i index = _mm256_setr_epi64x(0, 1, 2, 3);
        const __m256i mask =
            _mm256_cmpgt_epi64(_mm256_set1_epi64x(static_cast<long long>(n)), index);
        if constexpr (sizeof(T) == sizeof(float)) {
            const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
            const __m128i mask32 = _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(mask, even));
            return _mm256_cvtps_pd(_mm_maskload_ps(reinterpret_cast<const float*>(p), mask32));
        } else {
            return _mm256_maskload_pd(reinterpret_cast<const double*>(p), mask);
        }
    }

    static inline Words load_words(const char* p) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    }
    static inline void stream_words(char* p, Words x) {
        _mm256_stream_si256(reinterpret_cast<__m256i*>(p), x);
    }
    static inline Words as_words(Floats x) { return _mm256_castps_si256(x); }
    static inline Floats as_floats(Words x) { return _mm256_castsi256_ps(x); }

    template <class T>
    static inline SignedWords upper_words(const char* p) {
        __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
        if constexpr (sizeof(T) == sizeof(double)) {
            constexpr int odd = 0xDD;
            const __m256 next = _mm256_loadu_ps(reinterpret_cast<const float*>(p + sizeof words));
            words = _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(words), next, odd));
        }
        return _mm256_and_si256(words, _mm256_set1_epi32(INT32_MAX));
    }
    static inline Halves load_halves(const char* p) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    }
    static inline Doubles add_as_integers(Doubles x, Doubles y) {
        return _mm256_castsi256_pd(
            _mm256_add_epi64(_mm256_castpd_si256(x), _mm256_castpd_si256(y)));
    }
    static inline Doubles product_error(Doubles x, Doubles product) {
        return _mm256_fmsub_pd(x, x, product);
    }

    static inline Doubles fma(Doubles x, Doubles y, Doubles z) { return _mm256_fmadd_pd(x, y, z); }
    static inline Floats fma(Floats x, Floats y, Floats z) { return _mm256_fmadd_ps(x, y, z); }

    // If either is a NaN, max returns its second operand, so a NaN stays.
    static inline Doubles positive_part(Doubles x) { return _mm256_max_pd(_mm256_setzero_pd(), x); }
    static inline Floats positive_part(Floats x) { return _mm256_max_ps(_mm256_setzero_ps(), x); }

    static inline Words join_float16(Floats x, Floats y) {
        return _mm256_inserti128_si256(_mm256_castsi128_si256(float16(x)), float16(y), 1);
    }

    /// The upper halves, which stay, and the lower halves, which are cut off, of both together.
    /// Rounds to nearest even: up if the lost half is above 0x8000, or is 0x8000 and the other one
    /// is odd.
    static inline Words join_bfloat16(Words even, Words odd) {
        constexpr int odd_halves = 0xAA;
        const __m256i upper = _mm256_blend_epi16(_mm256_srli_epi32(even, 16), odd, odd_halves);
        const __m256i lost = _mm256_blend_epi16(even, _mm256_slli_epi32(odd, 16), odd_halves);
        const __m256i least = _mm256_or_si256(_mm256_andnot_si256(upper, _mm256_set1_epi16(1)),
                                              _mm256_set1_epi16(INT16_MIN));
        return _mm256_sub_epi16(upper, _mm256_cmpeq_epi16(_mm256_max_epu16(lost, least), lost));
    }

    template <class T>
    static constexpr l1l2::kernels::ExactPlacesKernel add_to_places =
        is_same<T, double> ? add_doubles_to_places : ExactPairs<float>::add;

    static inline double fold(Doubles lane) {
        const __m256d v = lane;
        const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
        return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
    }
};

} // namespace
