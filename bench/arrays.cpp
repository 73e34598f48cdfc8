#include "arrays.hpp"

#include "elements.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace {

/// A generator that fills gigabytes in seconds (xorshift, Marsaglia 2003).
class Random {
  public:
    /// In 0 .. 1, 1 included.
    double uniform() { return static_cast<double>(next() >> 11U) * 0x1p-53 + 0x1p-54; }

    /// In -1 .. 1, bell-shaped.
    double weight() {
        std::int64_t sum = 0;
        for (int i = 0; i < 3; ++i) {
            sum += static_cast<std::int32_t>(next());
        }
        return static_cast<double>(sum) * 0x1p-33;
    }

  private:
    std::uint64_t next() {
        state_ ^= state_ << 13U;
        state_ ^= state_ >> 7U;
        state_ ^= state_ << 17U;
        return state_;
    }

    std::uint64_t state_ = 88172645463325252U;
};

void convert(double value, float* to) {
    *to = static_cast<float>(value);
}
void convert(double value, double* to) {
    *to = value;
}
template <class Half>
void convert(double value, Half* to) {
    from_float(static_cast<float>(value), to);
}

double to_double(float x) {
    return x;
}
double to_double(double x) {
    return x;
}
template <class Half>
double to_double(Half x) {
    return to_float(x);
}

/// Calls f with a pointer to the elements as what they are.
template <class Pointer, class F>
void with_type(l1l2_dtype dtype, Pointer x, F f) {
    constexpr bool constant = std::is_const_v<std::remove_pointer_t<Pointer>>;
    const auto call = [&](auto element) {
        using T = decltype(element);
        f(static_cast<std::conditional_t<constant, const T, T>*>(x));
    };
    switch (dtype) {
    case L1L2_FLOAT32: return call(float());
    case L1L2_FLOAT64: return call(double());
    case L1L2_FLOAT16: return call(Float16());
    case L1L2_BFLOAT16: return call(BFloat16());
    default: throw std::invalid_argument("dtype");
    }
}

std::size_t size_of(l1l2_dtype dtype) {
    return dtype == L1L2_FLOAT64 ? 8 : dtype == L1L2_FLOAT32 ? 4 : 2;
}

void fill_from(Random& random, l1l2_dtype dtype, double scale, void* x, std::size_t begin,
               std::size_t end) {
    with_type(dtype, x, [&](auto* element) {
        for (std::size_t i = begin; i < end; ++i) {
            convert(random.weight() * scale, element + i);
        }
    });
}

/// Box and Muller's.
double normal(double a, double b) {
    constexpr double two_pi = 6.283185307179586;
    return std::sqrt(-2.0 * std::log(a)) * std::cos(two_pi * b);
}

class SharedArrays {
  public:
    Arrays get(l1l2_dtype dtype, std::size_t n) {
        if (dtype != dtype_) {
            dtype_ = dtype;
            filled_ = 0;
            random_ = Random();
        }
        if (n > filled_) {
            fill_from(random_, dtype, 0.1, x_.data(), filled_, n);
            const std::size_t begin = filled_ * size_of(dtype);
            std::memcpy(static_cast<char*>(y_.data()) + begin,
                        static_cast<const char*>(x_.data()) + begin, n * size_of(dtype) - begin);
            filled_ = n;
        }
        return {x_.data(), y_.data()};
    }

  private:
    Memory x_{largest_size() * sizeof(double)};
    Memory y_{largest_size() * sizeof(double)};
    l1l2_dtype dtype_ = 0;
    std::size_t filled_ = 0;
    Random random_;
};

} // namespace

Memory::Memory(std::size_t bytes)
    : data_(std::aligned_alloc(64, (bytes + 63) / 64 * 64), std::free) {
    if (data_ == nullptr) {
        throw std::bad_alloc();
    }
}

std::size_t largest_size() {
    const char* const limit = std::getenv("L1L2_BENCH_LARGEST");
    return limit != nullptr ? std::strtoull(limit, nullptr, 10) : 256 * mebi;
}

const std::vector<std::size_t>& sizes() {
    static const std::vector<std::size_t> sizes = [] {
        std::vector<std::size_t> some;
        for (const std::size_t n : {std::size_t(16), std::size_t(256), 2 * kibi, 8 * kibi,
                                    128 * kibi, 1 * mebi, 4 * mebi, 64 * mebi, 256 * mebi}) {
            if (n <= largest_size()) {
                some.push_back(n);
            }
        }
        return some;
    }();
    return sizes;
}

const std::vector<DataKind> data_kinds = {
    {"gaussian", [](double a, double b) { return 0.02 * normal(a, b); }},
    {"uniform", [](double a, double b) { return a < 0.5 ? -b : b; }},
    {"lognormal", [](double a, double b) { return 0.02 * std::exp(2.0 * normal(a, b)); }},
    {"wide exponents", [](double a, double b) { return std::exp2(240.0 * a - 120.0) * (1.0 + b); }},
};

const void* kind_array(const DataKind& kind, l1l2_dtype dtype, std::size_t n) {
    static const char* name = nullptr;
    static l1l2_dtype its_dtype = 0;
    static std::size_t size = 0;
    static std::unique_ptr<const Memory> memory;
    if (name != kind.name || its_dtype != dtype || size != n) {
        memory = std::make_unique<const Memory>(n * size_of(dtype));
        name = kind.name;
        its_dtype = dtype;
        size = n;
        // Repeated, as random numbers take their time.
        const std::size_t period = std::min(n, mebi);
        Random random;
        with_type(dtype, memory->data(), [&](auto* element) {
            for (std::size_t i = 0; i < n; ++i) {
                if (i < period) {
                    const double a = random.uniform();
                    convert(kind.element(a, random.uniform()), element + i);
                } else {
                    element[i] = element[i - period];
                }
            }
        });
    }
    return memory->data();
}

const void* steps_array(l1l2_dtype dtype, std::size_t n) {
    static const Memory memory(largest_size() * sizeof(double));
    static bool of_double = false;
    static std::size_t filled = 0;
    if (of_double != (dtype == L1L2_FLOAT64)) {
        of_double = !of_double;
        filled = 0;
    }
    if (n > filled) {
        if (of_double) {
            std::fill_n(static_cast<double*>(memory.data()), n, 1.0);
        } else {
            std::fill_n(static_cast<float*>(memory.data()), n, 1.0F);
        }
        filled = n;
    }
    return memory.data();
}

void fill(l1l2_dtype dtype, double scale, void* x, std::size_t n) {
    Random random;
    fill_from(random, dtype, scale, x, 0, n);
}

Arrays shared_arrays(l1l2_dtype dtype, std::size_t n) {
    static SharedArrays arrays;
    return arrays.get(dtype, n);
}

const Truth& exact_sums(l1l2_dtype dtype, std::size_t n) {
    static std::map<std::pair<l1l2_dtype, std::size_t>, Truth> truths;
    const auto [found, is_new] = truths.try_emplace({dtype, n});
    if (is_new) {
        Truth& truth = found->second;
        with_type(dtype, shared_arrays(dtype, n).x, [&](const auto* x) {
            for (std::size_t i = 0; i < n; ++i) {
                truth.absolute.add_absolute(to_double(x[i]));
                truth.square.add_square(to_double(x[i]));
            }
        });
    }
    return found->second;
}
