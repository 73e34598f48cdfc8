/// Gradients of arrays: the bits that l1l2.h specifies, every status, unchanged outputs.
#include "catch.hpp"
#include "training.hpp"

using namespace training;

namespace {

constexpr double scales[] = {1.0, -0.5, 0.0, -0.0, 1e-3, 65536.0, 1e-30, 5e-324};

/// Returns "" if a call does what l1l2.h says, with and without the penalty.
template <class T>
std::string mistake(Coefficients c, double scale, const std::vector<T>& x,
                    const std::vector<T>& gradient, std::size_t x_offset = 0,
                    std::size_t gradient_offset = 0) {
    const Handle handle(c);
    const std::vector<T> expected = specified_gradient(c, x, scale, gradient);
    const double expected_penalty = penalty_of(handle.get(), x);
    for (const bool with_penalty : {true, false}) {
        Placed<T> placed_x(x, x_offset);
        Placed<T> placed_gradient(gradient, gradient_offset);
        double penalty = untouched;
        std::ostringstream text;
        text << "l1 = " << c.l1 << ", l2 = " << c.l2 << ", scale = " << scale
             << ", n = " << x.size() << (with_penalty ? ", with penalty: " : ", without: ");
        const l1l2_status status =
            l1l2_add_gradient(handle.get(), Format<T>::dtype, placed_x.data(), x.size(), scale,
                              placed_gradient.data(), with_penalty ? &penalty : nullptr);
        if (status != L1L2_OK) {
            return text.str() + "status " + std::to_string(status);
        }
        const std::string different = difference(placed_gradient.values(), expected);
        if (!different.empty()) {
            return text.str() + different;
        }
        if (!placed_gradient.surroundings_intact()) {
            return text.str() + "bytes beside the gradient were written";
        }
        if (!difference(placed_x.values(), x).empty() || !placed_x.surroundings_intact()) {
            return text.str() + "x was written";
        }
        if (with_penalty && to_bits(penalty) != to_bits(expected_penalty)) {
            return text.str() + "another penalty";
        }
    }
    return "";
}

/// The penalty of a call that adds a gradient.
template <class T>
double penalty_beside(Coefficients c, const std::vector<T>& x) {
    const Handle handle(c);
    std::vector<T> gradient(x.size());
    double penalty = untouched;
    l1l2_add_gradient(handle.get(), Format<T>::dtype, x.data(), x.size(), 3.0, gradient.data(),
                      &penalty);
    return penalty;
}

template <class T>
l1l2_status status_of_scale(Coefficients c, double scale) {
    const Handle handle(c);
    const std::vector<T> x = elements<T>({1, -2, 0});
    std::vector<T> gradient = elements<T>({10, 20, 30});
    const std::vector<T> before = gradient;
    double penalty = untouched;
    const l1l2_status status = l1l2_add_gradient(handle.get(), Format<T>::dtype, x.data(), x.size(),
                                                 scale, gradient.data(), &penalty);
    if (status != L1L2_OK) {
        CHECK(difference(gradient, before) == "");
        CHECK(penalty == untouched);
    }
    return status;
}

} // namespace

TEMPLATE_TEST_CASE("scale times (l1 sign(x) + 2 l2 x) is added to the gradient", "[gradient][bits]",
                   Float16, Bfloat16, float, double) {
    const Handle handle({0.5, 0.25});
    const std::vector<TestType> x = elements<TestType>({1, -2, 0, 4});
    const auto added = [&](double scale) {
        std::vector<TestType> gradient = elements<TestType>({10, 20, 30, -40});
        double penalty = untouched;
        REQUIRE(l1l2_add_gradient(handle.get(), Format<TestType>::dtype, x.data(), x.size(), scale,
                                  gradient.data(), &penalty) == L1L2_OK);
        CHECK(penalty == 0.5 * 7 + 0.25 * 21);
        return gradient;
    };
    CHECK(difference(added(1.0), elements<TestType>({11, 18.5, 30, -37.5})) == "");
    CHECK(difference(added(-2.0), elements<TestType>({8, 23, 30, -45})) == "");
    CHECK(difference(added(0.0), elements<TestType>({10, 20, 30, -40})) == "");
}

