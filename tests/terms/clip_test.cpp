/// Clipping by a norm: every type, in place and elsewhere, on any runner.
#include "catch.hpp"
#include "model.hpp"

#include <cmath>
#include <limits>

using namespace training;
using namespace terms_tests;

namespace {

struct Norms {
    double norm;
    double max_norm;
};

Outcome clip(const std::vector<l1l2_term>& terms, Norms norms, Runner& runner) {
    Outcome outcome = {77, 77};
    outcome.status =
        l1l2_clip_by_norm_terms(terms.data(), sizeof(l1l2_term), terms.size(), norms.norm,
                                norms.max_norm, runner.function(), runner.state(), &outcome.faulty);
    return outcome;
}

/// The type in which a dtype is computed.
template <class T>
using Arithmetic = std::conditional_t<std::is_same_v<T, double>, double, float>;

/// As the header defines it, where q is a normal number of the arithmetic type.
template <class T>
T clipped(T x, Norms norms) {
    using A = Arithmetic<T>;
    const double value = value_of(x);
    if (norms.norm <= norms.max_norm) {
        return x;
    }
    const double quotient = norms.max_norm / norms.norm;
    return nearest<T>(static_cast<A>(value) * static_cast<A>(quotient));
}

/// Terms of one array, without a regularizer.
template <class T>
l1l2_term term_of(const std::vector<T>& x, std::vector<T>& out) {
    l1l2_term term = {};
    term.x = x.data();
    term.n = x.size();
    term.out = out.data();
    term.dtype = Format<T>::dtype;
    return term;
}

/// The array, clipped in place and elsewhere, which must be the same.
template <class T>
std::vector<T> clip_array(const std::vector<T>& x, Norms norms) {
    Runner none("none", nullptr);
    std::vector<T> out(x.size());
    std::vector<T> in_place = x;
    CHECK(clip({term_of(x, out)}, norms, none) == Outcome{L1L2_OK, 1});
    CHECK(clip({term_of(in_place, in_place)}, norms, none) == Outcome{L1L2_OK, 1});
    CHECK(difference(out, in_place) == "");
    return out;
}

template <class T>
T clip_one(T x, Norms norms) {
    return clip_array(std::vector<T>{x}, norms)[0];
}

} // namespace

TEMPLATE_TEST_CASE("every element is multiplied by max_norm / norm, rounded as the header says",
                   "[clip][bits]", float, double, Float16, Bfloat16) {
    for (const Norms norms : {Norms{5.0, 1.0}, Norms{3.0, 0.7}, Norms{1.0, 1.0 - 0x1p-53},
                              Norms{1e10, 1e-20}, Norms{7.0, 0x1p-120}, Norms{2.0, 0.0}}) {
        for (const auto& x :
             {ordinary_elements<TestType>(1000, 1), rough_elements<TestType>(513, 2),
              subnormal_elements<TestType>(77, 3)}) {
            const std::vector<TestType> out = clip_array(x, norms);
            std::vector<TestType> expected = x;
            for (TestType& element : expected) {
                element = clipped(element, norms);
            }
            CHECK(difference(out, expected) == "");
        }
    }
}

TEMPLATE_TEST_CASE("a norm that is not above the largest one changes no bit", "[clip][bits]", float,
                   double, Float16, Bfloat16) {
    std::vector<TestType> x = rough_elements<TestType>(1000, 1);
    x.push_back(from_bits<TestType>(Format<TestType>::infinity));
    x.push_back(from_bits<TestType>(Format<TestType>::infinity + 1)); // a signalling NaN
    x.push_back(from_bits<TestType>(Format<TestType>::sign));
    for (const Norms norms : {Norms{0.0, 0.0}, Norms{1.0, 1.0}, Norms{1.0, 1e300}, Norms{-0.0, 0.0},
                              Norms{0.0, -0.0}, Norms{1.0 - 0x1p-53, 1.0}}) {
        const std::vector<TestType> out = clip_array(x, norms);
        CHECK(std::memcmp(out.data(), x.data(), x.size() * sizeof(TestType)) == 0);
    }
}

TEMPLATE_TEST_CASE("NaN gives the one NaN, infinities stay or are NaN, zeros keep their sign",
                   "[clip]", float, double, Float16, Bfloat16) {
    using F = Format<TestType>;
    const TestType inf = from_bits<TestType>(F::infinity);
    const TestType minus_zero = from_bits<TestType>(F::sign);
    for (const Norms norms : {Norms{2.0, 1.0}, Norms{1e300, 1e-300}, Norms{2.0, 0.0}}) {
        for (const std::uint64_t nan :
             {F::infinity + std::uint64_t{1}, F::infinity | std::uint64_t{F::sign} | 3,
              std::uint64_t{F::quiet_nan}}) {
            CHECK(to_bits(clip_one(from_bits<TestType>(nan), norms)) == F::quiet_nan);
        }
        CHECK(to_bits(clip_one(TestType(), norms)) == 0);
        CHECK(to_bits(clip_one(minus_zero, norms)) == F::sign);
        CHECK(to_bits(clip_one(inf, norms)) == (norms.max_norm > 0.0 ? F::infinity : F::quiet_nan));
    }
    // Finite elements times 0 are zeros with their sign, for a largest norm of -0, too.
    for (const double zero : {0.0, -0.0}) {
        CHECK(to_bits(clip_one(nearest<TestType>(-3.0F), {5.0, zero})) == F::sign);
        CHECK(to_bits(clip_one(nearest<TestType>(3.0F), {5.0, zero})) == 0);
    }
}

