/// Compares penalties with OpenBLAS, whose assembly kernels add in an order of their own.
#include "catch.hpp"
#include "oracle.hpp"

#include <cblas.h>

using oracle::Sums;

namespace {

Sums sums_of(const std::vector<float>& x) {
    const auto n = static_cast<blasint>(x.size());
    return {cblas_sasum(n, x.data(), 1), cblas_sdot(n, x.data(), 1, x.data(), 1)};
}

Sums sums_of(const std::vector<double>& x) {
    const auto n = static_cast<blasint>(x.size());
    return {cblas_dasum(n, x.data(), 1), cblas_ddot(n, x.data(), 1, x.data(), 1)};
}

} // namespace

TEMPLATE_TEST_CASE("penalties agree with OpenBLAS, within both error bounds", "[oracle]", float,
                   double) {
    openblas_set_num_threads(1);
    const double unit_roundoff = sizeof(TestType) == sizeof(double) ? 0x1p-53 : 0x1p-24;
    for (const auto& distribution : oracle::distributions) {
        for (const std::size_t n : oracle::sizes) {
            INFO(distribution.name << ", n = " << n);
            const std::vector<TestType> x = oracle::draw<TestType>(distribution, n, 109);
            CHECK(oracle::difference(x, sums_of(x), unit_roundoff) <= 1.0);
        }
    }
}

TEST_CASE("penalties of float32 agree with OpenBLAS in double, within both error bounds",
          "[oracle]") {
    openblas_set_num_threads(1);
    for (const auto& distribution : oracle::distributions) {
        for (const std::size_t n : oracle::sizes) {
            INFO(distribution.name << ", n = " << n);
            const std::vector<float> x = oracle::draw<float>(distribution, n, 110);
            CHECK(oracle::difference(x, sums_of(std::vector<double>(x.begin(), x.end())),
                                     0x1p-53) <= 1.0);
        }
    }
}
