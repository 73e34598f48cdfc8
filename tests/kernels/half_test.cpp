/// Penalties of float16 and bfloat16, and the conversions that the tests measure with.
#include "catch.hpp"
#include "training.hpp"

using namespace training;

namespace {

template <class T>
std::vector<float> widened(const std::vector<T>& x) {
    std::vector<float> wide;
    for (const T value : x) {
        wide.push_back(static_cast<float>(value_of(value)));
    }
    return wide;
}

/// Every exponent of the type, without infinities and NaNs, which would hide an order.
template <class T>
std::vector<T> elements_of_all_sizes(std::size_t n) {
    return is_narrow<T> && Format<T>::fraction_bits == 10 ? ordinary_elements<T>(n, 7, -24, 14)
                                                          : ordinary_elements<T>(n, 7, -133, 126);
}

} // namespace

TEST_CASE("the conversions of the tests know float16", "[half]") {
    CHECK(value_of(Float16{0x3c00}) == 1.0);
    CHECK(value_of(Float16{0xc100}) == -2.5);
    CHECK(value_of(Float16{0x7bff}) == 65504.0);
    CHECK(value_of(Float16{0x3555}) == 0.333251953125);
    CHECK(value_of(Float16{0x0001}) == 0x1p-24);
    CHECK(value_of(Float16{0x03ff}) == 1023 * 0x1p-24);
    CHECK(value_of(Float16{0x0400}) == 0x1p-14);
    CHECK(nearest<Float16>(65519.996F).pattern == 0x7bff);
    CHECK(nearest<Float16>(-65520.0F).pattern == 0xfc00);
    CHECK(nearest<Float16>(3e38F).pattern == 0x7c00);
    CHECK(nearest<Float16>(0x1p-25F).pattern == 0x0000);
    CHECK(nearest<Float16>(-0x1.000002p-25F).pattern == 0x8001);
    CHECK(nearest<Float16>(0x1.8p-24F).pattern == 0x0002);
    CHECK(nearest<Float16>(0x1.ffep-15F).pattern == 0x0400);
    CHECK(nearest<Float16>(1.0F + 0x1p-11F).pattern == 0x3c00);
    CHECK(nearest<Float16>(1.0F + 0x3p-11F).pattern == 0x3c02);
    CHECK(nearest<Float16>(-1e-45F).pattern == 0x8000);
}

TEST_CASE("the conversions of the tests know bfloat16", "[half]") {
    CHECK(value_of(Bfloat16{0x3f80}) == 1.0);
    CHECK(value_of(Bfloat16{0xc020}) == -2.5);
    CHECK(value_of(Bfloat16{0x7f7f}) == 255 * 0x1p120);
    CHECK(value_of(Bfloat16{0x4049}) == 3.140625);
    CHECK(value_of(Bfloat16{0x0001}) == 0x1p-133);
    CHECK(value_of(Bfloat16{0x0080}) == 0x1p-126);
    CHECK(nearest<Bfloat16>(0x1.fefffep127F).pattern == 0x7f7f);
    CHECK(nearest<Bfloat16>(-0x1.ffp127F).pattern == 0xff80);
    CHECK(nearest<Bfloat16>(0x1p-134F).pattern == 0x0000);
    CHECK(nearest<Bfloat16>(-0x1.8p-133F).pattern == 0x8002);
    CHECK(nearest<Bfloat16>(1.0F + 0x1p-8F).pattern == 0x3f80);
    CHECK(nearest<Bfloat16>(1.0F + 0x3p-8F).pattern == 0x3f82);
}

TEMPLATE_TEST_CASE("the conversions of the tests give every value back", "[half]", Float16,
                   Bfloat16) {
    for (const TestType value : all_values<TestType>()) {
        const TestType again = nearest<TestType>(static_cast<float>(value_of(value)));
        if (again.pattern != (is_nan(value) ? Format<TestType>::quiet_nan : value.pattern)) {
            FAIL("pattern " << value.pattern << " became " << again.pattern);
        }
    }
    SUCCEED("all values");
}

