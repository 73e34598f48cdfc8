/// Compares the library with Eigen, whose expressions look like the formulas.
#include "catch.hpp"
#include "oracle.hpp"

#include <Eigen/Core>

#include <string>

using oracle::difference;
using oracle::distributions;
using oracle::draw;
using training::unit_roundoff;

template <>
struct Format<Eigen::half> : Format<Float16> {};
template <>
struct Format<Eigen::bfloat16> : Format<Bfloat16> {};
// GCC warns of memcpy into a class with constructors.
template <>
Eigen::half from_bits(std::uint64_t pattern) {
    return Eigen::numext::bit_cast<Eigen::half>(static_cast<std::uint16_t>(pattern));
}
template <>
Eigen::bfloat16 from_bits(std::uint64_t pattern) {
    return Eigen::numext::bit_cast<Eigen::bfloat16>(static_cast<std::uint16_t>(pattern));
}

namespace {

template <class T>
using Array = Eigen::Array<T, Eigen::Dynamic, 1>;

template <class T>
Eigen::Map<const Array<T>> array_of(const std::vector<T>& x) {
    return {x.data(), static_cast<Eigen::Index>(x.size())};
}

/// Returns "" if two arrays have the same bits, except for NaNs, otherwise where they differ.
template <class T>
std::string other_bits(const std::vector<T>& ours, const Array<T>& peer) {
    for (std::size_t i = 0; i < ours.size(); ++i) {
        const T other = peer[static_cast<Eigen::Index>(i)];
        if (to_bits(ours[i]) != to_bits(other) && !(is_nan(ours[i]) && is_nan(other))) {
            std::ostringstream text;
            text << std::hex << "element " << i << " is 0x" << to_bits(ours[i]) << ", not 0x"
                 << to_bits(other);
            return text.str();
        }
    }
    return "";
}

/// The largest |ours - peer| in units of the allowed error of each element: `rest`, and half a unit
/// in the last place of any number within `rest` of the peer's.
template <class T>
double largest_difference(const std::vector<T>& ours, const Array<double>& peer,
                          const Array<double>& rest) {
    double largest = 0.0;
    for (std::size_t i = 0; i < ours.size(); ++i) {
        const double expected = peer[static_cast<Eigen::Index>(i)];
        const double others = rest[static_cast<Eigen::Index>(i)];
        const double apart = std::fabs(static_cast<double>(ours[i]) - expected);
        const auto rounding =
            static_cast<double>(training::half_a_unit<T>(std::fabs(expected) + others));
        if (apart != 0.0) { // where no error is allowed, as at 0 in float64, there is none
            largest = oracle::larger(largest, apart / (rounding + others));
        }
    }
    return largest;
}

} // namespace

TEMPLATE_TEST_CASE("penalties agree with Eigen in double, within both error bounds", "[oracle]",
                   float, double, Eigen::half, Eigen::bfloat16) {
    for (const auto& distribution : distributions) {
        for (const std::size_t n : oracle::sizes) {
            INFO(distribution.name << ", n = " << n);
            const std::vector<TestType> x = draw<TestType>(distribution, n, 101);
            const Array<double> wide = array_of(x).template cast<double>();
            CHECK(difference(x, {wide.abs().sum(), wide.matrix().squaredNorm()}, 0x1p-53) <= 1.0);
        }
    }
}

TEST_CASE("penalties agree with Eigen in float, within both error bounds", "[oracle]") {
    for (const auto& distribution : distributions) {
        for (const std::size_t n : oracle::sizes) {
            INFO(distribution.name << ", n = " << n);
            const std::vector<float> x = draw<float>(distribution, n, 103);
            const auto peer = array_of(x);
            CHECK(difference(x, {peer.abs().sum(), peer.matrix().squaredNorm()}, 0x1p-24) <= 1.0);
        }
    }
}

TEMPLATE_TEST_CASE("gradients agree with Eigen in double, within both error bounds", "[oracle]",
                   float, double, Eigen::half, Eigen::bfloat16) {
    const double scale = -0.7;
    for (const auto& distribution : distributions) {
        for (const Coefficients c : {Coefficients{0.1, 0.3}, {0.1, 0.0}, {0.0, 0.3}}) {
            INFO(distribution.name << ", l1 = " << c.l1 << ", l2 = " << c.l2);
            const std::vector<TestType> x = draw<TestType>(distribution, 20000, 105);
            std::vector<TestType> gradient = draw<TestType>(distributions[0], x.size(), 106);
            const Array<double> value = array_of(x).template cast<double>();
            const Array<double> before = array_of(gradient).template cast<double>();
            const Array<double> peer = before + scale * (c.l1 * value.sign() + 2 * c.l2 * value);
            // Three roundings of what is added; and of the peer's in double the product, the sum
            // and the scale, then the addition.
            const Array<double> added = std::fabs(scale) * (c.l1 + 2 * c.l2 * value.abs());
            const Array<double> rest =
                3 * unit_roundoff<TestType> * added + 4 * 0x1p-53 * (before.abs() + added);
            REQUIRE(l1l2_add_gradient(Handle(c).get(), Format<TestType>::dtype, x.data(), x.size(),
                                      scale, gradient.data(), nullptr) == L1L2_OK);
            CHECK(largest_difference(gradient, peer, rest) <= 1.0);
        }
    }
}

