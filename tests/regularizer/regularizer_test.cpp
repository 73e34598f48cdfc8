/// The formula: what is computed, what is left out, and the bits that are frozen.
#include "catch.hpp"
#include "data.hpp"
#include "regularizer.hpp"

#include <limits>

using l1l2::core::Dtype;
using l1l2::core::Regularizer;
using l1l2::kernels::runnable_tables;
using l1l2::kernels::Tables;

namespace {

template <class T>
double penalty(double l1, double l2, const std::vector<T>& x) {
    return penalty_of(Regularizer(l1, l2), *runnable_tables().table[0], core_dtype<T>, x.data(),
                      x.size());
}

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr float nan32 = std::numeric_limits<float>::quiet_NaN();
constexpr std::uint64_t quiet_nan = 0x7ff8000000000000;

} // namespace

TEST_CASE("the penalty is l1 sum|x| + l2 sum x^2, without a half", "[regularizer]") {
    CHECK(penalty<float>(2.0, 0.0, {1, -2, 3}) == 12.0);
    CHECK(penalty<float>(0.0, 2.0, {1, -2, 3}) == 28.0);
    CHECK(penalty<double>(2.0, 3.0, {1, -2, 3}) == 54.0);
}

TEST_CASE("the penalty of no elements is 0", "[regularizer]") {
    CHECK(to_bits(penalty<float>(1.0, 1.0, {})) == to_bits(0.0));
    CHECK(to_bits(penalty<double>(1.0, 1.0, {})) == to_bits(0.0));
}

TEST_CASE("zeros of either sign have a penalty of +0", "[regularizer]") {
    CHECK(to_bits(penalty<float>(1.0, 1.0, {-0.0F, 0.0F, -0.0F})) == to_bits(0.0));
    CHECK(to_bits(penalty<double>(1.0, 1.0, std::vector<double>(100, -0.0))) == to_bits(0.0));
}

TEST_CASE("each product and the sum round once", "[regularizer]") {
    // 0.1 * 0.1 rounds up; a fused multiply-add would not round the product.
    const double l1 = 0.1;
    const double l2 = 0.3;
    volatile double first = l1 * static_cast<double>(0.1F);
    volatile double second = l2 * (static_cast<double>(0.1F) * static_cast<double>(0.1F));
    volatile double sum = first + second;
    CHECK(to_bits(penalty<float>(l1, l2, {0.1F})) == to_bits(sum));
}

TEST_CASE("a part with a zero coefficient sees no NaN and no infinity", "[regularizer]") {
    const std::vector<float> bad = {1.0F, nan32, HUGE_VALF};
    CHECK(to_bits(penalty(0.0, 0.0, bad)) == to_bits(0.0));
    CHECK(to_bits(penalty(-0.0, -0.0, bad)) == to_bits(0.0));
    // x^2 overflows where |x| does not: with l2 = 0 it is not computed.
    CHECK(penalty<double>(1.0, 0.0, {1e200}) == 1e200);
    CHECK(penalty<double>(1.0, 1.0, {1e200}) == infinity);
}

TEST_CASE("a square, a sum or a product of 2^1024 or more is infinite", "[regularizer]") {
    // Even if a later factor would make the result finite.
    CHECK(penalty<double>(0.0, 1e-300, {1e200}) == infinity);
    CHECK(penalty<double>(1e-300, 0.0, {1e308, -1e308}) == infinity);
    CHECK(penalty<double>(0.0, 1e-300, {1e154, 1e154}) == infinity);
    CHECK(penalty<double>(1e10, 0.0, {1e300}) == infinity);
    CHECK(penalty<double>(0.0, 1e10, {1e150}) == infinity);
    CHECK(penalty<double>(1.5e308, 1.5e308, {1.0}) == infinity);
    CHECK(penalty<double>(0.75e308, 0.75e308, {1.0}) == 1.5e308);
}

TEST_CASE("an infinity gives infinity, a NaN the canonical NaN", "[regularizer]") {
    CHECK(penalty<float>(1.0, 0.0, {1.0F, -HUGE_VALF}) == infinity);
    CHECK(penalty<float>(0.0, 1.0, {1.0F, -HUGE_VALF}) == infinity);
    CHECK(penalty<float>(1.0, 1.0, {1.0F, -HUGE_VALF}) == infinity);
    std::vector<float> x(100, 1.0F);
    for (const std::uint32_t payload : {0x7fc00000U, 0xffc00001U, 0x7f800001U, 0xffffffffU}) {
        std::memcpy(&x[57], &payload, sizeof payload);
        x[58] = HUGE_VALF;
        CHECK(to_bits(penalty(1.0, 0.0, x)) == quiet_nan);
        CHECK(to_bits(penalty(0.0, 1.0, x)) == quiet_nan);
        CHECK(to_bits(penalty(1.0, 1.0, x)) == quiet_nan);
    }
}

TEST_CASE("a coefficient is finite and not negative, and -0 is 0", "[regularizer]") {
    CHECK(Regularizer::valid_coefficient(0.0));
    CHECK(Regularizer::valid_coefficient(-0.0));
    CHECK(Regularizer::valid_coefficient(5e-324));
    CHECK(Regularizer::valid_coefficient(std::numeric_limits<double>::max()));
    CHECK_FALSE(Regularizer::valid_coefficient(-5e-324));
    CHECK_FALSE(Regularizer::valid_coefficient(infinity));
    CHECK_FALSE(Regularizer::valid_coefficient(-infinity));
    CHECK_FALSE(Regularizer::valid_coefficient(std::numeric_limits<double>::quiet_NaN()));
    const Regularizer zero(-0.0, -0.0);
    CHECK(to_bits(zero.l1()) == to_bits(0.0));
    CHECK(to_bits(zero.l2()) == to_bits(0.0));
}

TEMPLATE_TEST_CASE("the bits are frozen", "[regularizer]", float, double) {
    // Recorded once. The order of summation is a contract: a change shows here.
    struct Frozen {
        std::size_t n;
        std::uint64_t float32;
        std::uint64_t float64;
    };
    const Frozen frozen[] = {
        {1, 0x3ffe4c2b31c270f5, 0x3ffe4c2b3d815cdd},
        {31, 0x40e0b5cbc3332904, 0x40e0b5cbc2aca2d3},
        {32, 0x40e0b5cbc74af166, 0x40e0b5cbc6c46b35},
        {1000, 0x4147348a9616b996, 0x4147348a94398476},
        {4096, 0x4168e7a4956ac756, 0x4168e7a495fd1375},
        {4097, 0x4168e7a4956aee1c, 0x4168e7a495fd3a3c},
        {12288, 0x4182de944825aa59, 0x4182de944855930b},
        {100003, 0x41b26e10e8d120c7, 0x41b26e10e9152b32},
    };
    const Tables tables = runnable_tables();
    for (const Frozen& expected : frozen) {
        const std::vector<TestType> x = ordinary_elements<TestType>(expected.n, 20260101, -10, 10);
        for (std::size_t t = 0; t < tables.count; ++t) {
            INFO(tables.table[t]->name << ", n = " << expected.n);
            const double result = penalty_of(Regularizer(0.01, 0.02), *tables.table[t],
                                             core_dtype<TestType>, x.data(), x.size());
            CHECK(to_bits(result) ==
                  (sizeof(TestType) == sizeof(float) ? expected.float32 : expected.float64));
        }
    }
}
