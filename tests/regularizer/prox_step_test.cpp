// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// Steps of proximal gradient descent of arrays: the bits that l1l2.h specifies, and special
/// values.
#include "catch.hpp"
#include "training.hpp"

using namespace training;

namespace {

template <class T>
using Arithmetic = typename Format<T>::Arithmetic;

constexpr double some_step_sizes[] = {1.0, 0.0, -0.0, 0.1, 1e-3, 40.0, 1e-30, 5e-324};

/// What is read of a call. An empty gradient or no steps are NULL.
template <class T>
struct Read {
    std::vector<T> x;
    std::vector<T> gradient;
    std::vector<Arithmetic<T>> steps;
};

/// n elements of every kind, with or without a gradient and steps.
template <class T>
Read<T> rough(std::size_t n, unsigned seed, bool with_gradient, bool with_steps) {
    Read<T> read = {rough_elements<T>(n, seed), {}, {}};
    if (with_gradient) {
        read.gradient = rough_elements<T>(n, seed + 7);
    }
    if (with_steps) {
        read.steps = some_steps<T>(n, seed);
    }
    return read;
}

template <class T>
std::vector<T> specified(Coefficients c, const Read<T>& read, double step) {
    return specified_prox_step(c, read.x, read.gradient, step, read.steps);
}

template <class T>
l1l2_status call(Coefficients c, const Read<T>& read, double step, void* out) {
    return l1l2_prox_step(Handle(c).get(), Format<T>::dtype, read.x.data(), read.x.size(),
                          read.gradient.empty() ? nullptr : read.gradient.data(), step,
                          read.steps.empty() ? nullptr : read.steps.data(), out);
}

template <class T>
std::vector<T> prox_step_of(Coefficients c, const Read<T>& read, double step) {
    std::vector<T> out(read.x.size());
    REQUIRE(call(c, read, step, out.data()) == L1L2_OK);
    return out;
}

enum class Written { elsewhere, to_x, to_gradient };

/// Returns "" if a call does what l1l2.h says, wherever it writes.
template <class T>
std::string mistake(Coefficients c, double step, const Read<T>& read, std::size_t offset = 0) {
    const Handle handle(c);
    const std::vector<T> expected = specified(c, read, step);
    for (const Written where : {Written::elsewhere, Written::to_x, Written::to_gradient}) {
        if (where == Written::to_gradient && read.gradient.empty()) {
            continue;
        }
        Placed<T> x(read.x, offset);
        Placed<T> gradient(read.gradient, offset * 5 + 3);
        Placed<Arithmetic<T>> steps(read.steps, offset * 3 + 1);
        Placed<T> out(std::vector<T>(read.x.size(), from_bits<T>(0x5555)), offset * 7 + 2);
        Placed<T>& written = where == Written::to_x          ? x
                             : where == Written::to_gradient ? gradient
                                                             : out;
        std::ostringstream text;
        text << "l1 = " << c.l1 << ", l2 = " << c.l2 << ", step = " << step
             << ", n = " << read.x.size() << (read.gradient.empty() ? "" : ", with a gradient")
             << (read.steps.empty() ? "" : ", with steps") << ", case " << static_cast<int>(where)
             << ": ";
        const l1l2_status status =
            l1l2_prox_step(handle.get(), Format<T>::dtype, x.data(), read.x.size(),
                           read.gradient.empty() ? nullptr : gradient.data(), step,
                           read.steps.empty() ? nullptr : steps.data(), written.data());
        if (status != L1L2_OK) {
            return text.str() + "status " + std::to_string(status);
        }
        if (!difference(written.values(), expected).empty()) {
            return text.str() + difference(written.values(), expected);
        }
        if (!x.surroundings_intact() || !gradient.surroundings_intact() ||
            !steps.surroundings_intact() || !out.surroundings_intact()) {
            return text.str() + "bytes beside an array were written";
        }
        if ((where != Written::to_x && !difference(x.values(), read.x).empty()) ||
            (where != Written::to_gradient &&
             !difference(gradient.values(), read.gradient).empty()) ||
            !difference(steps.values(), read.steps).empty()) {
            return text.str() + "an array that is read was written";
        }
    }
    return "";
}

/// Calls f(with_gradient, with_steps) for the four kinds of calls.
template <class F>
void for_each_kind(F f) {
    for (const bool with_gradient : {false, true}) {
        for (const bool with_steps : {false, true}) {
            f(with_gradient, with_steps);
        }
    }
}

template <class T>
std::vector<Arithmetic<T>> arithmetic(std::initializer_list<double> values) {
    return elements<Arithmetic<T>>(values);
}

} // namespace

