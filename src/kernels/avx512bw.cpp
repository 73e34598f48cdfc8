// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * AVX-512 F, CD, DQ, BW and VL, in three forms: with 512-bit registers throughout; for CPUs that
 * execute 512 bits in two halves, with 256-bit ones for the sums that convert to double; and, for
 * Sapphire Rapids, with prefetches.
 *
 * Measured on Zen 4 (3.6 GHz, float32, both sums, from L2): 50 GB/s with 4 doubles, 38 with 8. The
 * conversion is the reason: vcvtps2pd takes 0.54 cycles for 4 elements, but 1.3 for 8. For float64,
 * which needs none, the wide loads are ahead where the data come from beyond L2, 79 against 68; and
 * for gradients and proxes wide operations are fewer. Those of float16 alone have 256-bit
 * registers, as its conversion takes 0.5 cycles for 8 elements, but 1.33 for 16: a gradient of 32
 * takes 3.1 ns instead of 4.0.
 */
#include "avx2.hpp"

namespace {

struct EightDoubles : CommonIsa<xsimd::avx512bw> {
    static constexpr bool adds_with_fma = true;
    static constexpr bool converts_float16 = true;
    static constexpr bool scans_ahead = true;
    static constexpr size_t registers = 32;

    /// float32 on Zen 5 reads 28 GB/s from DRAM without and 31-34 with it, like a pure read loop.
    /// For float64 the loads come faster than the prefetches would help.
    template <class T>
    static constexpr size_t prefetch_distance = sizeof(T) == 4 ? 4096 : 0;

    template <class T>
    static inline Doubles load(const char* p) {
        if constexpr (is_same<T, float>) {
            return _mm512_cvtps_pd(_mm256_loadu_ps(reinterpret_cast<const float*>(p)));
        } else {
            return _mm512_loadu_pd(p);
        }
    }

    template <class T>
    static inline Register<Arithmetic<T>> load_arithmetic(const char* p) {
        if constexpr (is_same<T, Float16>) {
            return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
        } else if constexpr (is_same<T, BFloat16>) {
            const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
            return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
        } else if constexpr (is_same<T, float>) {
            return _mm512_loadu_ps(p);
        } else {
            return _mm512_loadu_pd(p);
        }
    }

    template <class T>
    static inline void store_arithmetic(char* p, Register<Arithmetic<T>> x) {
        if constexpr (is_same<T, Float16>) {
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                                _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
        } else if constexpr (is_same<T, BFloat16>) {
            const __m512i upper = rounded<16>(as_words(x)) >> 16;
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(upper));
        } else if constexpr (is_same<T, float>) {
            _mm512_storeu_ps(p, x);
        } else {
            _mm512_storeu_pd(p, x);
        }
    }

    template <class T>
    static inline Doubles load_partial(const char* p, size_t n) {
        const auto mask = static_cast<__mmask8>((1U << n) - 1U);
        if constexpr (sizeof(T) == sizeof(float)) {
            return _mm512_cvtps_pd(_mm256_maskz_loadu_ps(mask, p));
        } else {
            return _mm512_maskz_loadu_pd(mask, p);
        }
    }

    static inline Words load_words(const char* p) { return _mm512_loadu_si512(p); }
    static inline void stream_words(char* p, Words x) {
        _mm512_stream_si512(reinterpret_cast<__m512i*>(p), x);
    }
    static inline Words as_words(Floats x) { return _mm512_castps_si512(x); }
    static inline Floats as_floats(Words x) { return _mm512_castsi512_ps(x); }

    template <class T>
    static inline SignedWords upper_words(const char* p) {
        __m512i words = _mm512_loadu_si512(p);
        if constexpr (sizeof(T) == sizeof(double)) {
            constexpr int odd = 0xDD;
            words = _mm512_castps_si512(_mm512_shuffle_ps(_mm512_castsi512_ps(words),
                                                          _mm512_loadu_ps(p + sizeof words), odd));
        }
        return _mm512_and_si512(words, _mm512_set1_epi32(INT32_MAX));
    }
    static inline Halves load_halves(const char* p) { return _mm512_loadu_si512(p); }
    static inline Doubles add_as_integers(Doubles x, Doubles y) {
        return _mm512_castsi512_pd(
            _mm512_add_epi64(_mm512_castpd_si512(x), _mm512_castpd_si512(y)));
    }
    static inline Doubles product_error(Doubles x, Doubles product) {
        return _mm512_fmsub_pd(x, x, product);
    }