TEMPLATE_TEST_CASE("every value of a narrow type is converted exactly and squared exactly",
                   "[half][bits]", Float16, Bfloat16) {
    const Handle absolute({1.0, 0.0});
    const Handle square({0.0, 1.0});
    for (const TestType value : all_values<TestType>()) {
        const double exact = value_of(value);
        const std::uint64_t expected_absolute =
            is_nan(value) ? quiet_nan : to_bits(std::fabs(exact));
        const std::uint64_t expected_square = is_nan(value) ? quiet_nan : to_bits(exact * exact);
        if (to_bits(penalty_of<TestType>(absolute.get(), {value})) != expected_absolute) {
            FAIL("|x| of pattern " << value.pattern);
        }
        if (to_bits(penalty_of<TestType>(square.get(), {value})) != expected_square) {
            FAIL("x^2 of pattern " << value.pattern);
        }
    }
    SUCCEED("all values");
}

TEMPLATE_TEST_CASE("every value of a narrow type is read right at every place of a block",
                   "[half][bits]", Float16, Bfloat16) {
    // All values in one array, in parts whose lengths are prime; what is not finite apart.
    const Handle handle(both);
    std::vector<TestType> finite;
    for (const TestType value : all_values<TestType>()) {
        if (std::isfinite(value_of(value))) {
            finite.push_back(value);
        }
    }
    for (const std::size_t part : {std::size_t{67}, std::size_t{4099}, finite.size()}) {
        for (std::size_t from = 0; from < finite.size(); from += part) {
            const std::vector<TestType> x(
                finite.begin() + static_cast<std::ptrdiff_t>(from),
                finite.begin() + static_cast<std::ptrdiff_t>(std::min(from + part, finite.size())));
            if (to_bits(penalty_of(handle.get(), x)) !=
                to_bits(penalty_of(handle.get(), widened(x)))) {
                FAIL(part << " values from the " << from << "th");
            }
        }
    }
    SUCCEED("all parts");
}

TEMPLATE_TEST_CASE("a narrow array has the bits of the same values in float32 at every size",
                   "[half][bits]", Float16, Bfloat16) {
    std::vector<std::size_t> sizes = {4095, 4096,  4097,          8191,     8192,  8193,
                                      8257, 12288, 3 * 4096 + 17, 5 * 4096, 40961, 100003};
    for (std::size_t n = 0; n <= 200; ++n) {
        sizes.push_back(n);
    }
    const std::vector<TestType> elements = elements_of_all_sizes<TestType>(100003);
    const Handle handles[] = {Handle(l1_only), Handle(l2_only), Handle(both)};
    for (const std::size_t n : sizes) {
        const std::vector<TestType> x(elements.begin(),
                                      elements.begin() + static_cast<std::ptrdiff_t>(n));
        const std::vector<float> wide = widened(x);
        for (const Handle& handle : handles) {
            INFO("n = " << n);
            CHECK(to_bits(penalty_of(handle.get(), x)) == to_bits(penalty_of(handle.get(), wide)));
        }
    }
}

TEMPLATE_TEST_CASE("the address of a narrow array changes no bit", "[half][bits]", Float16,
                   Bfloat16) {
    const Handle handle;
    const std::vector<TestType> elements = elements_of_all_sizes<TestType>(4096 + 77);
    for (const std::size_t n : {std::size_t{1}, std::size_t{7}, std::size_t{33}, std::size_t{100},
                                std::size_t{4095}, elements.size()}) {
        const std::vector<TestType> x(elements.begin(),
                                      elements.begin() + static_cast<std::ptrdiff_t>(n));
        const double expected = penalty_of(handle.get(), widened(x));
        for (std::size_t offset = 0; offset < 64; ++offset) {
            Placed<TestType> placed(x, offset);
            double penalty = untouched;
            l1l2_penalty(handle.get(), Format<TestType>::dtype, placed.data(), n, &penalty);
            if (to_bits(penalty) != to_bits(expected)) {
                FAIL("n = " << n << ", offset " << offset);
            }
        }
    }
    SUCCEED("all offsets");
}

TEMPLATE_TEST_CASE("no byte beyond a narrow array is read", "[half][bits]", Float16, Bfloat16) {
    const GuardedPages pages;
    const Handle handle;
    const std::vector<TestType> elements =
        elements_of_all_sizes<TestType>(pages.size() / sizeof(TestType));
    for (std::size_t n = 0; n <= elements.size(); n += n < 100 ? 1 : 61) {
        const std::vector<TestType> x(elements.begin(),
                                      elements.begin() + static_cast<std::ptrdiff_t>(n));
        const double expected = penalty_of(handle.get(), widened(x));
        const std::size_t bytes = n * sizeof(TestType);
        for (unsigned char* const at : {pages.begin(), pages.end() - bytes}) {
            std::copy_n(reinterpret_cast<const unsigned char*>(x.data()), bytes, at);
            double penalty = untouched;
            l1l2_penalty(handle.get(), Format<TestType>::dtype, at, n, &penalty);
            if (to_bits(penalty) != to_bits(expected)) {
                FAIL("n = " << n);
            }
        }
    }
    SUCCEED("all sizes"); // a byte too far would have been the end
}

