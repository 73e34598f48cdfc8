// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
// clang-format off
/**
 * Builds the kernels of one instruction set from the templates and a class `Isa`. An Isa supplies
 * what xsimd 8 to 14 do not offer in one common way.
 *
 * To add an instruction set, copy the nearest kernel file (sse2.cpp and neon64.cpp have 128-bit
 * registers, avx2.cpp with avx2.hpp 256, avx512bw.cpp 512), rewrite the members of its Isa, and edit
 *
 *     kernels.hpp                        the declaration of the table
 *     cpu.hpp, cpu.cpp                   what the CPU must have
 *     dispatch.cpp                       tables_of(): before slower tables
 *     dispatch.hpp                       Tables::capacity; a static_assert asks for it
 *     x86_64.flags                       the file and its compile flags; ../CMakeLists.txt for other processors
 *     include/l1l2.h                     the names that l1l2_isa() returns
 *     bindings/rust/l1l2-sys/build.rs    SPECIAL, and other processors' files
 *     packaging/meson/                   other processors' files
 *     tests/CMakeLists.txt               isas
 *     tests/binary/CMakeLists.txt        kernel_objects
 *     tests/kernels/dispatch_test.cpp    what CPUs run
 *     scripts/                           lists of names in builds.sh, coverage.sh, cross.sh,
 *                                        sanitize.sh and mutate.py
 *     tests/project/                     names in promises.tsv and quick_start.sh
 *
 * tests/kernels compare every table with generic.cpp, bit by bit, without further changes.
 *
 * The members of an Isa. T is an element type; registers hold `width` doubles; p may have any
 * alignment. CommonIsa has those that are marked with *.
 *
 *     Doubles, Floats, ...     * the types of registers
 *     registers                  how many of them there are
 *     adds_with_fma              whether half of the |x| are better added by a fused multiply-add,
 *                                see block_sum.hpp
 *     converts_float16           whether an instruction converts float16 to float32
 *     scans_ahead                whether exact sums find the exponents of a block while they sum
 *                                the one before, which takes registers and a first-level cache
 *                                that holds more than both blocks
 *     prefetch_distance<T>       bytes to prefetch ahead of the loads of sums; 0 for none
 *     far_prefetch_distance<T> * the same into the second-level cache
 *     update_prefetch_distance * bytes to prefetch ahead of what is read element by element
 *
 *     load<T>(p)                 `width` elements, float or double, as doubles
 *     load_partial<T>(p, n)      the same of 0 < n < width elements, and zeros
 *     load_arithmetic<T>(p)      a register full of elements, as Arithmetic<T>
 *     store_arithmetic<T>(p, x)  the reverse, rounding; a NaN stays one if its lower half is 0
 *     load_words(p)              a register of 32-bit integers
 *     load_halves(p)             a register of 16-bit integers
 *     upper_words<T>(p)          the upper 32 bits, without sign, of 2 * width elements
 *     stream_words(p, x)         stores such a register at its alignment, past the caches; where
 *                                tables stream
 *     as_words(x)                the same bits
 *     as_floats(x)               the same bits
 *     float_of_half(words)       float32 of float16 without sign; if converts_float16 is false
 *
 *     fma(x, y, z)               x * y + z, fused if that is faster: for exact products
 *     fold(x)                    the sum of a register of doubles, by halves
 *     add_as_integers(x, y)      the sum of the bits of doubles
 *     product_error(x, xx)       what x * x, rounded to xx, has lost
 *     signed_as(x, y)          * y with its sign flipped where that of x is set
 *     positive_part(x)         * x where it is above 0 or a NaN, else 0
 *     times_sign(x, a)         * a, -a or +0 as x is above, below or equal to 0
 *     quotient(x, y)           * x / y, rounded once
 *     in_register(x)           * x, of which no later use loads it from memory again
 *     positive_halves(words)   * each 16-bit integer of them where it is above 0, else 0
 *     join_float16(x, y)         words of two float16 each, first all of x, rounded; if
 *                                converts_float16 is true
 *     add_to_places<T>         * an ExactPlacesKernel
 *     join_bfloat16(even, odd) * words of two bfloat16 each, rounded from the bits of float32; a NaN
 *                              stays one if its lower half is 0
 */
// clang-format on
#pragma once

#include "block_sum.hpp"
#include "elementwise.hpp"
#include "exact_block.hpp"
#include "exact_places.hpp"
#include "make_table.hpp"

namespace {

using l1l2::kernels::KernelTable;

/// The registers of an instruction set, and what xsimd offers for all of them. An Isa that has
/// better instructions for it has functions of its own.
template <class Arch>
struct CommonIsa {
    using arch = Arch;
    using Doubles = xsimd::batch<double, arch>;
    using Floats = xsimd::batch<float, arch>;
    using Words = xsimd::batch<uint32_t, arch>;
    using SignedWords = xsimd::batch<int32_t, arch>;
    using Halves = xsimd::batch<int16_t, arch>;
    template <class A>
    using Register = xsimd::batch<A, arch>;

