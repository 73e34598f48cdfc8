/// Many tensors in one call: the bits of single calls, whatever the runner does.
#include "catch.hpp"
#include "guarded_pages.hpp"
#include "model.hpp"

#include <atomic>
#include <deque>
#include <thread>

using namespace training;
using namespace terms_tests;

TEST_CASE("all terms have the bits of single calls, with every runner", "[terms][bits]") {
    const Handle first(both);
    const Handle second(l1_only);
    const Handle third(l2_only);
    CHECK(mistake(some_model(first, second, third)) == "");
    const Handle zero(neither);
    CHECK(mistake(some_model(zero, first, zero)) == "");
    CHECK(mistake(some_model(zero, zero, zero)) == "");
}

TEST_CASE("small terms have the bits of single calls, whatever stands beside them",
          "[terms][bits]") {
    // add_array() makes one element type of each fourth number.
    const Handle handles[] = {Handle(both), Handle(neither), Handle(l1_only), Handle(l2_only)};
    for (std::size_t dtype = 0; dtype < 4; ++dtype) {
        for (const Handle& handle : handles) {
            // Groups of 32 alike terms are computed together, and so are the last ones. One group
            // has another dtype, one another regularizer, and one a term of two blocks.
            for (const std::size_t last : {0U, 1U, 2U, 31U}) {
                Model model;
                for (std::size_t i = 0; i < 5 * 32 + last; ++i) {
                    const std::size_t n = i == 100 ? 4097 : i == 20 ? 4096 : 3 * (i % 32);
                    add_array(model, 4 * i + (dtype + (i == 40 ? 1U : 0U)) % 4, n,
                              i == 70 ? handles[0] : handle);
                }
                INFO("dtype " << dtype << ", " << last << " after the last group");
                CHECK(mistake(model, {{"none", nullptr}, {"backwards", backwards}}) == "");
            }
        }
    }
}

TEST_CASE("with both coefficients 0 the gradients of terms are unchanged, with every runner",
          "[terms][bits]") {
    const Handle zero(neither);
    const Model before = some_model(zero, zero, zero);
    for (Runner& runner : willing_runners()) {
        INFO(runner.name());
        Model computed = before;
        const std::vector<l1l2_term> terms = computed.terms();
        double total = untouched;
        CHECK(l1l2_add_gradient_terms(terms.data(), sizeof(l1l2_term), terms.size(), 2.0,
                                      runner.function(), runner.state(), nullptr, &total,
                                      nullptr) == L1L2_OK);
        CHECK(to_bits(total) == to_bits(0.0));
        CHECK((computed == before));
    }
}

TEST_CASE("a prox may be written over its tensor, with every runner", "[terms][bits]") {
    const Handle handle(both);
    Model model;
    for (const std::size_t n : {3U, 1000003U, 0U, 4097U, 100U}) {
        add_array(model, n, n, handle);
    }
    Model expected = model;
    expected.prox_one_at_a_time(0.25);
    for (Runner& runner : willing_runners()) {
        Model computed = model;
        std::vector<l1l2_term> terms = computed.terms();
        for (std::size_t i = 0; i < terms.size(); ++i) {
            terms[i].out = computed.arrays[i].x.data();
        }
        CHECK(l1l2_prox_terms(terms.data(), sizeof(l1l2_term), terms.size(), 0.25,
                              runner.function(), runner.state(), nullptr) == L1L2_OK);
        INFO(runner.name());
        for (std::size_t i = 0; i < terms.size(); ++i) {
            CHECK((computed.arrays[i].x == expected.arrays[i].out));
        }
    }
}

TEST_CASE("the arrays of terms may be at any address", "[terms][bits]") {
    const Handle handle(both);
    const std::vector<float> x = rough_elements<float>(100003, 1);
    const std::vector<float> before = rough_elements<float>(x.size(), 2);
    for (Runner& runner : willing_runners()) {
        INFO(runner.name());
        Placed<float> placed_x(x, 3);
        Placed<float> gradient(before, 6);
        Placed<float> out(before, 9);
        l1l2_term term = {};
        term.regularizer = handle.get();
        term.x = placed_x.data();
        term.n = x.size();
        term.gradient = gradient.data();
        term.out = out.data();
        term.dtype = L1L2_FLOAT32;
        CHECK(l1l2_add_gradient_terms(&term, sizeof term, 1, 3.0, runner.function(), runner.state(),
                                      nullptr, nullptr, nullptr) == L1L2_OK);
        CHECK(l1l2_prox_terms(&term, sizeof term, 1, 3.0, runner.function(), runner.state(),
                              nullptr) == L1L2_OK);
        CHECK(difference(gradient.values(), specified_gradient(both, x, 3.0, before)) == "");
        CHECK(difference(out.values(), specified_prox(both, x, 3.0)) == "");
        CHECK(gradient.surroundings_intact());
        CHECK(out.surroundings_intact());
    }
}

