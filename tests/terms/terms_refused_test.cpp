/// Terms that are refused: the first faulty one is reported, and nothing is written.
#include "catch.hpp"
#include "model.hpp"

#include <array>
#include <functional>
#include <utility>

using namespace training;
using namespace terms_tests;

namespace {

/// Calls a function with terms of a model; it must change no output but faulty.
Outcome refusal(Function function, const Model& model, const std::vector<l1l2_term>& terms,
                double factor = 0.5, std::size_t term_size = sizeof(l1l2_term)) {
    const Model before = model;
    Runner runner("in a row", in_a_row);
    std::vector<double> penalties(terms.size(), untouched);
    double total = untouched;
    std::size_t faulty = 77;
    const l1l2_status status =
        call(function, terms, factor, runner, penalties.data(), &total, &faulty, term_size);
    CHECK(call(function, terms, factor, runner, nullptr, nullptr, nullptr, term_size) == status);
    CHECK((model == before));
    CHECK(difference(penalties, std::vector<double>(terms.size(), untouched)) == "");
    CHECK(total == untouched);
    // Nor is a runner called, but to check the steps of the terms before the faulty one.
    CHECK((function == Function::prox_step || runner.calls == 0));
    return {status, faulty};
}

} // namespace

TEST_CASE("the first faulty term is reported, and nothing is written", "[terms]") {
    struct Fault {
        const char* name;
        std::function<void(l1l2_term&, Model::Array&)> make;
        std::array<l1l2_status, 4> statuses; ///< of the penalty, the gradient, the prox, the step
    };
    constexpr l1l2_status argument = L1L2_ERROR_INVALID_ARGUMENT;
    constexpr l1l2_status dtype = L1L2_ERROR_UNSUPPORTED_DTYPE;
    constexpr l1l2_status overlap = L1L2_ERROR_OVERLAP;
    static const Handle large({1e290, 1.0});
    const Fault faults[] = {
        {"no regularizer",
         [](l1l2_term& term, Model::Array&) { term.regularizer = nullptr; },
         {argument, argument, argument, argument}},
        {"no x",
         [](l1l2_term& term, Model::Array&) { term.x = nullptr; },
         {argument, argument, argument, argument}},
        {"too many elements",
         [](l1l2_term& term, Model::Array&) { term.n = PTRDIFF_MAX; },
         {argument, argument, argument, argument}},
        {"no dtype",
         [](l1l2_term& term, Model::Array&) { term.dtype = 0; },
         {dtype, dtype, dtype, dtype}},
        {"an unknown dtype",
         [](l1l2_term& term, Model::Array&) { term.dtype = 5; },
         {dtype, dtype, dtype, dtype}},
        {"an unknown dtype, whatever else is wrong",
         [](l1l2_term& term, Model::Array&) {
             term = {};
             term.n = SIZE_MAX;
             term.dtype = 99;
             term.reserved = 1;
         },
         {dtype, dtype, dtype, dtype}},
        {"reserved",
         [](l1l2_term& term, Model::Array&) { term.reserved = 1; },
         {argument, argument, argument, argument}},
        {"reserved and negative",
         [](l1l2_term& term, Model::Array&) { term.reserved = INT32_MIN; },
         {argument, argument, argument, argument}},
        {"no out",
         [](l1l2_term& term, Model::Array&) { term.out = nullptr; },
         {L1L2_OK, L1L2_OK, argument, argument}},
        {"an overlap",
         [](l1l2_term& term, Model::Array& array) {
             term.gradient = array.x.data() + 1;
             term.out = array.x.data() + array.x.size() - 1;
         },
         {L1L2_OK, overlap, overlap, overlap}},
        {"a gradient over x",
         [](l1l2_term& term, Model::Array& array) { term.gradient = array.x.data(); },
         {L1L2_OK, overlap, L1L2_OK, L1L2_OK}},
        {"out over a part of the gradient",
         [](l1l2_term& term, Model::Array& array) {
             array.gradient.push_back(0); // for the end of out, which l1l2_prox_terms writes
             term.gradient = array.gradient.data();
             term.out = array.gradient.data() + 1;
         },
         {L1L2_OK, L1L2_OK, L1L2_OK, overlap}},
        {"out over the steps",
         [](l1l2_term& term, Model::Array& array) { term.steps = array.out.data(); },
         {L1L2_OK, L1L2_OK, L1L2_OK, overlap}},
        {"a negative step",
         [](l1l2_term& term, Model::Array& array) {
             array.steps.assign(8 * term.n, 0);
             std::fill(array.steps.begin() + static_cast<std::ptrdiff_t>(4 * (term.n - 1)),
                       array.steps.end(), static_cast<unsigned char>(0xBF));
             term.steps = array.steps.data();
         },
         {L1L2_OK, L1L2_OK, L1L2_OK, L1L2_ERROR_INVALID_STEP}},
        {"a coefficient too large for the factor",
         [](l1l2_term& term, Model::Array&) { term.regularizer = large.get(); },
         {L1L2_OK, L1L2_ERROR_INVALID_SCALE, L1L2_ERROR_INVALID_STEP, L1L2_ERROR_INVALID_STEP}},
        {"a coefficient too large for the factor, without a gradient",
         [](l1l2_term& term, Model::Array&) {
             term.regularizer = large.get();
             term.gradient = nullptr;
         },
         {L1L2_OK, L1L2_ERROR_INVALID_SCALE, L1L2_ERROR_INVALID_STEP, L1L2_ERROR_INVALID_STEP}},
    };
    const Handle handle(both);
    for (const Fault& fault : faults) {
        for (const std::size_t first : {0U, 3U, 7U}) {
            for (const std::size_t second : {first, std::size_t{7}}) {
                for (const Function function : functions) {
                    INFO(fault.name << " at " << first << " and " << second << ", function "
                                    << static_cast<int>(function));
                    Model model;
                    for (std::size_t i = 0; i < 8; ++i) {
                        add_array(model, i, 3000 * i + 5, handle);
                    }
                    std::vector<l1l2_term> terms = model.terms();
                    for (const std::size_t at : {second, first}) {
                        fault.make(terms[at], model.arrays[at]);
                    }
                    const l1l2_status status = fault.statuses[static_cast<std::size_t>(function)];
                    if (status != L1L2_OK) {
                        CHECK(refusal(function, model, terms, 1e30) == Outcome{status, first});
                        continue;
                    }
                    Runner runner("in a row", in_a_row);
                    std::size_t faulty = 77;
                    const l1l2_status accepted =
                        call(function, terms, 1e30, runner, nullptr, nullptr, &faulty);
                    CHECK(Outcome{accepted, faulty} == Outcome{L1L2_OK, terms.size()});
                }
            }
        }
    }
}