TEMPLATE_TEST_CASE("proxes agree with Eigen in double, within both error bounds", "[oracle]", float,
                   double, Eigen::half, Eigen::bfloat16) {
    const double step = 0.7;
    for (const auto& distribution : distributions) {
        for (const Coefficients c : {Coefficients{0.1, 0.3}, {0.1, 0.0}, {0.0, 0.3}}) {
            INFO(distribution.name << ", l1 = " << c.l1 << ", l2 = " << c.l2);
            const std::vector<TestType> x = draw<TestType>(distribution, 20000, 107);
            const Array<double> value = array_of(x).template cast<double>();
            const Array<double> peer =
                value.sign() * (value.abs() - step * c.l1).max(0.0) / (1 + 2 * step * c.l2);
            // Three roundings of the result, four in double; and of the peer's one subtraction,
            // three for the divisor and the division.
            const double roundings = sizeof(TestType) == sizeof(double) ? 4 : 3;
            const Array<double> rest =
                (roundings * unit_roundoff<TestType> + 5 * 0x1p-53) * peer.abs();
            std::vector<TestType> out(x.size());
            REQUIRE(l1l2_prox(Handle(c).get(), Format<TestType>::dtype, x.data(), x.size(), step,
                              out.data()) == L1L2_OK);
            CHECK(largest_difference(out, peer, rest) <= 1.0);
        }
    }
}

TEMPLATE_TEST_CASE("Eigen widens every 16-bit pattern to the same number", "[oracle]", Eigen::half,
                   Eigen::bfloat16) {
    const Handle handle({1.0, 0.0});
    int others = 0;
    for (const TestType element : all_values<TestType>()) {
        double penalty = -1.0;
        l1l2_penalty(handle.get(), Format<TestType>::dtype, &element, 1, &penalty);
        const double value = std::fabs(static_cast<double>(element));
        const bool both_nan = std::isnan(penalty) && std::isnan(value);
        others += to_bits(penalty) != to_bits(value) && !both_nan ? 1 : 0;
    }
    CHECK(others == 0);
}

TEMPLATE_TEST_CASE("Eigen rounds a prox to the same bits", "[oracle]", Eigen::half,
                   Eigen::bfloat16) {
    const std::vector<TestType> x = all_values<TestType>();
    const Array<float> value = array_of(x).template cast<float>();
    for (const double step : {0.0, 0.3, 0.7, 1.9, 1e-3, 1e3}) {
        for (const Coefficients c : {Coefficients{0.1, 0.3}, {0.1, 0.0}, {0.0, 0.3}}) {
            INFO("step " << step << ", l1 = " << c.l1 << ", l2 = " << c.l2);
            const double threshold = step * c.l1;
            const auto t1 = static_cast<float>(threshold);
            const auto t2 = static_cast<float>(threshold - static_cast<double>(t1));
            const auto factor = static_cast<float>(1.0 / (1.0 + 2.0 * (step * c.l2)));
            Array<float> result = ((value.abs() - t1) - t2).max(0.0F) * factor;
            for (Eigen::Index i = 0; i < result.size(); ++i) {
                // Eigen does not specify max of a NaN.
                const float x_i = value[i];
                result[i] = std::isnan(x_i) ? x_i : std::copysign(result[i], x_i);
            }
            std::vector<TestType> out(x.size());
            REQUIRE(l1l2_prox(Handle(c).get(), Format<TestType>::dtype, x.data(), x.size(), step,
                              out.data()) == L1L2_OK);
            const Array<TestType> peer = result.template cast<TestType>();
            CHECK(other_bits(out, peer) == "");
        }
    }
}

TEMPLATE_TEST_CASE("Eigen rounds a gradient to the same bits", "[oracle]", Eigen::half,
                   Eigen::bfloat16) {
    const double scale = 0.7;
    for (const auto& distribution : distributions) {
        INFO(distribution.name);
        const Coefficients c = {0.1, 0.3};
        const auto a = static_cast<float>(scale * c.l1);
        const auto b = static_cast<float>(scale * (2 * c.l2));
        std::vector<TestType> gradient = all_values<TestType>();
        const std::vector<TestType> x = draw<TestType>(distribution, gradient.size(), 108);
        const Array<float> value = array_of(x).template cast<float>();
        const Array<float> added = b * value + a * value.sign();
        const Array<TestType> peer =
            (array_of(gradient).template cast<float>() + added).template cast<TestType>();
        REQUIRE(l1l2_add_gradient(Handle(c).get(), Format<TestType>::dtype, x.data(), x.size(),
                                  scale, gradient.data(), nullptr) == L1L2_OK);
        CHECK(other_bits(gradient, peer) == "");
    }
}
