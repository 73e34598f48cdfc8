/// Advanced SIMD of AArch64: 32 registers of 2 doubles, so that both sums take two passes.
#include "block_sum.hpp"

#include <arm_neon.h>

namespace {

struct Neon64 {
    using arch = xsimd::neon64;
    using Batch = xsimd::batch<double, arch>;
    static constexpr bool adds_with_fma = false;

    template <class T>
    static constexpr size_t pass_lanes(Terms terms) {
        return terms == Terms::both ? 16 : 32;
    }

    template <class T>
    static constexpr size_t prefetch_distance = 0;

    template <class T>
    static inline Batch load(const char* p) {
        if constexpr (sizeof(T) == sizeof(float)) {
            // Loaded as bytes, which no alignment is asked of.
            return vcvt_f64_f32(vreinterpret_f32_u8(vld1_u8(reinterpret_cast<const uint8_t*>(p))));
        } else {
            return vreinterpretq_f64_u8(vld1q_u8(reinterpret_cast<const uint8_t*>(p)));
        }
    }

    template <class T>
    static inline Batch load_partial(const char* p, size_t /*one*/) {
        T element;
        __builtin_memcpy(&element, p, sizeof element);
        return vsetq_lane_f64(static_cast<double>(element), vdupq_n_f64(0.0), 0);
    }

    static inline double fold(Batch lane) {
        const float64x2_t v = lane;
        return vgetq_lane_f64(v, 0) + vgetq_lane_f64(v, 1);
    }
};

} // namespace

constexpr KernelTable l1l2::kernels::neon64 = kernel_table<Neon64>("neon64", "neon64");
