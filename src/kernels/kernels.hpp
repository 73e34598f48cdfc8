// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * The kernels: functions that sum one block, that compute gradients or proxes element by element,
 * or that sum exactly; and the table of them that each instruction set has.
 *
 * Files that are compiled for different instruction sets include this header. It must hold no
 * function that a kernel calls at run time: the linker keeps one copy of an inline function, and
 * that may be the one compiled for AVX-512.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace l1l2::kernels {

/// The element types. The values index the arrays of a KernelTable.
enum class Dtype : size_t { float32 = 0, float64 = 1, float16 = 2, bfloat16 = 3 };
constexpr size_t dtype_count = 4;

constexpr size_t size_of(Dtype dtype) {
    return dtype == Dtype::float64 ? 8 : dtype == Dtype::float32 ? 4 : 2;
}

/// The type that gradients and proxes of a type are computed in.
constexpr Dtype arithmetic(Dtype dtype) {
    return dtype == Dtype::float64 ? Dtype::float64 : Dtype::float32;
}

/**
 * An IEEE 754 binary format: a sign, an exponent field and a mantissa. With the hidden bit in its
 * mantissa an element is  mantissa * 2^(exponent field - 1 + lowest_exponent());  with the exponent
 * field 0 it has no hidden bit and the exponent of 1.
 */
struct Format {
    int bits;          ///< of an element
    int mantissa_bits; ///< without the hidden one

    constexpr int exponent_bits() const { return bits - 1 - mantissa_bits; }
    /// The exponent field of infinities and NaNs, the greatest one.
    constexpr int special_exponent() const { return (1 << exponent_bits()) - 1; }
    constexpr int bias() const { return special_exponent() / 2; }
    /// Every element is a multiple of 2 to this, the smallest subnormal.
    constexpr int lowest_exponent() const { return 1 - bias() - mantissa_bits; }
    constexpr uint64_t infinity() const {
        return static_cast<uint64_t>(special_exponent()) << mantissa_bits;
    }
    /// The NaN that results have.
    constexpr uint64_t quiet_nan() const { return infinity() | uint64_t{1} << (mantissa_bits - 1); }
};

constexpr Format format_of(Dtype dtype) {
    return {static_cast<int>(8 * size_of(dtype)), dtype == Dtype::float64   ? 52
                                                  : dtype == Dtype::float32 ? 23
                                                  : dtype == Dtype::float16 ? 10
                                                                            : 7};
}

/// Element i of a block belongs to lane i mod `lanes`, whatever the width of the registers. This is
/// a contract: another number gives other bits. 32 doubles are four AVX-512 registers, enough
/// independent chains of additions to hide their latency. Every narrower register divides them.
constexpr size_t lanes = 32;

/// The elements of a block, a contract too. A lane adds block_elements / lanes = 128 of them, which
/// is most of the error bound (docs/numerics.md). Blocks half as long would halve that, but fold
/// their lanes twice as often. At 4096 elements the time of the fold cannot be measured.
constexpr size_t block_elements = 4096;

/// What a block, or any number of them, adds up to. A sum that was not asked for is 0.
struct Sums {
    double absolute; ///< sum of |x|
    double square;   ///< sum of x^2
};

/// Which sums are wanted. The values index the arrays of a KernelTable.
enum class WantedSums : size_t { absolute = 0, square = 1, both = 2 };
constexpr size_t wanted_sums_count = 3;

/// Sums n <= block_elements elements of the kernel's type at x, which may have any alignment. The
/// floating-point environment must be the default one, here and below.
using BlockKernel = Sums (*)(const void* x, size_t n);

/// A block, as a BlockKernel takes it.
struct Block {
    const void* x;
    size_t n;
};

/// The most blocks that a BlocksKernel takes.
constexpr size_t most_blocks = 32;

/// Stores the sums of each of count <= most_blocks blocks, as a BlockKernel returns them.
using BlocksKernel = void (*)(const Block* block, size_t count, Sums* sums);

/**
 * For each of n elements:  gradient = gradient + (l2_factor * x + s),  where s is l1_factor,
 * -l1_factor or +0 as x is above, below or equal to 0. WantedSums::absolute leaves out
 * l2_factor * x, WantedSums::square leaves out s. Each operation rounds once in the arithmetic
 * type, to which the factors are converted first, the result then to the element type. NaN results
 * are canonical, as l1l2.h says.
 */
using GradientKernel = void (*)(const void* x, void* gradient, size_t n, double l1_factor,
                                double l2_factor);

/// The sums of a block and its gradient: what a BlockKernel and a GradientKernel do.
using GradientAndSumKernel = Sums (*)(const void* x, void* gradient, size_t n, double l1_factor,
                                      double l2_factor);

/// For each of n elements:  out = max((|x| - t1) - t2, 0) * factor  with the sign of x, in the same
/// manner, where t1 is the threshold and t2 what is left of it, threshold - t1, each converted to
/// the arithmetic type. out may be x. The threshold is finite and the factor above 0.
using ProxKernel = void (*)(const void* x, void* out, size_t n, double threshold, double factor);

/// For each of n elements:  out = x * factor,  in the same manner. out may be x.
using ScaleKernel = void (*)(const void* x, void* out, size_t n, double factor);

/// For each of n elements:  out = ((x * factor) * power) * rest,  each product rounded to double
/// and the last one to the arithmetic type and to the element type. out may be x. For factors so
/// small that a number of the arithmetic type would lose bits.
struct FarFactor {
    double factor;
    double power; ///< of two, and so is the rest
    double rest;
};
using FarScaleKernel = void (*)(const void* x, void* out, size_t n, const FarFactor& far);

/// What a proximal gradient step is computed with, before it is multiplied by a factor of its own
/// for each element. Each is converted to the arithmetic type.
struct ProxStepFactors {
    double step;
    double threshold; ///< step * l1
    double excess;    ///< 2 * step * l2, the divisor's excess over 1
};

/**
 * For each of n elements:  v = x - step * gradient,  then the prox of v, where the factor is
 * 1 / (1 + excess). With steps, which are of the arithmetic type:  v = x - (step * w) * gradient,
 * then  max(|v| - threshold * w, 0) / (1 + excess * w)  with the sign of v, where w is the
 * element's. gradient and steps may each be NULL: then v is x, or there is no w. out may be x or
 * gradient. In the same manner as above.
 */
using ProxStepKernel = void (*)(const void* x, const void* gradient, const void* steps, void* out,
                                size_t n, const ProxStepFactors& factors);

/// The greatest of n steps and 0, or a NaN if one is negative, infinite or a NaN. They are of the
/// arithmetic type.
using GreatestStepKernel = double (*)(const void* steps, size_t n);

/// The elements of a block of exact sums: 16 KiB of float32 or of float64, which stay in the
/// first-level cache from the scan of their exponents to their sums; of 16 bits 4 KiB, beside 8 KiB
/// of float32 to which float16 is widened. No contract.
constexpr size_t exact_block_elements(Dtype dtype) {
    return dtype == Dtype::float32 ? 4096 : 2048;
}

/// A sum without rounding: value * 2^exponent, of either sign.
struct ExactPart {
    int64_t value;
    int exponent;
};

/// The parts that add up to the sums of a block. Those that are not used have the value 0.
struct ExactParts {
    ExactPart absolute[2]; ///< sum of |x|
    ExactPart square[6];   ///< sum of x^2
};

/**
 * The place of an exponent field of float32 or float64 has sums over the elements with that field,
 * in integers: first of the mantissas with their hidden bit, m; then, of float32, of m^2; of
 * float64, with m = upper * 2^exact_lower_bits + lower, of upper^2, of upper * lower, of lower^2.
 * There are two copies of each, which elements take in turns, as an addition to a number in memory
 * waits for the one before it. A copy of a block has 1024 elements of float64: 2^10 * (2^27)^2.
 */
constexpr size_t exact_copies = 2;
constexpr int exact_lower_bits = 27;
static_assert(exact_block_elements(Dtype::float64) <= exact_copies << 10);
constexpr size_t exact_numbers(Dtype dtype) {
    return dtype == Dtype::float64 ? 4 : 2;
}

/// Of float32 each field has a place. The places for all of float64 would not stay in the
/// first-level cache, so that only the normal numbers of float32 have some, and those beside them.
constexpr int exact_fields = 256;
constexpr int exact_first_field(Dtype dtype) {
    return dtype == Dtype::float64 ? format_of(dtype).bias() + 1 - exact_fields / 2 : 0;
}

/// Adds n elements at x, a multiple of 4 and at most a block, to the places of exact_fields fields
/// from exact_first_field() on. Those of other fields go to one place more. places is aligned to 32
/// bytes.
using ExactPlacesKernel = void (*)(const char* x, size_t n, uint64_t* places);

/// Adds up what an ExactKernel finds. Calls block by block cost less than results in an array, as
/// they are made while the next block is already being loaded.
struct ExactSink {
    void* state;
    void (*add_parts)(void* state, const ExactParts& parts);
    /// At most a block, for which no loop of the kernel is known to be exact. Those of 16 bits have
    /// been widened to float32.
    void (*add_elements)(void* state, const char* x, size_t n, ExactPlacesKernel add_to_places);
};

/// Sums n elements at x, which may have any alignment, block by block.
using ExactKernel = void (*)(const void* x, size_t n, const ExactSink& sink);

/// The bytes of a cache line on the processors whose tables stream.
constexpr size_t cache_line = 64;

/// Copies cache lines to `to`, which is aligned to one, past the caches. Asks for as many lines at
/// `next`, which may be beyond an array, so that the memory is not idle meanwhile. The stores are
/// not ordered before later ones.
using StreamKernel = void (*)(const void* from, void* to, size_t lines, const void* next);

struct KernelTable {
    const char* isa;  ///< the instruction set, as l1l2_isa() returns it
    const char* name; ///< unique; one instruction set may have several tables
    BlockKernel sums[dtype_count][wanted_sums_count];
    BlocksKernel sums_of_each[dtype_count][wanted_sums_count];
    GradientKernel add_gradient[dtype_count][wanted_sums_count];
    GradientAndSumKernel add_gradient_and_sum[dtype_count][wanted_sums_count];
    ProxKernel prox[dtype_count];
    ScaleKernel scale[dtype_count];
    ProxStepKernel prox_step[dtype_count];
    GreatestStepKernel greatest_step[dtype_count];
    ExactKernel exact[dtype_count];
    StreamKernel stream; ///< NULL where results are never streamed
};

/// Rare, so in plain C++ alone. The values of Dtype index it.
extern const FarScaleKernel scale_far[dtype_count];

// One file each. Which of them this CPU can run is dispatch.hpp's matter.
extern const KernelTable generic;
extern const KernelTable sse2;
extern const KernelTable avx2;
extern const KernelTable avx512bw;
extern const KernelTable avx512bw_256;
extern const KernelTable avx512bw_fetching;
extern const KernelTable neon64;

} // namespace l1l2::kernels