TEMPLATE_TEST_CASE("the gradient has the specified bits at every size, address and scale",
                   "[gradient][bits]", Float16, Bfloat16, float, double) {
    for (const std::size_t n : telling_sizes()) {
        const auto seed = static_cast<unsigned>(n);
        const std::vector<TestType> x = rough_elements<TestType>(n, seed);
        const std::vector<TestType> gradient = rough_elements<TestType>(n, seed + 1);
        for (const Coefficients c : {l1_only, l2_only, both, neither}) {
            for (const double scale : scales) {
                const std::string found = mistake(c, scale, x, gradient, 7 * n, 13 * n + 5);
                if (!found.empty()) {
                    FAIL(found);
                }
            }
        }
    }
    SUCCEED("all sizes");
}

TEMPLATE_TEST_CASE("the address changes no bit of a gradient", "[gradient][bits]", Float16,
                   Bfloat16, float, double) {
    for (const std::size_t n : {std::size_t{3}, std::size_t{77}, std::size_t{4096 + 35}}) {
        const std::vector<TestType> x = rough_elements<TestType>(n, 3);
        const std::vector<TestType> gradient = rough_elements<TestType>(n, 4);
        for (std::size_t offset = 0; offset < 64; ++offset) {
            const std::string found = mistake(both, 1.0, x, gradient, offset, (offset * 5) % 64);
            if (!found.empty()) {
                FAIL(found << ", offset " << offset);
            }
        }
    }
    SUCCEED("all offsets");
}

TEMPLATE_TEST_CASE("the gradient has the specified bits for every pair of special values",
                   "[gradient][bits]", Float16, Bfloat16, float, double) {
    const std::vector<TestType> special = special_values<TestType>();
    std::vector<TestType> x;
    std::vector<TestType> gradient;
    for (const TestType first : special) {
        for (const TestType second : special) {
            x.push_back(first);
            gradient.push_back(second);
        }
    }
    for (const Coefficients c : {l1_only, l2_only, both, neither, Coefficients{1.0, 0.5},
                                 Coefficients{5e-324, 5e-324}, Coefficients{1e30, 1e30}}) {
        for (const double scale : scales) {
            CHECK(mistake(c, scale, x, gradient) == "");
        }
    }
}

TEMPLATE_TEST_CASE("every value of a narrow type has the specified gradient", "[gradient][bits]",
                   Float16, Bfloat16) {
    using F = Format<TestType>;
    const std::vector<TestType> all = all_values<TestType>();
    std::vector<std::vector<TestType>> others = {rough_elements<TestType>(all.size(), 5)};
    for (const unsigned pattern : {0U, F::sign + 0U, F::one + 0U, F::sign + F::one - 77U, 1U,
                                   F::infinity - 1U, F::infinity + 0U, F::infinity + 3U}) {
        others.emplace_back(all.size(), from_bits<TestType>(pattern));
    }
    for (const Coefficients c : {l1_only, l2_only, both}) {
        for (const double scale : {1.0, -0.5, 65536.0}) {
            for (const std::vector<TestType>& other : others) {
                CHECK(mistake(c, scale, all, other) == "");
            }
            CHECK(mistake(c, scale, others[0], all) == "");
        }
    }
}

TEMPLATE_TEST_CASE("a NaN in x or in the gradient gives the canonical NaN", "[gradient][bits]",
                   Float16, Bfloat16, float, double) {
    using F = Format<TestType>;
    const TestType one = from_bits<TestType>(F::one);
    const std::vector<TestType> canonical(40, from_bits<TestType>(F::quiet_nan));
    for (const std::uint64_t pattern :
         {std::uint64_t{F::infinity} + 1, std::uint64_t{F::quiet_nan} + 5,
          std::uint64_t{F::sign} + F::infinity + 1, std::uint64_t{F::sign} + F::quiet_nan}) {
        const std::vector<TestType> nans(40, from_bits<TestType>(pattern));
        const std::vector<TestType> ones(40, one);
        for (const Coefficients c : {l1_only, l2_only, both}) {
            const Handle handle(c);
            for (const bool in_x : {true, false}) {
                std::vector<TestType> gradient = in_x ? ones : nans;
                double penalty = untouched;
                REQUIRE(l1l2_add_gradient(handle.get(), F::dtype, in_x ? nans.data() : ones.data(),
                                          gradient.size(), 1.0, gradient.data(),
                                          &penalty) == L1L2_OK);
                CHECK(difference(gradient, canonical) == "");
                CHECK((to_bits(penalty) == quiet_nan) == in_x);
            }
        }
    }
}

