/**
 * What a kernel is: a function that sums one block, and the table of them that an instruction set
 * offers.
 *
 * This header is included by files that are compiled for different instruction sets, so it holds
 * constants and plain types only: the linker keeps one copy of an inline function that several
 * objects share, and might keep the one that was compiled for AVX-512.
 */
#pragma once

#include <stddef.h>

namespace l1l2::kernels {

/// Element i of a block belongs to lane i mod `lanes`, whatever the width of the registers. A
/// contract: another number gives other bits. 32 doubles are four AVX-512 registers, enough
/// independent chains of additions to hide their latency, and every narrower register divides it.
constexpr size_t lanes = 32;

/// The elements of a block; a contract too. A lane adds block_elements / lanes = 128 of them, which
/// is most of the error bound (docs/numerics.md); blocks half as long would halve that, but fold
/// their lanes twice as often. At 4096 elements the fold is lost in the noise.
constexpr size_t block_elements = 4096;

/// What a block, or any number of them, adds up to. A sum that was not asked for is 0.
struct Sums {
    double absolute; ///< sum of |x|
    double square;   ///< sum of x^2
};

/// Which sums are wanted. The values index the arrays of a KernelTable.
enum class Terms : size_t { absolute = 0, square = 1, both = 2 };
constexpr size_t terms_count = 3;

/// Sums n <= block_elements elements of the table's type at x, which may have any alignment. The
/// floating-point environment must be the default one.
using BlockKernel = Sums (*)(const void* x, size_t n);

struct KernelTable {
    const char* isa;  ///< the instruction set, as l1l2_isa() tells it
    const char* name; ///< unlike isa unique: one instruction set may have several tables
    BlockKernel float32[terms_count];
    BlockKernel float64[terms_count];
};

// One file each. Which of them this CPU can run is dispatch.hpp's matter.
extern const KernelTable generic;
extern const KernelTable sse2;
extern const KernelTable avx2;
extern const KernelTable avx512bw;
extern const KernelTable avx512bw_256;
extern const KernelTable neon64;

} // namespace l1l2::kernels
