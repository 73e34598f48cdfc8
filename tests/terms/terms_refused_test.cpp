/// Terms that are refused: the first faulty one is reported, and nothing is written.
#include "accumulator.hpp"
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
    // It is reported before a term that is at fault.
    std::vector<l1l2_term> faulty = model.terms();
    faulty[0].dtype = 99;
    CHECK(refusal(Function::gradient, model, faulty, not_a_number) ==
          Outcome{L1L2_ERROR_INVALID_SCALE, 1});
    for (const Function function : {Function::prox, Function::prox_step}) {
        CHECK(refusal(function, model, faulty, -1.0) == Outcome{L1L2_ERROR_INVALID_STEP, 1});
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

namespace {

/// What one of the six functions that take terms has done.
struct Done {
    Outcome outcome;
    double total = untouched;
    std::vector<double> penalties;
    exact::Accumulator sums = {};
};

bool operator==(const Done& a, const Done& b) {
    return a.outcome == b.outcome && a.total == b.total && a.penalties == b.penalties &&
           a.sums == b.sums;
}

constexpr int six = 6;

/// Calls a function with terms of `size` bytes each, whatever header they are of.
Done call_one_of_six(int function, const void* array, std::size_t size, std::size_t count,
                     Runner runner) {
    const auto* const terms = static_cast<const l1l2_term*>(array);
    Done done = {{77, 77}, untouched, std::vector<double>(count, untouched), {}};
    l1l2_status& status = done.outcome.status;
    std::size_t* const faulty = &done.outcome.faulty;
    l1l2_runner const run = runner.function();
    void* const state = runner.state();
    switch (function) {
    case 0:
        status = l1l2_penalty_terms(terms, size, count, run, state, done.penalties.data(),
                                    &done.total, faulty);
        break;
    case 1:
        status = l1l2_add_gradient_terms(terms, size, count, 0.5, run, state, done.penalties.data(),
                                         &done.total, faulty);
        break;
    case 2: status = l1l2_prox_terms(terms, size, count, 0.5, run, state, faulty); break;
    case 3: status = l1l2_prox_step_terms(terms, size, count, 0.5, run, state, faulty); break;
    case 4:
        status = l1l2_clip_by_norm_terms(terms, size, count, 3.0, 1.0, run, state, faulty);
        break;
    default:
        status =
            l1l2_exact_sums_add_terms(done.sums.data(), terms, size, count, run, state, faulty);
    }
    return done;
}

/// Checks that each function does with `other`, the terms of a model in the form of another header,
/// what it does with terms of this header.
template <class Other>
void check_other_header(Model& model, const Other* other) {
    Model expected = model;
    const std::vector<l1l2_term> terms = expected.terms();
    for (const Runner& runner :
         {Runner("none", nullptr), Runner("in a row", in_a_row), Runner("3", on_threads(3))}) {
        for (int function = 0; function < six; ++function) {
            INFO(runner.name() << ", function " << function);
            const Done done = call_one_of_six(function, other, sizeof(Other), model.size(), runner);
            CHECK(done.outcome == Outcome{L1L2_OK, model.size()});
            CHECK((done == call_one_of_six(function, terms.data(), sizeof(l1l2_term), terms.size(),
                                           Runner("none", nullptr))));
            CHECK((model == expected));
        }
    }
}

} // namespace

TEST_CASE("terms of the headers of 0.2 and 0.3, which have no steps, are accepted", "[terms]") {
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
    // Behind the last term there is nothing to be read.
    const GuardedPages pages(1);
    auto* const earlier = reinterpret_cast<Earlier*>(pages.end()) - model.size();
    std::size_t i = 0;
    for (const l1l2_term& term : model.terms()) {
        earlier[i++] = {term.regularizer, term.x, term.n, term.gradient, term.out, term.dtype, 0};
    }
    check_other_header(model, earlier);
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
    const Model before = model;
    std::vector<Later> later;
    for (const l1l2_term& term : model.terms()) {
        later.push_back({term, {}});
    }
    for (const std::size_t at : {0U, 2U, 4U}) {
        for (unsigned char& byte : later[at].unknown) {
            byte = 1;
            const Done refused = {{L1L2_ERROR_INVALID_ARGUMENT, at},
                                  untouched,
                                  std::vector<double>(later.size(), untouched),
                                  {}};
            for (int function = 0; function < six; ++function) {
                INFO("function " << function);
                CHECK((call_one_of_six(function, later.data(), sizeof(Later), later.size(),
                                       Runner("none", nullptr)) == refused));
            }
            CHECK((model == before));
            byte = 0;
        }
    }
    check_other_header(model, later.data());
}
