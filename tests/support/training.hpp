/**
 * Helpers for tests through the C API: placed arrays, the results that l1l2.h specifies,
 * floating-point environments.
 */
#pragma once

#include "guarded_pages.hpp"
#include "handle.hpp"
#include "l1l2.h"
#include "narrow.hpp"
#include "run_tasks.hpp"

#include <algorithm>
#include <array>
#include <cfenv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#if defined(__x86_64__) || defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace training {

constexpr double untouched = -123.25;
constexpr std::uint64_t quiet_nan = Format<double>::quiet_nan;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double largest = std::numeric_limits<double>::max();

constexpr Coefficients l1_only = {0.01, 0.0};
constexpr Coefficients l2_only = {0.0, 0.3};
constexpr Coefficients both = {0.01, 0.3};
constexpr Coefficients neither = {0.0, 0.0};

/// All sizes up to a few registers of every kernel, and sizes around a block.
inline std::vector<std::size_t> telling_sizes() {
    std::vector<std::size_t> sizes;
    for (std::size_t n = 0; n <= 130; ++n) {
        sizes.push_back(n);
    }
    for (const std::size_t n : {1000U, 4095U, 4096U, 4097U, 8191U, 8192U, 8193U, 12305U, 20000U}) {
        sizes.push_back(n);
    }
    return sizes;
}

/// An array at `offset` bytes from a cache line, between bytes that must not change.
template <class T>
class Placed {
  public:
    explicit Placed(const std::vector<T>& values, std::size_t offset = 0)
        : size_(values.size()), bytes_(size_ * sizeof(T) + 3 * line, filling) {
        const auto address = reinterpret_cast<std::uintptr_t>(bytes_.data());
        start_ = (line - address % line) + offset % line;
        if (size_ > 0) {
            std::memcpy(data(), values.data(), size_ * sizeof(T));
        }
    }
    Placed(const Placed&) = delete;
    Placed& operator=(const Placed&) = delete;

    void* data() { return bytes_.data() + start_; }

    std::vector<T> values() const {
        std::vector<T> values(size_);
        if (size_ > 0) {
            std::memcpy(values.data(), bytes_.data() + start_, size_ * sizeof(T));
        }
        return values;
    }

    bool surroundings_intact() const {
        const auto filled = [](unsigned char byte) { return byte == filling; };
        const auto from = bytes_.begin() + static_cast<std::ptrdiff_t>(start_);
        const auto to = from + static_cast<std::ptrdiff_t>(size_ * sizeof(T));
        return std::all_of(bytes_.begin(), from, filled) && std::all_of(to, bytes_.end(), filled);
    }

  private:
    static constexpr std::size_t line = 64;
    static constexpr unsigned char filling = 0xa5;

    std::size_t size_;
    std::vector<unsigned char> bytes_;
    std::size_t start_ = 0;
};

/// Loads an element from any address.
template <class T>
T load(const void* at) {
    T element;
    std::memcpy(static_cast<void*>(&element), at, sizeof element);
    return element;
}

/// The elements nearest to some numbers.
template <class T>
std::vector<T> elements(std::initializer_list<double> values) {
    std::vector<T> result;
    for (const double value : values) {
        result.push_back(nearest<T>(static_cast<typename Format<T>::Arithmetic>(value)));
    }
    return result;
}

/// Returns "" if two arrays have the same bits, otherwise where they differ.
template <class T>
std::string difference(const std::vector<T>& actual, const std::vector<T>& expected) {
    std::ostringstream text;
    if (actual.size() != expected.size()) {
        text << actual.size() << " elements, not " << expected.size();
    }
    for (std::size_t i = 0; i < actual.size() && text.str().empty(); ++i) {
        if (std::memcmp(&actual[i], &expected[i], sizeof(T)) != 0) {
            text << "element " << i << " of " << actual.size() << " is 0x" << std::hex
                 << +to_bits(actual[i]) << ", not 0x" << +to_bits(expected[i]);
        }
    }
    return text.str();
}

template <class T>
double penalty_of(const l1l2_regularizer* regularizer, const std::vector<T>& x) {
    double penalty = untouched;
    l1l2_penalty(regularizer, Format<T>::dtype, x.data(), x.size(), &penalty);
    return penalty;
}

/// The bits that l1l2.h specifies for l1l2_add_gradient, one operation at a time. A part whose
/// coefficient is 0 is left out: neither its product nor its addition is computed.
template <class T>
std::vector<T> specified_gradient(Coefficients c, const std::vector<T>& x, double scale,
                                  std::vector<T> gradient) {
    using A = typename Format<T>::Arithmetic;
    if (c.l1 == 0.0 && c.l2 == 0.0) {
        return gradient;
    }
    const A a = static_cast<A>(scale * c.l1);
    const A b = static_cast<A>(scale * (2 * c.l2));
    for (std::size_t i = 0; i < x.size(); ++i) {
        const A value = static_cast<A>(value_of(x[i]));
        const A s = value > 0 ? a : value < 0 ? -a : A(0);
        A t = value; // a NaN
        if (!is_nan(value)) {
            if (c.l2 == 0.0) {
                t = s;
            } else {
                t = b * value;
                if (c.l1 != 0.0) {
                    t = t + s;
                }
            }
        }
        gradient[i] = nearest<T>(static_cast<A>(value_of(gradient[i])) + t);
    }
    return gradient;
}

