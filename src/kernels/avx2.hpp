/**
 * Loads and the fold for registers of 4 doubles: AVX2, and AVX-512 in its 256-bit form.
 */
#pragma once

#include "block_sum.hpp"

#include <immintrin.h>

namespace {

struct FourDoubles {
    using arch = xsimd::fma3<xsimd::avx2>;
    using Batch = xsimd::batch<double, arch>;
    static constexpr bool adds_with_fma = true;

    /// On Zen 4, where it was measured, prefetching never gained and often lost: the hardware's
    /// prefetchers follow the strips by themselves.
    template <class T>
    static constexpr size_t prefetch_distance = 0;

    template <class T>
    static inline Batch load(const char* p) {
        if constexpr (sizeof(T) == sizeof(float)) {
            return _mm256_cvtps_pd(_mm_loadu_ps(reinterpret_cast<const float*>(p)));
        } else {
            return _mm256_loadu_pd(reinterpret_cast<const double*>(p));
        }
    }

    template <class T>
    static inline Batch load_partial(const char* p, size_t n) {
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

    static inline double fold(Batch lane) {
        const __m256d v = lane;
        const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
        return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
    }
};

} // namespace