TEMPLATE_TEST_CASE("with both coefficients 0 the gradient is neither read nor written",
                   "[gradient]", Float16, Bfloat16, float, double) {
    const GuardedPages pages;
    const Handle handle(neither);
    const std::vector<TestType> x = rough_elements<TestType>(100, 1);
    double penalty = untouched;
    CHECK(l1l2_add_gradient(handle.get(), Format<TestType>::dtype, x.data(), x.size(), 1.0,
                            pages.forbidden(), &penalty) == L1L2_OK);
    CHECK(to_bits(penalty) == to_bits(0.0));
}

TEMPLATE_TEST_CASE("the gradient at 0 is 0", "[gradient][bits]", Float16, Bfloat16, float, double) {
    for (const Coefficients c : {l1_only, l2_only, both}) {
        const Handle handle(c);
        const std::vector<TestType> x = elements<TestType>({0.0, -0.0, 0.0, -0.0});
        const std::vector<TestType> before = elements<TestType>({0.0, 0.0, -3.5, 3.5});
        std::vector<TestType> gradient = before;
        REQUIRE(l1l2_add_gradient(handle.get(), Format<TestType>::dtype, x.data(), x.size(), -1.0,
                                  gradient.data(), nullptr) == L1L2_OK);
        CHECK(difference(gradient, before) == "");
    }
}

TEMPLATE_TEST_CASE("the penalty computed with a gradient has the bits of l1l2_penalty",
                   "[gradient][bits]", Float16, Bfloat16, float, double) {
    for (const std::size_t n : {1U, 31U, 33U, 4096U, 4097U, 12288U, 12305U, 100003U}) {
        const std::vector<TestType> x = ordinary_elements<TestType>(n, 11);
        for (const Coefficients c : {l1_only, l2_only, both, neither}) {
            INFO("n = " << n << ", l1 = " << c.l1 << ", l2 = " << c.l2);
            CHECK(to_bits(penalty_beside(c, x)) == to_bits(penalty_of(Handle(c).get(), x)));
        }
    }
}

TEMPLATE_TEST_CASE("the penalty beside a gradient sees what a term sees", "[gradient][bits]",
                   Float16, Bfloat16, float, double) {
    std::vector<TestType> x = ordinary_elements<TestType>(100, 11);
    x[50] = from_bits<TestType>(Format<TestType>::infinity);
    CHECK(penalty_beside(l1_only, x) == infinity);
    CHECK(penalty_beside(l2_only, x) == infinity);
    CHECK(to_bits(penalty_beside(neither, x)) == to_bits(0.0));
    x[51] = from_bits<TestType>(Format<TestType>::sign - 1);
    CHECK(to_bits(penalty_beside(both, x)) == quiet_nan);
    CHECK(to_bits(penalty_beside(neither, x)) == to_bits(0.0));
}

TEST_CASE("the gradient is the slope of the penalty", "[gradient]") {
    const Handle handle({0.3, 0.7});
    std::vector<double> x = ordinary_elements<double>(50, 17, -2, 2);
    std::vector<double> gradient(x.size());
    REQUIRE(l1l2_add_gradient(handle.get(), L1L2_FLOAT64, x.data(), x.size(), 1.0, gradient.data(),
                              nullptr) == L1L2_OK);
    for (std::size_t i = 0; i < x.size(); ++i) {
        constexpr double h = 0x1p-12;
        const double at = x[i];
        x[i] = at + h;
        const double above = penalty_of(handle.get(), x);
        x[i] = at - h;
        const double below = penalty_of(handle.get(), x);
        x[i] = at;
        CHECK((above - below) / (2 * h) == Approx(gradient[i]).epsilon(1e-7));
    }
}

TEMPLATE_TEST_CASE("a gradient is within half an ulp and three roundings of what is added",
                   "[gradient]", Float16, Bfloat16, float, double) {
    const Coefficients c = {0.1, 0.3};
    const double scale = 0.7;
    const std::vector<TestType> x = ordinary_elements<TestType>(100000, 23);
    const std::vector<TestType> before = ordinary_elements<TestType>(x.size(), 24);
    std::vector<TestType> gradient = before;
    REQUIRE(l1l2_add_gradient(Handle(c).get(), Format<TestType>::dtype, x.data(), x.size(), scale,
                              gradient.data(), nullptr) == L1L2_OK);
    constexpr long double v = unit_roundoff<TestType>;
    long double worst = 0.0L;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const long double value = value_of(x[i]);
        const long double added = scale * (c.l1 * (value > 0 ? 1.0L : -1.0L) + 2.0L * c.l2 * value);
        const long double exact = value_of(before[i]) + added;
        const long double terms =
            std::fabs(scale) *
            (c.l1 + 2.0L * c.l2 * std::fabs(value)); // the magnitudes of both parts
        const long double allowed = half_a_unit<TestType>(exact) + 3 * v * terms;
        worst = std::max(worst, std::fabs(value_of(gradient[i]) - exact) / allowed);
    }
    CHECK(worst <= 1.0L);
    CHECK(worst > 0.5L);
}