TEST_CASE("a float16 of 300 that is clipped to 1 is 1, whatever its square is", "[clip]") {
    const auto x = nearest<Float16>(300.0F);
    CHECK(value_of(clip_one(x, {300.0, 1.0})) == 1.0);
}

TEST_CASE("quotients beyond the range of the arithmetic type lose nothing", "[clip][bits]") {
    // float32: 2^-127 and less are subnormal factors.
    CHECK(clip_one(0x1.234568p100F, {3.0, 3.0 * 0x1p-130}) == 0x1.234568p-30F);
    CHECK(clip_one(0x1p127F, {0x1p1000, 0x1p800}) == 0x1p-73F);
    CHECK(clip_one(-0x1.8p127F, {0x1p1023, 0x1p-1074}) == -0.0F);
    CHECK(value_of(clip_one(from_bits<Bfloat16>(0x7F7F), {0x1.fep127, 0x1p-10})) == 0x1p-10);
    // float64: norms of all sizes, with a quotient down to 2^-2098.
    CHECK(clip_one(0x1.8p664, {0x1.8p664, 0x1.8p-664}) == 0x1.8p-664);
    CHECK(clip_one(0x1.8p1023, {0x1.8p1023, 1.0}) == 1.0);
    CHECK(clip_one(largest, {largest, from_bits<double>(1)}) == from_bits<double>(1));
    CHECK(clip_one(largest, {largest, from_bits<double>(3)}) == from_bits<double>(3));
    CHECK(clip_one(0x1.123456789abcdp1000, {0x1p1023, 0x1p-10}) == 0x1.123456789abcdp-33);
    CHECK(clip_one(-0x1.8p0, {0x1p537, 0x1p-537}) == -0x1.8p-1074 * 1.0);
    CHECK(clip_one(1.0, {0x1p600, 0x1p-600}) == 0.0);
    // A norm that is not that of the elements makes no infinity either.
    CHECK(clip_one(largest, {0x1p-50, from_bits<double>(1)}) ==
          static_cast<double>(largest * 0x1p-537 * 0x1p-487));
    CHECK(clip_one(largest, {0x1p-48, from_bits<double>(5)}) ==
          static_cast<double>(largest * 0x1p-1000 * 0x1.4p-24));
    CHECK(clip_one(largest, {from_bits<double>(2), from_bits<double>(1)}) == largest / 2);
    CHECK(clip_one(largest, {from_bits<double>(2), 0.0}) == 0.0);
}

TEMPLATE_TEST_CASE("a quotient beyond the range multiplies all elements, and none behind them",
                   "[clip][bits]", float, double, Float16, Bfloat16) {
    using F = Format<TestType>;
    const Norms norms = {0x1p1000, std::is_same_v<TestType, double> ? 0x1p-170 : 0x1p870};
    std::vector<TestType> x(5, from_bits<TestType>(F::infinity - 1)); // the largest
    x[1] = from_bits<TestType>(F::infinity);
    x[2] = from_bits<TestType>(F::infinity - 2);
    std::vector<TestType> expected;
    for (const TestType element : x) {
        expected.push_back(clip_one(element, norms));
    }
    expected.back() = from_bits<TestType>(F::one);
    std::vector<TestType> out(5, from_bits<TestType>(F::one));
    l1l2_term term = term_of(x, out);
    term.n = 4;
    Runner none("none", nullptr);
    CHECK(clip({term}, norms, none) == Outcome{L1L2_OK, 1});
    CHECK(difference(out, expected) == "");
}

TEST_CASE("far quotients round as if a double had any exponent", "[clip][bits]") {
    std::mt19937_64 random(1);
    for (int i = 0; i < 2000; ++i) {
        // Both norms and x, scaled by powers of two into the middle of the range and back.
        const double x = std::ldexp(1.0 + static_cast<double>(random() >> 12) * 0x1p-52,
                                    1000 - static_cast<int>(random() % 40));
        const double norm = std::ldexp(1.0 + static_cast<double>(random() >> 12) * 0x1p-52, 1001);
        const double max_norm = std::ldexp(1.0 + static_cast<double>(random() >> 12) * 0x1p-52,
                                           -30 - static_cast<int>(random() % 1000));
        const double quotient = std::ldexp(max_norm, 700) / std::ldexp(norm, -1000);
        const double expected = std::ldexp(std::ldexp(x, -1000) * quotient, -700);
        CHECK(to_bits(clip_one(x, {norm, max_norm})) == to_bits(expected));
    }
}

