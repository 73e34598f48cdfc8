/// The error bound that the header states, against exact sums.
#include "catch.hpp"
#include "data.hpp"
#include "exact_sum.hpp"
#include "narrow.hpp"
#include "regularizer.hpp"

#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <utility>

using l1l2::core::Regularizer;
using l1l2::kernels::runnable_tables;
using l1l2::kernels::Tables;

namespace {

constexpr double stated_bound = 185 * 0x1p-53;

/// The relative error of the penalty, which is the same for every kernel.
template <class T>
double error_of(const Regularizer& regularizer, const std::vector<T>& x) {
    ExactSum absolute;
    ExactSum square;
    for (const T value : x) {
        absolute.add_absolute(value_of(value));
        square.add_square(value_of(value));
    }
    ExactSum penalty;
    penalty.add_product(regularizer.l1(), absolute);
    penalty.add_product(regularizer.l2(), square);
    return penalty.relative_error(
        penalty_of(regularizer, *runnable_tables().table[0], core_dtype<T>, x.data(), x.size()));
}

/// Whether the penalties of an array are within the stated bound.
template <class T>
bool keeps_bound(const std::vector<T>& x) {
    return error_of(Regularizer(1.0, 0.0), x) <= stated_bound &&
           error_of(Regularizer(0.0, 1.0), x) <= stated_bound &&
           error_of(Regularizer(0.01, 0.02), x) <= stated_bound &&
           error_of(Regularizer(1e-5, 1.0 / 3.0), x) <= stated_bound;
}

} // namespace

TEST_CASE("the exact sum of the tests is exact", "[accuracy]") {
    ExactSum sum;
    sum.add_absolute(-1e308);
    sum.add_absolute(5e-324);
    CHECK(sum.relative_error(1e308) < 1e-300);
    sum.add(-1e308);
    CHECK(sum.relative_error(5e-324) == 0.0);
    ExactSum square;
    square.add_square(-3.0);
    ExactSum product;
    product.add_product(0.5, square);
    CHECK(product.relative_error(4.5) == 0.0);
    CHECK(product.relative_error(4.0) == Approx(1.0 / 9.0).epsilon(1e-15));
    CHECK(product.relative_error(5.0) == Approx(1.0 / 9.0).epsilon(1e-15));
}

TEST_CASE("the bound in the header follows from the longest path of additions", "[accuracy]") {
    const auto roundings = [](std::size_t element_size) {
        const double most_elements = std::ldexp(1.0, 63) / static_cast<double>(element_size);
        const double blocks = most_elements / l1l2::kernels::block_elements;
        const double square = element_size == sizeof(double) ? 1.0 : 0.0;
        const double lane = l1l2::kernels::block_elements / l1l2::kernels::lanes - 1.0;
        const double fold = std::log2(static_cast<double>(l1l2::kernels::lanes));
        const double product_and_sum = 2.0;
        return square + lane + fold + std::ceil(std::log2(blocks)) + product_and_sum;
    };
    CHECK(roundings(sizeof(Float16)) == 184.0);
    CHECK(roundings(sizeof(float)) == 183.0);
    CHECK(roundings(sizeof(double)) == 183.0);
    STATIC_REQUIRE(184 * 0x1p-53 / (1 - 184 * 0x1p-53) < stated_bound);
    STATIC_REQUIRE(stated_bound < 2.1e-14);
    std::ifstream header(L1L2_HEADER);
    const std::string text(std::istreambuf_iterator<char>(header), {});
    CHECK(text.find("at most 185 u,") != std::string::npos);
    CHECK(text.find("2.1e-14") != std::string::npos);
}

