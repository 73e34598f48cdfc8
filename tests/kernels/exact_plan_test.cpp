/// The plans of exact sums by themselves: what is planned is carried out with single doubles.
#include "catch.hpp"
#include "exact_sum.hpp"
#include "kernels/exact_plan.hpp"

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace {

/// Doubles that a loop counts in, as a lane of registers does.
template <int log2_additions>
struct Lane {
    Bins<log2_additions> bins;
    std::size_t count;
    double bin[3] = {};

    Lane(int first, std::size_t bin_count) : bins{first}, count(bin_count) {
        for (std::size_t i = 0; i < count; ++i) {
            bin[i] = bins.start(i);
        }
    }
    void add(double value) {
        for (std::size_t i = 0; i < count; ++i) {
            const double before = bin[i];
            bin[i] += value;
            value -= bin[i] - before;
        }
    }
    /// The end of a binade may be reached with the last addition.
    bool in_binades() const {
        bool all = true;
        for (std::size_t i = 0; i < count; ++i) {
            const double begin = std::ldexp(1.0, bins.exponent(i));
            all = all && bin[i] >= begin && bin[i] <= 2.0 * begin && bins.exponent(i) >= -1022;
        }
        return all;
    }
    void subtract_from(ExactSum& sum) const {
        for (std::size_t i = 0; i < count; ++i) {
            sum.add(bins.start(i) - bin[i]);
        }
    }
};

/// As many values as a loop adds to a lane, between the exponents: the largest, the smallest, or
/// any.
template <class T>
double value_between(const Exponents& exponents, std::mt19937_64& random, unsigned kind) {
    const int bits = format<T>.mantissa_bits + 1;
    if (kind == 0) {
        return std::ldexp(1.0 - std::ldexp(1.0, -bits), exponents.bound);
    }
    const int smallest = exponents.lowest + bits - 1;
    const int exponent =
        kind == 1 ? smallest
                  : smallest + static_cast<int>(random() %
                                                static_cast<unsigned>(exponents.bound - smallest));
    const double mantissa = std::ldexp(static_cast<double>(random() >> (64 - bits)), -bits + 1);
    return std::ldexp(1.0 + std::fmod(mantissa, 1.0), exponent);
}

/// Carries out the plan of a loop for one lane, and checks that nothing is lost.
template <class T, class Plans, std::size_t loop>
void carry_out(const ExactPlan& plan, const Exponents& exponents) {
    constexpr int additions = Plans::log2_additions(loop);
    constexpr ExactLoop bins = ExactLoops<T>::loop[loop];
    std::mt19937_64 random(loop);
    for (unsigned kind = 0; kind < 3; ++kind) {
        Lane<additions> absolute(plan.absolute, bins.absolute);
        Lane<additions> square(plan.square, bins.square);
        Lane<additions> error(plan.error, bins.error);
        ExactSum absolute_rest;
        ExactSum square_rest;
        for (int i = 0; i < 1 << additions; ++i) {
            const double value = value_between<T>(exponents, random, kind);
            absolute_rest.add_absolute(value);
            square_rest.add_square(value);
            absolute.add(value);
            square.add(value * value);
            error.add(std::fma(value, value, -(value * value)));
        }
        absolute.subtract_from(absolute_rest);
        square.subtract_from(square_rest);
        error.subtract_from(square_rest);
        if (is_same<T, BFloat16>) { // whose zeros are read as 2^-127, and must not be seen
            CHECK(absolute.bins.lowest(bins.absolute - 1) > -126);
            CHECK(square.bins.lowest(bins.square - 1) > -252);
        }
        CHECK(absolute_rest.sign() == 0);
        CHECK(square_rest.sign() == 0);
        CHECK((absolute.in_binades() && square.in_binades() && error.in_binades()));
    }
}

/// For every distance of the exponents the plan is carried out, at the bottom, in the middle and at
/// the top of the format; a loop that is passed over is wanted no more for a larger one.
template <class T, std::size_t registers, std::size_t width>
void check_plans() {
    using Plans = ExactPlans<T, registers, width>;
    constexpr int lowest = format<T>.lowest_exponent();
    constexpr int bound = format<T>.bias() + 1;
    for (const int from :
         {lowest, -format<T>.mantissa_bits - 3, bound - 3 * format<T>.mantissa_bits}) {
        std::size_t last = 0;
        for (int spread = format<T>.mantissa_bits + 1; from + spread <= bound && spread < 140;
             ++spread) {
            const Exponents exponents = {from, from + spread};
            const ExactPlan plan = Plans::plan(exponents);
            INFO("exponents " << exponents.lowest << " to " << exponents.bound << ", loop "
                              << plan.loop);
            const bool is_near_the_ends =
                (is_same<T, double> || is_same<T, BFloat16>)&&from != -format<T>.mantissa_bits - 3;
            CHECK((plan.loop >= last || is_near_the_ends));
            last = plan.loop;
            if (plan.loop == 0) {
                carry_out<T, Plans, 0>(plan, exponents);
            } else if (plan.loop == 1) {
                carry_out<T, Plans, 1>(plan, exponents);
            } else if (plan.loop < Plans::loops) {
                carry_out<T, Plans, Plans::loops - 1>(plan, exponents);
            }
        }
    }
}

/// The spreads up to which each loop is planned, with 16 registers of 4 doubles.
template <class T>
std::vector<int> longest_spreads() {
    using Plans = ExactPlans<T, 16, 4>;
    std::vector<int> longest(Plans::loops);
    for (int spread = format<T>.mantissa_bits + 1; spread < 140; ++spread) {
        const std::size_t loop = Plans::plan({-spread, 0}).loop;
        if (loop < longest.size()) {
            longest[loop] = spread;
        }
    }
    return longest;
}

} // namespace

