// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// The bins of exact_plan.hpp in registers.
#pragma once

#include "exact_plan.hpp"

namespace {

using l1l2::kernels::ExactPart;

/// The lanes of a register in memory, as values that the compiler does not know: GCC 12 would keep
/// the register of a loop in memory for the sake of what comes after it.
template <class Lane, class Batch>
struct InMemory {
    static constexpr size_t size = sizeof(Batch) / sizeof(Lane);
    Lane lane[size];

    [[gnu::always_inline]] inline explicit InMemory(const Batch& batch) {
        __builtin_memcpy(lane, &batch, sizeof lane);
        __asm__("" : "+m"(lane));
    }

    Lane least() const {
        Lane result = lane[0];
        for (size_t l = 1; l < size; ++l) {
            result = lane[l] < result ? lane[l] : result;
        }
        return result;
    }
    Lane greatest() const {
        Lane result = lane[0];
        for (size_t l = 1; l < size; ++l) {
            result = lane[l] > result ? lane[l] : result;
        }
        return result;
    }
};

/// The bins of one sum, `count` for each batch of a row.
template <class Isa, size_t count, size_t batches>
class BinRegisters {
    using Batch = typename Isa::Doubles;

    /// With 16 registers there is none for the factor of 1.
    static constexpr bool adds_with_fma = Isa::adds_with_fma && Isa::registers > 16;

    Batch bin_[count][batches];

    /// x + y, as x * one + y where that is faster, see block_sum.hpp: then additions and
    /// subtractions are shared between the units.
    [[gnu::always_inline]] static inline Batch sum_of(Batch x, Batch y, Batch one) {
        if constexpr (adds_with_fma) {
            return Isa::fma(x, one, y);
        } else {
            return x + y;
        }
    }

  public:
    template <int log2_additions>
    [[gnu::always_inline]] inline void start(Bins<log2_additions> bins) {
        unrolled<0, count>([&](auto i) __attribute__((always_inline)) {
            const Batch start(bins.start(i.value));
            unrolled<0, batches>([&](auto j) __attribute__((always_inline)) {
                bin_[i.value][j.value] = start;
            });
        });
    }

    /// Adds a value to the bins of batch j, from number `first` on.
    template <size_t j, size_t first = 0>
    [[gnu::always_inline]] inline void add(Batch value, Batch one) {
        unrolled<first, count - 1>([&](auto i) __attribute__((always_inline)) {
            const Batch sum = sum_of(value, bin_[i.value][j], one);
            value = value - (sum - bin_[i.value][j]);
            bin_[i.value][j] = sum;
        });
        bin_[count - 1][j] = sum_of(value, bin_[count - 1][j], one);
    }

    /// Adds the square of x, which has at most 26 mantissa bits, so that x * x is exact in double.
    template <size_t j>
    [[gnu::always_inline]] inline void add_square(Batch x, Batch one) {
        const Batch bin_before = bin_[0][j];
        bin_[0][j] = Isa::fma(x, x, bin_before);
        if constexpr (count > 1) {
            add<j, 1>(Isa::fma(x, x, bin_before - bin_[0][j]), one);
        }
    }

    /// Writes what each bin has counted, times 2^scale.
    template <int log2_additions>
    [[gnu::always_inline]] inline void read(Bins<log2_additions> bins, int scale,
                                            ExactPart* parts) const {
        unrolled<0, count>([&](auto i) __attribute__((always_inline)) {
            Batch folded = bin_[i.value][0];
            unrolled<1, batches>([&](auto j) __attribute__((always_inline)) {
                folded = Isa::add_as_integers(folded, bin_[i.value][j.value]);
            });
            const InMemory<uint64_t, Batch> integers(folded);
            uint64_t sum = 0;
            for (const uint64_t lane : integers.lane) {
                sum += lane;
            }
            const double start = bins.start(i.value);
            uint64_t start_bits;
            __builtin_memcpy(&start_bits, &start, sizeof start);
            parts[i.value] = {static_cast<int64_t>(sum - Batch::size * batches * start_bits),
                              bins.lowest(i.value) + scale};
        });
    }
};

} // namespace