TEMPLATE_TEST_CASE("penalties stay within the stated error bound", "[accuracy]", float, double) {
    struct Data {
        const char* name;
        std::vector<TestType> x;
    };
    const std::size_t n = 3 * 4096 * 4 + 17;
    using Limits = std::numeric_limits<TestType>;
    const bool is_double = sizeof(TestType) == sizeof(double);
    const std::vector<Data> hard = {
        {"one binade", ordinary_elements<TestType>(n, 1, 0, 0)},
        {"forty binades", ordinary_elements<TestType>(n, 1, -20, 20)},
        {"all of float32's exponents", ordinary_elements<TestType>(n, 1, -126, 126)},
        {"wide exponents",
         ordinary_elements<TestType>(n, 1, is_double ? -480 : -149, is_double ? 480 : 127)},
        {"the largest", std::vector<TestType>(n, is_double ? TestType(1e150) : Limits::max())},
        {"subnormals of float32", ordinary_elements<TestType>(n, 1, -149, -127)},
        {"a tenth", std::vector<TestType>(n, TestType(0.1))},
        {"one element", {TestType(0.1)}},
        {"a prime count", ordinary_elements<TestType>(10007, 1, -3, 3)},
    };
    for (const Data& data : hard) {
        INFO(data.name);
        CHECK(keeps_bound(data.x));
    }
}

TEMPLATE_TEST_CASE("penalties of narrow types stay within the stated error bound", "[accuracy]",
                   Float16, Bfloat16) {
    const std::size_t n = 3 * 4096 * 4 + 17;
    const int largest = core_dtype<TestType> == l1l2::kernels::Dtype::float16 ? 15 : 127;
    CHECK(keeps_bound(ordinary_elements<TestType>(n, 1, 0, 0)));
    CHECK(keeps_bound(ordinary_elements<TestType>(n, 2, 1 - largest, largest - 1)));
    CHECK(keeps_bound(subnormal_elements<TestType>(n, 3)));
    CHECK(
        keeps_bound(std::vector<TestType>(n, from_bits<TestType>(Format<TestType>::infinity - 1))));
}

TEST_CASE("ten million float32 weights of 0.1 add up", "[accuracy]") {
    // numpy's float32 sum says 999989.44; the exact answer is 1000000.0149011612.
    const std::vector<float> x(10000000, 0.1F);
    const Regularizer l1(1.0, 0.0);
    CHECK(error_of(l1, x) <= stated_bound);
    CHECK(penalty_of(l1, l1l2::kernels::generic, l1l2::kernels::Dtype::float32, x.data(),
                     x.size()) == Approx(1000000.0149011612).epsilon(1e-14));
}

TEST_CASE("what overflows float16 or float32 does not overflow here", "[accuracy]") {
    const std::vector<float> twenties(300, 20.0F);
    CHECK(penalty_of(Regularizer(0.0, 0.01), l1l2::kernels::generic, l1l2::kernels::Dtype::float32,
                     twenties.data(), twenties.size()) == 1200.0);
    const std::vector<float> large(1000, 1e30F);
    CHECK(error_of(Regularizer(0.0, 1.0), large) <= stated_bound);
}

TEST_CASE("each square below 2^-1022 is off by at most 2^-1075", "[accuracy]") {
    const std::vector<double> x = ordinary_elements<double>(1000, 1, -560, -515);
    ExactSum square;
    double smallest_sum = 0.0;
    for (const double value : x) {
        square.add_square(value);
        smallest_sum += value * value;
    }
    const double penalty = penalty_of(Regularizer(0.0, 1.0), l1l2::kernels::generic,
                                      l1l2::kernels::Dtype::float64, x.data(), x.size());
    const double allowed = stated_bound + 1000 * 0x1p-1074 / 2 / smallest_sum;
    CHECK(square.relative_error(penalty) <= allowed);
}

TEST_CASE("each product below 2^-1022 is off by at most 2^-1075", "[accuracy]") {
    const std::vector<double> x = ordinary_elements<double>(10, 1, -4, -2);
    double absolute = 0.0;
    double square = 0.0;
    for (const double value : x) {
        absolute += std::fabs(value);
        square += value * value;
    }
    for (const double tiny : {1e-309, 1e-310, 3e-320, 5e-324}) {
        for (const auto& [l1, l2] : {std::pair(tiny, 0.0), {0.0, tiny}, {tiny, tiny}}) {
            // Times 2^1000, so that double can represent them.
            const double penalty = std::ldexp(l1, 1000) * absolute + std::ldexp(l2, 1000) * square;
            const double products = l1 > 0.0 && l2 > 0.0 ? 2.0 : 1.0;
            INFO("l1 = " << l1 << ", l2 = " << l2);
            CHECK(error_of(Regularizer(l1, l2), x) <= stated_bound + products * 0x1p-75 / penalty);
        }
    }
}
