/// include/l1l2.hpp.
#include "catch.hpp"
#include "l1l2.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <type_traits>
#include <vector>

using l1l2::Error;
using l1l2::ExactSums;
using l1l2::JsonStyle;
using l1l2::Regularizer;

namespace own {

/// An element type that a user defines.
struct Half {
    std::uint16_t bits;
};

} // namespace own

template <>
struct l1l2::dtype_of<own::Half> : l1l2::dtype_of<l1l2::Float16> {};

namespace {

/// Returns the status of the Error that a function throws; it must not be a TermError.
template <class F>
l1l2_status status_of(F&& f) {
    try {
        f();
    } catch (const Error& error) {
        CHECK_FALSE(std::string(error.what()).empty());
        CHECK(dynamic_cast<const l1l2::TermError*>(&error) == nullptr);
        return error.status();
    }
    return L1L2_OK;
}

} // namespace

TEST_CASE("a regularizer can be called on a pointer and a count, or on any contiguous range",
          "[cpp]") {
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

TEST_CASE("the coefficients default to 0, as in Keras, and can be read back", "[cpp]") {
    CHECK(Regularizer().l1() == 0.0);
    CHECK(Regularizer().l2() == 0.0);
    CHECK(Regularizer(0.5, 0.25).l1() == 0.5);
    CHECK(Regularizer(0.5, 0.25).l2() == 0.25);
    CHECK(Regularizer(1).l1() == 1.0);
    CHECK(Regularizer(0).l1() == 0.0);
}

TEST_CASE("a regularizer survives a round trip through JSON", "[cpp]") {
    const Regularizer regularizer(0.01, 0.02);
    CHECK(regularizer.to_json() == R"({"l1": 0.01, "l2": 0.02})");
    for (const JsonStyle style : {JsonStyle::config, JsonStyle::keras2, JsonStyle::keras3}) {
        const Regularizer again = Regularizer::from_json(regularizer.to_json(style));
        CHECK(again.l1() == 0.01);
        CHECK(again.l2() == 0.02);
    }
}

TEST_CASE("a failure is an Error with the status and a message", "[cpp]") {
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

TEST_CASE("a regularizer can be moved but not copied", "[cpp]") {
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<Regularizer>);
    STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<Regularizer>);
    STATIC_REQUIRE(std::is_nothrow_move_constructible_v<Regularizer>);
    STATIC_REQUIRE(std::is_nothrow_move_assignable_v<Regularizer>);
    Regularizer first(1.0, 0.0);
    Regularizer second(std::move(first));
    CHECK(second.l1() == 1.0);
    CHECK(first.get() == nullptr);
    CHECK(status_of([&] { (void)first.l1(); }) == L1L2_ERROR_INVALID_ARGUMENT);
    first = std::move(second);
    CHECK(first.l1() == 1.0);
}

TEST_CASE("every function of a moved-from regularizer throws", "[cpp]") {
    Regularizer regularizer(1.0, 2.0);
    const Regularizer taken(std::move(regularizer));
    const std::vector<float> x = {1.0F, -2.0F};
    std::vector<float> written = {5.0F, 5.0F};
    // A NULL tensor is an invalid argument.
    const void* const tensor = x.data();
    const std::function<void()> functions[] = {
        [&] { (void)regularizer.l1(); },
        [&] { (void)regularizer.l2(); },
        [&] { (void)regularizer.to_json(); },
        [&] { (void)regularizer(x.data(), x.size()); },
        [&] { (void)regularizer(x); },
        [&] { (void)regularizer.penalty_dlpack(tensor); },
        [&] { regularizer.add_gradient(x, written); },
        [&] { (void)regularizer.penalty_and_add_gradient(x, written); },
        [&] { (void)regularizer.penalty_and_add_gradient_dlpack(tensor, tensor); },
        [&] { regularizer.prox(written, 1.0); },
        [&] { regularizer.prox(x, 1.0, written); },
        [&] { regularizer.prox_dlpack(tensor, 1.0, tensor); },
        [&] { regularizer.prox_step(written, x, 1.0); },
        [&] { regularizer.prox_step(x, x, 1.0, x, written); },
        [&] { regularizer.prox_step_dlpack(tensor, tensor, 1.0, tensor, tensor); },
    };
    for (const std::function<void()>& function : functions) {
        INFO("function " << &function - functions);
        CHECK(status_of(function) == L1L2_ERROR_INVALID_ARGUMENT);
    }
    CHECK(written == std::vector<float>{5.0F, 5.0F});
    CHECK(regularizer.get() == nullptr);
    const l1l2_term term = l1l2::make_term(regularizer, x);
    CHECK_THROWS_AS(l1l2::penalty_terms({term}), l1l2::TermError);
}