TEST_CASE("terms are clipped as single arrays are, on every runner", "[clip][terms][bits]") {
    const Handle handle(both);
    Model model = some_model(handle, handle, handle);
    for (std::size_t i = 0; i < 300; ++i) {
        add_array(model, i, i % 50, handle);
    }
    add_array(model, 0, 300007, handle);
    add_array(model, 1, 300007, handle);
    for (const Norms norms : {Norms{3.0, 1.0}, Norms{1.0, 3.0}, Norms{1e300, 1e-300}}) {
        Runner none("none", nullptr);
        Model expected = model;
        for (const l1l2_term& term : expected.terms()) {
            REQUIRE(clip({term}, norms, none) == Outcome{L1L2_OK, 1});
        }
        for (Runner& runner : willing_runners()) {
            INFO(runner.name());
            Model computed = model;
            std::vector<l1l2_term> terms = computed.terms();
            CHECK(clip(terms, norms, runner) == Outcome{L1L2_OK, terms.size()});
            CHECK((computed == expected));
            Model in_place = model;
            terms = in_place.terms();
            // What a clip ignores may be anything.
            void* const nowhere = reinterpret_cast<void*>(8);
            for (l1l2_term& term : terms) {
                term.out = const_cast<void*>(term.x);
                term.regularizer = static_cast<const l1l2_regularizer*>(nowhere);
                term.gradient = term.n % 2 == 0 ? nowhere : term.out;
                term.steps = term.gradient;
            }
            CHECK(clip(terms, norms, runner) == Outcome{L1L2_OK, terms.size()});
            bool same = true;
            for (std::size_t i = 0; i < model.size(); ++i) {
                same = same && in_place.arrays[i].x == expected.arrays[i].out;
            }
            CHECK(same);
        }
    }
}

TEST_CASE("of a clip the norms are checked first, then terms in order, and nothing is written",
          "[clip][terms]") {
    Runner runner("in a row", in_a_row);
    const std::vector<float> x = {1.0F, 2.0F};
    std::vector<float> out = {7.0F, 7.0F, 7.0F};
    const l1l2_term good = term_of(x, out);
    l1l2_term no_dtype = good;
    no_dtype.dtype = 9;
    l1l2_term no_out = good;
    no_out.out = nullptr;
    l1l2_term over = good;
    over.out = const_cast<float*>(x.data() + 1);
    l1l2_term reserved = good;
    reserved.reserved = 1;
    l1l2_term empty = {};
    empty.dtype = L1L2_FLOAT64;
    const double bad[] = {-1.0, infinity, -infinity, not_a_number, -from_bits<double>(1)};
    for (const double norm : bad) {
        for (const Norms norms : {Norms{norm, 1.0}, Norms{1.0, norm}}) {
            CHECK(clip({good, no_dtype}, norms, runner) == Outcome{L1L2_ERROR_INVALID_NORM, 2});
            CHECK(clip({}, norms, runner) == Outcome{L1L2_ERROR_INVALID_NORM, 0});
        }
    }
    for (const Norms norms : {Norms{2.0, 1.0}, Norms{1.0, 2.0}}) {
        CHECK(clip({good, no_dtype}, norms, runner) == Outcome{L1L2_ERROR_UNSUPPORTED_DTYPE, 1});
        CHECK(clip({good, no_out}, norms, runner) == Outcome{L1L2_ERROR_INVALID_ARGUMENT, 1});
        CHECK(clip({over, good}, norms, runner) == Outcome{L1L2_ERROR_OVERLAP, 0});
        CHECK(clip({reserved}, norms, runner) == Outcome{L1L2_ERROR_INVALID_ARGUMENT, 0});
        CHECK(out == std::vector<float>{7.0F, 7.0F, 7.0F});
        CHECK(runner.calls == 0);
        Runner none("none", nullptr);
        CHECK(clip({empty}, norms, none) == Outcome{L1L2_OK, 1});
        CHECK(clip({}, norms, runner) == Outcome{L1L2_OK, 0});
    }
    Runner failing("fails", [](l1l2_task, void*, std::size_t) { return 1; });
    CHECK(clip({good}, {2.0, 1.0}, failing) == Outcome{L1L2_ERROR_RUNNER_FAILED, 1});
    CHECK(l1l2_clip_by_norm_terms(nullptr, sizeof(l1l2_term), 1, 1.0, 1.0, nullptr, nullptr,
                                  nullptr) == L1L2_ERROR_INVALID_ARGUMENT);
}
