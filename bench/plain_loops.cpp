/**
 * The loops that one writes by hand, for the compiler to vectorise. Elements of 16 bits are brought
 * to float a chunk at a time, as compilers vectorise no loop over float16.
 */
#include "elements.hpp"
#include "peers.hpp"

#include <algorithm>
#include <cmath>

#ifdef __F16C__
#include <immintrin.h>
#endif

namespace peers {

namespace {

template <class Sum>
struct Sums {
    Sum absolute = 0;
    Sum square = 0;
};

template <class T, class Sum>
void add_sums(const T* x, std::size_t n, bool with_absolute, bool with_square, Sums<Sum>& sums) {
    Sum absolute = 0;
    Sum square = 0;
    if (with_absolute && with_square) {
        for (std::size_t i = 0; i < n; ++i) {
            const Sum value = x[i];
            absolute += std::fabs(value);
            square += value * value;
        }
    } else if (with_absolute) {
        for (std::size_t i = 0; i < n; ++i) {
            absolute += std::fabs(static_cast<Sum>(x[i]));
        }
    } else {
        for (std::size_t i = 0; i < n; ++i) {
            square += static_cast<Sum>(x[i]) * static_cast<Sum>(x[i]);
        }
    }
    sums.absolute += absolute;
    sums.square += square;
}

/// With l1 and 2 * l2 already scaled.
template <class Sum>
struct Coefficients {
    Sum l1;
    Sum twice_l2;
};

template <bool with_sums, class T, class Sum>
void add_gradient(const T* x, std::size_t n, Coefficients<Sum> scaled, T* y, Sums<Sum>& sums) {
    Sum absolute = 0;
    Sum square = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const Sum value = x[i];
        const Sum sign = value > 0 ? scaled.l1 : value < 0 ? -scaled.l1 : 0;
        y[i] = static_cast<T>(y[i] + (scaled.twice_l2 * value + sign));
        if (with_sums) {
            absolute += std::fabs(value);
            square += value * value;
        }
    }
    sums.absolute += absolute;
    sums.square += square;
}

template <class T, class Sum>
void shrink(const T* x, std::size_t n, Sum threshold, Sum factor, T* y) {
    for (std::size_t i = 0; i < n; ++i) {
        const Sum value = x[i];
        const Sum shrunk = std::fabs(value) - threshold;
        y[i] = static_cast<T>(std::copysign(shrunk > 0 ? shrunk * factor : 0, value));
    }
}

template <class T, class Sum>
void descend(const T* gradient, std::size_t n, Sum step, T* y) {
    for (std::size_t i = 0; i < n; ++i) {
        y[i] = static_cast<T>(y[i] - step * gradient[i]);
    }
}

template <class Half>
void widen(const Half* x, std::size_t n, float* to) {
    for (std::size_t i = 0; i < n; ++i) {
        to[i] = to_float(x[i]);
    }
}
template <class Half>
void narrow(const float* x, std::size_t n, Half* to) {
    for (std::size_t i = 0; i < n; ++i) {
        from_float(x[i], to + i);
    }
}

#ifdef __F16C__
void widen(const Float16* x, std::size_t n, float* to) {
    std::size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i));
        _mm256_storeu_ps(to + i, _mm256_cvtph_ps(halves));
    }
    widen<Float16>(x + i, n - i, to + i);
}
void narrow(const float* x, std::size_t n, Float16* to) {
    std::size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const __m128i halves = _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), halves);
    }
    narrow<Float16>(x + i, n - i, to + i);
}
#endif

/// The whole arrays of a job, for float and double.
template <class T>
struct Whole {
    using Element = T;
    template <class F>
    static void read(const Job& job, F f) {
        f(static_cast<const T*>(job.x), job.n);
    }
    template <class F>
    static void update(const Job& job, F f) {
        f(static_cast<const T*>(job.x), job.n, static_cast<T*>(job.y));
    }
    template <class F>
    static void write(const Job& job, F f) {
        update(job, f);
    }
};