TEST_CASE("no byte behind the last term is read", "[terms]") {
    const Handle handle(both);
    const GuardedPages pages(4);
    std::int64_t sums[L1L2_EXACT_SUMS_LENGTH] = {};
    // Terms are read one by one or 32 at a time, and 64 are one task.
    for (const std::size_t count : {1U, 31U, 32U, 33U, 64U, 96U, 128U}) {
        Model model;
        for (std::size_t i = 0; i < count; ++i) {
            add_array(model, 0, 5, handle);
        }
        const std::vector<l1l2_term> terms = model.terms();
        l1l2_term* const at_end = reinterpret_cast<l1l2_term*>(pages.end()) - count;
        std::copy(terms.begin(), terms.end(), at_end);
        for (Runner& runner : willing_runners()) {
            INFO(count << " terms, " << runner.name());
            CHECK(l1l2_penalty_terms(at_end, sizeof *at_end, count, runner.function(),
                                     runner.state(), nullptr, nullptr, nullptr) == L1L2_OK);
            CHECK(l1l2_add_gradient_terms(at_end, sizeof *at_end, count, 3.0, runner.function(),
                                          runner.state(), nullptr, nullptr, nullptr) == L1L2_OK);
            CHECK(l1l2_prox_terms(at_end, sizeof *at_end, count, 3.0, runner.function(),
                                  runner.state(), nullptr) == L1L2_OK);
            CHECK(l1l2_prox_step_terms(at_end, sizeof *at_end, count, 3.0, runner.function(),
                                       runner.state(), nullptr) == L1L2_OK);
            CHECK(l1l2_clip_by_norm_terms(at_end, sizeof *at_end, count, 2.0, 1.0,
                                          runner.function(), runner.state(), nullptr) == L1L2_OK);
            CHECK(l1l2_exact_sums_add_terms(sums, at_end, sizeof *at_end, count, runner.function(),
                                            runner.state(), nullptr) == L1L2_OK);
        }
    }
}

TEST_CASE("the total adds the penalties in their order", "[terms]") {
    // Another order gives other bits.
    const Handle handle({1.0, 0.0});
    std::vector<double> x = {0x1p53, 1.0, 1.0, 1.0, 0x1p-30};
    std::vector<l1l2_term> terms(x.size());
    const auto total_of = [&] {
        for (std::size_t i = 0; i < x.size(); ++i) {
            terms[i] = {};
            terms[i].regularizer = handle.get();
            terms[i].x = &x[i];
            terms[i].n = 1;
            terms[i].dtype = L1L2_FLOAT64;
        }
        double total = untouched;
        CHECK(l1l2_penalty_terms(terms.data(), sizeof(l1l2_term), terms.size(), nullptr, nullptr,
                                 nullptr, &total, nullptr) == L1L2_OK);
        return total;
    };
    CHECK(total_of() == 0x1p53);
    std::reverse(x.begin(), x.end());
    CHECK(total_of() == 0x1p53 + 4.0);
    // In order, not as a tree: (1e16 + 1) + 1 is 1e16, but 1e16 + (1 + 1) is 1e16 + 2.
    x = {1e16, 1.0, 1.0, 1.0};
    terms.resize(4);
    CHECK(total_of() == 1e16);
}

TEST_CASE("no terms have a total of 0", "[terms]") {
    const l1l2_term term = {};
    for (const l1l2_term* const terms : {static_cast<const l1l2_term*>(nullptr), &term}) {
        Runner runner("in a row", in_a_row);
        double total = untouched;
        double penalty = untouched;
        std::size_t faulty = 77;
        CHECK(l1l2_penalty_terms(terms, sizeof(l1l2_term), 0, runner.function(), runner.state(),
                                 &penalty, &total, &faulty) == L1L2_OK);
        CHECK(to_bits(total) == to_bits(0.0));
        CHECK(faulty == 0);
        total = untouched;
        faulty = 77;
        CHECK(l1l2_add_gradient_terms(terms, sizeof(l1l2_term), 0, 1.0, runner.function(),
                                      runner.state(), &penalty, &total, &faulty) == L1L2_OK);
        CHECK(to_bits(total) == to_bits(0.0));
        CHECK(faulty == 0);
        faulty = 77;
        CHECK(l1l2_prox_terms(terms, sizeof(l1l2_term), 0, 1.0, runner.function(), runner.state(),
                              &faulty) == L1L2_OK);
        CHECK(faulty == 0);
        CHECK(penalty == untouched);
        CHECK((runner.calls == 0 || runner.least_count > 0));
        CHECK(l1l2_penalty_terms(terms, sizeof(l1l2_term), 0, nullptr, nullptr, nullptr, nullptr,
                                 nullptr) == L1L2_OK);
    }
}