    template <class T>
    static constexpr size_t far_prefetch_distance = 0;
    static constexpr size_t update_prefetch_distance = 0;

    template <class AnyBatch>
    static inline AnyBatch signed_as(AnyBatch x, AnyBatch y) {
        return y ^ xsimd::bitofsign(x);
    }
    /// Not by xsimd::max: which operand it returns beside a NaN differs between versions.
    template <class AnyBatch>
    static inline AnyBatch positive_part(AnyBatch x) {
        return xsimd::select(x < AnyBatch(0), AnyBatch(0), x);
    }
    template <class AnyBatch>
    static inline AnyBatch times_sign(AnyBatch x, AnyBatch a) {
        return xsimd::select(x == AnyBatch(0), AnyBatch(0), signed_as(x, a));
    }
    template <class AnyBatch>
    static inline AnyBatch quotient(AnyBatch x, AnyBatch y) {
        return x / y;
    }
    template <class AnyBatch>
    static inline AnyBatch in_register(AnyBatch x) {
        return x;
    }
    static inline Words positive_halves(Words x) {
        return Words(xsimd::max(Halves(x.data), Halves(0)).data);
    }
    template <class T>
    static constexpr l1l2::kernels::ExactPlacesKernel add_to_places = ExactPlaces<T>::add;
    static inline Words join_bfloat16(Words even, Words odd) {
        return (rounded<16>(even) >> 16) | (rounded<16>(odd) & Words(0xFFFF0000));
    }
};

/// A StreamKernel.
template <class Isa>
void stream_lines(const void* from, void* to, size_t lines, const void* next) {
    constexpr size_t line = l1l2::kernels::cache_line;
    const char* source = static_cast<const char*>(from);
    char* target = static_cast<char*>(to);
    const char* ahead = static_cast<const char*>(next);
    for (; lines > 0; --lines, source += line, target += line, ahead += line) {
        __builtin_prefetch(ahead);
        unrolled<0, line / sizeof(typename Isa::Words)>([&](auto i) __attribute__((always_inline)) {
            constexpr size_t at = i.value * sizeof(typename Isa::Words);
            Isa::stream_words(target + at, Isa::load_words(source + at));
        });
    }
}

/// The kernels of a type. Those of sums have the registers of SumIsa, of exact sums of ExactIsa.
template <class SumIsa, class Isa, class T, class ExactIsa = SumIsa>
struct IsaKernels {
    template <WantedSums wanted>
    static constexpr l1l2::kernels::BlockKernel sums = BlockSum<SumIsa, T, wanted>::run;
    template <WantedSums wanted>
    static constexpr l1l2::kernels::BlocksKernel sums_of_each =
        BlockSum<SumIsa, T, wanted>::run_each;
    template <WantedSums wanted>
    static constexpr l1l2::kernels::GradientKernel add_gradient =
        Elementwise<Isa, T>::template add_gradient<wanted>;
    template <WantedSums wanted>
    static constexpr l1l2::kernels::GradientAndSumKernel add_gradient_and_sum =
        Elementwise<Isa, T>::template add_gradient_and_sum<wanted, SumIsa>;
    static constexpr l1l2::kernels::ProxKernel prox = Elementwise<Isa, T>::prox;
    static constexpr l1l2::kernels::ScaleKernel scale = Elementwise<Isa, T>::scale;
    static constexpr l1l2::kernels::ProxStepKernel prox_step = Elementwise<Isa, T>::prox_step;
    static constexpr l1l2::kernels::GreatestStepKernel greatest_step =
        Elementwise<Isa, Arithmetic<T>>::greatest_step;
    static constexpr l1l2::kernels::ExactKernel exact = ExactKernels<ExactIsa, T>::run;
};

/// Isa runs all kernels, except that SumIsa runs the sums and exact sums of float32, float16 and
/// bfloat16, which are converted to double, and all of float16, and ExactIsa the exact sums of
/// float64.
template <class SumIsa, class Isa = SumIsa, class ExactIsa = Isa>
constexpr KernelTable kernel_table(const char* isa, const char* name,
                                   l1l2::kernels::StreamKernel stream = nullptr) {
    return make_table<IsaKernels<SumIsa, Isa, float>, IsaKernels<Isa, Isa, double, ExactIsa>,
                      IsaKernels<SumIsa, SumIsa, Float16>, IsaKernels<SumIsa, Isa, BFloat16>>(
        isa, name, stream);
}

} // namespace
