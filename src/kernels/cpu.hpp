// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * What this CPU, under this operating system, can run.
 *
 * xsimd's own detection is not used: up to version 8.1 it ignores whether the operating system
 * saves the wide registers. The compilers' builtin asks OSXSAVE and XCR0.
 */
#pragma once

#include <cstdint>

namespace l1l2::kernels {

/// What CPUID reports. AVX2, FMA and AVX-512 count only if the operating system saves their
/// registers.
struct CpuFeatures {
    bool avx2 = false;
    bool fma = false;
    bool f16c = false;
    bool avx512f = false;
    bool avx512cd = false;
    bool avx512dq = false;
    bool avx512bw = false;
    bool avx512vl = false;
    /// EAX of CPUID's leaf 1, which holds the family, if the vendor is AMD; else 0.
    std::uint32_t amd_signature = 0;
};

/// What it can run.
struct Cpu {
    bool avx2 = false;     ///< AVX2, FMA and F16C
    bool avx512bw = false; ///< AVX-512 F, CD, DQ, BW and VL
    /// Executes a 512-bit operation as two of 256 bits (Zen 4).
    bool splits_512_bits = false;
};

/// Nothing on other processors.
CpuFeatures detect_cpu();

Cpu classify(const CpuFeatures& features);

} // namespace l1l2::kernels
