/// SSE2: 16 registers of 2 doubles, so that both sums take four passes of 8 lanes.
#include "kernel_table.hpp"

#include <emmintrin.h>

namespace {

struct Sse2 : Signs {
    using arch = xsimd::sse2;
    using Batch = xsimd::batch<double, arch>;
    static constexpr bool adds_with_fma = false;
    static constexpr size_t registers = 16;

    /// At a third of the memory's speed the arithmetic is the limit.
    template <class T>
    static constexpr size_t prefetch_distance = 0;

    template <class T>
    static inline Batch load(const char* p) {
        if constexpr (is_same<T, float>) {
            return _mm_cvtps_pd(
                _mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
        } else {
            return _mm_loadu_pd(reinterpret_cast<const double*>(p));
        }
    }

    template <class T>
    static inline xsimd::batch<Arithmetic<T>, arch> load_arithmetic(const char* p) {
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
    static inline void store_arithmetic(char* p, xsimd::batch<Arithmetic<T>, arch> x) {
        if constexpr (is_narrow<T>) {
            const __m128i bits = _mm_castps_si128(x);
            const __m128i upper = is_same<T, BFloat16> ? bfloat_of_float(bits) : half_of_float(x);
            // The only pack of SSE2 saturates signed numbers, so that 16 bits are given their sign.
            const __m128i with_sign = _mm_srai_epi32(_mm_slli_epi32(upper, 16), 16);
            _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi32(with_sign, with_sign));
        } else if constexpr (is_same<T, float>) {
            _mm_storeu_ps(reinterpret_cast<float*>(p), x);
        } else {
            _mm_storeu_pd(reinterpret_cast<double*>(p), x);
        }
    }

    static constexpr size_t widened = 8;
    template <class T>
    static constexpr bool widened_apart = true;

    template <class T>
    static inline void widen(const char* p, float* floats) {
        const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
        const __m128i even = _mm_and_si128(bits, _mm_set1_epi32(0x7FFF));
        if constexpr (is_same<T, BFloat16>) {
            const __m128i odd = _mm_and_si128(bits, _mm_set1_epi32(0x7FFF0000));
            _mm_store_ps(floats, _mm_castsi128_ps(_mm_slli_epi32(even, 16)));
            _mm_store_ps(floats + 4, _mm_castsi128_ps(odd));
        } else {
            const __m128i odd = _mm_and_si128(_mm_srli_epi32(bits, 16), _mm_set1_epi32(0x7FFF));
            _mm_store_ps(floats, float_of_half(even));
            _mm_store_ps(floats + 4, float_of_half(odd));
        }
    }

    template <class T>
    static inline Batch load_partial(const char* p, size_t /*one*/) {
        T element;
        __builtin_memcpy(&element, p, sizeof element);
        return _mm_set_sd(static_cast<double>(element));
    }

    /// float32 of the 15 bits of a float16 without its sign. In their new place they stand for a
    /// number that is 2^112 too small, subnormals included, and for an infinity or a NaN that is
    /// not yet one.
    [[gnu::noinline]] static __m128 float_of_half(__m128i magnitude) {
        const __m128 small = _mm_castsi128_ps(_mm_slli_epi32(magnitude, 13));
        const __m128i special = _mm_and_si128(_mm_cmpgt_epi32(magnitude, _mm_set1_epi32(0x7BFF)),
                                              _mm_set1_epi32(0x7F800000));
        return _mm_or_ps(_mm_mul_ps(small, _mm_set1_ps(0x1p112F)), _mm_castsi128_ps(special));
    }

    /// To nearest, ties to even: half of the last place, less one if that is even, is added before
    /// the rest is cut off. A carry out of the mantissa is the right exponent.
    static inline __m128i round_off(__m128i bits, int lost) {
        const __m128i odd = _mm_and_si128(_mm_srli_epi32(bits, lost), _mm_set1_epi32(1));
        const __m128i half = _mm_add_epi32(odd, _mm_set1_epi32((1 << (lost - 1)) - 1));
        return _mm_srli_epi32(_mm_add_epi32(bits, half), lost);
    }

    static inline __m128i bfloat_of_float(__m128i bits) { return round_off(bits, 16); }

    static inline __m128i blend(__m128i mask, __m128i where, __m128i elsewhere) {
        return _mm_or_si128(_mm_and_si128(mask, where), _mm_andnot_si128(mask, elsewhere));
    }

    /// Not inlined: it would be there a hundred times.
    [[gnu::noinline]] static __m128i half_of_float(__m128 x) {
        const __m128 sign = _mm_and_ps(x, _mm_set1_ps(-0.0F));
        const __m128 magnitude = _mm_andnot_ps(_mm_set1_ps(-0.0F), x);
        const __m128i bits = _mm_castps_si128(magnitude);
        const __m128i infinity = _mm_set1_epi32(0x7C00);
        // The exponent's bias falls from 127 to 15; what is too large becomes infinite.
        const __m128i rounded = _mm_sub_epi32(round_off(bits, 13), _mm_set1_epi32(112 << 10));
        const __m128i normal = blend(_mm_cmpgt_epi32(rounded, infinity), infinity, rounded);
        // Below 2^-14 the addition of 1/2 rounds to multiples of 2^-24, the subnormal's bits.
        const __m128 shifted = _mm_add_ps(magnitude, _mm_set1_ps(0.5F));
        const __m128i subnormal =
            _mm_sub_epi32(_mm_castps_si128(shifted), _mm_castps_si128(_mm_set1_ps(0.5F)));
        const __m128i is_subnormal =
            _mm_castps_si128(_mm_cmplt_ps(magnitude, _mm_set1_ps(0x1p-14F)));
        const __m128i is_nan = _mm_castps_si128(_mm_cmpunord_ps(x, x));
        const __m128i number = blend(is_subnormal, subnormal, normal);
        return _mm_or_si128(blend(is_nan, _mm_set1_epi32(0x7E00), number),
                            _mm_srli_epi32(_mm_castps_si128(sign), 16));
    }

    template <class T>
    static inline xsimd::batch<int32_t, arch> upper_words(const char* p) {
        __m128i words = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
        if constexpr (sizeof(T) == sizeof(double)) {
            constexpr int odd = 0xDD;
            const __m128 next = _mm_loadu_ps(reinterpret_cast<const float*>(p + sizeof words));
            words = _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(words), next, odd));
        }
        return _mm_and_si128(words, _mm_set1_epi32(INT32_MAX));
    }
    static inline xsimd::batch<int16_t, arch> load_halves(const char* p) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    }
    static inline Batch add_as_integers(Batch x, Batch y) {
        return _mm_castsi128_pd(_mm_add_epi64(_mm_castpd_si128(x), _mm_castpd_si128(y)));
    }
    /// Dekker's, "A floating-point technique for extending the available precision" (1971): x is
    /// split into halves whose products are exact.
    static inline Batch product_error(Batch x, Batch product) {
        const Batch scaled = x * Batch(0x1p27 + 1);
        const Batch upper = scaled - (scaled - x);
        const Batch lower = x - upper;
        const Batch twice = (upper + upper) * lower;
        return ((upper * upper - product) + twice) + lower * lower;
    }

    /// Not fused, which must not matter to the caller.
    template <class AnyBatch>
    static inline AnyBatch fma(AnyBatch x, AnyBatch y, AnyBatch z) {
        return x * y + z;
    }

    static inline double fold(Batch lane) {
        const __m128d v = lane;
        return _mm_cvtsd_f64(_mm_add_sd(v, _mm_unpackhi_pd(v, v)));
    }
};

} // namespace

constexpr KernelTable l1l2::kernels::sse2 = kernel_table<Sse2>("sse2", "sse2");