TEST_CASE("of several faulty terms the first is reported", "[terms]") {
    const Handle handle(both);
    Model model;
    for (std::size_t i = 0; i < 4; ++i) {
        add_array(model, 0, 10, handle);
    }
    for (const Function function : functions) {
        std::vector<l1l2_term> terms = model.terms();
        terms[1].dtype = 99;
        terms[2].regularizer = nullptr;
        CHECK(refusal(function, model, terms) == Outcome{L1L2_ERROR_UNSUPPORTED_DTYPE, 1});
        std::swap(terms[1], terms[2]);
        CHECK(refusal(function, model, terms) == Outcome{L1L2_ERROR_INVALID_ARGUMENT, 1});
    }
    const std::vector<float> negative(10, -1.0F);
    for (const std::size_t at : {0U, 2U}) {
        std::vector<l1l2_term> terms = model.terms();
        terms[at].steps = negative.data();
        terms[1].dtype = 99;
        CHECK(refusal(Function::prox_step, model, terms) ==
              (at == 0 ? Outcome{L1L2_ERROR_INVALID_STEP, 0}
                       : Outcome{L1L2_ERROR_UNSUPPORTED_DTYPE, 1}));
    }
}

TEST_CASE("the first term with an invalid step is reported, with every runner", "[terms]") {
    const Handle handle(both);
    Model model;
    for (std::size_t i = 0; i < 1500; ++i) { // more than fit into one run
        add_array(model, 3 * i, i == 0 ? 5 : i == 700 ? 300001 : i % 20, handle);
    }
    const std::vector<float> wrong(300001, -1.0F);
    const Model before = model;
    for (Runner& runner : willing_runners()) {
        INFO(runner.name());
        for (const std::size_t first : {0U, 3U, 700U, 1499U}) {
            std::vector<l1l2_term> terms = model.terms();
            for (const std::size_t at : {first, std::size_t{1499}}) {
                terms[at].steps = wrong.data();
                terms[at].dtype = L1L2_FLOAT16;
            }
            std::size_t faulty = 77;
            const l1l2_status status =
                call(Function::prox_step, terms, 0.5, runner, nullptr, nullptr, &faulty);
            CHECK(Outcome{status, faulty} == Outcome{L1L2_ERROR_INVALID_STEP, first});
            CHECK((model == before));
        }
    }
}

