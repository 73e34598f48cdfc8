// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// Advanced SIMD of AArch64: 32 registers of 2 doubles, so that both sums take two passes.
#include "kernel_table.hpp"

#include <arm_neon.h>

namespace {

struct Neon64 : CommonIsa<xsimd::neon64> {
    static constexpr bool adds_with_fma = false;
    static constexpr bool converts_float16 = true;
    static constexpr bool scans_ahead = true;
    static constexpr size_t registers = 32;

    template <class T>
    static constexpr size_t prefetch_distance = 0;

    /// Loaded and stored as bytes, which no alignment is asked of.
    static inline uint8x8_t load_bytes8(const char* p) {
        return vld1_u8(reinterpret_cast<const uint8_t*>(p));
    }
    static inline uint8x16_t load_bytes16(const char* p) {
        return vld1q_u8(reinterpret_cast<const uint8_t*>(p));
    }

    template <class T>
    static inline Doubles load(const char* p) {
        if constexpr (is_same<T, float>) {
            return vcvt_f64_f32(vreinterpret_f32_u8(load_bytes8(p)));
        } else {
            return vreinterpretq_f64_u8(load_bytes16(p));
        }
    }

    template <class T>
    static inline Register<Arithmetic<T>> load_arithmetic(const char* p) {
        if constexpr (is_same<T, Float16>) {
            return vcvt_f32_f16(vreinterpret_f16_u8(load_bytes8(p)));
        } else if constexpr (is_same<T, BFloat16>) {
            return vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(load_bytes8(p)), 16));
        } else if constexpr (is_same<T, float>) {
            return vreinterpretq_f32_u8(load_bytes16(p));
        } else {
            return vreinterpretq_f64_u8(load_bytes16(p));
        }
    }

    template <class T>
    static inline void store_arithmetic(char* p, Register<Arithmetic<T>> x) {
        auto* const bytes = reinterpret_cast<uint8_t*>(p);
        if constexpr (is_same<T, Float16>) {
            vst1_u8(bytes, vreinterpret_u8_f16(vcvt_f16_f32(x)));
        } else if constexpr (is_same<T, BFloat16>) {
            const uint32x4_t upper = rounded<16>(as_words(x));
            vst1_u8(bytes, vreinterpret_u8_u16(vshrn_n_u32(upper, 16)));
        } else if constexpr (is_same<T, float>) {
            vst1q_u8(bytes, vreinterpretq_u8_f32(x));
        } else {
            vst1q_u8(bytes, vreinterpretq_u8_f64(x));
        }
    }

    template <class T>
    static inline Doubles load_partial(const char* p, size_t /*one*/) {
        T element;
        __builtin_memcpy(&element, p, sizeof element);
        return vsetq_lane_f64(static_cast<double>(element), vdupq_n_f64(0.0), 0);
    }

    static inline Words load_words(const char* p) { return vreinterpretq_u32_u8(load_bytes16(p)); }
    static inline Words as_words(Floats x) { return vreinterpretq_u32_f32(x); }
    static inline Floats as_floats(Words x) { return vreinterpretq_f32_u32(x); }

    template <class T>
    static inline SignedWords upper_words(const char* p) {
        uint32x4_t words = vreinterpretq_u32_u8(load_bytes16(p));
        if constexpr (sizeof(T) == sizeof(double)) {
            words = vuzp2q_u32(words, vreinterpretq_u32_u8(load_bytes16(p + sizeof words)));
        }
        return vreinterpretq_s32_u32(vandq_u32(words, vdupq_n_u32(INT32_MAX)));
    }
    static inline Halves load_halves(const char* p) {
        return vreinterpretq_s16_u8(load_bytes16(p));
    }
    static inline Doubles add_as_integers(Doubles x, Doubles y) {
        return vreinterpretq_f64_s64(vaddq_s64(vreinterpretq_s64_f64(x), vreinterpretq_s64_f64(y)));
    }
    static inline Doubles product_error(Doubles x, Doubles product) {
        return vfmaq_f64(vnegq_f64(product), x, x);
    }

    static inline Doubles fma(Doubles x, Doubles y, Doubles z) { return vfmaq_f64(z, x, y); }
    static inline Floats fma(Floats x, Floats y, Floats z) { return vfmaq_f32(z, x, y); }

    /// xsimd's for floats multiplies by an approximate reciprocal.
    static inline Floats quotient(Floats x, Floats y) { return vdivq_f32(x, y); }
    static inline Doubles quotient(Doubles x, Doubles y) { return vdivq_f64(x, y); }

    static inline Words join_float16(Floats x, Floats y) {
        return vreinterpretq_u32_f16(vcombine_f16(vcvt_f16_f32(x), vcvt_f16_f32(y)));
    }
    static inline Words positive_halves(Words x) {
        return vreinterpretq_u32_s16(vmaxq_s16(vreinterpretq_s16_u32(x), vdupq_n_s16(0)));
    }

    static inline double fold(Doubles lane) {
        const float64x2_t v = lane;
        return vgetq_lane_f64(v, 0) + vgetq_lane_f64(v, 1);
    }
};

} // namespace

constexpr KernelTable l1l2::kernels::neon64 = kernel_table<Neon64>("neon64", "neon64");