TEST_CASE("terms without elements need no arrays and have a penalty of 0", "[terms]") {
    const Handle handle;
    std::vector<l1l2_term> terms(3);
    for (l1l2_term& term : terms) {
        term = {};
        term.regularizer = handle.get();
        term.dtype = L1L2_BFLOAT16;
    }
    for (Runner& runner : willing_runners()) {
        double penalties[] = {untouched, untouched, untouched};
        double total = untouched;
        CHECK(l1l2_penalty_terms(terms.data(), sizeof(l1l2_term), 3, runner.function(),
                                 runner.state(), penalties, &total, nullptr) == L1L2_OK);
        CHECK(l1l2_add_gradient_terms(terms.data(), sizeof(l1l2_term), 3, 1.0, runner.function(),
                                      runner.state(), penalties, &total, nullptr) == L1L2_OK);
        CHECK(l1l2_prox_terms(terms.data(), sizeof(l1l2_term), 3, 1.0, runner.function(),
                              runner.state(), nullptr) == L1L2_OK);
        for (const double penalty : penalties) {
            CHECK(to_bits(penalty) == to_bits(0.0));
        }
        CHECK(to_bits(total) == to_bits(0.0));
    }
}

TEST_CASE("penalties, total and faulty may each be NULL", "[terms]") {
    const Handle first(both);
    const Handle second(l1_only);
    const Handle third(l2_only);
    const Model model = some_model(first, second, third);
    const std::vector<double> expected_penalties = model.penalties();
    Model expected = model;
    expected.add_gradients_one_at_a_time(2.0);
    Model expected_proxes = model;
    expected_proxes.prox_one_at_a_time(2.0);
    Model expected_steps = model;
    expected_steps.prox_step_one_at_a_time(2.0);
    for (unsigned wanted = 0; wanted < 8; ++wanted) {
        for (const Function function : functions) {
            INFO("wanted: " << wanted << ", function " << static_cast<int>(function));
            Model computed = model;
            const std::vector<l1l2_term> terms = computed.terms();
            std::vector<double> penalties(terms.size(), untouched);
            double total = untouched;
            std::size_t faulty = 77;
            double* const to_penalties = wanted % 2 != 0 ? penalties.data() : nullptr;
            double* const to_total = wanted / 2 % 2 != 0 ? &total : nullptr;
            std::size_t* const to_faulty = wanted / 4 != 0 ? &faulty : nullptr;
            if (function == Function::prox_step) {
                CHECK(l1l2_prox_step_terms(terms.data(), sizeof(l1l2_term), terms.size(), 2.0,
                                           nullptr, nullptr, to_faulty) == L1L2_OK);
                CHECK((computed == expected_steps));
            } else if (function == Function::prox) {
                CHECK(l1l2_prox_terms(terms.data(), sizeof(l1l2_term), terms.size(), 2.0, nullptr,
                                      nullptr, to_faulty) == L1L2_OK);
                CHECK((computed == expected_proxes));
            } else if (function == Function::gradient) {
                CHECK(l1l2_add_gradient_terms(terms.data(), sizeof(l1l2_term), terms.size(), 2.0,
                                              nullptr, nullptr, to_penalties, to_total,
                                              to_faulty) == L1L2_OK);
                CHECK((computed == expected));
            } else {
                CHECK(l1l2_penalty_terms(terms.data(), sizeof(l1l2_term), terms.size(), nullptr,
                                         nullptr, to_penalties, to_total, to_faulty) == L1L2_OK);
                CHECK((computed == model));
            }
            if (has_penalties(function) && to_penalties != nullptr) {
                CHECK(difference(penalties, expected_penalties) == "");
            }
            if (has_penalties(function) && to_total != nullptr) {
                CHECK(to_bits(total) == to_bits(sum_in_order(expected_penalties)));
            }
            CHECK(faulty == (to_faulty == nullptr ? 77 : terms.size()));
        }
    }
}