TEMPLATE_TEST_CASE("a step subtracts s times the gradient, shrinks by s l1, divides by 1 + 2 s l2",
                   "[prox_step][bits]", Float16, Bfloat16, float, double) {
    const std::vector<TestType> x = elements<TestType>({2, -3, 0.5, 8.5, -0.25});
    const std::vector<TestType> gradient = elements<TestType>({2, -2, 0, 0, -4});
    CHECK(difference(prox_step_of<TestType>({1.0, 1.0}, {x, gradient, {}}, 0.5),
                     elements<TestType>({0.25, -0.75, 0, 4, 0.625})) == "");
    const auto steps = arithmetic<TestType>({1, 1, 2, 0, 4});
    CHECK(difference(prox_step_of<TestType>({1.0, 0.5}, {x, gradient, steps}, 0.5),
                     elements<TestType>({1.0 / 3, -1, 0, 8.5, 5.75 / 3})) == "");
    CHECK(difference(prox_step_of<TestType>({1.0, 0.5}, {x, {}, steps}, 0.5),
                     elements<TestType>({1, -5.0 / 3, 0, 8.5, -0.0})) == "");
}

TEMPLATE_TEST_CASE("a proximal step has the specified bits at every size and address, wherever it "
                   "writes",
                   "[prox_step][bits]", Float16, Bfloat16, float, double) {
    for (const std::size_t n : telling_sizes()) {
        for_each_kind([&](bool with_gradient, bool with_steps) {
            const auto read =
                rough<TestType>(n, static_cast<unsigned>(n), with_gradient, with_steps);
            const double step = some_step_sizes[n % std::size(some_step_sizes)];
            for (const Coefficients c : {l1_only, l2_only, both, neither}) {
                for (const double size : {step, 0.1}) {
                    const std::string found = mistake(c, size, read, 7 * n);
                    if (!found.empty()) {
                        FAIL(found);
                    }
                }
            }
        });
    }
    SUCCEED("all sizes");
}

TEMPLATE_TEST_CASE("a proximal step has the specified bits for every pair of special values",
                   "[prox_step][bits]", Float16, Bfloat16, float, double) {
    const std::vector<TestType> special = special_values<TestType>();
    Read<TestType> read;
    for (const TestType x : special) {
        for (const TestType g : special) {
            read.x.push_back(x);
            read.gradient.push_back(g);
        }
    }
    const auto steps = some_steps<TestType>(read.x.size(), 3);
    for (const Coefficients c : {l1_only, l2_only, both, neither, Coefficients{1.0, 0.5},
                                 Coefficients{5e-324, 5e-324}, Coefficients{1e20, 1e20}}) {
        for (const double step : some_step_sizes) {
            CHECK(mistake(c, step, read) == "");
            CHECK(mistake<TestType>(c, step * 0x1p-10, {read.x, read.gradient, steps}) == "");
        }
    }
}

TEMPLATE_TEST_CASE("every value of a narrow type has the specified proximal step",
                   "[prox_step][bits]", Float16, Bfloat16) {
    const std::vector<TestType> all = all_values<TestType>();
    std::vector<TestType> others = all;
    std::rotate(others.begin(), others.begin() + 30011, others.end());
    const auto steps = some_steps<TestType>(all.size(), 1);
    for (const Coefficients c : {l1_only, l2_only, both, Coefficients{100.0, 1e-6}}) {
        for (const double step : {1.0, 0.1, 1e-3}) {
            CHECK(mistake<TestType>(c, step, {all, others, {}}) == "");
            CHECK(mistake<TestType>(c, step, {others, all, steps}) == "");
        }
    }
}

TEMPLATE_TEST_CASE("without gradient and steps, or with a gradient of zeros, a proximal step has "
                   "the bits of l1l2_prox",
                   "[prox_step][bits]", Float16, Bfloat16, float, double) {
    const std::vector<TestType> x = rough_elements<TestType>(20000, 3);
    const std::vector<TestType> zeros(x.size(), from_bits<TestType>(0));
    for (const Coefficients c : {l1_only, l2_only, both, neither}) {
        for (const double step : some_step_sizes) {
            std::vector<TestType> expected(x.size());
            REQUIRE(l1l2_prox(Handle(c).get(), Format<TestType>::dtype, x.data(), x.size(), step,
                              expected.data()) == L1L2_OK);
            CHECK(difference(prox_step_of<TestType>(c, {x, {}, {}}, step), expected) == "");
            CHECK(difference(prox_step_of<TestType>(c, {x, zeros, {}}, step), expected) == "");
        }
    }
}

