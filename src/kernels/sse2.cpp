// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// SSE2: 16 registers of 2 doubles, so that both sums take four passes of 8 lanes.
#include "exact_places_sse2.hpp"
#include "kernel_table.hpp"

#include <emmintrin.h>

namespace {

struct Sse2 : CommonIsa<xsimd::sse2> {
    static constexpr bool adds_with_fma = false;
    static constexpr bool converts_float16 = false;
    static constexpr bool scans_ahead = false;
    static constexpr size_t registers = 16;

    /// At a third of the memory's speed the arithmetic is the limit.
    template <class T>
    static constexpr size_t prefetch_distance = 0;

    template <class T>
    static inline Doubles load(const char* p) {
        if constexpr (is_same<T, float>) {
            return _mm_cvtps_pd(
                _mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
        } else {
            return _mm_loadu_pd(reinterpret_cast<const double*>(p));
        }
    }

    template <class T>
    static inline Register<Arithmetic<T>> load_arithmetic(const char* p) {
        if constexpr (is_narrow<T>) {
            const __m128i bits = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
            const __m128i upper = _mm_unpacklo_epi16(_mm_setzero_si128(), bits);
            if constexpr (is_same<T, BFloat16>) {
                return _mm_castsi128_ps(upper);
            } else {
                const __m128i sign = _mm_and_si128(upper, _mm_set1_epi32(INT32_MIN));
                const __m128i magnitude = _mm_srli_epi32(_mm_slli_epi32(upper, 1), 17);
                return _mm_or_ps(_mm_castsi128_ps(sign), float_of_half(magnitude));
            }
        } else if constexpr (is_same<T, float>) {
            return _mm_loadu_ps(reinterpret_cast<const float*>(p));
        } else {
            return _mm_loadu_pd(reinterpret_cast<const double*>(p));
        }
    }

    template <class T>
    static inline void store_arithmetic(char* p, Register<Arithmetic<T>> x) {
        if constexpr (is_narrow<T>) {
            const __m128i upper =
                is_same<T, BFloat16> ? rounded<16>(as_words(x)) : half_of_float(x);
            // The only pack of SSE2 saturates signed numbers, so that 16 bits are given their sign.
            const __m128i with_sign = _mm_srai_epi32(upper, 16);
            _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi32(with_sign, with_sign));
        } else if constexpr (is_same<T, float>) {
            _mm_storeu_ps(reinterpret_cast<float*>(p), x);
        } else {
            _mm_storeu_pd(reinterpret_cast<double*>(p), x);
        }
    }

    template <class T>
    static inline Doubles load_partial(const char* p, size_t /*one*/) {
        T element;
        __builtin_memcpy(&element, p, sizeof element);
        return _mm_set_sd(static_cast<double>(element));
    }

    /// float32 of the 15 bits of a float16 without its sign. In their new place they stand for a
    /// number that is 2^112 too small, as the bias grows from 15 to 127; infinity and NaN for one
    /// that is finite. Not inlined: it would be there a hundred times.
    [[gnu::noinline]] static Floats float_of_half(Words magnitude) {
        const __m128 small = _mm_castsi128_ps(_mm_slli_epi32(magnitude, 13));
        const __m128i special =
            _mm_and_si128(_mm_cmpgt_epi32(magnitude, _mm_set1_epi32(infinity<Float16> - 1)),
                          _mm_set1_epi32(infinity<float>));
        return _mm_or_ps(_mm_mul_ps(small, _mm_set1_ps(0x1p112F)), _mm_castsi128_ps(special));
    }

    static inline __m128i blend(__m128i mask, __m128i where, __m128i elsewhere) {
        return _mm_or_si128(_mm_and_si128(mask, where), _mm_andnot_si128(mask, elsewhere));
    }