/// Chunks of them, as float.
template <class Half>
struct Chunks {
    using Element = float;
    static constexpr std::size_t chunk = 256;

    template <class F>
    static void read(const Job& job, F f) {
        float x[chunk];
        for (std::size_t i = 0; i < job.n; i += chunk) {
            const std::size_t n = std::min(chunk, job.n - i);
            widen(static_cast<const Half*>(job.x) + i, n, x);
            f(x, n);
        }
    }
    template <class F>
    static void update(const Job& job, F f) {
        float x[chunk];
        float y[chunk];
        for (std::size_t i = 0; i < job.n; i += chunk) {
            const std::size_t n = std::min(chunk, job.n - i);
            widen(static_cast<const Half*>(job.x) + i, n, x);
            widen(static_cast<const Half*>(job.y) + i, n, y);
            f(x, n, y);
            narrow(y, n, static_cast<Half*>(job.y) + i);
        }
    }
    template <class F>
    static void write(const Job& job, F f) {
        float x[chunk];
        for (std::size_t i = 0; i < job.n; i += chunk) {
            const std::size_t n = std::min(chunk, job.n - i);
            widen(static_cast<const Half*>(job.x) + i, n, x);
            f(x, n, x);
            narrow(x, n, static_cast<Half*>(job.y) + i);
        }
    }
};

template <class Walk, class Sum>
struct PlainLoop {
    using T = typename Walk::Element;

    static double weigh(const Job& job, const Sums<Sum>& sums) {
        return job.l1 * static_cast<double>(sums.absolute) +
               job.l2 * static_cast<double>(sums.square);
    }

    static double penalty(const Job& job) {
        Sums<Sum> sums;
        Walk::read(job, [&](const T* x, std::size_t n) {
            add_sums(x, n, job.l1 != 0, job.l2 != 0, sums);
        });
        return weigh(job, sums);
    }

    template <bool with_sums>
    static double gradient(const Job& job) {
        const Coefficients<Sum> scaled = {static_cast<Sum>(job.scale * job.l1),
                                          static_cast<Sum>(job.scale * 2 * job.l2)};
        Sums<Sum> sums;
        Walk::update(job, [&](const T* x, std::size_t n, T* y) {
            add_gradient<with_sums>(x, n, scaled, y, sums);
        });
        return weigh(job, sums);
    }

    static double prox(const Job& job) {
        const auto threshold = static_cast<Sum>(prox_step * job.l1);
        const auto factor = static_cast<Sum>(1 / (1 + 2 * prox_step * job.l2));
        Walk::write(job,
                    [&](const T* x, std::size_t n, T* y) { shrink(x, n, threshold, factor, y); });
        return 0.0;
    }

    static double step(const Job& job) {
        Walk::update(job, [&](const T* gradient, std::size_t n, T* y) {
            descend(gradient, n, static_cast<Sum>(prox_step), y);
        });
        Job second = job;
        second.x = job.y;
        return prox(second);
    }

    static Peer peer(const char* name) {
        return {name, penalty, gradient<false>, gradient<true>, prox, step};
    }
};

template <class Walk>
std::vector<Peer> in_float_and_double() {
    return {PlainLoop<Walk, float>::peer("plain loop"),
            PlainLoop<Walk, double>::peer("plain loop in double")};
}

} // namespace

std::vector<Peer> plain_loops(l1l2_dtype dtype) {
    switch (dtype) {
    case L1L2_FLOAT32: return in_float_and_double<Whole<float>>();
    case L1L2_FLOAT64: return {PlainLoop<Whole<double>, double>::peer("plain loop")};
    case L1L2_FLOAT16: return in_float_and_double<Chunks<Float16>>();
    case L1L2_BFLOAT16: return in_float_and_double<Chunks<BFloat16>>();
    default: return {};
    }
}

} // namespace peers