TEST_CASE("the penalties show which tensor has a NaN", "[terms]") {
    const Handle handle(both);
    for (const std::size_t bad : {0U, 5U, 9U}) {
        Model model;
        for (std::size_t i = 0; i < 10; ++i) {
            std::vector<float> x = ordinary_elements<float>(5000 * i + 10, 1);
            if (i == bad) {
                x[x.size() / 2] = from_bits<float>(0xffc12345);
            }
            model.add(x, x, handle);
        }
        const std::vector<l1l2_term> terms = model.terms();
        for (Runner& runner : willing_runners()) {
            std::vector<double> penalties(terms.size(), untouched);
            double total = untouched;
            CHECK(l1l2_penalty_terms(terms.data(), sizeof(l1l2_term), terms.size(),
                                     runner.function(), runner.state(), penalties.data(), &total,
                                     nullptr) == L1L2_OK);
            for (std::size_t i = 0; i < penalties.size(); ++i) {
                CHECK(is_nan(penalties[i]) == (i == bad));
            }
            CHECK(to_bits(penalties[bad]) == quiet_nan);
            CHECK(to_bits(total) == quiet_nan);
        }
    }
}

TEST_CASE("terms may read the same elements", "[terms]") {
    const Handle first(both);
    const Handle second(l2_only);
    const std::vector<float> x = ordinary_elements<float>(100000, 1);
    std::vector<std::vector<float>> gradients(20, ordinary_elements<float>(x.size(), 2));
    const std::vector<float> before = gradients[0];
    std::vector<l1l2_term> terms(gradients.size());
    for (std::size_t i = 0; i < terms.size(); ++i) {
        terms[i] = {};
        terms[i].regularizer = (i % 2 == 0 ? first : second).get();
        terms[i].x = x.data();
        terms[i].n = x.size();
        terms[i].gradient = gradients[i].data();
        terms[i].dtype = L1L2_FLOAT32;
    }
    Runner runner("3 threads", on_threads(3));
    CHECK(l1l2_add_gradient_terms(terms.data(), sizeof(l1l2_term), terms.size(), 1.0,
                                  runner.function(), runner.state(), nullptr, nullptr,
                                  nullptr) == L1L2_OK);
    const std::vector<float> expected[] = {specified_gradient(both, x, 1.0, before),
                                           specified_gradient(l2_only, x, 1.0, before)};
    for (std::size_t i = 0; i < terms.size(); ++i) {
        CHECK(difference(gradients[i], expected[i % 2]) == "");
    }
}

TEST_CASE("each function reads only its own fields of a term", "[terms]") {
    const Handle handle(both);
    Model model;
    add_array(model, 0, 100, handle);
    // What another function would refuse: an output that overlaps x.
    void* const inside = model.arrays[0].x.data() + 4;
    std::vector<l1l2_term> terms = model.terms();
    terms[0].gradient = inside;
    terms[0].out = inside;
    const std::vector<unsigned char> x = model.arrays[0].x;
    double total = untouched;
    CHECK(l1l2_penalty_terms(terms.data(), sizeof(l1l2_term), 1, nullptr, nullptr, nullptr, &total,
                             nullptr) == L1L2_OK);
    terms[0].gradient = model.arrays[0].gradient.data();
    CHECK(l1l2_add_gradient_terms(terms.data(), sizeof(l1l2_term), 1, 1.0, nullptr, nullptr,
                                  nullptr, nullptr, nullptr) == L1L2_OK);
    terms[0].gradient = inside;
    terms[0].out = model.arrays[0].out.data();
    CHECK(l1l2_prox_terms(terms.data(), sizeof(l1l2_term), 1, 1.0, nullptr, nullptr, nullptr) ==
          L1L2_OK);
    terms[0].gradient = nullptr;
    terms[0].out = nullptr;
    CHECK(l1l2_penalty_terms(terms.data(), sizeof(l1l2_term), 1, nullptr, nullptr, nullptr, &total,
                             nullptr) == L1L2_OK);
    CHECK(l1l2_add_gradient_terms(terms.data(), sizeof(l1l2_term), 1, 1.0, nullptr, nullptr,
                                  nullptr, &total, nullptr) == L1L2_OK);
    CHECK((model.arrays[0].x == x));
}