    /// The float16 nearest to x, in the upper half of each word.
    [[gnu::noinline]] static Words half_of_float(Floats x) {
        const __m128 sign = _mm_and_ps(x, _mm_set1_ps(-0.0F));
        const __m128 magnitude = _mm_andnot_ps(_mm_set1_ps(-0.0F), x);
        const __m128i infinite = _mm_set1_epi32(infinity<Float16>);
        // The bias falls from 127 to 15; what is too large becomes infinite.
        const __m128i bits = _mm_sub_epi32(_mm_srli_epi32(rounded<13>(as_words(magnitude)), 13),
                                           _mm_set1_epi32(112 << 10));
        const __m128i normal = blend(_mm_cmpgt_epi32(bits, infinite), infinite, bits);
        // Below 2^-14 the addition of 1/2 rounds to multiples of 2^-24, and leaves the subnormal's
        // bits in the lower half, where 1/2 has none.
        const __m128i subnormal = _mm_castps_si128(_mm_add_ps(magnitude, _mm_set1_ps(0.5F)));
        const __m128i is_subnormal =
            _mm_castps_si128(_mm_cmplt_ps(magnitude, _mm_set1_ps(0x1p-14F)));
        const __m128i is_nan = _mm_castps_si128(_mm_cmpunord_ps(x, x));
        const __m128i number = blend(is_subnormal, subnormal, normal);
        const __m128i half = blend(is_nan, _mm_set1_epi32(quiet_nan<Float16>), number);
        return _mm_or_si128(_mm_slli_epi32(half, 16), _mm_castps_si128(sign));
    }

    static inline Words load_words(const char* p) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    }
    static inline void stream_words(char* p, Words x) {
        _mm_stream_si128(reinterpret_cast<__m128i*>(p), x);
    }
    static inline Words as_words(Floats x) { return _mm_castps_si128(x); }
    static inline Floats as_floats(Words x) { return _mm_castsi128_ps(x); }

    template <class T>
    static inline SignedWords upper_words(const char* p) {
        __m128i words = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
        if constexpr (sizeof(T) == sizeof(double)) {
            constexpr int odd = 0xDD;
            const __m128 next = _mm_loadu_ps(reinterpret_cast<const float*>(p + sizeof words));
            words = _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(words), next, odd));
        }
        return _mm_and_si128(words, _mm_set1_epi32(INT32_MAX));
    }
    static inline Halves load_halves(const char* p) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    }
    static inline Doubles add_as_integers(Doubles x, Doubles y) {
        return _mm_castsi128_pd(_mm_add_epi64(_mm_castpd_si128(x), _mm_castpd_si128(y)));
    }
    /// Dekker's, "A floating-point technique for extending the available precision" (1971): x is
    /// split into halves whose products are exact.
    static inline Doubles product_error(Doubles x, Doubles product) {
        const Doubles scaled = x * Doubles(0x1p27 + 1);
        const Doubles upper = scaled - (scaled - x);
        const Doubles lower = x - upper;
        const Doubles twice = (upper + upper) * lower;
        return ((upper * upper - product) + twice) + lower * lower;
    }

    /// Not fused, which must not matter to the caller.
    template <class AnyBatch>
    static inline AnyBatch fma(AnyBatch x, AnyBatch y, AnyBatch z) {
        return x * y + z;
    }

    // If either is a NaN, max returns its second operand, so a NaN stays.
    static inline Doubles positive_part(Doubles x) { return _mm_max_pd(_mm_setzero_pd(), x); }
    static inline Floats positive_part(Floats x) { return _mm_max_ps(_mm_setzero_ps(), x); }

    template <class T>
    static constexpr l1l2::kernels::ExactPlacesKernel add_to_places = ExactPairs<T>::add;

    static inline double fold(Doubles lane) {
        const __m128d v = lane;
        return _mm_cvtsd_f64(_mm_add_sd(v, _mm_unpackhi_pd(v, v)));
    }
};

} // namespace

constexpr KernelTable l1l2::kernels::sse2 = kernel_table<Sse2>("sse2", "sse2", stream_lines<Sse2>);
