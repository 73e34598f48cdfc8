/**
 * AVX-512 F, CD, DQ, BW and VL, in two forms: with registers of 8 doubles, and for CPUs that
 * execute those in two halves with registers of 4, of which there are still 32.
 *
 * Measured on Zen 4 (3.6 GHz, float32, both sums, from L2): 47 GB/s with 4 doubles, 36 with 8. The
 * conversion is the reason: vcvtps2pd takes 0.54 cycles for 4 elements, but 1.3 for 8. For float64,
 * which needs none, the wide loads are ahead where the data come from beyond L2, 79 against 68.
 */
#include "avx2.hpp"

namespace {

struct EightDoubles {
    using arch = xsimd::avx512bw;
    using Batch = xsimd::batch<double, arch>;
    static constexpr bool adds_with_fma = true;

    template <class T>
    static constexpr size_t pass_lanes(Terms /*terms*/) {
        return lanes;
    }

    /// float32 on Zen 5 reads 28 GB/s from DRAM without and 31-34 with it, like a pure read loop.
    /// For float64 the loads come faster than the prefetches would help.
    template <class T>
    static constexpr size_t prefetch_distance = sizeof(T) == 4 ? 4096 : 0;

    template <class T>
    static inline Batch load(const char* p) {
        if constexpr (sizeof(T) == sizeof(float)) {
            return _mm512_cvtps_pd(_mm256_loadu_ps(reinterpret_cast<const float*>(p)));
        } else {
            return _mm512_loadu_pd(p);
        }
    }

    template <class T>
    static inline Batch load_partial(const char* p, size_t n) {
        const auto mask = static_cast<__mmask8>((1U << n) - 1U);
        if constexpr (sizeof(T) == sizeof(float)) {
            return _mm512_cvtps_pd(_mm256_maskz_loadu_ps(mask, p));
        } else {
            return _mm512_maskz_loadu_pd(mask, p);
        }
    }

    static inline double fold(Batch lane) {
        const __m512d v = lane;
        return FourDoubles::fold(
            _mm256_add_pd(_mm512_castpd512_pd256(v), _mm512_extractf64x4_pd(v, 1)));
    }
};

struct FourDoublesOf32Registers : FourDoubles {
    template <class T>
    static constexpr size_t pass_lanes(Terms /*terms*/) {
        return lanes;
    }
};

/// float32 in 256-bit registers, float64 in 512-bit ones.
constexpr KernelTable halves_table() {
    KernelTable table = kernel_table<EightDoubles>("avx512bw", "avx512bw-256");
    const KernelTable four = kernel_table<FourDoublesOf32Registers>("", "");
    for (size_t terms = 0; terms < l1l2::kernels::terms_count; ++terms) {
        table.float32[terms] = four.float32[terms];
    }
    return table;
}

} // namespace

constexpr KernelTable l1l2::kernels::avx512bw =
    kernel_table<EightDoubles>("avx512bw", "avx512bw-512");
constexpr KernelTable l1l2::kernels::avx512bw_256 = halves_table();
