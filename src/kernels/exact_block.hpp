/**
 * The kernel of exact sums, one template over the instruction set.
 *
 * A block is looked at twice. First at the exponents of its elements: the least and the greatest
 * one tell how many digits a sum needs. Then it is summed by the shortest loop of which it follows
 * from them that no digit is lost.
 *
 * A bin is a double that starts at 1.5 * 2^k and stays in its binade, so that it counts in
 * multiples of its last digit, 2^(k - 52): an integer in the mantissa. Adding a value to it rounds
 * the value to such a multiple, and the difference of before and after tells exactly to which one.
 * What is left of the value goes to the next bin, which takes up where the digits of this one end,
 * and all of it to the last one, whose digits must reach down to those of the smallest element.
 * (The splitting is that of Rump, Ogita and Oishi, "Accurate floating-point summation", SIAM J.
 * Sci. Comput. 31 (2008), and of Demmel and Nguyen's indexed sums; here the bins carry over a whole
 * block and nothing but integers leaves them.)
 *
 * Of the class `Isa` (kernel_table.hpp) it uses, besides what block_sum.hpp does, load_arithmetic
 * of elementwise.hpp and
 *
 *     registers                  how many there are
 *     upper_words<T>(p)          the upper 32 bits, without sign, of the 2 * width elements at p
 *     load_halves(p)             a register of 16-bit integers
 *     add_as_integers(x, y)      the sum of the bits
 *     product_error(x, product)  what x * x rounded to `product` has lost
 */
#pragma once

#include "elements.hpp"
#include "kernels.hpp"
#include "lane_order.hpp"

#include <xsimd/xsimd.hpp>

namespace {

using l1l2::kernels::Dtype;
using l1l2::kernels::exact_block_elements;
using l1l2::kernels::ExactPart;
using l1l2::kernels::ExactParts;
using l1l2::kernels::ExactSink;

/// The powers of two between which the elements of a block are.
struct Exponents {
    int lowest; ///< all are multiples of 2^lowest
    int bound;  ///< all are below 2^bound
};

/// The upper 32 bits of an element, or all 16.
template <class T>
struct UpperBits {
    static constexpr int mantissa_bits = (sizeof(T) == 2 ? 15 : 31) - format<T>.exponent_bits();
    static constexpr int32_t infinity = format<T>.special_exponent() << mantissa_bits;
};

inline double power_of_two(int exponent) {
    const uint64_t bits = static_cast<uint64_t>(exponent + format<double>.bias())
                          << format<double>.mantissa_bits;
    double power;
    __builtin_memcpy(&power, &bits, sizeof power);
    return power;
}

/// Where the bins of a sum of at most 2^rows values a lane are: the first one holds a sum below
/// 2^(bound + rows) of values below 2^bound.
template <size_t levels, int rows>
struct Bins {
    int first; ///< k of the first bin

    explicit Bins(int bound) : first(bound + rows + 1) {}

    /// The next bin takes what this one leaves: 2^rows rests of at most half of its last digit, of
    /// either sign.
    constexpr int exponent(size_t level) const {
        return first - static_cast<int>(level) * (format<double>.mantissa_bits - rows);
    }
    /// Of the lowest bit.
    constexpr int lowest(size_t level) const {
        return exponent(level) - format<double>.mantissa_bits;
    }
    double start(size_t level) const { return 1.5 * power_of_two(exponent(level)); }

    /// Whether multiples of 2^exponent leave nothing.
    bool reach(int exponent) const { return lowest(levels - 1) <= exponent; }
};

/// The lanes of a register in memory, and the compiler does not know what they are: GCC 12 would
/// make the register of a loop a place in memory for the sake of what comes after it.
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

template <class Isa, class T>
class ExactBlock {
    using Batch = xsimd::batch<double, typename Isa::arch>;
    using Words = typename Isa::SignedWords;
    using Loaded = typename Select<is_narrow<T>, float, T>::type;
    using Upper = UpperBits<T>;