TEMPLATE_TEST_CASE("an element with a step of 0 and a finite gradient keeps its value",
                   "[prox_step][bits]", Float16, Bfloat16, float, double) {
    const std::vector<TestType> x = ordinary_elements<TestType>(1000, 3);
    const std::vector<TestType> gradient = ordinary_elements<TestType>(1000, 4);
    const std::vector<Arithmetic<TestType>> ones(x.size(), 1);
    const std::vector<Arithmetic<TestType>> zeros(x.size(), 0);
    for (const Coefficients c : {l1_only, l2_only, both, neither}) {
        CHECK(difference(prox_step_of<TestType>(c, {x, gradient, {}}, 0.0), x) == "");
        CHECK(difference(prox_step_of<TestType>(c, {x, gradient, ones}, 0.0), x) == "");
        CHECK(difference(prox_step_of<TestType>(c, {x, gradient, zeros}, 0.5), x) == "");
    }
}

TEMPLATE_TEST_CASE("without a gradient, steps are thresholds of their own: the adaptive lasso",
                   "[prox_step][bits]", Float16, Bfloat16, float, double) {
    const std::vector<TestType> x(4, nearest<TestType>(Arithmetic<TestType>(0.75)));
    const auto steps = arithmetic<TestType>({0, 1, 3, 3.5});
    CHECK(difference(prox_step_of<TestType>({0.5, 0.0}, {x, {}, steps}, 0.5),
                     elements<TestType>({0.75, 0.5, 0, 0})) == "");
}

TEMPLATE_TEST_CASE("a proximal step keeps the sign of v and infinities, and a NaN becomes the "
                   "canonical one",
                   "[prox_step][bits]", Float16, Bfloat16, float, double) {
    using F = Format<TestType>;
    const TestType inf = from_bits<TestType>(F::infinity);
    const TestType nan = from_bits<TestType>(F::quiet_nan + F::sign + 1);
    const TestType zero = from_bits<TestType>(0);
    const TestType minus_zero = from_bits<TestType>(F::sign);
    const TestType one = from_bits<TestType>(F::one);
    const TestType minus_inf = from_bits<TestType>(F::infinity + F::sign);
    const TestType canonical = from_bits<TestType>(F::quiet_nan);
    const std::vector<TestType> x = {inf, minus_inf, one, nan, one, inf, zero, minus_zero, one};
    const std::vector<TestType> g = {one, one, inf, one, nan, inf, zero, zero, one};
    const std::vector<TestType> expected = {inf,       minus_inf, minus_inf,  canonical, canonical,
                                            canonical, zero,      minus_zero, zero};
    for (const bool with_steps : {false, true}) {
        const Read<TestType> read = {
            x, g, std::vector<Arithmetic<TestType>>(with_steps ? x.size() : 0, 1)};
        CHECK(difference(prox_step_of<TestType>({3.0, 1e20}, read, 1.0), expected) == "");
    }
    // 0 times an infinite gradient.
    CHECK(difference(prox_step_of<TestType>(both, {{one}, {inf}, {}}, 0.0),
                     std::vector<TestType>{canonical}) == "");
    CHECK(difference(prox_step_of<TestType>(both, {{one}, {inf}, {0}}, 1.0),
                     std::vector<TestType>{canonical}) == "");
}

