/// Terms in any floating-point environment of the caller and of a runner's threads.
#include "accumulator.hpp"
#include "catch.hpp"
#include "model.hpp"

#include <array>
#include <deque>
#include <thread>

using namespace training;
using namespace terms_tests;

namespace {

/// The rounding mode, the unmasked exceptions and, on x86, MXCSR without exception flags.
using Environment = std::array<unsigned, 3>;

Environment environment() {
    Environment environment = {static_cast<unsigned>(std::fegetround())};
#if defined(__GLIBC__)
    environment[1] = static_cast<unsigned>(fegetexcept());
#endif
#if defined(__x86_64__) || defined(__SSE2__)
    environment[2] = _mm_getcsr() & ~0x003FU;
#endif
    return environment;
}

} // namespace

TEST_CASE("the floating-point environment of the caller changes no bit and is restored",
          "[terms]") {
    const Handle handle({0.01, 1e-3});
    const Handle without_l1({0.0, 0.45}); // with scale 1 the factor is 0.9
    Model model;
    add_array(model, 2, 150001, handle); // is cut into tasks
    for (std::size_t i = 0; i < 40; ++i) {
        add_array(model, i, 900 + i, handle);
    }
    add_subnormals<float>(model, 5000, without_l1);
    add_subnormals<Bfloat16>(model, 77, without_l1);
    add_subnormals<double>(model, 4097, without_l1);
    add_subnormals<double>(model, 4097, handle);
    for (Runner& runner : std::deque<Runner>{{"none", nullptr}, {"in a row", in_a_row}}) {
        struct Results {
            std::vector<Model> after_each;
            std::vector<double> penalties;
            exact::Accumulator sums;
            std::vector<l1l2_status> statuses;
        };
        const auto compute = [&] {
            Results results = {{}, std::vector<double>(2 * model.size() + 2, untouched), {}, {}};
            Model computed = model;
            const std::vector<l1l2_term> terms = computed.terms();
            double* const penalties = results.penalties.data();
            for (const Function function : functions) {
                double* const to = penalties + (function == Function::penalty ? 0 : terms.size());
                double* const total = penalties + 2 * terms.size() + (to == penalties ? 0 : 1);
                results.statuses.push_back(call(function, terms,
                                                function == Function::gradient ? 1.0 : 0.7, runner,
                                                to, total, nullptr));
                results.after_each.push_back(computed);
            }
            results.statuses.push_back(
                l1l2_clip_by_norm_terms(terms.data(), sizeof terms[0], terms.size(), 3.0, 0.7,
                                        runner.function(), runner.state(), nullptr));
            results.after_each.push_back(computed);
            results.statuses.push_back(l1l2_exact_sums_add_terms(
                results.sums.data(), terms.data(), sizeof terms[0], terms.size(), runner.function(),
                runner.state(), nullptr));
            return results;
        };
        const Results expected = compute();
        CHECK(expected.statuses == std::vector<l1l2_status>(std::size(functions) + 2, L1L2_OK));
        std::vector<Results> all;
        CHECK(in_hostile_environments([&] { all.push_back(compute()); }));
        INFO(runner.name());
        for (const Results& results : all) {
            CHECK((results.after_each == expected.after_each));
            CHECK(exact::difference(results.sums, expected.sums) == "");
            CHECK(difference(results.penalties, expected.penalties) == "");
            CHECK(results.statuses == expected.statuses);
        }
    }
}

TEST_CASE("a runner is called in the floating-point environment of the caller", "[terms]") {
    const Handle handle(both);
    Model model;
    add_array(model, 4, 150001, handle); // without steps: one run of each function
    const std::vector<l1l2_term> terms = model.terms();
    for (const Function function : functions) {
        std::vector<Environment> before;
        std::vector<Environment> within;
        std::vector<l1l2_status> statuses;
        CHECK(in_hostile_environments([&] {
            Runner runner("in a row", [&](l1l2_task task, void* work, std::size_t count) {
                within.push_back(environment());
                in_a_row(task, work, count);
                within.push_back(environment());
                return 0;
            });
            before.insert(before.end(), 2, environment());
            statuses.push_back(call(function, terms, 0.5, runner, nullptr, nullptr, nullptr));
        }));
        CHECK(statuses == std::vector<l1l2_status>(statuses.size(), L1L2_OK));
        // All differ from the default, except perhaps the last six, on a CPU that cannot trap.
#if defined(__GLIBC__)
        constexpr int unsure = 2 * 6;
#else
        constexpr int unsure = 0;
#endif
        CHECK(std::count(before.begin(), before.end() - unsure, environment()) == 0);
        CHECK(within == before);
    }
}

