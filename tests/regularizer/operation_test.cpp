/// What a regularizer chooses to compute: one thing, and what that reads, writes and returns.
#include "catch.hpp"
#include "data.hpp"

#include <cmath>
#include <limits>
#include <vector>

using l1l2::core::Arrays;
using l1l2::core::Dtype;
using l1l2::core::Operation;
using l1l2::core::Regularizer;
using l1l2::kernels::KernelTable;
using l1l2::kernels::Sums;

namespace {

const KernelTable& table = l1l2::kernels::generic;

/// What an operation makes of 2 and -3, with 100 where it writes.
struct Result {
    bool sums;
    bool writes;
    bool updates;
    double absolute;
    double square;
    std::vector<double> y;
    bool operator==(const Result& other) const {
        return sums == other.sums && writes == other.writes && updates == other.updates &&
               absolute == other.absolute && square == other.square && y == other.y;
    }
};

Result apply_to_two(const Operation& operation) {
    const std::vector<double> x = {2.0, -3.0};
    std::vector<double> y = {100.0, 100.0};
    const Sums sums = apply(operation, Arrays{Dtype::float64, x.data(), y.data(), 2});
    return {operation.sums(), operation.writes(), operation.updates(),
            sums.absolute,    sums.square,        y};
}

const Regularizer both(0.5, 0.25);
const Regularizer none(0.0, 0.0);

} // namespace

TEST_CASE("an operation is nothing, sums, a gradient, both or a prox", "[regularizer]") {
    CHECK((apply_to_two(Operation()) == Result{false, false, false, 0, 0, {100, 100}}));
    CHECK((apply_to_two(both.sum(table, Dtype::float64)) ==
           Result{true, false, false, 5, 13, {100, 100}}));
    CHECK((apply_to_two(both.gradient(table, Dtype::float64, 2.0)) ==
           Result{false, true, true, 0, 0, {103, 96}}));
    CHECK((apply_to_two(both.gradient_and_sum(table, Dtype::float64, 2.0)) ==
           Result{true, true, true, 5, 13, {103, 96}}));
    CHECK((apply_to_two(both.prox(table, Dtype::float64, 2.0)) ==
           Result{false, true, false, 0, 0, {0.5, -1}}));
}

TEST_CASE("without coefficients there is nothing to compute, and the prox is a copy",
          "[regularizer]") {
    const Result nothing = apply_to_two(Operation());
    CHECK((apply_to_two(none.sum(table, Dtype::float64)) == nothing));
    CHECK((apply_to_two(none.gradient(table, Dtype::float64, 2.0)) == nothing));
    CHECK((apply_to_two(none.gradient_and_sum(table, Dtype::float64, 2.0)) == nothing));
    CHECK((apply_to_two(none.prox(table, Dtype::float64, 2.0)) ==
           Result{false, true, false, 0, 0, {2, -3}}));
}

TEST_CASE("a scale is accepted if its products are finite in the arithmetic type",
          "[regularizer]") {
    const double infinity = std::numeric_limits<double>::infinity();
    for (const Dtype dtype : {Dtype::float32, Dtype::float64, Dtype::float16, Dtype::bfloat16}) {
        const bool is_double = dtype == Dtype::float64;
        CHECK(both.accepts_scale(-2.0, dtype));
        CHECK(Regularizer(1.0, 0.0).accepts_scale(3.4e38, dtype));
        CHECK(Regularizer(1.0, 0.0).accepts_scale(-3.5e38, dtype) == is_double);
        CHECK(Regularizer(0.0, 1.0).accepts_scale(1.8e38, dtype) == is_double);
        CHECK_FALSE(Regularizer(2.0, 0.0).accepts_scale(1e308, dtype));
        CHECK(none.accepts_scale(1e308, dtype));
        CHECK_FALSE(none.accepts_scale(infinity, dtype));
        CHECK_FALSE(none.accepts_scale(std::nan(""), dtype));
    }
}

TEST_CASE("a step is accepted if it is not negative and its products are finite", "[regularizer]") {
    const double infinity = std::numeric_limits<double>::infinity();
    for (const Dtype dtype : {Dtype::float32, Dtype::float64, Dtype::float16, Dtype::bfloat16}) {
        const bool is_double = dtype == Dtype::float64;
        CHECK(both.accepts_step(2.0, dtype));
        CHECK(both.accepts_step(-0.0, dtype));
        CHECK_FALSE(both.accepts_step(-5e-324, dtype));
        CHECK(Regularizer(1.0, 0.0).accepts_step(3.5e38, dtype) == is_double);
        CHECK(Regularizer(0.0, 1.0).accepts_step(1.8e38, dtype) == is_double);
        CHECK_FALSE(none.accepts_step(-1.0, dtype));
        CHECK_FALSE(none.accepts_step(infinity, dtype));
        CHECK_FALSE(none.accepts_step(std::nan(""), dtype));
    }
}
