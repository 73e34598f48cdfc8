/// Large tensors are cut into tasks, small ones share a task.
#include "catch.hpp"
#include "model.hpp"

using namespace training;
using namespace terms_tests;

namespace {

/// What compute_shared found.
struct SharedOutcome {
    std::string mistake; ///< empty if there is none
    std::size_t runs;    ///< of the runner, for one call
    std::size_t most_tasks;
};

/// Calls the three functions with float16 terms of the first sizes[i] elements of one array, with a
/// sequential runner and on threads. Every third term has no gradient.
SharedOutcome compute_shared(const std::vector<std::size_t>& sizes) {
    const double scale = -0.5;
    const double step = 0.25;
    const Handle handle(both);
    const std::size_t most = *std::max_element(sizes.begin(), sizes.end());
    const std::vector<Float16> x = many_elements<Float16>(most, ordinary<Float16>, 1);
    std::vector<Float16> expected_gradient(most, Float16{0});
    std::vector<Float16> expected_out(most);
    l1l2_add_gradient(handle.get(), L1L2_FLOAT16, x.data(), most, scale, expected_gradient.data(),
                      nullptr);
    l1l2_prox(handle.get(), L1L2_FLOAT16, x.data(), most, step, expected_out.data());
    std::vector<double> expected_penalties;
    std::size_t all = 0;
    for (const std::size_t n : sizes) {
        double penalty = untouched;
        l1l2_penalty(handle.get(), L1L2_FLOAT16, x.data(), n, &penalty);
        expected_penalties.push_back(penalty);
        all += n;
    }
    const std::uint64_t expected_total = to_bits(sum_in_order(expected_penalties));
    SharedOutcome outcome = {"", 0, 0};
    for (Runner runner : {Runner("in a row", in_a_row), Runner("3 threads", on_threads(3))}) {
        std::vector<Float16> gradients(all, Float16{0});
        std::vector<Float16> outs(all, Float16{0});
        std::vector<l1l2_term> terms(sizes.size());
        std::size_t used = 0;
        for (std::size_t i = 0; i < terms.size(); ++i) {
            terms[i] = {};
            terms[i].regularizer = handle.get();
            terms[i].x = x.data();
            terms[i].n = sizes[i];
            terms[i].gradient = i % 3 == 2 ? nullptr : gradients.data() + used;
            terms[i].out = outs.data() + used;
            terms[i].dtype = L1L2_FLOAT16;
            used += sizes[i];
        }
        const auto call_of = [&](Function function, double factor) {
            std::vector<double> penalties(terms.size(), untouched);
            double total = untouched;
            runner.calls = 0;
            if (call(function, terms, factor, runner, penalties.data(), &total, nullptr) !=
                L1L2_OK) {
                outcome.mistake = "a status";
            } else if (has_penalties(function) &&
                       (!difference(penalties, expected_penalties).empty() ||
                        to_bits(total) != expected_total)) {
                outcome.mistake = "penalties or total";
            }
            outcome.runs = runner.calls;
            outcome.most_tasks = std::max(outcome.most_tasks, runner.last_count);
        };
        call_of(Function::penalty, 1.0);
        call_of(Function::gradient, scale);
        call_of(Function::prox, step);
        for (const l1l2_term& term : terms) {
            const std::size_t bytes = term.n * sizeof(Float16);
            if ((term.gradient != nullptr &&
                 std::memcmp(term.gradient, expected_gradient.data(), bytes) != 0) ||
                std::memcmp(term.out, expected_out.data(), bytes) != 0) {
                outcome.mistake = "arrays";
            }
        }
        if (!outcome.mistake.empty()) {
            outcome.mistake += ", runner: " + runner.name();
            break;
        }
    }
    return outcome;
}

} // namespace

TEST_CASE("a large tensor has the same bits with and without a runner", "[terms]") {
    const Handle handle(both);
    std::size_t number = 0;
    for (const std::size_t n : {(1U << 20U) - 1U, 1U << 20U, (1U << 20U) + 1U, 4096U * 300U,
                                4096U * 511U + 17U, (1U << 21U) + 4096U, 2500001U, 3000000U}) {
        Model model;
        add_array(model, number++, n, handle);
        INFO("n = " << n);
        CHECK(mistake(model) == "");
    }
}

TEST_CASE("a tensor of any number of blocks has the same bits with and without a runner",
          "[terms]") {
    const Handle handle(both);
    for (std::size_t blocks = 1; blocks <= 256; blocks = blocks < 20 ? blocks + 1 : blocks * 2) {
        for (const std::size_t n : {4096 * blocks - 1, 4096 * blocks, 4096 * blocks + 1}) {
            Model model;
            add_array(model, blocks + n, n, handle);
            INFO(blocks << " blocks");
            CHECK(mistake(model, {{"none", nullptr},
                                  {"backwards", backwards},
                                  {"3 threads", on_threads(3)}}) == "");
        }
    }
}

TEST_CASE("a tensor that needs larger tasks than the smallest has the bits of one call",
          "[terms]") {
    const SharedOutcome large = compute_shared({(1 << 24) + 4097});
    CHECK(large.mistake == "");
    CHECK(large.runs == 1);
    CHECK(large.most_tasks <= 256);
}

TEST_CASE("more large tensors than fit one run have the bits of single calls", "[terms]") {
    std::vector<std::size_t> sizes(41, 1000000);
    sizes[0] = 10; // so that the tasks of the others do not fill a run exactly
    const SharedOutcome many = compute_shared(sizes);
    CHECK(many.mistake == "");
    CHECK(many.runs > 1);
}

TEST_CASE("more medium tensors than fit one run have the bits of single calls", "[terms]") {
    const SharedOutcome many = compute_shared(std::vector<std::size_t>(300, 70000));
    CHECK(many.mistake == "");
    CHECK(many.runs > 1);
}

TEST_CASE("thousands of small tensors have the bits of single calls", "[terms]") {
    const Handle first(both);
    const Handle second(l1_only);
    Model model;
    for (std::size_t i = 0; i < 5000; ++i) {
        add_array(model, i, (i * 7919) % 200, i % 3 == 0 ? first : second, i % 7 != 0);
    }
    CHECK(mistake(model) == "");
}

TEST_CASE("small and large tensors in any mixture have the bits of single calls", "[terms]") {
    const Handle handle(both);
    const Handle other(l2_only);
    const auto mixture = [&](std::size_t large) {
        Model model;
        for (std::size_t i = 0; i < 300; ++i) {
            const std::size_t n = i == large ? 1000003 : i % 50 == 7 ? 20000 + i : i % 90;
            add_array(model, i, n, i % 2 == 0 ? handle : other);
        }
        return model;
    };
    CHECK(mistake(mixture(0)) == "");
    CHECK(mistake(mixture(150)) == "");
    CHECK(mistake(mixture(299)) == "");
}

TEST_CASE("large tensors are cut into tasks for a runner and small ones share one", "[terms]") {
    const Handle handle(both);
    const auto tasks = [](Model model) {
        Runner runner("in a row", in_a_row);
        const std::vector<l1l2_term> terms = model.terms();
        CHECK(l1l2_add_gradient_terms(terms.data(), sizeof(l1l2_term), terms.size(), 1.0,
                                      runner.function(), runner.state(), nullptr, nullptr,
                                      nullptr) == L1L2_OK);
        return runner.last_count;
    };
    Model large;
    add_array(large, 0, 3000000, handle);
    CHECK(tasks(large) > 1);
    Model small;
    for (std::size_t i = 0; i < 8000; ++i) {
        add_array(small, i, 8, handle);
    }
    CHECK(tasks(small) < small.size() / 8);
}