    static constexpr size_t width = Batch::size;
    static constexpr size_t batch_bytes = width * sizeof(Loaded);
    static constexpr size_t cache_line = 64;
    static constexpr size_t block = exact_block_elements(dtype_of<T>);
    static constexpr bool is_double = is_same<T, double>;
    /// What is looked at while the block before is summed is fetched so many bytes before that.
    /// Measured on Zen 5 from DRAM: 20 GB/s of float32 with 2 KiB, 24 with 4, 30 with 8, 33 with
    /// 16, and the same beyond.
    static constexpr size_t look_ahead = 16384;

    /// Fetches the cache lines of a row of row_bytes at p, whose first element is number i, `ahead`
    /// bytes before they are needed.
    template <size_t row_bytes>
    [[gnu::always_inline]] static inline void prefetch(const char* p, size_t i, size_t ahead) {
        if constexpr (row_bytes >= cache_line) {
            for (size_t line = 0; line < row_bytes; line += cache_line) {
                __builtin_prefetch(p + line + ahead);
            }
        } else if (i * sizeof(T) % cache_line == 0) {
            __builtin_prefetch(p + ahead);
        }
    }

    /// With 16 registers there is none for the factor of 1.
    static constexpr bool adds_with_fma = Isa::adds_with_fma && Isa::registers > 16;

    /// Whether the loop that sums a block has registers left to look at the next one.
    static constexpr bool looks_ahead = !is_narrow<T> && Isa::registers > 16;

    /// Elements are taken in multiples of so many.
    static constexpr size_t most_batches = 4;
    static constexpr size_t granularity = most_batches * width;

    /// How many batches of a row find room for `bins` each in the registers.
    static constexpr size_t batches_for(size_t bins) {
        constexpr size_t others = Isa::registers / 4;
        size_t batches = most_batches;
        while (batches > 1 && batches * bins > Isa::registers - others) {
            batches /= 2;
        }
        return batches;
    }

    static constexpr int log2(size_t n) { return n > 1 ? 1 + log2(n / 2) : 0; }

    /// The bins of one quantity for each batch of a row.
    template <size_t levels, size_t batches>
    struct Accumulator {
        Batch bin[levels][batches];

        template <class Places>
        [[gnu::always_inline]] inline void clear(const Places& places) {
            unrolled<0, levels>([&](auto i) __attribute__((always_inline)) {
                const Batch start(places.start(i.value));
                unrolled<0, batches>([&](auto j) __attribute__((always_inline)) {
                    bin[i.value][j.value] = start;
                });
            });
        }

        /// x + y as x * one + y where that is faster, see block_sum.hpp: then additions and
        /// subtractions are shared between the units.
        [[gnu::always_inline]] static inline Batch sum_of(Batch x, Batch y, Batch one) {
            if constexpr (adds_with_fma) {
                return Isa::fma(x, one, y);
            } else {
                return x + y;
            }
        }

        /// Adds a value from one level on.
        template <size_t j, size_t first = 0>
        [[gnu::always_inline]] inline void add(Batch value, Batch one) {
            unrolled<first, levels - 1>([&](auto i) __attribute__((always_inline)) {
                const Batch sum = sum_of(value, bin[i.value][j], one);
                value = value - (sum - bin[i.value][j]);
                bin[i.value][j] = sum;
            });
            bin[levels - 1][j] = sum_of(value, bin[levels - 1][j], one);
        }

        /// Adds the square of a number with at most 26 digits, which a double holds.
        template <size_t j>
        [[gnu::always_inline]] inline void add_square(Batch x, Batch one) {
            const Batch bin_before = bin[0][j];
            bin[0][j] = Isa::fma(x, x, bin_before);
            if constexpr (levels > 1) {
                add<j, 1>(Isa::fma(x, x, bin_before - bin[0][j]), one);
            }
        }