TEST_CASE("300 float16 weights of 20 do not overflow", "[half]") {
    const std::vector<Float16> x(300, nearest<Float16>(20.0F));
    CHECK(penalty_of(Handle({0.0, 0.01}).get(), x) == 1200.0);
    CHECK(penalty_of(Handle({0.0, 1.0}).get(), std::vector<Float16>(300, Float16{0x7bff})) ==
          300.0 * 65504.0 * 65504.0);
}

TEST_CASE("the square of a bfloat16 of 3e38 does not overflow", "[half]") {
    const Bfloat16 large = nearest<Bfloat16>(3e38F);
    const double value = value_of(large);
    CHECK(value == Approx(3e38).epsilon(0.004));
    const Handle square({0.0, 1.0});
    CHECK(penalty_of<Bfloat16>(square.get(), {large}) == value * value);
    CHECK(penalty_of(square.get(), std::vector<Bfloat16>(1024, large)) == 1024 * (value * value));
}

TEMPLATE_TEST_CASE("an infinity or a NaN in a narrow array shows in every part that reads it",
                   "[half][bits]", Float16, Bfloat16) {
    using F = Format<TestType>;
    for (const std::size_t n : {1U, 40U, 5000U}) {
        std::vector<TestType> x(n, from_bits<TestType>(F::one));
        x[n / 2] = from_bits<TestType>(F::infinity | F::sign);
        for (const Coefficients c : {l1_only, l2_only, both}) {
            CHECK(penalty_of(Handle(c).get(), x) == infinity);
        }
        CHECK(to_bits(penalty_of(Handle(neither).get(), x)) == to_bits(0.0));
        for (const unsigned pattern : {F::infinity + 1U, F::quiet_nan + 0U, F::sign - 1U,
                                       F::sign + F::infinity + 1U, 0xffffU}) {
            x[n - 1] = from_bits<TestType>(pattern);
            for (const Coefficients c : {l1_only, l2_only, both}) {
                CHECK(to_bits(penalty_of(Handle(c).get(), x)) == quiet_nan);
            }
            CHECK(to_bits(penalty_of(Handle(neither).get(), x)) == to_bits(0.0));
        }
    }
}

TEMPLATE_TEST_CASE("a narrow array is refused as any other array is", "[half]", Float16, Bfloat16) {
    const l1l2_dtype dtype = Format<TestType>::dtype;
    const Handle handle;
    const Handle zero(neither);
    const std::vector<TestType> x(2, from_bits<TestType>(Format<TestType>::one));
    constexpr std::size_t most = PTRDIFF_MAX / 2;
    double penalty = untouched;
    CHECK(l1l2_penalty(nullptr, dtype, x.data(), 2, &penalty) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_penalty(handle.get(), dtype, x.data(), 2, nullptr) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_penalty(handle.get(), dtype, nullptr, 1, &penalty) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_penalty(handle.get(), dtype, x.data(), most + 1, &penalty) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(penalty == untouched);
    // With no coefficient none of the most elements that fit is read.
    CHECK(l1l2_penalty(zero.get(), dtype, x.data(), most, &penalty) == L1L2_OK);
    CHECK(to_bits(penalty) == to_bits(0.0));
    penalty = untouched;
    CHECK(l1l2_penalty(handle.get(), dtype, nullptr, 0, &penalty) == L1L2_OK);
    CHECK(to_bits(penalty) == to_bits(0.0));
}

TEMPLATE_TEST_CASE("the floating-point environment changes no penalty of a narrow type", "[half]",
                   Float16, Bfloat16) {
    // Half of them subnormal.
    const Handle handle(both);
    std::vector<TestType> x = elements_of_all_sizes<TestType>(5000);
    for (std::size_t i = 0; i < x.size(); i += 2) {
        x[i] = from_bits<TestType>(1 + i % 100);
    }
    const std::uint64_t expected = to_bits(penalty_of(handle.get(), x));
    std::vector<std::uint64_t> results;
    CHECK(
        in_hostile_environments([&] { results.push_back(to_bits(penalty_of(handle.get(), x))); }));
    CHECK(results == std::vector<std::uint64_t>(results.size(), expected));
}