TEST_CASE("gradients are added over ranges, with the penalty or without", "[cpp]") {
    const Regularizer regularizer(2.0, 3.0);
    const std::vector<float> x = {1.0F, -2.0F, 0.0F};
    std::vector<float> gradient = {10.0F, 10.0F, 10.0F};
    regularizer.add_gradient(x, gradient);
    CHECK(gradient == std::vector<float>{18.0F, -4.0F, 10.0F});
    CHECK(regularizer.penalty_and_add_gradient(x, gradient) == regularizer(x));
    CHECK(gradient == std::vector<float>{26.0F, -18.0F, 10.0F});
    CHECK(regularizer.penalty_and_add_gradient(x, gradient, -2.0) == regularizer(x));
    CHECK(gradient == std::vector<float>{10.0F, 10.0F, 10.0F});
    double plain[] = {1.0, 1.0};
    regularizer.add_gradient(std::array<double, 2>{1.0, -1.0}, plain, 0.5);
    CHECK(plain[0] == 5.0);
    CHECK(plain[1] == -3.0);
    CHECK(status_of([&] { regularizer.add_gradient(x, gradient, HUGE_VAL); }) ==
          L1L2_ERROR_INVALID_SCALE);
    CHECK(status_of([&] { regularizer.add_gradient(gradient, gradient); }) == L1L2_ERROR_OVERLAP);
    std::vector<float> shorter(2);
    CHECK(status_of([&] { regularizer.add_gradient(x, shorter); }) == L1L2_ERROR_INVALID_ARGUMENT);
}

