/// include/l1l2.hpp.
#include "catch.hpp"
#include "l1l2.hpp"

#include <array>
#include <type_traits>
#include <vector>

using l1l2::Error;
using l1l2::JsonStyle;
using l1l2::Regularizer;

namespace {

template <class F>
l1l2_status status_of(F&& f) {
    try {
        f();
    } catch (const Error& error) {
        CHECK_FALSE(std::string(error.what()).empty());
        return error.status();
    }
    return L1L2_OK;
}

} // namespace

TEST_CASE("a regularizer is called on a pointer and a count or on any contiguous range",
          "[cpp_face]") {
    const Regularizer regularizer(2.0, 3.0);
    const float plain[] = {1.0F, -2.0F, 3.0F};
    CHECK(regularizer(plain) == 54.0);
    CHECK(regularizer(plain, 2) == 21.0);
    CHECK(regularizer(std::vector<double>{1.0, -2.0, 3.0}) == 54.0);
    CHECK(regularizer(std::array<float, 3>{1.0F, -2.0F, 3.0F}) == 54.0);
    std::vector<float> writable = {1.0F};
    CHECK(regularizer(writable) == 5.0);
    CHECK(regularizer(writable.data(), 1) == 5.0);
    CHECK(regularizer(std::vector<float>()) == 0.0);
    CHECK(regularizer(static_cast<const double*>(nullptr), 0) == 0.0);
}

TEST_CASE("the coefficients default to 0, as in Keras, and are given back", "[cpp_face]") {
    CHECK(Regularizer().l1() == 0.0);
    CHECK(Regularizer().l2() == 0.0);
    CHECK(Regularizer(0.5, 0.25).l1() == 0.5);
    CHECK(Regularizer(0.5, 0.25).l2() == 0.25);
    CHECK(Regularizer(1).l1() == 1.0);
    CHECK(Regularizer(0).l1() == 0.0);
}

TEST_CASE("it goes to JSON and comes back", "[cpp_face]") {
    const Regularizer regularizer(0.01, 0.02);
    CHECK(regularizer.to_json() == R"({"l1": 0.01, "l2": 0.02})");
    for (const JsonStyle style : {JsonStyle::config, JsonStyle::keras2, JsonStyle::keras3}) {
        const Regularizer again = Regularizer::from_json(regularizer.to_json(style));
        CHECK(again.l1() == 0.01);
        CHECK(again.l2() == 0.02);
    }
}

TEST_CASE("a failure is an Error with the status and a message", "[cpp_face]") {
    CHECK(status_of([] { Regularizer(-1.0, 0.0); }) == L1L2_ERROR_INVALID_COEFFICIENT);
    CHECK(status_of([] { Regularizer::from_json("{"); }) == L1L2_ERROR_MALFORMED_JSON);
    CHECK(status_of([] { Regularizer::from_json(""); }) == L1L2_ERROR_MALFORMED_JSON);
    CHECK(status_of([] { Regularizer::from_json("\"l3\""); }) == L1L2_ERROR_UNKNOWN_CONFIG);
    CHECK(status_of([] { Regularizer()(static_cast<const float*>(nullptr), 1); }) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    try {
        (void)Regularizer::from_json(R"({"l3": 1})");
        FAIL("accepted");
    } catch (const std::runtime_error& error) {
        CHECK(std::string(error.what()) == R"(unknown key "l3")");
    }
}

TEST_CASE("it moves and does not copy", "[cpp_face]") {
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<Regularizer>);
    STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<Regularizer>);
    STATIC_REQUIRE(std::is_nothrow_move_constructible_v<Regularizer>);
    STATIC_REQUIRE(std::is_nothrow_move_assignable_v<Regularizer>);
    Regularizer first(1.0, 0.0);
    Regularizer second(std::move(first));
    CHECK(second.l1() == 1.0);
    CHECK(first.get() == nullptr);
    CHECK(status_of([&] { (void)first.l1(); }) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(status_of([&] { (void)first.to_json(); }) == L1L2_ERROR_INVALID_ARGUMENT);
    first = std::move(second);
    CHECK(first.l1() == 1.0);
}