TEST_CASE("a runner that fails or leaves out a task is reported", "[terms]") {
    std::deque<Runner> unwilling = {
        {"fails at once", [](l1l2_task, void*, std::size_t) { return 1; }},
        {"fails afterwards",
         [](l1l2_task task, void* work, std::size_t count) {
             in_a_row(task, work, count);
             return -5;
         }},
        {"does nothing", [](l1l2_task, void*, std::size_t) { return 0; }},
        {"leaves out the first",
         [](l1l2_task task, void* work, std::size_t count) {
             for (std::size_t i = 1; i < count; ++i) {
                 task(work, i);
             }
             return 0;
         }},
        {"leaves out the last",
         [](l1l2_task task, void* work, std::size_t count) {
             for (std::size_t i = 0; i + 1 < count; ++i) {
                 task(work, i);
             }
             return 0;
         }},
        {"calls another twice instead",
         [](l1l2_task task, void* work, std::size_t count) {
             for (std::size_t i = 0; i + 1 < count; ++i) {
                 task(work, i);
                 task(work, i);
             }
             return 0;
         }},
        {"leaves out the middle",
         [](l1l2_task task, void* work, std::size_t count) {
             for (std::size_t i = 0; i < count; ++i) {
                 if (i != count / 2) {
                     task(work, i);
                 }
             }
             return 0;
         }},
    };
    const Handle handle(both);
    for (Runner& runner : unwilling) {
        for (const std::size_t n : {10U, 3000000U}) {
            INFO(runner.name() << ", n = " << n);
            Model model;
            add_array(model, 0, n, handle);
            add_array(model, 1, 10, handle);
            const std::vector<l1l2_term> terms = model.terms();
            double penalties[] = {untouched, untouched};
            double total = untouched;
            std::size_t faulty = 77;
            CHECK(l1l2_penalty_terms(terms.data(), sizeof(l1l2_term), 2, runner.function(),
                                     runner.state(), penalties, &total,
                                     &faulty) == L1L2_ERROR_RUNNER_FAILED);
            CHECK(faulty == 2);
            faulty = 77;
            CHECK(l1l2_add_gradient_terms(terms.data(), sizeof(l1l2_term), 2, 1.0,
                                          runner.function(), runner.state(), penalties, &total,
                                          &faulty) == L1L2_ERROR_RUNNER_FAILED);
            CHECK(faulty == 2);
            faulty = 77;
            CHECK(l1l2_prox_terms(terms.data(), sizeof(l1l2_term), 2, 1.0, runner.function(),
                                  runner.state(), &faulty) == L1L2_ERROR_RUNNER_FAILED);
            CHECK(faulty == 2);
            faulty = 77;
            CHECK(l1l2_prox_step_terms(terms.data(), sizeof(l1l2_term), 2, 1.0, runner.function(),
                                       runner.state(), &faulty) == L1L2_ERROR_RUNNER_FAILED);
            CHECK(faulty == 2);
            CHECK(total == untouched);
        }
    }
}

TEST_CASE("a runner is called on the calling thread, one run after another", "[terms]") {
    const Handle handle(both);
    Model model;
    for (std::size_t i = 0; i < 3000; ++i) { // more than fit into one run
        add_array(model, i, 8, handle);
    }
    const std::vector<l1l2_term> terms = model.terms();
    const std::thread::id caller = std::this_thread::get_id();
    std::atomic<bool> by_caller{true};
    std::atomic<bool> one_at_a_time{true};
    std::atomic<bool> within_a_run{false};
    Runner runner("2 threads", [&](l1l2_task task, void* work, std::size_t count) {
        one_at_a_time = one_at_a_time && !within_a_run.exchange(true);
        by_caller = by_caller && std::this_thread::get_id() == caller;
        const std::int32_t status = on_threads(2)(task, work, count);
        within_a_run = false;
        return status;
    });
    for (const Function function : functions) {
        runner.calls = 0;
        CHECK(call(function, terms, 0.5, runner, nullptr, nullptr, nullptr) == L1L2_OK);
        CHECK(runner.calls > 1);
    }
    CHECK(by_caller);
    CHECK(one_at_a_time);
}

TEST_CASE("a runner receives the caller's state", "[terms]") {
    const Handle handle(both);
    Model model;
    add_array(model, 0, 100, handle);
    const std::vector<l1l2_term> terms = model.terms();
    static void* given = nullptr;
    const l1l2_runner runner = [](void* state, l1l2_task task, void* work, std::size_t count) {
        given = state;
        return in_a_row(task, work, count);
    };
    double total = untouched;
    for (void* const state : {static_cast<void*>(&total), static_cast<void*>(nullptr)}) {
        CHECK(l1l2_penalty_terms(terms.data(), sizeof(l1l2_term), 1, runner, state, nullptr, &total,
                                 nullptr) == L1L2_OK);
        CHECK(given == state);
    }
}