TEST_CASE("l1l2_add_gradient reports what is wrong and writes nothing", "[gradient]") {
    const Handle handle;
    const Handle zero(neither);
    const double x[] = {1.0, -2.0};
    double gradient[] = {10.0, 20.0};
    double penalty = untouched;
    for (const Handle* regularizer : {&handle, &zero}) {
        const auto status = [&](l1l2_dtype dtype, const void* data, std::size_t n, void* output) {
            return l1l2_add_gradient(regularizer->get(), dtype, data, n, 1.0, output, &penalty);
        };
        for (const l1l2_dtype dtype : {0, -1, 5, INT32_MAX, INT32_MIN}) {
            CHECK(status(dtype, x, 2, gradient) == L1L2_ERROR_UNSUPPORTED_DTYPE);
            CHECK(status(dtype, x, 0, gradient) == L1L2_ERROR_UNSUPPORTED_DTYPE);
        }
        for (const l1l2_dtype dtype : {L1L2_FLOAT16, L1L2_BFLOAT16, L1L2_FLOAT32, L1L2_FLOAT64}) {
            const std::size_t size = dtype == L1L2_FLOAT64 ? 8 : dtype == L1L2_FLOAT32 ? 4 : 2;
            CHECK(status(dtype, nullptr, 1, gradient) == L1L2_ERROR_INVALID_ARGUMENT);
            CHECK(status(dtype, x, 1, nullptr) == L1L2_ERROR_INVALID_ARGUMENT);
            CHECK(status(dtype, x, PTRDIFF_MAX / size + 1, gradient) ==
                  L1L2_ERROR_INVALID_ARGUMENT);
            CHECK(status(dtype, x, SIZE_MAX, gradient) == L1L2_ERROR_INVALID_ARGUMENT);
            CHECK(l1l2_add_gradient(nullptr, dtype, x, 1, 1.0, gradient, &penalty) ==
                  L1L2_ERROR_INVALID_ARGUMENT);
            CHECK(l1l2_add_gradient(nullptr, dtype, nullptr, 0, 1.0, nullptr, &penalty) ==
                  L1L2_ERROR_INVALID_ARGUMENT);
        }
    }
    CHECK(penalty == untouched);
    CHECK(gradient[0] == 10.0);
    CHECK(gradient[1] == 20.0);
}

TEMPLATE_TEST_CASE("without elements no gradient is written and the penalty is 0", "[gradient]",
                   Float16, Bfloat16, float, double) {
    const l1l2_dtype dtype = Format<TestType>::dtype;
    const Handle handle;
    TestType element = from_bits<TestType>(Format<TestType>::one);
    double penalty = untouched;
    CHECK(l1l2_add_gradient(handle.get(), dtype, nullptr, 0, 1.0, nullptr, &penalty) == L1L2_OK);
    CHECK(to_bits(penalty) == to_bits(0.0));
    CHECK(l1l2_add_gradient(handle.get(), dtype, nullptr, 0, 1.0, nullptr, nullptr) == L1L2_OK);
    // Arrays without elements overlap nothing.
    CHECK(l1l2_add_gradient(handle.get(), dtype, &element, 0, 1.0, &element, nullptr) == L1L2_OK);
    CHECK(to_bits(element) == Format<TestType>::one);
}

