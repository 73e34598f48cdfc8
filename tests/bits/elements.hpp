/**
 * The elements of golden.txt, as in make_golden.py, and where they are in memory.
 */
#pragma once

#include "../support/handle.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace bits {

struct Format {
    const char* name;
    l1l2_dtype dtype;
    std::uint8_t dlpack_code;
    unsigned mantissa;
    unsigned bias;
    unsigned binades; ///< of ordinary elements
    double small;     ///< a coefficient that is subnormal, or a product with it
    unsigned bits;
};
constexpr Format formats[] = {
    {"float32", L1L2_FLOAT32, 2, 23, 127, 40, 0x1p-128, 32},
    {"float64", L1L2_FLOAT64, 2, 52, 1023, 40, 0x1p-1024, 64},
    {"float16", L1L2_FLOAT16, 2, 10, 15, 28, 0x1p-16, 16},
    {"bfloat16", L1L2_BFLOAT16, 4, 7, 127, 40, 0x1p-128, 16},
};

/// The last kind is for exact sums only.
enum class Kind { ordinary, wide, small, special, repeated, varied };
constexpr const char* kind_names[] = {"ordinary", "wide", "small", "special", "repeated", "varied"};
constexpr Kind kinds[] = {Kind::ordinary, Kind::wide,     Kind::small,
                          Kind::special,  Kind::repeated, Kind::varied};

struct Sizes {
    const char* name;
    std::vector<std::size_t> n;
};
inline std::vector<std::size_t> up_to(std::size_t last) {
    std::vector<std::size_t> n(last + 1);
    for (std::size_t i = 0; i <= last; ++i) {
        n[i] = i;
    }
    return n;
}
inline const Sizes short_sizes = {"short", up_to(140)};
inline const Sizes block_sizes = {
    "blocks", {255, 256, 257, 511, 512, 513, 1000, 4095, 4096, 4097, 8191, 8192, 8193, 12305}};
inline const Sizes task_sizes = {"tasks", {65535, 65536, 65537, 163857, 217105}};

constexpr double scale = -0.7;
constexpr double step = 0.7;
constexpr std::uint64_t gradient_index = 1U << 20U;
constexpr std::uint64_t steps_index = std::uint64_t{1} << 40U;

/// The finalizer of splitmix64.
inline std::uint64_t mix(std::uint64_t x) {
    x = (x + 1) * 0x9E3779B97F4A7C15U;
    x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31U);
}

/// The exponent's field and the mantissa's.
struct Magnitude {
    std::uint64_t field;
    std::uint64_t fraction;
};

/// Zeros, subnormals, the smallest normals; for float64 also numbers whose squares are subnormal.
inline Magnitude small_magnitude(const Format& format, std::uint64_t fraction, std::uint64_t q) {
    const std::uint64_t edge = format.bits == 64 ? format.bias - 535U : 0U;
    switch (q % 4) {
    case 0: return {0, 0};
    case 1: return {0, fraction};
    case 2: return {(q >> 2U) % 4, fraction};
    default: return {edge + (q >> 2U) % 24, fraction};
    }
}

inline Magnitude special_magnitude(const Format& format, std::uint64_t index,
                                   std::uint64_t fraction, std::uint64_t q) {
    const std::uint64_t ones = (std::uint64_t{1} << format.mantissa) - 1;
    const std::uint64_t bias = format.bias;
    if (index % 97 == 96) return {2 * bias + 1, fraction | 1U}; // a NaN, quiet or signaling
    if (index % 89 == 88) return {2 * bias + 1, 0};
    if (index % 61 == 60) return {2 * bias, ones};
    switch (q % 7) {
    case 0: return {0, 0};
    case 1: return {0, 1};
    case 2: return {0, ones};
    case 3: return {1, 0};
    case 4: return {bias, 0};
    case 5: return {bias - 1, ones};
    default: return {bias, fraction};
    }
}

/// A growing number of binades, then zeros, as exact sums use another algorithm for each.
inline Magnitude varied_magnitude(const Format& format, std::uint64_t index, std::uint64_t fraction,
                                  std::uint64_t q) {
    const std::uint64_t binades = 1 + (index >> 12U) % (format.binades + 1);
    if (binades > format.binades) return {0, 0};
    return {format.bias - binades / 2 + q % binades, fraction};
}

inline std::uint64_t element(const Format& format, Kind kind, std::uint64_t index) {
    const auto seed =
        static_cast<std::uint64_t>(&format - formats) * 8 + static_cast<unsigned>(kind);
    const std::uint64_t r = mix(index + (seed << 40U));
    const std::uint64_t q = mix(r);
    const std::uint64_t fraction = (r >> 8U) & ((std::uint64_t{1} << format.mantissa) - 1);
    Magnitude magnitude = {format.bias - format.binades / 2 + q % format.binades, fraction};
    if (kind == Kind::wide) magnitude.field = q % (2 * format.bias + 1);
    if (kind == Kind::small) magnitude = small_magnitude(format, fraction, q);
    if (kind == Kind::varied) magnitude = varied_magnitude(format, index, fraction, q);
    if (kind == Kind::special) magnitude = special_magnitude(format, index, fraction, q);
    return (r >> 63U) << (format.bits - 1) | magnitude.field << format.mantissa |
           magnitude.fraction;
}

/// A factor of the step: 0, or of six binades around 1/8, in the arithmetic type.
inline std::uint64_t step_element(const Format& format, std::uint64_t index) {
    const Format& arithmetic = formats[format.bits == 64 ? 1 : 0];
    const std::uint64_t r = mix(index + steps_index);
    const std::uint64_t fraction = (r >> 8U) & ((std::uint64_t{1} << arithmetic.mantissa) - 1);
    return r % 7 == 6 ? 0 : (arithmetic.bias - 6 + r % 7) << arithmetic.mantissa | fraction;
}

