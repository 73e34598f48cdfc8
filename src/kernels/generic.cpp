// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * The kernels in plain C++. They run where no others do, and the others are tested against them.
 * They are written to be seen to be right. Compilers vectorise the loops over the lanes.
 */
#include "elements.hpp"
#include "exact_places.hpp"
#include "make_table.hpp"

#include <string.h>

namespace {

using namespace l1l2::kernels;

template <class To, class From>
To bit_cast(From from) {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}

float widen(float x) {
    return x;
}
double widen(double x) {
    return x;
}
float widen(BFloat16 x) {
    return bit_cast<float>(static_cast<uint32_t>(x.bits) << 16U);
}
float widen(Float16 x) {
    const uint32_t sign = static_cast<uint32_t>(x.bits & 0x8000U) << 16U;
    const uint32_t magnitude = x.bits & 0x7FFFU;
    if (magnitude >= infinity<Float16>) { // or NaN
        return bit_cast<float>(sign | infinity<float> | (magnitude << 13U));
    }
    // In their new place the bits stand for a number that is 2^112 too small, subnormals included.
    const float value = bit_cast<float>(magnitude << 13U) * 0x1p112F;
    return bit_cast<float>(sign | bit_cast<uint32_t>(value));
}

/// A NaN in x is the default one.
void narrow(float x, BFloat16& to) {
    to.bits = static_cast<uint16_t>(rounded<16>(bit_cast<uint32_t>(x)) >> 16U);
}
void narrow(float x, Float16& to) {
    const auto bits = bit_cast<uint32_t>(x);
    const uint32_t sign = (bits >> 16U) & 0x8000U;
    const uint32_t magnitude = bits & 0x7FFFFFFFU;
    uint32_t half = 0;
    if (magnitude > infinity<float>) {
        half = quiet_nan<Float16>;
    } else if (magnitude >= 0x47800000U) { // 2^16 and more
        half = infinity<Float16>;
    } else if (magnitude >= 0x38800000U) { // normal: the bias falls from 127 to 15
        half = (rounded<13>(magnitude) >> 13U) - (112U << 10U);
    } else { // the addition of 1/2 rounds to multiples of 2^-24
        half = bit_cast<uint32_t>(bit_cast<float>(magnitude) + 0.5F) - bit_cast<uint32_t>(0.5F);
    }
    to.bits = static_cast<uint16_t>(sign | half);
}
void narrow(float x, float& to) {
    to = x;
}
void narrow(double x, double& to) {
    to = x;
}

/// Element i at p, which may have any alignment.
template <class A, class T>
A load(const void* p, size_t i) {
    T element;
    memcpy(&element, static_cast<const char*>(p) + i * sizeof(T), sizeof(T));
    return static_cast<A>(widen(element));
}

/// The sign of zeros is theirs, that of NaNs is not.
template <class T>
void store(void* p, size_t i, Arithmetic<T> x) {
    T element;
    narrow(__builtin_isnan(x) ? static_cast<Arithmetic<T>>(__builtin_nan("")) : x, element);
    memcpy(static_cast<char*>(p) + i * sizeof(T), &element, sizeof(T));
}

template <class T, WantedSums wanted>
Sums sum_block(const void* x, size_t n) {
    double absolute[lanes] = {};
    double square[lanes] = {};
    const auto add_row = [&](size_t row, size_t count) {
        for (size_t lane = 0; lane < count; ++lane) {
            const auto value = load<double, T>(x, row + lane);
            if constexpr (wanted != WantedSums::square) {
                absolute[lane] += __builtin_fabs(value);
            }
            if constexpr (wanted != WantedSums::absolute) {
                square[lane] += value * value;
            }
        }
    };
    const size_t tail = n % lanes;
    for (size_t row = 0; row < n - tail; row += lanes) {
        add_row(row, lanes);
    }
    add_row(n - tail, tail);
    for (size_t half = lanes / 2; half > 0; half /= 2) {
        for (size_t lane = 0; lane < half; ++lane) {
            absolute[lane] += absolute[lane + half];
            square[lane] += square[lane + half];
        }
    }
    return {absolute[0], square[0]};
}

template <class T, WantedSums wanted>
void sum_blocks(const Block* block, size_t count, Sums* sums) {
    for (size_t i = 0; i < count; ++i) {
        sums[i] = sum_block<T, wanted>(block[i].x, block[i].n);
    }
}

template <class T, WantedSums wanted>
void add_gradient(const void* x, void* gradient, size_t n, double l1_factor, double l2_factor) {
    using A = Arithmetic<T>;
    const A a = static_cast<A>(l1_factor);
    const A b = static_cast<A>(l2_factor);
    for (size_t i = 0; i < n; ++i) {
        const A value = load<A, T>(x, i);
        const A s = value > 0 ? a : value < 0 ? -a : value == 0 ? A{0} : value; // the last is a NaN
        A summand = s;
        if constexpr (wanted == WantedSums::square) {
            summand = b * value;
        } else if constexpr (wanted == WantedSums::both) {
            summand = b * value + s;
        }
        store<T>(gradient, i, load<A, T>(gradient, i) + summand);
    }
}

template <class T, WantedSums wanted>
Sums add_gradient_and_sum(const void* x, void* gradient, size_t n, double l1_factor,
                          double l2_factor) {
    add_gradient<T, wanted>(x, gradient, n, l1_factor, l2_factor);
    return sum_block<T, wanted>(x, n);
}

template <class A>
A magnitude(A x) {
    return __builtin_signbit(x) ? -x : x;
}
template <class A>
A with_sign_of(A x, A positive) {
    return __builtin_signbit(x) ? -positive : positive;
}

/// The threshold is subtracted in two parts, as it may have more mantissa bits than a float32. Of a
/// double the second part is 0.
template <class A>
A shrink(A x, double threshold, A factor) {
    const A t = static_cast<A>(threshold);
    const A t_rest = static_cast<A>(threshold - static_cast<double>(t));
    const A above = (magnitude(x) - t) - t_rest;
    return with_sign_of(x, above < 0 ? A{0} : above * factor);
}

template <class T>
void prox(const void* x, void* out, size_t n, double threshold, double factor) {
    using A = Arithmetic<T>;
    for (size_t i = 0; i < n; ++i) {
        store<T>(out, i, shrink(load<A, T>(x, i), threshold, static_cast<A>(factor)));
    }
}

template <class T>
void scale(const void* x, void* out, size_t n, double factor) {
    using A = Arithmetic<T>;
    const A f = static_cast<A>(factor);
    for (size_t i = 0; i < n; ++i) {
        store<T>(out, i, load<A, T>(x, i) * f);
    }
}

template <class T>
void scale_far_away(const void* x, void* out, size_t n, const FarFactor& far) {
    for (size_t i = 0; i < n; ++i) {
        const double product = load<double, T>(x, i) * far.factor * far.power * far.rest;
        store<T>(out, i, static_cast<Arithmetic<T>>(product));
    }
}

template <class T>
void prox_step(const void* x, const void* gradient, const void* steps, void* out, size_t n,
               const ProxStepFactors& factors) {
    using A = Arithmetic<T>;
    const double factor = 1.0 / (1.0 + factors.excess);
    for (size_t i = 0; i < n; ++i) {
        const A w = steps != nullptr ? load<A, A>(steps, i) : A{1};
        A v = load<A, T>(x, i);
        if (gradient != nullptr) {
            v = v - (static_cast<A>(factors.step) * w) * load<A, T>(gradient, i);
        }
        if (steps == nullptr) {
            v = shrink(v, factors.threshold, static_cast<A>(factor));
        } else {
            const A above = magnitude(v) - static_cast<A>(factors.threshold) * w;
            const A divisor = A{1} + static_cast<A>(factors.excess) * w;
            v = with_sign_of(v, above < 0 ? A{0} : above / divisor);
        }
        store<T>(out, i, v);
    }
}

template <class A>
double greatest_step(const void* steps, size_t n) {
    A greatest{0};
    bool valid = true;
    for (size_t i = 0; i < n; ++i) {
        const A w = load<A, A>(steps, i);
        valid = valid && w >= 0 && !__builtin_isinf(w);
        greatest = w > greatest ? w : greatest;
    }
    return valid ? static_cast<double>(greatest) : __builtin_nan("");
}

/// As widen() does, but for the payload of NaNs, without a branch, so that compilers vectorise it.
template <class T>
void widen_block(const char* x, size_t n, float* to) {
    for (size_t i = 0; i < n; ++i) {
        uint16_t bits;
        memcpy(&bits, x + i * sizeof bits, sizeof bits);
        if constexpr (is_same<T, BFloat16>) {
            to[i] = bit_cast<float>(static_cast<uint32_t>(bits) << 16U);
        } else {
            const uint32_t magnitude = bits & 0x7FFFU;
            const float value = bit_cast<float>(magnitude << 13U) * 0x1p112F;
            const uint32_t special = magnitude >= infinity<Float16> ? infinity<float> : 0;
            to[i] = bit_cast<float>(bit_cast<uint32_t>(value) | special);
        }
    }
}

/// Everything by exponent field: the plain way to be exact.
template <class T>
void sum_exactly(const void* data, size_t n, const ExactSink& sink) {
    constexpr size_t block = exact_block_elements(dtype_of<T>);
    for (size_t first = 0; first < n; first += block) {
        const char* x = static_cast<const char*>(data) + first * sizeof(T);
        const size_t count = n - first < block ? n - first : block;
        Arithmetic<T> widened[is_narrow<T> ? block : 1];
        if constexpr (is_narrow<T>) {
            widen_block<T>(x, count, widened);
            x = reinterpret_cast<const char*>(widened);
        }
        sink.add_elements(sink.state, x, count, ExactPlaces<Arithmetic<T>>::add);
    }
}

template <class T>
struct PlainKernels {
    template <WantedSums wanted>
    static constexpr BlockKernel sums = sum_block<T, wanted>;
    template <WantedSums wanted>
    static constexpr BlocksKernel sums_of_each = sum_blocks<T, wanted>;
    template <WantedSums wanted>
    static constexpr GradientKernel add_gradient = ::add_gradient<T, wanted>;
    template <WantedSums wanted>
    static constexpr GradientAndSumKernel add_gradient_and_sum = ::add_gradient_and_sum<T, wanted>;
    static constexpr ProxKernel prox = ::prox<T>;
    static constexpr ScaleKernel scale = ::scale<T>;
    static constexpr ProxStepKernel prox_step = ::prox_step<T>;
    static constexpr GreatestStepKernel greatest_step = ::greatest_step<Arithmetic<T>>;
    static constexpr ExactKernel exact = sum_exactly<T>;
};

} // namespace

constexpr KernelTable l1l2::kernels::generic =
    make_table<PlainKernels<float>, PlainKernels<double>, PlainKernels<Float16>,
               PlainKernels<BFloat16>>("generic", "generic");

constexpr FarScaleKernel l1l2::kernels::scale_far[] = {
    scale_far_away<float>, scale_far_away<double>, scale_far_away<Float16>,
    scale_far_away<BFloat16>};