TEMPLATE_TEST_CASE("a gradient that overlaps x by a byte is refused, one that touches it is not",
                   "[gradient]", Float16, Bfloat16, float, double) {
    const std::size_t n = 9;
    const std::size_t bytes = n * sizeof(TestType);
    const std::vector<TestType> x = ordinary_elements<TestType>(n, 1);
    std::vector<unsigned char> memory(4 * bytes, 0x3c);
    std::memcpy(memory.data() + bytes, x.data(), bytes);
    const std::vector<unsigned char> before = memory;
    for (const Coefficients c : {both, neither}) {
        const Handle handle(c);
        for (std::size_t at = 0; at <= 2 * bytes; ++at) {
            memory = before;
            double penalty = untouched;
            const l1l2_status status =
                l1l2_add_gradient(handle.get(), Format<TestType>::dtype, memory.data() + bytes, n,
                                  1.0, memory.data() + at, &penalty);
            INFO("of " << bytes << " bytes each, x begins at " << bytes << ", the gradient at "
                       << at);
            if (at == 0 || at == 2 * bytes) {
                CHECK(status == L1L2_OK);
                CHECK(penalty != untouched);
                CHECK((memory == before) == (c.l1 == 0.0));
            } else {
                CHECK(status == L1L2_ERROR_OVERLAP);
                CHECK(penalty == untouched);
                CHECK(memory == before);
            }
        }
    }
}

TEMPLATE_TEST_CASE("a scale that is not finite is refused, whatever the coefficients", "[gradient]",
                   Float16, Bfloat16, float, double) {
    for (const Coefficients c : {l1_only, l2_only, both, neither}) {
        for (const double scale : {not_a_number, -not_a_number, infinity, -infinity}) {
            CHECK(status_of_scale<TestType>(c, scale) == L1L2_ERROR_INVALID_SCALE);
        }
        CHECK(l1l2_add_gradient(Handle(c).get(), Format<TestType>::dtype, nullptr, 0, not_a_number,
                                nullptr, nullptr) == L1L2_ERROR_INVALID_SCALE);
    }
}

TEST_CASE("a scale whose product with a coefficient overflows double is refused", "[gradient]") {
    CHECK(status_of_scale<double>({1e200, 0.0}, 1e200) == L1L2_ERROR_INVALID_SCALE);
    CHECK(status_of_scale<double>({0.0, 1e200}, -1e200) == L1L2_ERROR_INVALID_SCALE);
    CHECK(status_of_scale<double>({1.0, 1e200}, 1e200) == L1L2_ERROR_INVALID_SCALE);
    CHECK(status_of_scale<double>({0.0, 0x1p1023}, 1.0) == L1L2_ERROR_INVALID_SCALE);
    CHECK(status_of_scale<double>({0.0, 0x1p1022}, 1.0) == L1L2_OK);
    CHECK(status_of_scale<double>({1.0, 0.0}, largest) == L1L2_OK);
    CHECK(status_of_scale<double>({1e30, 1e30}, 1e30) == L1L2_OK);
    // First 2 * l2, then the scale.
    CHECK(status_of_scale<double>({0.0, 0x1p-1000}, largest) == L1L2_OK);
    CHECK(status_of_scale<double>({0.0, 0x1p1023}, 0.25) == L1L2_ERROR_INVALID_SCALE);
}

TEMPLATE_TEST_CASE("a scale whose product with a coefficient overflows float32 is refused",
                   "[gradient]", Float16, Bfloat16, float) {
    CHECK(status_of_scale<TestType>({1e10, 0.0}, 1e30) == L1L2_ERROR_INVALID_SCALE);
    CHECK(status_of_scale<TestType>({0.0, 1e10}, -1e30) == L1L2_ERROR_INVALID_SCALE);
    CHECK(status_of_scale<TestType>({1.0, 1e10}, 1e30) == L1L2_ERROR_INVALID_SCALE);
    // One rounds to the largest float32, the other to infinity.
    CHECK(status_of_scale<TestType>({1.0, 0.0}, 0x1.fffffefffffffp127) == L1L2_OK);
    CHECK(status_of_scale<TestType>({1.0, 0.0}, -0x1.ffffffp127) == L1L2_ERROR_INVALID_SCALE);
    CHECK(status_of_scale<TestType>({0.0, 0.5}, -0x1.fffffefffffffp127) == L1L2_OK);
    CHECK(status_of_scale<TestType>({0.0, 0.5}, 0x1.ffffffp127) == L1L2_ERROR_INVALID_SCALE);
}

TEMPLATE_TEST_CASE("a coefficient of 0 is not multiplied by the scale", "[gradient]", Float16,
                   Bfloat16, float, double) {
    CHECK(status_of_scale<TestType>(neither, largest) == L1L2_OK);
    CHECK(status_of_scale<TestType>({0x1p-1000, 0.0}, largest) == L1L2_OK);
}