    static inline Doubles fma(Doubles x, Doubles y, Doubles z) { return _mm512_fmadd_pd(x, y, z); }
    static inline Floats fma(Floats x, Floats y, Floats z) { return _mm512_fmadd_ps(x, y, z); }

    // In one operation: (x & sign) ^ y, with the operands y, x, sign.
    static constexpr int flip_sign = 0x78;
    static constexpr int even_bit_or_third = 0xAE; // (~x & y) | z

    static inline Doubles signed_as(Doubles x, Doubles y) {
        return _mm512_castsi512_pd(
            _mm512_ternarylogic_epi64(_mm512_castpd_si512(y), _mm512_castpd_si512(x),
                                      _mm512_set1_epi64(INT64_MIN), flip_sign));
    }
    static inline Floats signed_as(Floats x, Floats y) {
        return _mm512_castsi512_ps(
            _mm512_ternarylogic_epi32(_mm512_castps_si512(y), _mm512_castps_si512(x),
                                      _mm512_set1_epi32(INT32_MIN), flip_sign));
    }
    // Beside a NaN the second operand is returned.
    static inline Doubles positive_part(Doubles x) { return _mm512_max_pd(_mm512_setzero_pd(), x); }
    static inline Floats positive_part(Floats x) { return _mm512_max_ps(_mm512_setzero_ps(), x); }

    static inline Doubles times_sign(Doubles x, Doubles a) {
        const __mmask8 not_zero = _mm512_cmp_pd_mask(x, _mm512_setzero_pd(), _CMP_NEQ_UQ);
        return _mm512_castsi512_pd(_mm512_maskz_ternarylogic_epi64(
            not_zero, _mm512_castpd_si512(a), _mm512_castpd_si512(x), _mm512_set1_epi64(INT64_MIN),
            flip_sign));
    }
    static inline Floats times_sign(Floats x, Floats a) {
        const __mmask16 not_zero = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_NEQ_UQ);
        return _mm512_castsi512_ps(_mm512_maskz_ternarylogic_epi32(
            not_zero, _mm512_castps_si512(a), _mm512_castps_si512(x), _mm512_set1_epi32(INT32_MIN),
            flip_sign));
    }

    /// GCC 12 would load the x of a gradient three times.
    template <class AnyBatch>
    static inline AnyBatch in_register(AnyBatch x) {
        __asm__("" : "+v"(x.data));
        return x;
    }

    static inline Words join_float16(Floats x, Floats y) {
        return _mm512_inserti64x4(
            _mm512_castsi256_si512(_mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT)),
            _mm512_cvtps_ph(y, _MM_FROUND_TO_NEAREST_INT), 1);
    }

    /// As that of FourDoubles.
    static inline Words join_bfloat16(Words even, Words odd) {
        constexpr __mmask64 lower_half = 0x3333333333333333;
        const __m512i upper = _mm512_mask_alignr_epi8(odd, lower_half, even, even, 2);
        const __m512i lost = _mm512_mask_alignr_epi8(even, ~lower_half, odd, odd, 14);
        const __m512i least = _mm512_ternarylogic_epi32(
            upper, _mm512_set1_epi16(1), _mm512_set1_epi16(INT16_MIN), even_bit_or_third);
        return _mm512_mask_sub_epi16(upper, _mm512_cmpge_epu16_mask(lost, least), upper,
                                     _mm512_set1_epi32(-1));
    }

    template <class T>
    static constexpr auto add_to_places = FourDoubles::add_to_places<T>;

    static inline double fold(Doubles lane) {
        const __m512d v = lane;
        return FourDoubles::fold(
            _mm256_add_pd(_mm512_castpd512_pd256(v), _mm512_extractf64x4_pd(v, 1)));
    }
};

struct FourDoublesOf32Registers : FourDoubles {
    static constexpr size_t registers = 32;

    static inline Floats signed_as(Floats x, Floats y) {
        return _mm256_castsi256_ps(
            _mm256_ternarylogic_epi32(_mm256_castps_si256(y), _mm256_castps_si256(x),
                                      _mm256_set1_epi32(INT32_MIN), EightDoubles::flip_sign));
    }
    static inline Floats times_sign(Floats x, Floats a) {
        const __mmask8 not_zero = _mm256_cmp_ps_mask(x, _mm256_setzero_ps(), _CMP_NEQ_UQ);
        return _mm256_castsi256_ps(_mm256_maskz_ternarylogic_epi32(
            not_zero, _mm256_castps_si256(a), _mm256_castps_si256(x), _mm256_set1_epi32(INT32_MIN),
            EightDoubles::flip_sign));
    }
};