TEST_CASE("a runner that fails while steps are checked is reported, and nothing is written",
          "[terms]") {
    const Handle handle(both);
    Model model;
    add_array(model, 0, 300001, handle);
    add_array(model, 3, 10, handle);
    const Model before = model;
    std::vector<l1l2_term> terms = model.terms();
    for (const l1l2_dtype dtype : {terms[1].dtype, l1l2_dtype{99}}) {
        INFO("dtype " << dtype);
        terms[1].dtype = dtype;
        bool failed = false;
        Runner fails_once("fails once", [&](l1l2_task task, void* work, std::size_t count) {
            in_a_row(task, work, count);
            return std::exchange(failed, true) ? 0 : 1;
        });
        std::size_t faulty = 77;
        const l1l2_status status =
            call(Function::prox_step, terms, 0.5, fails_once, nullptr, nullptr, &faulty);
        CHECK(Outcome{status, faulty} == Outcome{L1L2_ERROR_RUNNER_FAILED, 2});
        CHECK(fails_once.calls == 1);
        CHECK((model == before));
    }
}

TEST_CASE("a scale or a step that is valid for no term is refused", "[terms]") {
    const Handle handle(both);
    Model model;
    add_array(model, 0, 10, handle);
    for (const double scale : {not_a_number, infinity, -infinity}) {
        CHECK(refusal(Function::gradient, model, model.terms(), scale) ==
              Outcome{L1L2_ERROR_INVALID_SCALE, 1});
        CHECK(refusal(Function::gradient, model, {}, scale) ==
              Outcome{L1L2_ERROR_INVALID_SCALE, 0});
    }
    for (const double step : {not_a_number, infinity, -infinity, -1.0, -5e-324}) {
        CHECK(refusal(Function::prox, model, model.terms(), step) ==
              Outcome{L1L2_ERROR_INVALID_STEP, 1});
        CHECK(refusal(Function::prox, model, {}, step) == Outcome{L1L2_ERROR_INVALID_STEP, 0});
        CHECK(refusal(Function::prox_step, model, model.terms(), step) ==
              Outcome{L1L2_ERROR_INVALID_STEP, 1});
        CHECK(refusal(Function::prox_step, model, {}, step) == Outcome{L1L2_ERROR_INVALID_STEP, 0});
    }
    // What is too large for some terms is valid without terms.
    Runner runner("in a row", in_a_row);
    for (const Function function : {Function::gradient, Function::prox, Function::prox_step}) {
        CHECK(call(function, {}, 1e308, runner, nullptr, nullptr, nullptr) == L1L2_OK);
    }
    // Too large for bfloat16, but not for float64.
    Model narrow;
    const Handle large({1e30, 0.0});
    add_array(narrow, 2, 10, large);
    add_array(narrow, 3, 10, large);
    CHECK(refusal(Function::gradient, narrow, narrow.terms(), 1e30) ==
          Outcome{L1L2_ERROR_INVALID_SCALE, 1});
    for (const Function function : {Function::prox, Function::prox_step}) {
        CHECK(refusal(function, narrow, narrow.terms(), 1e30) ==
              Outcome{L1L2_ERROR_INVALID_STEP, 1});
    }
}