TEMPLATE_TEST_CASE("no byte beyond x and the gradient is touched", "[gradient][bits]", Float16,
                   Bfloat16, float, double) {
    const GuardedPages x_pages;
    const GuardedPages gradient_pages;
    const Handle handle(both);
    const std::size_t most = x_pages.size() / sizeof(TestType);
    const std::vector<TestType> all_x = ordinary_elements<TestType>(most, 1);
    const std::vector<TestType> all_gradients = ordinary_elements<TestType>(most, 2);
    for (std::size_t n = 0; n <= most; n += n < 140 ? 1 : 97) {
        const auto end = static_cast<std::ptrdiff_t>(n);
        const std::vector<TestType> x(all_x.begin(), all_x.begin() + end);
        const std::vector<TestType> before(all_gradients.begin(), all_gradients.begin() + end);
        const std::vector<TestType> expected = specified_gradient(both, x, 1.0, before);
        const std::size_t bytes = n * sizeof(TestType);
        for (const bool at_end : {true, false}) {
            unsigned char* const at_x = at_end ? x_pages.end() - bytes : x_pages.begin();
            unsigned char* const at =
                at_end ? gradient_pages.end() - bytes : gradient_pages.begin();
            std::copy_n(reinterpret_cast<const unsigned char*>(x.data()), bytes, at_x);
            std::copy_n(reinterpret_cast<const unsigned char*>(before.data()), bytes, at);
            double penalty = untouched;
            l1l2_add_gradient(handle.get(), Format<TestType>::dtype, at_x, n, 1.0, at, &penalty);
            std::vector<TestType> gradient(n);
            std::copy_n(at, bytes, reinterpret_cast<unsigned char*>(gradient.data()));
            const std::string different = difference(gradient, expected);
            if (!different.empty()) {
                FAIL("n = " << n << ": " << different);
            }
        }
    }
    SUCCEED("all sizes"); // a byte too far would have crashed
}

TEMPLATE_TEST_CASE("the floating-point environment changes no gradient", "[gradient]", Float16,
                   Bfloat16, float, double) {
    // Flush-to-zero shows in what is subnormal, the rounding mode in the rest. float16 alone has
    // its subnormal numbers in an arithmetic type where they are normal.
    std::vector<TestType> x = subnormal_elements<TestType>(5000, 1);
    std::vector<TestType> before = subnormal_elements<TestType>(x.size(), 2);
    const std::vector<TestType> rough_x = rough_elements<TestType>(5000, 1);
    const std::vector<TestType> rough_gradients = rough_elements<TestType>(5000, 2);
    x.insert(x.end(), rough_x.begin(), rough_x.end());
    before.insert(before.end(), rough_gradients.begin(), rough_gradients.end());
    for (const Coefficients c : small_coefficients<TestType>()) {
        INFO("l1 = " << c.l1 << ", l2 = " << c.l2);
        const Handle handle(c);
        const auto compute = [&] {
            std::vector<TestType> gradient = before;
            l1l2_add_gradient(handle.get(), Format<TestType>::dtype, x.data(), x.size(), 1.0,
                              gradient.data(), nullptr);
            return gradient;
        };
        const std::vector<TestType> expected = compute();
        CHECK(difference(expected, before) != "");
        std::vector<std::vector<TestType>> results;
        CHECK(in_hostile_environments([&] { results.push_back(compute()); }));
        for (const std::vector<TestType>& result : results) {
            CHECK(difference(result, expected) == "");
        }
    }
}

TEST_CASE("which scales are refused does not depend on the floating-point environment",
          "[gradient]") {
    // Rounded upwards, the first would be infinite in float32; rounded towards zero, the second
    // would not.
    const Handle handle({1.0, 0.0});
    const float x = 1.0F;
    float gradient = 0.0F;
    std::vector<l1l2_status> statuses;
    CHECK(in_hostile_environments([&] {
        for (const double scale : {0x1.fffffefffffffp127, 0x1.ffffffp127}) {
            statuses.push_back(
                l1l2_add_gradient(handle.get(), L1L2_FLOAT32, &x, 1, scale, &gradient, nullptr));
        }
    }));
    for (std::size_t i = 0; i < statuses.size(); i += 2) {
        CHECK(statuses[i] == L1L2_OK);
        CHECK(statuses[i + 1] == L1L2_ERROR_INVALID_SCALE);
    }
}