TEMPLATE_TEST_CASE("a plan loses nothing, whatever the exponents and the registers",
                   "[kernels][exact_plan]", float, double, Float16, BFloat16) {
    check_plans<TestType, 16, 2>();
    check_plans<TestType, 16, 4>();
    check_plans<TestType, 32, 2>();
    check_plans<TestType, 32, 4>();
    check_plans<TestType, 32, 8>();
}

TEST_CASE("the shortest loop is planned, up to the last bit", "[kernels][exact_plan]") {
    // 16 registers leave 12 for bins, so that a loop takes 4, 2 or 1 registers of elements at a
    // time. n bins to which it adds 2^a times reach n * (52 - a) - 1 below the bound of |x|, or
    // that of x^2, for which a spread is twice as long.
    using Spreads = std::vector<int>;
    // 4096 / 16 = 2^8 times to one bin of |x|: 43; then 2^9 times to three of x^2: 128 / 2.
    CHECK(longest_spreads<float>() == Spreads{43, 64});
    // 2^8 times to two bins of x^2 without its 52 lowest bits, which have bins of their own as its
    // error: (87 + 52) / 2; then 2^9 times to two of |x|: 85.
    CHECK(longest_spreads<double>() == Spreads{69, 85});
    // 2048 / 16 = 2^7 times to one bin of x^2: 44 / 2; then to one of |x|: 44.
    CHECK(longest_spreads<Float16>() == Spreads{22, 44});
    // The same, and then 2^8 times to three of x^2: 131 / 2.
    CHECK(longest_spreads<BFloat16>() == Spreads{22, 44, 65});
}

TEST_CASE("exponents follow from the least and the greatest upper bits", "[kernels][exact_plan]") {
    const auto is = [](const Scan& scan, int lowest, int bound) {
        return scan.contents == Contents::numbers && scan.exponents.lowest == lowest &&
               scan.exponents.bound == bound;
    };
    CHECK(is(scan_of<float>(1, 0x7F7FFFFF), -149, 128));
    CHECK(is(scan_of<float>(0x3F800000, 0x3FFFFFFF), -23, 1));
    CHECK(is(scan_of<double>(0x00000001, 0x7FEFFFFF), -1074, 1024));
    CHECK(is(scan_of<double>(0x3FF00000, 0x40000000), -52, 2));
    CHECK(is(scan_of<Float16>(0x0001, 0x7BFF), -24, 16));
    CHECK(is(scan_of<BFloat16>(0x0080, 0x3F80), -133, 1));
    CHECK(scan_of<float>(1, 0x7F800000).contents == Contents::specials);
    CHECK(scan_of<Float16>(1, 0x7C00).contents == Contents::specials);
    CHECK(scan_of<BFloat16>(1, 0x7FC0).contents == Contents::specials);
    CHECK(scan_of<double>(INT32_MAX, 0).contents == Contents::zeros);
}