TEST_CASE("terms that are NULL are an invalid argument", "[terms]") {
    double penalty = untouched;
    double total = untouched;
    std::size_t faulty = 77;
    constexpr std::size_t size = sizeof(l1l2_term);
    CHECK(l1l2_penalty_terms(nullptr, size, 1, nullptr, nullptr, &penalty, &total, &faulty) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(faulty == 1);
    faulty = 77;
    CHECK(l1l2_add_gradient_terms(nullptr, size, 3, 1.0, nullptr, nullptr, &penalty, &total,
                                  &faulty) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(faulty == 3);
    faulty = 77;
    CHECK(l1l2_prox_step_terms(nullptr, size, 4, 1.0, nullptr, nullptr, &faulty) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(faulty == 4);
    faulty = 77;
    CHECK(l1l2_prox_terms(nullptr, size, 2, 1.0, nullptr, nullptr, &faulty) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(faulty == 2);
    CHECK(penalty == untouched);
    CHECK(total == untouched);
}

TEST_CASE("a term size that is too small, odd or too large for the address space is refused",
          "[terms]") {
    const Handle handle(both);
    Model model;
    for (std::size_t i = 0; i < 4; ++i) {
        add_array(model, 0, 10, handle);
    }
    constexpr std::size_t size = sizeof(l1l2_term);
    constexpr std::size_t oldest_size = offsetof(l1l2_term, steps);
    constexpr std::size_t alignment = alignof(l1l2_term);
    for (const std::size_t bad :
         {std::size_t{0}, std::size_t{1}, alignment, oldest_size - alignment, size - 1, size + 1,
          size + alignment / 2, SIZE_MAX, SIZE_MAX / 4 + 1, SIZE_MAX / 2 + 1}) {
        for (const Function function : functions) {
            INFO("term size " << bad);
            CHECK(refusal(function, model, model.terms(), 0.5, bad) ==
                  Outcome{L1L2_ERROR_INVALID_ARGUMENT, 4});
        }
    }
    std::vector<l1l2_term> terms = model.terms();
    constexpr std::size_t most = std::size_t{PTRDIFF_MAX} / size;
    for (const std::size_t count : {SIZE_MAX, SIZE_MAX / size + 1, most + 1}) {
        std::size_t faulty = 77;
        CHECK(l1l2_prox_terms(terms.data(), size, count, 1.0, nullptr, nullptr, &faulty) ==
              L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(faulty == count);
    }
    // As many as the address space has room for are looked at, up to the first fault.
    terms[0].dtype = 99;
    std::size_t faulty = 77;
    CHECK(l1l2_prox_terms(terms.data(), size, most, 1.0, nullptr, nullptr, &faulty) ==
          L1L2_ERROR_UNSUPPORTED_DTYPE);
    CHECK(faulty == 0);
}

TEST_CASE("terms of the header of 0.3, which has no steps, are accepted", "[terms]") {
    struct Earlier {
        const l1l2_regularizer* regularizer;
        const void* x;
        std::size_t n;
        void* gradient;
        void* out;
        l1l2_dtype dtype;
        std::int32_t reserved;
    };
    static_assert(sizeof(Earlier) == offsetof(l1l2_term, steps));
    const Handle handle(both);
    Model model;
    for (std::size_t i = 0; i < 5; ++i) {
        add_array(model, 3 * i + 1, 3000 * i + 1, handle); // without steps
    }
    Model expected = model;
    std::vector<Earlier> earlier;
    for (const l1l2_term& term : model.terms()) {
        earlier.push_back(
            {term.regularizer, term.x, term.n, term.gradient, term.out, term.dtype, 0});
    }
    const auto* const terms = reinterpret_cast<const l1l2_term*>(earlier.data());
    for (Runner& runner : willing_runners()) {
        INFO(runner.name());
        std::size_t faulty = 77;
        CHECK(l1l2_prox_terms(terms, sizeof(Earlier), 5, 0.5, runner.function(), runner.state(),
                              &faulty) == L1L2_OK);
        expected.prox_one_at_a_time(0.5);
        CHECK((model == expected));
        CHECK(l1l2_prox_step_terms(terms, sizeof(Earlier), 5, 0.5, runner.function(),
                                   runner.state(), &faulty) == L1L2_OK);
        expected.prox_step_one_at_a_time(0.5);
        CHECK((model == expected));
    }
}

TEST_CASE("terms of a later header are accepted if their unknown fields are zero", "[terms]") {
    struct Later {
        l1l2_term term;
        unsigned char unknown[3 * alignof(l1l2_term)];
    };
    const Handle handle(both);
    Model model;
    for (std::size_t i = 0; i < 5; ++i) {
        add_array(model, i, 3000 * i + 1, handle);
    }
    const std::vector<double> expected_penalties = model.penalties();
    const Model before = model;
    Model expected = model;
    expected.add_gradients_one_at_a_time(0.5);
    expected.prox_one_at_a_time(0.5);
    std::vector<Later> later(model.size());
    for (std::size_t i = 0; i < later.size(); ++i) {
        later[i] = {model.terms()[i], {}};
    }
    std::vector<double> penalties(later.size(), untouched);
    const auto all = [&](Runner runner, double* total, std::size_t* faulty) {
        return std::array<l1l2_status, 3>{
            l1l2_penalty_terms(&later[0].term, sizeof(Later), later.size(), runner.function(),
                               runner.state(), penalties.data(), total, faulty),
            l1l2_add_gradient_terms(&later[0].term, sizeof(Later), later.size(), 0.5,
                                    runner.function(), runner.state(), penalties.data(), total,
                                    faulty),
            l1l2_prox_terms(&later[0].term, sizeof(Later), later.size(), 0.5, runner.function(),
                            runner.state(), faulty)};
    };
    const Runner none("none", nullptr);
    for (const std::size_t at : {0U, 2U, 4U}) {
        for (unsigned char& byte : later[at].unknown) {
            byte = 1;
            double total = untouched;
            std::size_t faulty = 77;
            const std::array<l1l2_status, 3> refused = {L1L2_ERROR_INVALID_ARGUMENT,
                                                        L1L2_ERROR_INVALID_ARGUMENT,
                                                        L1L2_ERROR_INVALID_ARGUMENT};
            CHECK(all(none, &total, &faulty) == refused);
            CHECK(faulty == at);
            CHECK(total == untouched);
            CHECK(penalties == std::vector<double>(later.size(), untouched));
            CHECK((model == before));
            byte = 0;
        }
    }
    for (const Runner& runner : {none, Runner("in a row", in_a_row), Runner("3", on_threads(3))}) {
        INFO(runner.name());
        for (std::size_t i = 0; i < later.size(); ++i) {
            model.arrays[i].gradient = before.arrays[i].gradient;
            model.arrays[i].out = before.arrays[i].out;
        }
        penalties.assign(later.size(), untouched);
        double total = untouched;
        std::size_t faulty = 77;
        CHECK(all(runner, &total, &faulty) ==
              std::array<l1l2_status, 3>{L1L2_OK, L1L2_OK, L1L2_OK});
        CHECK(faulty == later.size());
        CHECK(difference(penalties, expected_penalties) == "");
        CHECK((model == expected));
    }
}
