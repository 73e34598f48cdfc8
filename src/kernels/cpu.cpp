#include "cpu.hpp"

#ifdef __x86_64__
#include <cpuid.h>
#endif

namespace l1l2::kernels {

#ifdef __x86_64__

/// The family as AMD and Intel define it: base plus, if the base is 15, extended family.
static unsigned amd_family() {
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    if (__get_cpuid(0, &eax, &ebx, &ecx, &edx) == 0 || ebx != signature_AMD_ebx ||
        ecx != signature_AMD_ecx || edx != signature_AMD_edx ||
        __get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) {
        return 0;
    }
    const unsigned base = (eax >> 8U) & 0xFU;
    return base == 0xFU ? base + ((eax >> 20U) & 0xFFU) : base;
}

/// Compilers before GCC 11 and clang 17 know no name for F16C, so CPUID is asked itself; that the
/// operating system saves its registers, those of AVX, is asked with AVX2.
static bool has_f16c() {
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

Cpu detect_cpu() {
    __builtin_cpu_init();
    Cpu cpu;
    cpu.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
    cpu.avx512bw = cpu.avx2 && __builtin_cpu_supports("avx512f") &&
                   __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    // Family 25 is Zen 3 and Zen 4, of which the latter alone has AVX-512.
    cpu.splits_512_bits = cpu.avx512bw && amd_family() == 25;
    return cpu;
}

#else

Cpu detect_cpu() {
    return {};
}

#endif

} // namespace l1l2::kernels
