// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * The kernel of exact sums, one template over the instruction set. Each block is read twice. A scan
 * finds the range of its exponents. A plan then picks the shortest loop that loses no bit, and that
 * loop sums the block.
 */
#pragma once

#include "exact_bins.hpp"
#include "exact_scan.hpp"
#include "lane_order.hpp"

namespace {

using l1l2::kernels::ExactParts;
using l1l2::kernels::ExactSink;

/// How elements are read as registers of doubles, times 2^-scale.
template <class Isa, class T>
struct ExactLoads {
    using Batch = typename Isa::Doubles;
    static constexpr int scale = 0;

    template <size_t j>
    [[gnu::always_inline]] static inline Batch load(const char* x) {
        return xsimd::abs(Isa::template load<T>(x + j * Batch::size * sizeof(T)));
    }
};

/// Of bfloat16 every fourth element: the exponent field and the mantissa are shifted to those of a
/// double, and two bits of its exponent are set. A zero becomes a number, 2^-127 * 2^-scale; so
/// does a subnormal element, which the plan excludes.
template <class Isa>
struct ExactLoads<Isa, BFloat16> {
    using Batch = typename Isa::Doubles;
    using Long = xsimd::batch<uint64_t, typename Isa::arch>;
    static constexpr int scale = 128;

    template <size_t j>
    [[gnu::always_inline]] static inline Batch load(const char* x) {
        constexpr int up = format<double>.mantissa_bits - format<BFloat16>.mantissa_bits -
                           16 * static_cast<int>(j);
        constexpr uint64_t mask =
            uint64_t{0x7FFF} << (format<double>.mantissa_bits - format<BFloat16>.mantissa_bits);
        constexpr uint64_t exponent =
            static_cast<uint64_t>(format<double>.bias() - format<BFloat16>.bias() - scale)
            << format<double>.mantissa_bits;
        // By memcpy from x GCC 12 loads 32 bytes by halves, through the stack.
        const typename Isa::Words words = Isa::load_words(x);
        Long bits;
        __builtin_memcpy(&bits, &words, sizeof bits);
        const Long shifted = up > 0 ? bits << (up > 0 ? up : 0) : bits >> (up > 0 ? 0 : -up);
        const Long shaped = (shifted & Long(mask)) | Long(exponent);
        Batch result;
        __builtin_memcpy(&result, &shaped, sizeof result);
        return result;
    }
};

/// Sums one block with the loop that its plan names.
template <class Isa, class T>
class PlannedSum {
    using Batch = typename Isa::Doubles;

  public:
    using Plans = ExactPlans<T, Isa::registers, Batch::size>;

  private:
    /// float16 has been widened.
    using Loads = ExactLoads<Isa, typename Select<is_same<T, Float16>, float, T>::type>;
    using Loaded = typename Select<is_same<T, Float16>, float, T>::type;

    static constexpr bool is_double = is_same<T, double>;