        template <class Places>
        [[gnu::always_inline]] inline void read(const Places& places, ExactPart* parts) const {
            unrolled<0, levels>([&](auto i) __attribute__((always_inline)) {
                Batch folded = bin[i.value][0];
                unrolled<1, batches>([&](auto j) __attribute__((always_inline)) {
                    folded = Isa::add_as_integers(folded, bin[i.value][j.value]);
                });
                const InMemory<uint64_t, Batch> integers(folded);
                uint64_t sum = 0;
                for (const uint64_t lane : integers.lane) {
                    sum += lane;
                }
                const double start = places.start(i.value);
                uint64_t start_bits;
                __builtin_memcpy(&start_bits, &start, sizeof start);
                parts[i.value] = {static_cast<int64_t>(sum - width * batches * start_bits),
                                  places.lowest(i.value)};
            });
        }
    };

    // What looks at a block stands by itself, so that the loops that sum have the registers alone.

    /// The least one but 0 of the upper words; more than any if there is none.
    [[gnu::noinline]] static int32_t least_but_zero(const char* x, size_t n) {
        using Arithmetics = xsimd::batch<Loaded, typename Isa::arch>;
        const Arithmetics zero(Loaded{0});
        const Arithmetics infinite(static_cast<Loaded>(__builtin_inf()));
        Arithmetics least = infinite;
        for (size_t i = 0; i < n; i += Arithmetics::size) {
            const Arithmetics value =
                xsimd::abs(Isa::template load_arithmetic<Loaded>(x + i * sizeof(Loaded)));
            least = xsimd::min(least, xsimd::select(value == zero, infinite, value));
        }
        const Loaded result = InMemory<Loaded, Arithmetics>(least).least();
        Bits<Loaded> bits;
        __builtin_memcpy(&bits, &result, sizeof bits);
        return static_cast<int32_t>(bits >> (8 * sizeof(Loaded) - 32));
    }

    enum class Found { numbers, zeros, specials };

    struct Look {
        Found found;
        Exponents exponents; ///< of numbers
    };

    /// What follows from the least upper bits but 0, or INT32_MAX, and the greatest.
    static Look look_of(int32_t least, int32_t greatest) {
        if (greatest >= Upper::infinity) {
            return {Found::specials, {}};
        }
        if (least >= Upper::infinity) {
            return {Found::zeros, {}};
        }
        const auto exponent = [](int32_t bits) {
            const int field = bits >> Upper::mantissa_bits;
            return (field > 1 ? field : 1) - format<T>.bias();
        };
        return {Found::numbers,
                {exponent(least) - format<T>.mantissa_bits, exponent(greatest) + 1}};
    }

    /// The look at a block of float32 or float64, which may be taken while another one is summed.
    template <size_t chains>
    class Looking {
      public:
        static constexpr size_t step = chains * Words::size;

        [[gnu::always_inline]] inline Looking() {
            unrolled<0, chains>([&](auto j) __attribute__((always_inline)) {
                least_[j.value] = Words(INT32_MAX);
                greatest_[j.value] = Words(0);
            });
        }

        /// Takes `step` elements.
        [[gnu::always_inline]] inline void take(const char* p) {
            unrolled<0, chains>([&](auto j) __attribute__((always_inline)) {
                const Words words =
                    Isa::template upper_words<Loaded>(p + j.value * Words::size * sizeof(Loaded));
                least_[j.value] = xsimd::min(least_[j.value], words);
                greatest_[j.value] = xsimd::max(greatest_[j.value], words);
            });
        }

        /// When all of the n elements at x have been taken.
        [[gnu::always_inline]] inline Look result(const char* x, size_t n) const {
            Words all_least = least_[0];
            Words all_greatest = greatest_[0];
            unrolled<1, chains>([&](auto j) __attribute__((always_inline)) {
                all_least = xsimd::min(all_least, least_[j.value]);
                all_greatest = xsimd::max(all_greatest, greatest_[j.value]);
            });
            const int32_t low = InMemory<int32_t, Words>(all_least).least();
            const int32_t high = InMemory<int32_t, Words>(all_greatest).greatest();
            return look_of(low == 0 ? least_but_zero(x, n) : low, high);
        }