TEST_CASE("which scales and steps are refused for terms does not depend on the floating-point "
          "environment",
          "[terms]") {
    // Rounded upwards, the first would be infinite in float32; rounded towards zero, the second
    // would not. With denormals as zeros the third would be a valid step. Comparing the last one
    // traps.
    const double factors[] = {0x1.fffffefffffffp127, 0x1.ffffffp127, -5e-324,
                              from_bits<double>(0x7ff0000000000001)};
    constexpr l1l2_status scale = L1L2_ERROR_INVALID_SCALE;
    constexpr l1l2_status step = L1L2_ERROR_INVALID_STEP;
    const std::vector<Outcome> of_a_term = {{L1L2_OK, 1}, {L1L2_OK, 1}, {scale, 0}, {step, 0},
                                            {L1L2_OK, 1}, {step, 1},    {scale, 1}, {step, 1}};
    const std::vector<Outcome> of_none = {{L1L2_OK, 0}, {L1L2_OK, 0}, {L1L2_OK, 0}, {L1L2_OK, 0},
                                          {L1L2_OK, 0}, {step, 0},    {scale, 0},   {step, 0}};
    const Handle handle({1.0, 0.0});
    Model model;
    model.add(elements<float>({1.0}), elements<float>({0.0}), handle);
    const auto outcomes_of = [&](const std::vector<l1l2_term>& terms) {
        Runner runner("none", nullptr);
        std::vector<Outcome> outcomes;
        for (const double& factor : factors) {
            for (const Function function : {Function::gradient, Function::prox}) {
                std::size_t faulty = 77;
                const l1l2_status status =
                    call(function, terms, factor, runner, nullptr, nullptr, &faulty);
                outcomes.push_back({status, faulty});
            }
        }
        return outcomes;
    };
    const std::vector<l1l2_term> terms = model.terms();
    std::vector<std::vector<Outcome>> all;
    const auto add = [&] {
        all.push_back(outcomes_of(terms));
        all.push_back(outcomes_of({}));
    };
    add();
    CHECK(in_hostile_environments(add));
    for (std::size_t i = 0; i < all.size(); i += 2) {
        CHECK(all[i] == of_a_term);
        CHECK(all[i + 1] == of_none);
    }
}

TEST_CASE("the environment of a runner's threads changes no bit and is restored", "[terms]") {
    const Handle first({0.01, 1e-3});
    const Handle second({0.0, 0.9}); // with the scale of mistake(), b is -0.9
    Model model;
    for (const std::size_t n : {5000U, 1000003U, 77U, 4097U}) {
        add_array(model, n, n, first);
    }
    add_subnormals<float>(model, 5000, second);
    add_subnormals<Bfloat16>(model, 150000, second);
    add_subnormals<double>(model, 4097, second);
    std::size_t environments = 0;
    in_hostile_environments([&] { ++environments; });
    CHECK(environments >= 3);
    for (std::size_t chosen = 0; chosen < environments; ++chosen) {
        INFO("environment " << chosen);
        bool restored = true;
        std::size_t tasks = 0;
        const auto hostile = [&](l1l2_task task, void* work, std::size_t count) {
            std::thread other([&] {
                std::size_t number = 0;
                const bool as_before = in_hostile_environments([&] {
                    if (number++ == chosen) {
                        in_a_row(task, work, count);
                        tasks += count;
                    }
                });
                restored = restored && as_before;
            });
            other.join();
            return 0;
        };
        CHECK(mistake(model, {{"in a hostile environment", hostile}}) == "");
        CHECK(restored);
        CHECK(tasks > 0);
    }
}