    /// Calls before_row(Index<row>(), i) before each row of `row` elements; i is the index of its
    /// first element.
    template <size_t loop, class BeforeRow>
    [[gnu::always_inline]] static inline void sum_by(const ExactPlan& plan, const char* x, size_t n,
                                                     BeforeRow&& before_row, ExactParts& parts) {
        constexpr ExactLoop bins = ExactLoops<T>::loop[loop];
        constexpr size_t batches = Plans::batches(loop);
        constexpr size_t at_once = is_same<T, BFloat16> ? Plans::most_batches : batches;
        using Places = Bins<Plans::log2_additions(loop)>;
        constexpr size_t row = at_once * Batch::size;
        constexpr int scale = Loads::scale;
        BinRegisters<Isa, bins.absolute, batches> absolute;
        BinRegisters<Isa, bins.square, batches> square;
        BinRegisters<Isa, is_double ? bins.error : 1, batches> error;
        absolute.start(Places{plan.absolute - scale});
        square.start(Places{plan.square - 2 * scale});
        if constexpr (is_double) {
            error.start(Places{plan.error});
        }
        const Batch one = opaque_one<double, Batch>();
        for (size_t i = 0; i < n; i += row) {
            before_row(Index<row>(), i);
            unrolled<0, at_once>([&](auto k) __attribute__((always_inline)) {
                constexpr Index<k.value % batches> j;
                const Batch value = Loads::template load<k.value>(x + i * sizeof(Loaded));
                absolute.template add<j.value>(value, one);
                if constexpr (is_double) {
                    const Batch product = value * value;
                    error.template add<j.value>(Isa::product_error(value, product), one);
                    square.template add<j.value>(product, one);
                } else {
                    square.template add_square<j.value>(value, one);
                }
            });
        }
        absolute.read(Places{plan.absolute - scale}, scale, parts.absolute);
        square.read(Places{plan.square - 2 * scale}, 2 * scale, parts.square);
        if constexpr (is_double) {
            error.read(Places{plan.error}, 0, parts.square + bins.square);
        }
    }

  public:
    /// Sums n elements at x, a multiple of the granularity. False if no loop is enough.
    template <size_t loop = 0, class BeforeRow>
    [[gnu::always_inline]] static inline bool sum(const ExactPlan& plan, const char* x, size_t n,
                                                  BeforeRow&& before_row, ExactParts& parts) {
        if constexpr (loop < Plans::loops) {
            if (plan.loop != loop) {
                return sum<loop + 1>(plan, x, n, before_row, parts);
            }
            sum_by<loop>(plan, x, n, before_row, parts);
            return true;
        }
        return false;
    }
};

/// The cache lines of a row at p are fetched `ahead` bytes before they are needed. The row's first
/// element is number i.
template <class T, size_t row>
[[gnu::always_inline]] inline void prefetch(const char* p, size_t i, size_t ahead) {
    using l1l2::kernels::cache_line;
    if constexpr (row * sizeof(T) >= cache_line) {
        for (size_t line = 0; line < row * sizeof(T); line += cache_line) {
            __builtin_prefetch(p + line + ahead);
        }
    } else if (i * sizeof(T) % cache_line == 0) {
        __builtin_prefetch(p + ahead);
    }
}

/// Exact sums of float32 and float64. While a block is summed the next one is fetched and, if there
/// are registers and cache left for it, scanned.
template <class Isa, class T>
class ExactBlocks {
    using Sum = PlannedSum<Isa, T>;

    static constexpr size_t block_elements = exact_block_elements(dtype_of<T>);
    static constexpr bool scans_ahead = Isa::scans_ahead;
    /// What is scanned ahead is fetched so many bytes before that. Measured on Zen 5 from DRAM:
    /// 20 GB/s of float32 with 2 KiB, 24 with 4, 30 with 8, 33 with 16, and the same beyond.
    static constexpr size_t fetched_ahead = block_elements * sizeof(T) + (scans_ahead ? 16384 : 0);

    struct Block {
        const char* data;
        size_t n;
        Scan scan;
    };

    /// The block that begins where n elements are left, not scanned yet.
    static Block block_at(const char* x, size_t n) {
        const size_t whole = n - n % Sum::Plans::granularity;
        return {x, whole < block_elements ? whole : block_elements, {}};
    }