TEST_CASE("the proximal step is taken in place or into another range", "[cpp]") {
    const Regularizer regularizer(1.0, 0.5);
    std::vector<double> x = {3.0, -0.5, -2.0};
    std::vector<double> out(3);
    regularizer.prox(x, 1.0, out);
    CHECK(out == std::vector<double>{1.0, 0.0, -0.5});
    CHECK(x == std::vector<double>{3.0, -0.5, -2.0});
    regularizer.prox(x, 1.0);
    CHECK(x == out);
    std::vector<double> longer(4);
    CHECK(status_of([&] { regularizer.prox(x, 1.0, longer); }) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(status_of([&] { regularizer.prox(x, -1.0); }) == L1L2_ERROR_INVALID_STEP);
}

TEST_CASE("a step of proximal gradient descent is taken in place or into another range, with steps "
          "or without",
          "[cpp]") {
    const Regularizer regularizer(1.0, 0.5);
    const std::vector<double> before = {4.0, -0.5, -1.0};
    const std::vector<double> gradient = {1.0, 0.0, 1.0};
    std::vector<double> x = before;
    std::vector<double> out(3);
    regularizer.prox_step(x, gradient, 1.0, nullptr, out);
    CHECK(out == std::vector<double>{1.0, 0.0, -0.5});
    CHECK(x == before);
    regularizer.prox_step(x, gradient, 1.0);
    CHECK(x == out);
    x = before;
    regularizer.prox_step(x, gradient, 0.5, std::vector<double>{2.0, 2.0, 0.0}, x);
    CHECK(x == std::vector<double>{1.0, 0.0, -1.0});
    regularizer.prox_step(x, nullptr, 0.5, std::array<double, 3>{1.0, 2.0, 2.0}, x);
    CHECK(x == std::vector<double>{1.0 / 3.0, 0.0, 0.0});
    std::vector<l1l2::Float16> halves = {{0x4200}, {0x4200}};
    regularizer.prox_step(halves, nullptr, 1.0, std::vector<float>{1.0F, 0.0F}, halves);
    CHECK(halves[0].bits == 0x3C00);
    CHECK(halves[1].bits == 0x4200);
    const std::vector<double> longer(4);
    std::vector<double> other(2);
    x = before;
    CHECK(status_of([&] { regularizer.prox_step(x, longer, 1.0); }) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(status_of([&] { regularizer.prox_step(x, gradient, 1.0, longer, x); }) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(status_of([&] { regularizer.prox_step(x, gradient, 1.0, nullptr, other); }) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(status_of([&] { regularizer.prox_step(x, gradient, -1.0); }) == L1L2_ERROR_INVALID_STEP);
    CHECK(status_of([&] {
              regularizer.prox_step(x, gradient, 1.0, std::vector<double>{1.0, -1.0, 1.0}, x);
          }) == L1L2_ERROR_INVALID_STEP);
    CHECK(x == before);
}

TEST_CASE("float16 and bfloat16 elements are passed as their bit patterns", "[cpp]") {
    const Regularizer regularizer(2.0, 3.0);
    CHECK(regularizer(std::vector<l1l2::Float16>{{0x3C00}, {0xC000}, {0x4200}}) == 54.0);
    CHECK(regularizer(std::vector<l1l2::BFloat16>{{0x3F80}, {0xC000}, {0x4040}}) == 54.0);
    std::vector<l1l2::Float16> x = {{0x3C00}};
    regularizer.prox(x, 1.0);
    CHECK(x[0].bits == 0);
}

TEST_CASE("a user-defined type is an element type once it is declared to be one", "[cpp]") {
    const Regularizer regularizer(2.0, 3.0);
    const std::vector<own::Half> x = {{0x3C00}, {0xC000}, {0x4200}};
    CHECK(regularizer(x) == 54.0);
    std::vector<own::Half> gradient(3);
    regularizer.add_gradient(x, gradient);
    CHECK(gradient[1].bits == 0xCB00); // -2 - 12
    CHECK(l1l2::make_term(regularizer, x).dtype == L1L2_FLOAT16);
}

TEST_CASE("terms are computed in one call, by any kind of runner", "[cpp]") {
    const Regularizer regularizer(2.0, 3.0);
    const std::vector<float> x = {1.0F, -2.0F, 3.0F};
    const std::vector<double> y(200000, 0.5);
    std::vector<double> gradient(y.size());
    std::vector<l1l2_term> terms = {l1l2::make_term(regularizer, x),
                                    l1l2::make_term(regularizer, y, gradient)};
    const double total = regularizer(x) + regularizer(y);
    CHECK(l1l2::penalty_terms(terms) == total);
    std::vector<double> penalties;
    CHECK(l1l2::penalty_terms(terms, &penalties) == total);
    CHECK(penalties == std::vector<double>{regularizer(x), regularizer(y)});
    penalties.clear();
    CHECK(l1l2::penalty_and_add_gradient_terms(terms, 1.0, &penalties) == total);
    CHECK(penalties == std::vector<double>{regularizer(x), regularizer(y)});
    CHECK(gradient == std::vector<double>(y.size(), 5.0));
    CHECK(l1l2::penalty_and_add_gradient_terms(terms) == total);
    l1l2::add_gradient_terms(terms);
    CHECK(gradient == std::vector<double>(y.size(), 15.0));
    l1l2::add_gradient_terms(terms, -3.0);
    CHECK(gradient == std::vector<double>(y.size(), 0.0));

    std::size_t tasks = 0;
    const auto backwards = [&tasks](std::size_t count, const l1l2::Task& task) {
        for (std::size_t i = count; i > 0; --i, ++tasks) {
            task(i - 1);
        }
    };
    CHECK(l1l2::penalty_terms(terms, nullptr, backwards) == total);
    CHECK(tasks > 1);
    void (*const plain_function)(std::size_t, const l1l2::Task&) = [](std::size_t count,
                                                                      const l1l2::Task& task) {
        for (std::size_t i = 0; i < count; ++i) {
            task(i);
        }
    };
    CHECK(l1l2::penalty_terms(terms, nullptr, *plain_function) == total);
    const l1l2_runner in_a_row = [](void* state, l1l2_task task, void* work, std::size_t count) {
        ++*static_cast<std::size_t*>(state);
        for (std::size_t i = 0; i < count; ++i) {
            task(work, i);
        }
        return 0;
    };
    std::size_t runs = 0;
    CHECK(l1l2::penalty_terms(terms, nullptr, {in_a_row, &runs}) == total);
    CHECK(runs == 1);

    std::vector<double> out(y.size());
    terms[0].out = nullptr;
    terms.erase(terms.begin());
    terms[0].out = out.data();
    l1l2::prox_terms(terms, 0.0, backwards);
    CHECK(out == y);
    terms[0].gradient = nullptr;
    const std::vector<double> steps(y.size(), 1.0);
    terms[0].steps = steps.data();
    l1l2::prox_step_terms(terms, 0.25, backwards);
    CHECK(out == std::vector<double>(y.size(), 0.0));
}

TEST_CASE("an exception of a runner is rethrown, and TermError names the faulty term", "[cpp]") {
    const Regularizer regularizer(2.0, 3.0);
    const std::vector<float> x(3, 1.0F);
    std::vector<l1l2_term> terms(3, l1l2::make_term(regularizer, x));
    struct Stop {};
    CHECK_THROWS_AS(
        l1l2::penalty_terms(terms, nullptr, [](std::size_t, const l1l2::Task&) { throw Stop(); }),
        Stop);
    CHECK(status_of([&] {
              (void)l1l2::penalty_terms(terms, nullptr, [](std::size_t, const l1l2::Task&) {});
          }) == L1L2_ERROR_RUNNER_FAILED);
    terms[1].regularizer = nullptr;
    std::vector<double> penalties = {-1.0};
    try {
        (void)l1l2::penalty_terms(terms, &penalties);
        FAIL("accepted");
    } catch (const l1l2::TermError& error) {
        CHECK(error.term() == 1);
        CHECK(error.status() == L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(std::string(error.what()).find("term 1") == 0);
    }
    CHECK(penalties == std::vector<double>{-1.0});
}

TEST_CASE("a Runner can be passed to the C functions", "[cpp]") {
    STATIC_REQUIRE(std::is_trivially_copyable_v<l1l2::Task>);
    const Regularizer regularizer(2.0, 3.0);
    const std::vector<float> x = {1.0F, -2.0F, 3.0F};
    const l1l2_term term = l1l2::make_term(regularizer, x);
    double total = -1.0;
    const auto status_with = [&](l1l2::Runner& runner) {
        return l1l2_penalty_terms(&term, sizeof term, 1, runner.run(), runner.state(), nullptr,
                                  &total, nullptr);
    };
    struct Stop {};
    const auto stop = [](std::size_t, const l1l2::Task&) { throw Stop(); };
    l1l2::Runner stops(stop);
    stops.rethrow(); // nothing yet
    CHECK(status_with(stops) == L1L2_ERROR_RUNNER_FAILED);
    CHECK(total == -1.0);
    CHECK_THROWS_AS(stops.rethrow(), Stop);

    const auto in_a_row = [](std::size_t count, const l1l2::Task& task) {
        for (std::size_t i = 0; i < count; ++i) {
            task(i);
        }
    };
    l1l2::Runner willing(in_a_row);
    CHECK(willing.run() != nullptr);
    CHECK(status_with(willing) == L1L2_OK);
    CHECK(total == 54.0);
    willing.rethrow();
    const auto stop_late = [&](std::size_t count, const l1l2::Task& task) {
        in_a_row(count, task);
        throw Stop();
    };
    l1l2::Runner late(stop_late);
    CHECK(status_with(late) == L1L2_ERROR_RUNNER_FAILED);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<l1l2::Runner, int&>);
    // A NULL function means the calling thread, as in C.
    for (l1l2::Runner none : {l1l2::Runner(), l1l2::Runner(nullptr, &total)}) {
        total = -1.0;
        CHECK(none.run() == nullptr);
        CHECK(status_with(none) == L1L2_OK);
        CHECK(total == 54.0);
    }
}

TEST_CASE("gradients and proxes of terms throw as penalties do", "[cpp]") {
    const Regularizer regularizer(2.0, 3.0);
    const std::vector<float> x(3, 1.0F);
    std::vector<float> written(3, 5.0F);
    std::vector<l1l2_term> terms(2, l1l2::make_term(regularizer, x));
    terms[0].gradient = written.data();
    terms[0].out = written.data();
    struct Stop {};
    const auto stop = [](std::size_t, const l1l2::Task&) { throw Stop(); };
    std::vector<double> penalties = {-1.0};
    CHECK_THROWS_AS(l1l2::penalty_and_add_gradient_terms(terms, 1.0, &penalties, stop), Stop);
    CHECK_THROWS_AS(l1l2::add_gradient_terms(terms, 1.0, stop), Stop);
    CHECK(penalties == std::vector<double>{-1.0});
    CHECK_THROWS_AS(l1l2::prox_terms({terms[0]}, 1.0, stop), Stop);
    CHECK(status_of([&] { l1l2::add_gradient_terms(terms, HUGE_VAL); }) ==
          L1L2_ERROR_INVALID_SCALE);
    CHECK(status_of([&] { l1l2::prox_terms({terms[0]}, -1.0); }) == L1L2_ERROR_INVALID_STEP);
    CHECK_THROWS_AS(l1l2::prox_step_terms({terms[0]}, 1.0, stop), Stop);
    CHECK(status_of([&] { l1l2::prox_step_terms({terms[0]}, -1.0); }) == L1L2_ERROR_INVALID_STEP);
    const auto faulty_term = [](auto&& call) {
        try {
            call();
        } catch (const l1l2::TermError& error) {
            CHECK(error.status() == L1L2_ERROR_INVALID_ARGUMENT);
            CHECK(std::string(error.what()).find("term 1") == 0);
            return error.term();
        }
        return SIZE_MAX;
    };
    CHECK(faulty_term([&] { l1l2::prox_terms(terms, 1.0); }) == 1); // has no out
    CHECK(faulty_term([&] { l1l2::prox_step_terms(terms, 1.0); }) == 1);
    terms[1].reserved = 1;
    CHECK(faulty_term(
              [&] { (void)l1l2::penalty_and_add_gradient_terms(terms, 1.0, &penalties); }) == 1);
    CHECK(faulty_term([&] { l1l2::add_gradient_terms(terms); }) == 1);
    CHECK(penalties == std::vector<double>{-1.0});
    CHECK(written == std::vector<float>(3, 5.0F));
}

TEST_CASE("ranges of a term that differ in size are refused", "[cpp]") {
    const Regularizer regularizer(2.0, 3.0);
    const std::vector<float> x(3, 1.0F);
    for (const std::size_t n : {0U, 2U, 4U}) {
        std::vector<float> gradient(n);
        CHECK(status_of([&] { (void)l1l2::make_term(regularizer, x, gradient); }) ==
              L1L2_ERROR_INVALID_ARGUMENT);
    }
    std::vector<float> gradient(3);
    const l1l2_term term = l1l2::make_term(regularizer, x, gradient);
    CHECK(term.gradient == gradient.data());
    CHECK(term.n == 3);
}

TEST_CASE("exact sums accept ranges of every type, in pieces", "[cpp]") {
    ExactSums sums;
    CHECK(sums.count() == 0);
    CHECK(sums.absolute() == 0.0);
    CHECK(sums.square() == 0.0);
    CHECK(Regularizer(2.0, 3.0)(sums) == 0.0);
    const float plain[] = {1.0F, -2.0F, 3.0F};
    sums.add(plain);
    CHECK(sums.count() == 3);
    CHECK(sums.absolute() == 6.0);
    CHECK(sums.square() == 14.0);
    CHECK(Regularizer(2.0, 3.0)(sums) == 54.0);
    CHECK(Regularizer(0.0, 0.0)(sums) == 0.0);
    sums.add(plain, 2);
    sums.add(std::vector<double>{1.0, -2.0, 3.0});
    sums.add(std::array<float, 1>{-0.5F});
    sums.add(std::vector<l1l2::Float16>{{0x3C00}, {0xC000}});
    sums.add(std::vector<l1l2::BFloat16>{{0x3F80}});
    sums.add(std::vector<own::Half>{{0x4200}});
    std::vector<float> writable = {1.0F};
    sums.add(writable);
    sums.add(writable.data(), 1);
    sums.add(std::vector<float>());
    sums.add(static_cast<const double*>(nullptr), 0);
    CHECK(sums.count() == 15);
    CHECK(sums.absolute() == 24.5);
    CHECK(sums.square() == 50.25);
}

TEST_CASE("exact sums can be copied, compared, merged and exported as accumulators", "[cpp]") {
    STATIC_REQUIRE(std::is_nothrow_default_constructible_v<ExactSums>);
    STATIC_REQUIRE(std::is_copy_constructible_v<ExactSums>);
    STATIC_REQUIRE(std::is_copy_assignable_v<ExactSums>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<const std::int64_t*, ExactSums>);
    STATIC_REQUIRE(ExactSums::size() == L1L2_EXACT_SUMS_LENGTH);
    const std::vector<double> x = {1e300, 1.0, -1e-300};
    ExactSums whole;
    whole.add(x);
    ExactSums first;
    first.add(x.data(), 1);
    ExactSums rest;
    rest.add(x.data() + 1, 2);
    CHECK(first != whole);
    CHECK_FALSE(first == whole);
    ExactSums merged = rest;
    CHECK(&(merged += first) == &merged);
    CHECK(merged == whole);
    CHECK_FALSE(merged != whole);
    CHECK(rest.count() == 2); // a copy is another one
    merged += ExactSums();
    CHECK(merged == whole);
    merged += merged;
    CHECK(merged.count() == 6);
    CHECK(merged != whole);

    // Accumulators added element by element.
    std::vector<std::int64_t> added(first.data(), first.data() + ExactSums::size());
    const ExactSums& of_others = rest;
    for (std::size_t i = 0; i < added.size(); ++i) {
        added[i] += of_others.data()[i];
    }
    CHECK(ExactSums(added.data()) == whole);
    // The accumulator itself, for functions that add to it.
    for (std::size_t i = 0; i < added.size(); ++i) {
        first.data()[i] += of_others.data()[i];
    }
    CHECK(first == whole);
    CHECK_FALSE(first == rest);
    CHECK_FALSE(std::equal(added.begin(), added.end(), whole.data()));
    CHECK(first.count() == 3);
    CHECK(first.absolute() == 1e300);
    first += ExactSums();
    CHECK(std::equal(whole.data(), whole.data() + ExactSums::size(), first.data()));
    const std::vector<std::int64_t> zeros(ExactSums::size());
    CHECK(ExactSums(zeros.data()) == ExactSums());
}

TEST_CASE("exact sums of terms have a norm, by which the terms are clipped", "[cpp]") {
    std::vector<float> weights = {3.0F, 0.0F};
    std::vector<double> biases = {-4.0};
    std::vector<l1l2_term> terms = {l1l2::make_term(weights), l1l2::make_term(biases)};
    CHECK(terms[0].regularizer == nullptr);
    ExactSums sums;
    l1l2::add_terms(sums, terms);
    CHECK(sums.norm() == 5.0);
    ExactSums of_weights;
    of_weights.add(weights);
    CHECK(&(sums -= of_weights) == &sums);
    CHECK(sums.norm() == 4.0);
    CHECK(sums.count() == 1);
    const auto backwards = [](std::size_t count, const l1l2::Task& task) {
        for (std::size_t i = count; i-- > 0;) {
            task(i);
        }
    };
    l1l2::add_terms(sums, {terms[0]}, backwards);
    CHECK(sums.norm() == 5.0);
    terms[0].out = weights.data();
    terms[1].out = biases.data();
    l1l2::clip_by_norm_terms(terms, sums.norm(), 5.0);
    CHECK(weights == std::vector<float>{3.0F, 0.0F});
    l1l2::clip_by_norm_terms(terms, sums.norm(), 2.5, backwards);
    CHECK(weights == std::vector<float>{1.5F, 0.0F});
    CHECK(biases == std::vector<double>{-2.0});
}

TEST_CASE("errors of norms, differences and clips are thrown", "[cpp]") {
    std::vector<float> x = {3.0F};
    l1l2_term term = l1l2::make_term(x);
    l1l2_term bad = term;
    bad.dtype = 0;
    ExactSums sums;
    sums.add(x);
    const ExactSums before = sums;
    CHECK_THROWS_AS(l1l2::add_terms(sums, {term, bad}), l1l2::TermError);
    CHECK_THROWS_AS(l1l2::add_terms(sums, {term},
                                    [](std::size_t, const l1l2::Task&) {
                                        throw std::logic_error("no threads");
                                    }),
                    std::logic_error);
    ExactSums more;
    more.add(std::vector<float>{4.0F});
    CHECK(status_of([&] { sums -= more; }) == L1L2_ERROR_INVALID_SUMS);
    CHECK(sums == before);
    term.out = x.data();
    CHECK(status_of([&] { l1l2::clip_by_norm_terms({term}, -1.0, 1.0); }) ==
          L1L2_ERROR_INVALID_NORM);
    CHECK_THROWS_AS(l1l2::clip_by_norm_terms({term, bad}, 3.0, 1.0), l1l2::TermError);
    CHECK(x == std::vector<float>{3.0F});
}

TEST_CASE("errors in exact sums are thrown and leave them unchanged", "[cpp]") {
    ExactSums sound;
    sound.add(std::vector<float>{1.0F, -2.0F});
    const ExactSums before = sound;
    const auto damaged_at = [&](std::size_t index, std::int64_t value) {
        ExactSums damaged = sound;
        damaged.data()[index] = value;
        return damaged;
    };
    ExactSums too_many = sound;
    for (int doubled = 1; doubled < 62; ++doubled) {
        too_many += too_many;
    }
    const ExactSums half_of_them = too_many;
    CHECK(status_of([&] { too_many += half_of_them; }) == L1L2_ERROR_COUNT_OVERFLOW);
    for (std::size_t i = 0; i < ExactSums::size(); ++i) {
        const auto half = static_cast<std::uint64_t>(half_of_them.data()[i]);
        too_many.data()[i] = static_cast<std::int64_t>(2 * half);
    }
    struct Case {
        ExactSums sums;
        l1l2_status status;
    };
    const Case cases[] = {{damaged_at(0, 1), L1L2_ERROR_UNKNOWN_LAYOUT},
                          {damaged_at(2, 3), L1L2_ERROR_INVALID_SUMS},
                          {too_many, L1L2_ERROR_COUNT_OVERFLOW}};
    const Regularizer regularizer(2.0, 3.0);
    for (const Case& c : cases) {
        ExactSums damaged = c.sums;
        CHECK(status_of([&] { ExactSums{damaged.data()}; }) == c.status);
        CHECK(status_of([&] { damaged.add(std::vector<float>{1.0F}); }) == c.status);
        CHECK(status_of([&] { damaged += sound; }) == c.status);
        CHECK(status_of([&] { sound += damaged; }) == c.status);
        CHECK(status_of([&] { damaged -= sound; }) == c.status);
        CHECK(status_of([&] { sound -= damaged; }) == c.status);
        CHECK(status_of([&] { l1l2::add_terms(damaged, {}); }) == c.status);
        CHECK(status_of([&] { (void)damaged.norm(); }) == c.status);
        CHECK(status_of([&] { (void)damaged.absolute(); }) == c.status);
        CHECK(status_of([&] { (void)damaged.square(); }) == c.status);
        CHECK(status_of([&] { (void)damaged.count(); }) == c.status);
        CHECK(status_of([&] { (void)regularizer(damaged); }) == c.status);
        CHECK(status_of([&] { (void)(damaged == sound); }) == c.status);
        CHECK(status_of([&] { (void)(sound != damaged); }) == c.status);
        CHECK(std::equal(damaged.data(), damaged.data() + ExactSums::size(), c.sums.data()));
        CHECK(sound == before);
    }
    CHECK(status_of([&] { sound.add(static_cast<const float*>(nullptr), 1); }) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(status_of([&] { ExactSums(static_cast<const std::int64_t*>(nullptr)); }) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(status_of([&] { sound.add_dlpack(nullptr); }) == L1L2_ERROR_INVALID_ARGUMENT);
    Regularizer moved(1.0, 2.0);
    const Regularizer taken(std::move(moved));
    CHECK(status_of([&] { (void)moved(sound); }) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(sound == before);
}