/// For exact sums of float64 on CPUs that split 512 bits. Zen 4 has a first-level cache of 32 KiB,
/// which two blocks fill: from DRAM it sums 14.9 GB/s of float32 without scanning ahead and 9.4
/// with it, where a read loop has 14.5.
struct EightDoublesInTurn : EightDoubles {
    static constexpr bool scans_ahead = false;
};

/// For CPUs whose hardware fetches too late for loops of so many operations a cache line, as
/// Sapphire Rapids. Measured in plain loops on Sapphire Rapids, float32 from DRAM, GB/s without and
/// with these prefetches: prox 13.2 and 20.2, gradient 15.2 and 17.6, sums 9.5 and 10.7; sums of
/// float64 8.5 and 12.1. On Zen 4 the same takes up to 1.6 of the time.
struct EightDoublesFetching : EightDoubles {
    template <class T>
    static constexpr size_t prefetch_distance = sizeof(T) == 4 ? 1024 : 0;
    template <class T>
    static constexpr size_t far_prefetch_distance = 16384;
    static constexpr size_t update_prefetch_distance = 4096;
};

/// What of a type fetches differently. Sums of 16-bit elements fetch anyway, see widened_rows.hpp.
template <class T>
struct FetchingKernels : IsaKernels<EightDoubles, EightDoubles, T> {
    using Plain = Elementwise<EightDoubles, T>;
    using Fetching = Elementwise<EightDoublesFetching, T>;
    using SumIsa = typename Select<is_narrow<T>, EightDoubles, EightDoublesFetching>::type;

    /// A block after the other: its elements stay in the caches from the sums to the gradient,
    /// and the code of both is there already. 16-bit elements are widened once for both.
    template <WantedSums wanted>
    static Sums add_gradient_and_sum_block(const void* x, void* gradient, size_t n,
                                           double l1_factor, double l2_factor) {
        if constexpr (is_narrow<T>) {
            return Plain::template add_gradient_and_sum<wanted, SumIsa>(x, gradient, n, l1_factor,
                                                                        l2_factor);
        } else {
            const Sums of_block = BlockSum<SumIsa, T, wanted>::run(x, n);
            Fetching::template add_gradient<wanted>(x, gradient, n, l1_factor, l2_factor);
            return of_block;
        }
    }

    static void step(const void* x, const void* gradient, const void* steps, void* out, size_t n,
                     const ProxStepFactors& factors) {
        if (gradient != nullptr && steps == nullptr) {
            Fetching::step_of_gradient(x, gradient, out, n, factors);
        } else {
            Plain::prox_step(x, gradient, steps, out, n, factors);
        }
    }

    template <WantedSums wanted>
    static constexpr l1l2::kernels::BlockKernel sums = BlockSum<SumIsa, T, wanted>::run;
    template <WantedSums wanted>
    static constexpr l1l2::kernels::GradientKernel add_gradient =
        Fetching::template add_gradient<wanted>;
    template <WantedSums wanted>
    static constexpr l1l2::kernels::GradientAndSumKernel add_gradient_and_sum =
        add_gradient_and_sum_block<wanted>;
    static constexpr l1l2::kernels::ProxKernel prox = Fetching::prox;
    static constexpr l1l2::kernels::ScaleKernel scale = Fetching::scale;
    static constexpr l1l2::kernels::ProxStepKernel prox_step = step;
};

} // namespace

constexpr KernelTable l1l2::kernels::avx512bw =
    kernel_table<EightDoubles>("avx512bw", "avx512bw-512", stream_lines<EightDoubles>);
constexpr KernelTable l1l2::kernels::avx512bw_256 =
    kernel_table<FourDoublesOf32Registers, EightDoubles, EightDoublesInTurn>(
        "avx512bw", "avx512bw-256", stream_lines<EightDoubles>);
constexpr KernelTable l1l2::kernels::avx512bw_fetching =
    make_table<FetchingKernels<float>, FetchingKernels<double>, FetchingKernels<Float16>,
               FetchingKernels<BFloat16>>("avx512bw", "avx512bw-fetching",
                                          stream_lines<EightDoubles>);
