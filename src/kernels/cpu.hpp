/**
 * What this CPU, under this operating system, can run.
 *
 * xsimd's own detection is not used: up to version 8.1 it ignores whether the operating system
 * saves the wide registers. The compilers' builtin asks OSXSAVE and XCR0.
 */
#pragma once

namespace l1l2::kernels {

struct Cpu {
    bool avx2 = false;     ///< AVX2, FMA and F16C
    bool avx512bw = false; ///< AVX-512 F, CD, DQ, BW and VL
    /// Executes a 512-bit operation as two of 256 bits (Zen 4).
    bool splits_512_bits = false;
};

Cpu detect_cpu();

} // namespace l1l2::kernels
