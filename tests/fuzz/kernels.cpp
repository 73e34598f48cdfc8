/// Fuzzes kernels with any bits as elements, at any address: every kernel that this CPU can run
/// against the plain one, and the penalty against the exact sum.
#include "input.hpp"
#include "placed.hpp"

#include "exact_sum.hpp"
#include "kernels/dispatch.hpp"
#include "narrow.hpp"

#include <algorithm>

namespace {

using fuzz::check;
using fuzz::Placed;
using l1l2::kernels::BlockKernel;
using l1l2::kernels::Dtype;
using l1l2::kernels::KernelTable;
using l1l2::kernels::Sums;
using l1l2::kernels::Tables;

constexpr std::size_t most_elements = l1l2::kernels::block_elements;
constexpr std::size_t largest_element = 8;
constexpr std::size_t line = 64;

std::size_t index(Dtype dtype) {
    return static_cast<std::size_t>(dtype);
}

/// Keeps the bits of an element in a range: the squares of random float64 are mostly 0 or infinite.
enum class Range : std::uint8_t { any, ordinary, subnormal };

template <class T>
void keep_in(Range range, std::uint8_t* bytes, std::size_t n) {
    using F = Format<T>;
    constexpr std::uint64_t fraction = (std::uint64_t{1} << F::fraction_bits) - 1;
    for (std::size_t i = 0; range != Range::any && i < n; ++i) {
        typename F::Bits element = 0;
        std::memcpy(&element, bytes + i * sizeof(T), sizeof(T));
        const std::uint64_t four_binades = (fraction + 1) * 3;
        element = static_cast<typename F::Bits>(
            range == Range::subnormal
                ? element & (F::sign | fraction)
                : (element & (F::sign | fraction | four_binades)) | (F::one & ~four_binades));
        std::memcpy(bytes + i * sizeof(T), &element, sizeof(T));
    }
}

/// Kernels may return any NaN as a sum.
bool same(double a, double b) {
    return to_bits(a) == to_bits(b) || (std::isnan(a) && std::isnan(b));
}
bool same(const Sums& a, const Sums& b) {
    return same(a.absolute, b.absolute) && same(a.square, b.square);
}

/// One input: x and y, and the factors that regularizer.hpp computes from the coefficients.
struct Case {
    Dtype dtype;
    std::size_t n;
    double sign;
    double linear;
    double threshold;
    double factor;
    const std::uint8_t* x;
    const std::uint8_t* y;
};

bool fits(double factor, Dtype dtype) {
    return std::isfinite(dtype == Dtype::float64 ? factor
                                                 : static_cast<double>(static_cast<float>(factor)));
}

std::uint8_t expected[most_elements * largest_element];
std::uint8_t x_bytes[most_elements * largest_element];
std::uint8_t y_bytes[most_elements * largest_element];

std::size_t bytes_of(const Case& c) {
    return c.n * size_of(c.dtype);
}

/// The plain kernel writes y to `expected`.
template <class Kernel>
void write_expected(const Case& c, Kernel kernel) {
    std::copy_n(c.y, bytes_of(c), expected);
    kernel(l1l2::kernels::generic, c.x, expected);
}

/// Calls kernel(table, x, y) with each table but the plain one.
template <class Kernel>
void check_written(const Case& c, const Tables& tables, Placed& x, Placed& y, Kernel kernel,
                   const char* promise) {
    write_expected(c, kernel);
    for (std::size_t t = 0; t + 1 < tables.count; ++t) {
        y.set(c.y);
        kernel(*tables.table[t], x.start(), y.start());
        check(y.holds(expected), promise);
        check(y.surroundings_intact(), "nothing is written beside an array");
        check(x.holds(c.x), "x is only read");
    }
}

/// Steps of proximal gradient descent, of a gradient that is where they are written.
void check_steps(const Case& c, const Tables& tables, Placed& x, Placed& y) {
    const std::size_t d = index(c.dtype);
    const std::size_t step_size = size_of(l1l2::kernels::arithmetic(c.dtype));
    static std::uint8_t steps_bytes[most_elements * largest_element];
    for (std::size_t i = 0; i < c.n; ++i) {
        const double step = i % 5 == 0 ? 0.0 : 1.0 / static_cast<double>(i % 7 + 1);
        const auto narrow = static_cast<float>(step);
        const void* const from =
            step_size == sizeof step ? static_cast<const void*>(&step) : &narrow;
        std::memcpy(steps_bytes + i * step_size, from, step_size);
    }
    Placed steps(c.n % line, c.n * step_size);
    steps.set(steps_bytes);
    for (const bool with_gradient : {false, true}) {
        for (const bool with_steps : {false, true}) {
            check_written(
                c, tables, x, y,
                [&](const KernelTable& table, const void* from, void* to) {
                    table.prox_step[d](from, with_gradient ? to : nullptr,
                                       with_steps ? steps.start() : nullptr, to, c.n,
                                       {0.25, c.threshold, 0.5});
                },
                "a proximal step has the bits of the plain kernel's");
        }
    }
    const std::size_t numbers = c.n * size_of(c.dtype) / step_size;
    const double greatest = l1l2::kernels::generic.greatest_step[d](c.x, numbers);
    for (std::size_t t = 0; t + 1 < tables.count; ++t) {
        check(same(tables.table[t]->greatest_step[d](x.start(), numbers), greatest),
              "the greatest step is the plain kernel's");
    }
}

void check_kernels(const Case& c, const Tables& tables, Placed& x, Placed& y) {
    const std::size_t d = index(c.dtype);
    for (std::size_t wanted = 0; wanted < l1l2::kernels::wanted_sums_count; ++wanted) {
        const Sums sums = l1l2::kernels::generic.sums[d][wanted](c.x, c.n);
        for (std::size_t t = 0; t + 1 < tables.count; ++t) {
            check(same(tables.table[t]->sums[d][wanted](x.start(), c.n), sums),
                  "sums have the bits of the plain kernel's");
        }
        check_written(
            c, tables, x, y,
            [&](const KernelTable& table, const void* from, void* to) {
                table.add_gradient[d][wanted](from, to, c.n, c.sign, c.linear);
            },
            "a gradient has the bits of the plain kernel's");
        check_written(
            c, tables, x, y,
            [&](const KernelTable& table, const void* from, void* to) {
                check(same(table.add_gradient_and_sum[d][wanted](from, to, c.n, c.sign, c.linear),
                           sums),
                      "the sums beside a gradient have the bits of the sums");
            },
            "a gradient with sums has the bits of the plain kernel's");
    }
    const auto prox = [&](const KernelTable& table, const void* from, void* to) {
        table.prox[d](from, to, c.n, c.threshold, c.factor);
    };
    check_written(c, tables, x, y, prox, "a prox has the bits of the plain kernel's");
    for (std::size_t t = 0; t + 1 < tables.count; ++t) {
        y.set(c.x);
        prox(*tables.table[t], y.start(), y.start());
        check(y.holds(expected), "a prox in place has the bits of one to another array");
    }
}

/// The exceptions of the error bound.
struct Seen {
    bool nan = false;
    bool infinity = false;
    bool tiny_square = false; ///< below 2^-1022, which float64 alone has
};

template <class T>
Seen look(const std::uint8_t* x, std::size_t n, ExactSum& absolute, ExactSum& square) {
    Seen seen;
    for (std::size_t i = 0; i < n; ++i) {
        T element;
        std::memcpy(static_cast<void*>(&element), x + i * sizeof(T), sizeof(T));
        const double value = value_of(element);
        seen.nan = seen.nan || std::isnan(value);
        seen.infinity = seen.infinity || std::isinf(value);
        seen.tiny_square = seen.tiny_square || (value != 0.0 && std::fabs(value) < 0x1p-511);
        if (std::isfinite(value)) {
            absolute.add_absolute(value);
            square.add_square(value);
        }
    }
    return seen;
}

/// Whether a product with a coefficient may have lost bits below 2^-1022, or all of them.
bool is_tiny(double coefficient, double sum) {
    return coefficient != 0.0 && sum != 0.0 && coefficient * sum < 0x1p-1022;
}

double penalty(const l1l2_regularizer* regularizer, l1l2_dtype dtype, const Placed& x,
               std::size_t n) {
    double result = fuzz::untouched;
    check(l1l2_penalty(regularizer, dtype, x.start(), n, &result) == L1L2_OK,
          "the penalty of an array can be had");
    return result;
}

template <class T>
void check_penalty(const Case& c, double l1, double l2, const Placed& x) {
    static const Handle only_absolute({1.0, 0.0});
    static const Handle only_square({0.0, 1.0});
    const Handle handle({l1, l2});
    const double actual = penalty(handle.get(), Format<T>::dtype, x, c.n);
    ExactSum absolute;
    ExactSum square;
    const Seen seen = look<T>(c.x, c.n, absolute, square);
    if (l1 == 0.0 && l2 == 0.0) {
        check(to_bits(actual) == 0, "a penalty with no coefficient is 0");
    } else if (seen.nan) {
        check(to_bits(actual) == Format<double>::quiet_nan, "a NaN gives the one NaN");
    } else if (seen.infinity) {
        check(actual == std::numeric_limits<double>::infinity(), "an infinity gives one");
    } else {
        const double s1 = penalty(only_absolute.get(), Format<T>::dtype, x, c.n);
        const double s2 = penalty(only_square.get(), Format<T>::dtype, x, c.n);
        const double l2_part = l2 == 0.0 ? 0.0 : l2 * s2; // s2 may be infinite
        check(to_bits(actual) == to_bits(l1 * s1 + l2_part) || std::isinf(s1),
              "the penalty is the sum of two products");
        if (!std::isfinite(actual) || is_tiny(l1, s1) || is_tiny(l2, s2) ||
            (l2 != 0.0 && seen.tiny_square)) {
            return;
        }
        ExactSum truth;
        truth.add_product(l1, absolute);
        truth.add_product(l2, square);
        check(truth.relative_error(actual) <= 185 * 0x1p-53, "the error is within its bound");
    }
}

/// One in sixteen is of any size up to a block, the others have up to 255 elements.
std::size_t size_of_array(fuzz::Input& input) {
    const std::uint8_t choice = input.byte();
    const std::size_t n = choice % 16 == 15 ? input.take<std::uint16_t>() % (most_elements + 1)
                                            : std::size_t{input.byte()};
    return choice < 0x80 ? n : std::min(n, input.left() / 2);
}

template <class T>
void run(fuzz::Input input, Dtype dtype) {
    static const Tables tables = l1l2::kernels::runnable_tables();
    const double l1 = input.coefficient();
    const double l2 = input.coefficient();
    const double scale = input.parameter();
    const std::uint8_t x_offset = input.byte() % line;
    const std::uint8_t y_offset = input.byte() % line;
    const Range range = input.one_of({Range::any, Range::any, Range::ordinary, Range::subnormal});
    Case c = {dtype,  size_of_array(input), scale * l1, scale * (2.0 * l2), 0.0, 1.0, x_bytes,
              y_bytes};
    if (!fits(c.sign, dtype) || !fits(c.linear, dtype)) {
        c.sign = l1 != 0.0 ? 0.01 : 0.0;
        c.linear = -0.3;
    }
    const double step = std::fabs(scale);
    const double divisor = 1.0 + 2.0 * (step * l2);
    if (std::isfinite(step) && fits(step * l1, dtype) && fits(divisor, dtype)) {
        c.threshold = step * l1;
        c.factor = 1.0 / divisor;
    }
    input.fill(x_bytes, bytes_of(c));
    keep_in<T>(range, x_bytes, c.n);
    // Another array of the same bytes.
    std::reverse_copy(x_bytes, x_bytes + bytes_of(c), y_bytes);
    if (range != Range::any) {
        keep_in<T>(Range::ordinary, y_bytes, c.n);
    }
    Placed x(x_offset, bytes_of(c));
    Placed y(y_offset, bytes_of(c));
    x.set(c.x);
    check_kernels(c, tables, x, y);
    check_steps(c, tables, x, y);
    check_penalty<T>(c, l1, l2, x);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    switch (input.byte() % 4) {
    case 0: run<float>(input, Dtype::float32); break;
    case 1: run<double>(input, Dtype::float64); break;
    case 2: run<Float16>(input, Dtype::float16); break;
    default: run<Bfloat16>(input, Dtype::bfloat16); break;
    }
    return 0;
}