class Hash {
  public:
    void add(std::uint64_t bits) { value_ += (bits + 1) * mix(position_++); }
    /// By reference: i386 copies a double through its x87 unit, which may trap on a subnormal.
    void add(const double& value) {
        std::uint64_t bits = 0;
        std::memcpy(&bits, &value, sizeof bits);
        add(bits);
    }
    std::uint64_t value() const { return value_; }

  private:
    std::uint64_t value_ = 0;
    std::uint64_t position_ = 0;
};

// Elements in memory.

/// Calls f with a zero of the unsigned type that has as many bits as an element.
template <class F>
inline void with_type(const Format& format, F f) {
    switch (format.bits) {
    case 16: f(std::uint16_t{0}); break;
    case 32: f(std::uint32_t{0}); break;
    default: f(std::uint64_t{0});
    }
}

/// Where the elements of an array or a tensor are, in their order: rows of columns.
struct Place {
    std::size_t rows;
    std::size_t columns;
    std::size_t row; ///< from one row to the next, in elements
    std::size_t column;
};
inline Place contiguous(std::size_t n) {
    return {1, n, n, 1};
}

template <class F>
inline void for_each_place(const Place& place, F f) {
    for (std::size_t i = 0; i < place.rows; ++i) {
        for (std::size_t j = 0; j < place.columns; ++j) {
            f(i * place.columns + j, i * place.row + j * place.column);
        }
    }
}

inline void add_elements(Hash& hash, const Format& format, const unsigned char* from,
                         const Place& place) {
    with_type(format, [&](auto bits) {
        for_each_place(place, [&](std::size_t, std::size_t at) {
            std::memcpy(&bits, from + at * sizeof bits, sizeof bits);
            hash.add(std::uint64_t{bits});
        });
    });
}

/// Bytes that are a NaN in every type, at a requested distance from a cache line.
class Memory {
  public:
    unsigned char* fresh(std::size_t size, std::size_t offset) {
        constexpr std::size_t line = 64;
        bytes_.assign(size + 2 * line, 0xFF);
        const auto address = reinterpret_cast<std::uintptr_t>(bytes_.data());
        return bytes_.data() + (line - address % line) + offset;
    }

  private:
    std::vector<unsigned char> bytes_;
};

/// One line of golden.txt for each operation: the same elements in all sizes, with all
/// coefficients.
class Case {
  public:
    const Format& format;
    const Kind kind;
    const Sizes& sizes;
    std::vector<Handle> handles;

    Case(const Format& of_format, Kind of_kind, const Sizes& of_sizes)
        : format(of_format), kind(of_kind), sizes(of_sizes) {
        handles.emplace_back(Coefficients{0.01, 0.0});
        handles.emplace_back(Coefficients{0.0, 0.3});
        handles.emplace_back(Coefficients{0.01, 0.3});
        handles.emplace_back(Coefficients{0.0, 0.0});
        handles.emplace_back(Coefficients{format.small, 0.45});
        x_ = make(0);
        gradient_ = make(gradient_index);
        steps_ = make_steps();
    }

    std::size_t element_size() const { return format.bits / 8; }
    /// Of the arithmetic type.
    std::size_t step_size() const { return format.bits == 64 ? 8 : 4; }

    /// How often the first of n elements are repeated.
    std::size_t repetitions(std::size_t n) const {
        return kind == Kind::repeated && n > 0 && n % 3 == 0 ? 3 : 1;
    }

    void copy_x(unsigned char* to, std::size_t n, const Place& place) const {
        const std::size_t period = n / repetitions(n);
        copy(x_, to, place, [&](std::size_t i) { return i < period ? i : i % period; });
    }
    void copy_gradient(unsigned char* to, const Place& place) const {
        copy(gradient_, to, place, [](std::size_t i) { return i; });
    }

    void copy_steps(unsigned char* to, std::size_t n) const {
        std::memcpy(to, steps_.data(), n * step_size());
    }

  private:
    std::vector<unsigned char> make_steps() const {
        const std::size_t n = sizes.n.back();
        std::vector<unsigned char> bytes(n * step_size());
        with_type(formats[format.bits == 64 ? 1 : 0], [&](auto bits) {
            for (std::size_t i = 0; i < n; ++i) {
                bits = static_cast<decltype(bits)>(step_element(format, i));
                std::memcpy(bytes.data() + i * sizeof bits, &bits, sizeof bits);
            }
        });
        return bytes;
    }

    std::vector<unsigned char> make(std::uint64_t first) const {
        const std::size_t n = sizes.n.back();
        std::vector<unsigned char> bytes(n * element_size());
        with_type(format, [&](auto bits) {
            for (std::size_t i = 0; i < n; ++i) {
                bits = static_cast<decltype(bits)>(element(format, kind, first + i));
                std::memcpy(bytes.data() + i * sizeof bits, &bits, sizeof bits);
            }
        });
        return bytes;
    }

    template <class Index>
    void copy(const std::vector<unsigned char>& from, unsigned char* to, const Place& place,
              Index index) const {
        with_type(format, [&](auto bits) {
            for_each_place(place, [&](std::size_t i, std::size_t at) {
                std::memcpy(to + at * sizeof bits, from.data() + index(i) * sizeof bits,
                            sizeof bits);
            });
        });
    }

    std::vector<unsigned char> x_;
    std::vector<unsigned char> gradient_;
    std::vector<unsigned char> steps_;
};

} // namespace bits
