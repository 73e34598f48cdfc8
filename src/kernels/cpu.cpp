// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "cpu.hpp"

#ifdef __x86_64__
#include <cpuid.h>
#endif

namespace l1l2::kernels {

#ifdef __x86_64__

namespace {

struct Registers {
    unsigned eax;
    unsigned ebx;
    unsigned ecx;
    unsigned edx;
};

/// What CPUID says for a leaf; zeros if there is none.
Registers cpuid(unsigned leaf) {
    Registers r = {};
    __get_cpuid(leaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
    return r;
}

} // namespace

CpuFeatures detect_cpu() {
    __builtin_cpu_init();
    const Registers vendor = cpuid(0);
    const Registers leaf1 = cpuid(1);
    CpuFeatures features;
    features.avx2 = static_cast<bool>(__builtin_cpu_supports("avx2"));
    features.fma = static_cast<bool>(__builtin_cpu_supports("fma"));
    // GCC before 11 and clang before 17 have no name for F16C, so its CPUID bit is read here. It
    // needs the AVX registers; the AVX2 test checks that the operating system saves them.
    features.f16c = (leaf1.ecx & bit_F16C) != 0;
    features.avx512f = static_cast<bool>(__builtin_cpu_supports("avx512f"));
    features.avx512cd = static_cast<bool>(__builtin_cpu_supports("avx512cd"));
    features.avx512dq = static_cast<bool>(__builtin_cpu_supports("avx512dq"));
    features.avx512bw = static_cast<bool>(__builtin_cpu_supports("avx512bw"));
    features.avx512vl = static_cast<bool>(__builtin_cpu_supports("avx512vl"));
    if (vendor.ebx == signature_AMD_ebx && vendor.ecx == signature_AMD_ecx &&
        vendor.edx == signature_AMD_edx) {
        features.amd_signature = leaf1.eax;
    }
    return features;
}

#else

CpuFeatures detect_cpu() {
    return {};
}

#endif

/// As AMD defines it: the base family plus, if that is 15, the extended one.
static std::uint32_t family(std::uint32_t signature) {
    const std::uint32_t base = (signature >> 8U) & 0xFU;
    return base == 0xFU ? base + ((signature >> 20U) & 0xFFU) : base;
}

Cpu classify(const CpuFeatures& features) {
    Cpu cpu;
    cpu.avx2 = features.avx2 && features.fma && features.f16c;
    cpu.avx512bw = cpu.avx2 && features.avx512f && features.avx512cd && features.avx512dq &&
                   features.avx512bw && features.avx512vl;
    // Family 25 is Zen 3 and Zen 4; only Zen 4 has AVX-512.
    cpu.splits_512_bits = cpu.avx512bw && family(features.amd_signature) == 25;
    return cpu;
}

} // namespace l1l2::kernels