TEMPLATE_TEST_CASE(
    "a proximal step is within half an ulp and the roundings that numerics.md counts",
    "[prox_step]", Float16, Bfloat16, float, double) {
    const Coefficients c = {0.1, 0.3};
    const double step = 0.7;
    const std::size_t n = 100000;
    const std::vector<TestType> x = ordinary_elements<TestType>(n, 25);
    const std::vector<TestType> gradient = ordinary_elements<TestType>(n, 26);
    std::vector<Arithmetic<TestType>> steps = ordinary_elements<Arithmetic<TestType>>(n, 27, -3, 2);
    for (auto& factor : steps) {
        factor = std::fabs(factor);
    }
    for (const bool with_steps : {false, true}) {
        Read<TestType> read = {x, gradient, {}};
        if (with_steps) {
            read.steps = steps;
        }
        const std::vector<TestType> out = prox_step_of(c, read, step);
        long double worst = 0.0L;
        for (std::size_t i = 0; i < n; ++i) {
            const long double w = with_steps ? static_cast<long double>(steps[i]) : 1.0L;
            const long double s = w * step;
            const long double product = s * value_of(gradient[i]);
            const long double v = value_of(x[i]) - product;
            const long double t = s * static_cast<long double>(c.l1);
            const long double d = 1.0L + 2.0L * s * c.l2;
            const long double exact = std::fabs(v) > t ? (std::fabs(v) - t) / d : 0.0L;
            const long double result = std::fabs(value_of(out[i]));
            const long double of_product = with_steps ? 3.0L : 2.0L;
            const long double of_threshold = with_steps ? 2.0L : 1.0L; // 1: double's own
            const long double u = unit_roundoff<TestType>;
            const long double parts =
                (of_product * std::fabs(product) + std::fabs(v) + of_threshold * t) / d;
            const long double allowed =
                half_a_unit<TestType>(exact + 0x1p-100L) + u * (parts + 5 * exact);
            worst = std::max(worst, std::fabs(result - exact) / allowed);
        }
        CHECK(worst <= 1.0L);
        CHECK(worst > 0.3L);
    }
}

TEMPLATE_TEST_CASE("no byte beyond the arrays of a proximal step is touched", "[prox_step][bits]",
                   Float16, Bfloat16, float, double) {
    using A = Arithmetic<TestType>;
    const GuardedPages pages[4];
    const Handle handle(both);
    const std::size_t most = pages[0].size() / sizeof(A);
    for (std::size_t n = 0; n <= most; n += n < 140 ? 1 : 97) {
        const auto read = rough<TestType>(n, 1, true, true);
        const std::vector<TestType> expected = specified(both, read, 1.0);
        const auto place = [&](const GuardedPages& in, const auto& values, bool at_end) {
            const std::size_t bytes = values.size() * sizeof values[0];
            unsigned char* const at = at_end ? in.end() - bytes : in.begin();
            std::copy_n(reinterpret_cast<const unsigned char*>(values.data()), bytes, at);
            return at;
        };
        for (const bool at_end : {true, false}) {
            unsigned char* const x = place(pages[0], read.x, at_end);
            unsigned char* const gradient = place(pages[1], read.gradient, at_end);
            unsigned char* const steps = place(pages[2], read.steps, at_end);
            unsigned char* const out = place(pages[3], read.x, at_end);
            REQUIRE(l1l2_prox_step(handle.get(), Format<TestType>::dtype, x, n, gradient, 1.0,
                                   steps, out) == L1L2_OK);
            std::vector<TestType> result(n);
            std::copy_n(out, n * sizeof(TestType), reinterpret_cast<unsigned char*>(result.data()));
            const std::string different = difference(result, expected);
            if (!different.empty()) {
                FAIL("n = " << n << ": " << different);
            }
        }
    }
    SUCCEED("all sizes"); // a byte too far would have crashed
}

TEMPLATE_TEST_CASE("the floating-point environment changes no proximal step", "[prox_step]",
                   Float16, Bfloat16, float, double) {
    std::vector<TestType> x = subnormal_elements<TestType>(5000, 1);
    std::vector<TestType> gradient = subnormal_elements<TestType>(5000, 2);
    const std::vector<TestType> rough = rough_elements<TestType>(5000, 1);
    x.insert(x.end(), rough.begin(), rough.end());
    gradient.insert(gradient.end(), rough.rbegin(), rough.rend());
    const auto steps = some_steps<TestType>(x.size(), 1);
    for (const Coefficients c : small_coefficients<TestType>()) {
        for (const bool with_steps : {false, true}) {
            Read<TestType> read = {x, gradient, {}};
            if (with_steps) {
                read.steps = steps;
            }
            INFO("l1 = " << c.l1 << ", l2 = " << c.l2 << (with_steps ? ", with steps" : ""));
            const std::vector<TestType> expected = specified(c, read, 0.7);
            CHECK(difference(expected, x) != "");
            std::vector<std::vector<TestType>> results;
            CHECK(in_hostile_environments([&] { results.push_back(prox_step_of(c, read, 0.7)); }));
            for (const std::vector<TestType>& result : results) {
                CHECK(difference(result, expected) == "");
            }
        }
    }
}
