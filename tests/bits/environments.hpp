/**
 * Floating-point environments that a host may have set.
 */
#pragma once

#include <cfenv>
#include <cstdint>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace bits {

#if defined(__aarch64__)
inline void set_fpcr(std::uint64_t bits) {
    __asm__ __volatile__("msr fpcr, %0" : : "r"(bits));
}
#elif defined(__arm__) && defined(__VFP_FP__) && !defined(__SOFTFP__)
inline void set_fpscr(std::uint32_t bits) {
    __asm__ __volatile__("vmsr fpscr, %0" : : "r"(bits));
}
#endif

/// The environment without its status flags.
inline std::uint64_t control() {
    auto bits = static_cast<std::uint64_t>(std::fegetround());
#if defined(__GLIBC__)
    bits = bits << 8U ^ static_cast<std::uint64_t>(fegetexcept());
#endif
#if defined(__SSE2__)
    constexpr unsigned flags = 0x3F;
    bits = bits << 32U ^ (_mm_getcsr() & ~flags);
#elif defined(__aarch64__)
    std::uint64_t fpcr = 0;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(fpcr));
    bits = bits << 32U ^ fpcr;
#elif defined(__arm__) && defined(__VFP_FP__) && !defined(__SOFTFP__)
    constexpr std::uint32_t control_bits = 0x07FF9F00;
    std::uint32_t fpscr = 0;
    __asm__ __volatile__("vmrs %0, fpscr" : "=r"(fpscr));
    bits = bits << 32U ^ (fpscr & control_bits);
#endif
    return bits;
}

struct Environment {
    const char* name;
    void (*set)();
    bool everywhere; ///< whether each CPU of this kind has it
};
#if defined(__SOFTFP__)
constexpr bool hardware = false;
#else
constexpr bool hardware = true;
#endif
constexpr Environment environments[] = {
#if defined(FE_DOWNWARD)
    {"downward", [] { std::fesetround(FE_DOWNWARD); }, hardware},
#endif
#if defined(FE_UPWARD)
    {"upward", [] { std::fesetround(FE_UPWARD); }, hardware},
#endif
#if defined(FE_TOWARDZERO)
    {"towards zero", [] { std::fesetround(FE_TOWARDZERO); }, hardware},
#endif
#if defined(__SSE2__)
    {"denormals are zero", [] { _mm_setcsr(_mm_getcsr() | 0x0040U); }, true},
    {"flush to zero", [] { _mm_setcsr(_mm_getcsr() | 0x8000U); }, true},
    {"both of them, upward", [] { _mm_setcsr(_mm_getcsr() | 0xC040U); }, true},
#elif defined(__aarch64__)
    {"flush to zero", [] { set_fpcr(1U << 24U); }, true},
    // Also for float16, with the default NaN, upward.
    {"flush to zero, upward", [] { set_fpcr(0x3480000U); }, true},
#elif defined(__arm__) && defined(__VFP_FP__) && !defined(__SOFTFP__)
    {"flush to zero", [] { set_fpscr(1U << 24U); }, true},
    {"flush to zero, upward", [] { set_fpscr(0x3400000U); }, true},
#endif
    {"exceptions trap",
     [] {
#if defined(__GLIBC__)
         std::feclearexcept(FE_ALL_EXCEPT); // one that is pending would trap here
         feenableexcept(FE_ALL_EXCEPT);
#endif
     },
     false},
};

} // namespace bits