      private:
        Words least_[chains];
        Words greatest_[chains];
    };

    /// The look at 16-bit elements as they are given.
    [[gnu::noinline]] static Look look_at_narrow(const char* x, size_t n) {
        using Halves = xsimd::batch<int16_t, typename Isa::arch>;
        const Halves magnitude(INT16_MAX);
        const Halves one(1);
        Halves least = magnitude;
        Halves greatest(0);
        for (size_t i = 0; i < n; i += Halves::size) {
            const Halves halves = Isa::load_halves(x + i * sizeof(T)) & magnitude;
            // Of all less 1, so that 0 becomes the greatest. (No select: that of xsimd 8.1 for 16
            // bits of AVX-512 does not compile at -O0.)
            least = xsimd::min(least, (halves - one) & magnitude);
            greatest = xsimd::max(greatest, halves);
        }
        return look_of(InMemory<int16_t, Halves>(least).least() + 1,
                       InMemory<int16_t, Halves>(greatest).greatest());
    }

    [[gnu::noinline]] static Look look_at(const char* x, size_t n) {
        Looking<granularity / Words::size> looking;
        for (size_t i = 0; i < n; i += looking.step) {
            looking.take(x + i * sizeof(Loaded));
        }
        return looking.result(x, n);
    }

    /// Sums with so many bins for |x|, for x^2 and, of float64, for what the rounding of x^2 left;
    /// false if they are not enough.
    template <size_t absolute_levels, size_t square_levels, size_t error_levels>
    [[gnu::always_inline]] static inline bool sum(const char* x, size_t n, Exponents exponents,
                                                  const char* next, Look* next_look,
                                                  ExactParts* parts) {
        constexpr size_t batches = batches_for(absolute_levels + square_levels + error_levels);
        constexpr size_t row = batches * width;
        constexpr int rows = log2(block / row);
        const Bins<absolute_levels, rows> absolute_places(exponents.bound);
        const Bins<square_levels, rows> square_places(2 * exponents.bound);
        // A rounded square has an error of half a unit of its last place, the 53rd.
        const Bins<(error_levels > 0 ? error_levels : 1), rows> error_places(2 * exponents.bound -
                                                                             54);
        bool enough = absolute_places.reach(exponents.lowest);
        if constexpr (is_double) {
            // Far from where squares and their errors leave the range of normal numbers.
            constexpr int limit = 1000;
            enough = enough && square_places.reach(2 * exponents.lowest + 52) &&
                     error_places.reach(2 * exponents.lowest) && 2 * exponents.lowest >= -limit &&
                     2 * exponents.bound <= limit - rows &&
                     error_places.exponent(error_levels - 1) >= -limit;
        } else {
            enough = enough && square_places.reach(2 * exponents.lowest);
        }
        if (!enough) {
            return false;
        }
        Accumulator<absolute_levels, batches> absolute;
        Accumulator<square_levels, batches> square;
        Accumulator<(error_levels > 0 ? error_levels : 1), batches> error;
        absolute.clear(absolute_places);
        square.clear(square_places);
        if constexpr (is_double) {
            error.clear(error_places);
        }
        const Batch one = opaque_one<double, Batch>();
        constexpr bool looks = looks_ahead && row >= Words::size;
        Looking<(looks ? row / Words::size : 1)> looking;
        const char* const seen = next != nullptr ? next : x;
        for (size_t i = 0; i < n; i += row) {
            const char* const p = x + i * sizeof(Loaded);
            if constexpr (!is_narrow<T>) {
                prefetch<row * sizeof(T)>(p, i, block * sizeof(T) + (looks ? look_ahead : 0));
            }
            if constexpr (looks) {
                looking.take(seen + i * sizeof(T));
            }
            unrolled<0, batches>([&](auto j) __attribute__((always_inline)) {
                const Batch value = Isa::template load<Loaded>(p + j.value * batch_bytes);
                absolute.template add<j.value>(xsimd::abs(value), one);
                if constexpr (is_double) {
                    const Batch product = value * value;
                    error.template add<j.value>(Isa::product_error(value, product), one);
                    square.template add<j.value>(product, one);
                } else {
                    square.template add_square<j.value>(value, one);
                }
            });
        }
        absolute.read(absolute_places, parts->absolute);
        square.read(square_places, parts->square);
        if constexpr (is_double) {
            error.read(error_places, parts->square + square_levels);
        }
        if (next != nullptr) {
            *next_look = looks ? looking.result(next, n) : look_at(next, n);
        }
        return true;
    }