    /// Adds a block to the sink and scans the next one.
    [[gnu::always_inline]] static inline void add(const Block& block, Block& next,
                                                  const ExactSink& sink) {
        ExactParts parts = {};
        Scanner<Isa, T> ahead;
        // If the next block is shorter, this one is scanned again and the result dropped: cheaper
        // than a second loop.
        const bool scanned = scans_ahead && next.n == block.n;
        const char* const to_scan = scanned ? next.data : block.data;
        const bool summed =
            block.scan.contents == Contents::numbers &&
            Sum::sum(
                Sum::Plans::plan(block.scan.exponents), block.data, block.n,
                [&](auto row, size_t i) __attribute__((always_inline)) {
                    prefetch<T, row.value>(block.data + i * sizeof(T), i, fetched_ahead);
                    if constexpr (scans_ahead) {
                        ahead.template take<row.value>(to_scan + i * sizeof(T));
                    }
                },
                parts);
        if (summed && scanned) {
            next.scan = ahead.result(next.data, next.n);
        } else if (next.n > 0) {
            next.scan = Scanner<Isa, T>::scan(next.data, next.n);
        }
        if (summed) {
            sink.add_parts(sink.state, parts);
        } else if (block.scan.contents != Contents::zeros) {
            sink.add_elements(sink.state, block.data, block.n, Isa::template add_to_places<T>);
        }
    }

  public:
    static void run(const void* data, size_t n, const ExactSink& sink) {
        Block block = block_at(static_cast<const char*>(data), n);
        if (block.n > 0) {
            block.scan = Scanner<Isa, T>::scan(block.data, block.n);
        }
        while (block.n > 0) {
            n -= block.n;
            Block next = block_at(block.data + block.n * sizeof(T), n);
            add(block, next, sink);
            block = next;
        }
        if (n > 0) {
            sink.add_elements(sink.state, block.data, n, Isa::template add_to_places<T>);
        }
    }
};

/// Exact sums of 16-bit elements, which are scanned as they are and summed as float32.
template <class Isa, class T>
class ExactNarrowBlocks {
    using Sum = PlannedSum<Isa, T>;
    using Order = LaneOrder<Isa, T>;

    static constexpr size_t block_elements = exact_block_elements(dtype_of<T>);

    static void widen(const char* x, size_t n, float* to) {
        for (size_t i = 0; i < n; i += Order::widened) {
            Order::widen(x + i * sizeof(T), to + i);
        }
    }

    /// Not inlined: it is called twice.
    [[gnu::noinline]] static void add(const char* x, size_t n, const ExactSink& sink) {
        const Scan scan = scan_narrow<Isa, T>(x, n);
        if (scan.contents == Contents::zeros) {
            return;
        }
        alignas(64) float widened[block_elements];
        const char* summed = x;
        if constexpr (is_same<T, Float16>) {
            widen(x, n, widened);
            summed = reinterpret_cast<const char*>(widened);
        }
        ExactParts parts = {};
        if (scan.contents == Contents::numbers &&
            Sum::sum(
                Sum::Plans::plan(scan.exponents), summed, n,
                [&](auto row, size_t i) __attribute__((always_inline)) {
                    prefetch<T, row.value>(x + i * sizeof(T), i, block_elements * sizeof(T));
                },
                parts)) {
            sink.add_parts(sink.state, parts);
        } else {
            if constexpr (!is_same<T, Float16>) {
                widen(x, n, widened);
            }
            sink.add_elements(sink.state, reinterpret_cast<const char*>(widened), n,
                              Isa::template add_to_places<float>);
        }
    }

  public:
    static void run(const void* data, size_t n, const ExactSink& sink) {
        const char* x = static_cast<const char*>(data);
        constexpr size_t granularity = Sum::Plans::granularity;
        const size_t rest = n % granularity;
        for (size_t left = n - rest; left > 0;) {
            const size_t count = left < block_elements ? left : block_elements;
            add(x, count, sink);
            x += count * sizeof(T);
            left -= count;
        }
        if (rest > 0) {
            alignas(64) char last[granularity * sizeof(T)] = {}; // zeros add nothing
            __builtin_memcpy(last, x, rest * sizeof(T));
            add(last, granularity, sink);
        }
    }
};

template <class Isa, class T>
using ExactKernels =
    typename Select<is_narrow<T>, ExactNarrowBlocks<Isa, T>, ExactBlocks<Isa, T>>::type;

} // namespace