/// The bits that l1l2.h specifies for l1l2_prox.
template <class T>
std::vector<T> specified_prox(Coefficients c, const std::vector<T>& x, double step) {
    using A = typename Format<T>::Arithmetic;
    const double threshold = step * c.l1;
    const A t1 = static_cast<A>(threshold);
    const A t2 = static_cast<A>(threshold - static_cast<double>(t1));
    const A m = static_cast<A>(1.0 / (1.0 + 2.0 * (step * c.l2)));
    std::vector<T> out(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
        const A value = static_cast<A>(value_of(x[i]));
        const A above = (std::fabs(value) - t1) - t2;
        const A shrunk = above > 0 ? above : A(0);
        out[i] = nearest<T>(is_nan(value) ? value : std::copysign(shrunk * m, value));
    }
    return out;
}

/// The bits that l1l2.h specifies for l1l2_prox_step. An empty gradient or no steps are NULL.
template <class T, class A = typename Format<T>::Arithmetic>
std::vector<T> specified_prox_step(Coefficients c, const std::vector<T>& x,
                                   const std::vector<T>& gradient, double step,
                                   const std::vector<A>& steps) {
    const double threshold = step * c.l1;
    const double excess = 2.0 * (step * c.l2);
    const A t1 = static_cast<A>(threshold);
    const A t2 = static_cast<A>(threshold - static_cast<double>(t1));
    const A m = static_cast<A>(1.0 / (1.0 + excess));
    std::vector<T> out(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
        A s = static_cast<A>(std::fabs(step)); // of -0.0
        if (!steps.empty()) {
            s = s * steps[i];
        }
        A v = static_cast<A>(value_of(x[i]));
        if (!gradient.empty()) {
            const A product = s * static_cast<A>(value_of(gradient[i]));
            v = v - product;
        }
        A shrunk = 0;
        if (steps.empty()) {
            const A above = (std::fabs(v) - t1) - t2;
            shrunk = (above > 0 ? above : A(0)) * m;
        } else {
            const A t = t1 * steps[i];
            const A e = static_cast<A>(excess) * steps[i];
            const A above = std::fabs(v) - t;
            shrunk = (above > 0 ? above : A(0)) / (A(1) + e);
        }
        out[i] = nearest<T>(is_nan(v) ? v : std::copysign(shrunk, v));
    }
    return out;
}

/// Factors of a step: mostly ordinary, some 0 of either sign, tiny or large.
template <class T, class A = typename Format<T>::Arithmetic>
std::vector<A> some_steps(std::size_t n, unsigned seed) {
    std::vector<A> steps = ordinary_elements<A>(n, seed + 500);
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t kind = (i * 7919 + seed) % 16;
        const A factor = std::fabs(steps[i]);
        steps[i] = kind == 0   ? A(0)
                   : kind == 1 ? A(-0.0)
                   : kind == 2 ? factor * A(1e-30)
                   : kind == 3 ? factor * A(1e3)
                               : factor;
    }
    return steps;
}

/// Coefficients for which subnormal elements of T give subnormal results: thresholds, and with
/// scale 1 also products, as 2 * l2 is a little less than 1.
template <class T>
std::array<Coefficients, 3> small_coefficients() {
    const double l1 =
        value_of(from_bits<T>((std::uint64_t{1} << Format<T>::fraction_bits) / 4 + 1));
    return {{{l1, 0.0}, {0.0, 0.45}, {l1, 0.45}}};
}

/// The unit roundoff of the arithmetic type.
template <class T>
constexpr double unit_roundoff =
    std::is_same_v<typename Format<T>::Arithmetic, double> ? 0x1p-53 : 0x1p-24;

/// The error of rounding to T: half a unit in the last place. Narrow types are first rounded to the
/// arithmetic type.
template <class T>
long double half_a_unit(long double exact) {
    using F = Format<T>;
    const int smallest_exponent = 1 - static_cast<int>(F::one >> F::fraction_bits);
    const int exponent = std::max(std::ilogb(exact), smallest_exponent);
    const long double half = std::ldexp(0.5L, exponent - F::fraction_bits);
    return is_narrow<T> ? half + unit_roundoff<T> * std::fabs(exact) : half;
}

/// Calls a function in each floating-point environment that a host may have set. Returns whether
/// the function left all of them unchanged. The caller's environment is restored.
template <class Function>
bool in_hostile_environments(Function function) {
    bool restored = true;
    for (const int mode : {FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO}) {
        std::fesetround(mode);
        function();
        restored = restored && std::fegetround() == mode;
        std::fesetround(FE_TONEAREST);
    }
#if defined(__x86_64__) || defined(__SSE2__)
    constexpr unsigned exception_flags = 0x003F;
    const unsigned before = _mm_getcsr();
    for (const unsigned hostile : {0x0040U, 0x8000U, 0x8040U, 0xE040U}) {
        _mm_setcsr(before | hostile); // denormals are zero, flush to zero, towards zero
        function();
        const unsigned after = _mm_getcsr();
        _mm_setcsr(before);
        restored = restored && ((after ^ (before | hostile)) & ~exception_flags) == 0;
    }
#endif
#if defined(__GLIBC__)
    for (const int exceptions :
         {FE_INVALID, FE_DIVBYZERO, FE_OVERFLOW, FE_UNDERFLOW, FE_INEXACT, FE_ALL_EXCEPT}) {
        std::feclearexcept(FE_ALL_EXCEPT);
        feenableexcept(exceptions);
        const int unmasked = fegetexcept(); // none on a CPU that cannot trap
        function();                         // a trap would end the program
        restored = restored && fegetexcept() == unmasked;
        fedisableexcept(FE_ALL_EXCEPT);
    }
#endif
    return restored;
}

} // namespace training
