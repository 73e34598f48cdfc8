/// SSE2: 16 registers of 2 doubles, so that both sums take four passes of 8 lanes.
#include "block_sum.hpp"

#include <emmintrin.h>

namespace {

struct Sse2 {
    using arch = xsimd::sse2;
    using Batch = xsimd::batch<double, arch>;
    static constexpr bool adds_with_fma = false;

    template <class T>
    static constexpr size_t pass_lanes(Terms terms) {
        return terms == Terms::both ? 8 : 16;
    }

    /// At a third of the memory's speed the arithmetic is the limit.
    template <class T>
    static constexpr size_t prefetch_distance = 0;

    template <class T>
    static inline Batch load(const char* p) {
        if constexpr (sizeof(T) == sizeof(float)) {
            return _mm_cvtps_pd(
                _mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
        } else {
            return _mm_loadu_pd(reinterpret_cast<const double*>(p));
        }
    }

    template <class T>
    static inline Batch load_partial(const char* p, size_t /*one*/) {
        T element;
        __builtin_memcpy(&element, p, sizeof element);
        return _mm_set_sd(static_cast<double>(element));
    }

    static inline double fold(Batch lane) {
        const __m128d v = lane;
        return _mm_cvtsd_f64(_mm_add_sd(v, _mm_unpackhi_pd(v, v)));
    }
};

} // namespace

constexpr KernelTable l1l2::kernels::sse2 = kernel_table<Sse2>("sse2", "sse2");
