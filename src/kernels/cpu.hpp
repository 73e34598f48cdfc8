// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * What this CPU, under this operating system, can run.
 *
 * CPUID and XGETBV are read here. xsimd 8.1 ignores whether the operating system saves the wide
 * registers, and the runtime libraries of some compilers have no __builtin_cpu_supports.
 */
#pragma once

#include <cstddef>
#include <cstdint>

namespace l1l2::kernels {

/// What CPUID says of one cache: leaf 4, or on AMD 0x8000001D, which is the same.
struct CacheRegisters {
    std::uint32_t eax = 0;
    std::uint32_t ebx = 0;
    std::uint32_t ecx = 0;
};

/// What CPUID and XGETBV report, as Intel's and AMD's manuals number the bits.
struct CpuFeatures {
    std::uint32_t leaf1_ecx = 0;
    std::uint32_t leaf7_ebx = 0; ///< of subleaf 0
    std::uint32_t xcr0 = 0;      ///< the lower half; 0 if the operating system does not set it
    char vendor[12] = {};        ///< EBX, EDX and ECX of leaf 0
    std::uint32_t signature = 0; ///< EAX of leaf 1, which holds the family and the model
    static constexpr std::size_t most_caches = 8;
    CacheRegisters cache[most_caches]; ///< zeros after the last one
};

/// What it can run.
struct Cpu {
    bool avx2 = false;     ///< AVX2, FMA and F16C
    bool avx512bw = false; ///< AVX-512 F, CD, DQ, BW and VL
    /// Executes a 512-bit operation as two of 256 bits (Zen 4).
    bool splits_512_bits = false;
    /// Fetches by itself too late for loops of many operations (Sapphire and Emerald Rapids, which
    /// have the same cores). Measured in plain loops: see avx512bw.cpp.
    bool needs_prefetches = false;
    std::size_t last_level_cache = 0; ///< bytes, 0 if unknown
};

/// Nothing on other processors.
[[gnu::cold]] CpuFeatures detect_cpu();

[[gnu::cold]] Cpu classify(const CpuFeatures& features);

} // namespace l1l2::kernels