    /// The same with as few bins as will do. The widest loop is of no use to float16, whose
    /// exponents are never that far apart.
    [[gnu::always_inline]] static inline bool sum_numbers(const char* x, size_t n,
                                                          Exponents exponents, const char* next,
                                                          Look* next_look, ExactParts* parts) {
        if constexpr (is_double) {
            return sum<2, 2, 2>(x, n, exponents, next, next_look, parts) ||
                   sum<2, 3, 3>(x, n, exponents, next, next_look, parts);
        } else {
            return (is_narrow<T> && sum<1, 1, 0>(x, n, exponents, next, next_look, parts)) ||
                   sum<1, 2, 0>(x, n, exponents, next, next_look, parts) ||
                   (!is_same<T, Float16> && sum<2, 3, 0>(x, n, exponents, next, next_look, parts));
        }
    }

    /// Gives the sink what the n elements at x are, at which somebody has looked; those of 16 bits
    /// stand as they are at `given`. Returns the look at as many elements at `next`, if that is not
    /// NULL.
    static Look take_block(const char* x, size_t n, Look look, const char* next, const char* given,
                           const ExactSink& sink) {
        ExactParts parts = {};
        Look next_look = look;
        if (look.found == Found::numbers &&
            sum_numbers(x, n, look.exponents, next, &next_look, &parts)) {
            sink.add_parts(sink.state, parts);
            return next_look;
        }
        if (look.found != Found::zeros) {
            sink.add_elements(sink.state, given, n);
        }
        return next != nullptr ? look_at(next, n) : look;
    }

    /// Takes n elements, at most a block, on their own.
    static void take_alone(const char* x, size_t n, const ExactSink& sink) {
        if constexpr (is_narrow<T>) {
            const Look look = look_at_narrow(x, n);
            alignas(cache_line) float widened[block];
            for (size_t i = 0; i < n; i += LaneOrder<Isa, T>::widened) {
                prefetch<LaneOrder<Isa, T>::widened * sizeof(T)>(x + i * sizeof(T), i,
                                                                 block * sizeof(T));
                LaneOrder<Isa, T>::widen(x + i * sizeof(T), widened + i);
            }
            take_block(reinterpret_cast<const char*>(widened), n, look, nullptr, x, sink);
        } else {
            take_block(x, n, look_at(x, n), nullptr, x, sink);
        }
    }

  public:
    static void run(const void* data, size_t n, const ExactSink& sink) {
        const char* x = static_cast<const char*>(data);
        if constexpr (is_narrow<T>) {
            for (; n >= block; n -= block) {
                take_alone(x, block, sink);
                x += block * sizeof(T);
            }
        } else if (n >= block) {
            Look look = look_at(x, block);
            for (; n >= block; n -= block) {
                const char* const next = n >= 2 * block ? x + block * sizeof(T) : nullptr;
                look = take_block(x, block, look, next, x, sink);
                x += block * sizeof(T);
            }
        }
        const size_t rest = n % granularity;
        if (n > rest) {
            take_alone(x, n - rest, sink);
        }
        if (rest > 0) {
            sink.add_elements(sink.state, x + (n - rest) * sizeof(T), rest);
        }
    }
};

} // namespace
