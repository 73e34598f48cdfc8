/// Exact sums of lists of arrays, on any runner.
#include "../terms/model.hpp"
#include "catch.hpp"
#include "sound_accumulators.hpp"

#include <atomic>

using namespace exact;
using terms_tests::Model;
using terms_tests::Outcome;
using terms_tests::Runner;

namespace {

Outcome add_terms(Accumulator& sums, const std::vector<l1l2_term>& terms, Runner& runner) {
    Outcome outcome = {77, 77};
    outcome.status =
        l1l2_exact_sums_add_terms(sums.data(), terms.data(), sizeof(l1l2_term), terms.size(),
                                  runner.function(), runner.state(), &outcome.faulty);
    return outcome;
}

/// The terms with the fields x, n and dtype alone.
std::vector<l1l2_term> bare(const std::vector<l1l2_term>& terms) {
    std::vector<l1l2_term> bare(terms.size());
    for (std::size_t i = 0; i < terms.size(); ++i) {
        bare[i] = {};
        bare[i].x = terms[i].x;
        bare[i].n = terms[i].n;
        bare[i].dtype = terms[i].dtype;
    }
    return bare;
}

Accumulator added_one_by_one(const Accumulator& before, const std::vector<l1l2_term>& terms) {
    Accumulator sums = canonical(before);
    for (const l1l2_term& term : terms) {
        REQUIRE(l1l2_exact_sums_add(sums.data(), term.dtype, term.x, term.n) == L1L2_OK);
    }
    return sums;
}

/// Empty if every runner adds a model's terms as single calls do.
std::string mistake_of(Model model) {
    const std::vector<l1l2_term> terms = bare(model.terms());
    for (const Accumulator& before : {Accumulator(), rich_accumulator(), 3 * rich_accumulator()}) {
        const Accumulator expected = added_one_by_one(before, terms);
        for (Runner& runner : terms_tests::willing_runners()) {
            Accumulator sums = before;
            if (!(add_terms(sums, terms, runner) == Outcome{L1L2_OK, terms.size()})) {
                return runner.name() + ": not well";
            }
            if (sums != expected) {
                return runner.name() + ": " + difference(sums, expected);
            }
        }
    }
    return "";
}

} // namespace

TEST_CASE("terms are added to exact sums as single arrays are, on every runner",
          "[exact_sums][terms][bits]") {
    const Handle handle(training::both);
    CHECK(mistake_of(terms_tests::some_model(handle, handle, handle)) == "");
    Model many;
    for (std::size_t i = 0; i < 1500; ++i) {
        terms_tests::add_array(many, i, i % 7 == 0 ? 1000 : i % 70, handle);
    }
    CHECK(mistake_of(many) == "");
    Model large;
    for (std::size_t i = 0; i < 4; ++i) {
        terms_tests::add_array(large, i, 400003 + i, handle);
        terms_tests::add_array(large, i, 3, handle);
    }
    CHECK(mistake_of(large) == "");
    Model special;
    special.add(std::vector<double>{training::infinity, training::not_a_number, 1.0},
                std::vector<double>(3), handle);
    special.add(finite_elements<double>(200000, 1), std::vector<double>(200000), handle);
    special.add(subnormal_elements<float>(100, 1), std::vector<float>(100), handle);
    CHECK(mistake_of(special) == "");
    CHECK(mistake_of(Model()) == "");
}

TEST_CASE("threads that add up at the same time lose nothing", "[exact_sums][terms]") {
    // Both threads work at once on tasks whose numbers are the same modulo 8, so that they contend
    // for one accumulator.
    Runner colliding("colliding", [](l1l2_task task, void* work, std::size_t count) {
        std::atomic<int> started{0};
        const auto half = [&](std::size_t of_two) {
            for (++started; started < 2;) {
                std::this_thread::yield();
            }
            for (std::size_t remainder = 0; remainder < 8; ++remainder) {
                for (std::size_t i = remainder + 8 * of_two; i < count; i += 16) {
                    task(work, i);
                }
            }
        };
        std::thread other([&] { half(1); });
        half(0);
        other.join();
        return 0;
    });
    const float x = 1.5F;
    l1l2_term term = {};
    term.x = &x;
    term.n = 1;
    term.dtype = L1L2_FLOAT32;
    const std::vector<l1l2_term> terms(16384, term);
    const Accumulator expected = added_one_by_one({}, terms);
    for (int i = 0; i < 50; ++i) {
        Accumulator sums = {};
        CHECK(add_terms(sums, terms, colliding) == Outcome{L1L2_OK, terms.size()});
        CHECK(difference(sums, expected) == "");
    }
    CHECK(colliding.last_count == 16);
}

TEST_CASE("of a term exact sums use neither regularizer nor gradient, out and steps",
          "[exact_sums][terms]") {
    const float x[] = {1.0F, 2.0F};
    l1l2_term term = {};
    term.x = x;
    term.n = 2;
    term.dtype = L1L2_FLOAT32;
    const Accumulator expected = added_one_by_one({}, {term});
    void* const nowhere = reinterpret_cast<void*>(8);
    term.regularizer = static_cast<const l1l2_regularizer*>(nowhere);
    term.gradient = nowhere;
    term.out = nowhere;
    term.steps = nowhere;
    for (Runner& runner : terms_tests::willing_runners()) {
        Accumulator sums = {};
        CHECK(add_terms(sums, {term}, runner) == Outcome{L1L2_OK, 1});
        CHECK(difference(sums, expected) == "");
    }
}

TEST_CASE("a runner that fails or leaves out a task leaves exact sums unchanged",
          "[exact_sums][terms]") {
    const Handle handle(training::both);
    Model model;
    for (std::size_t i = 0; i < 300; ++i) {
        terms_tests::add_array(model, i, 70000, handle);
    }
    const std::vector<l1l2_term> terms = model.terms();
    const Accumulator before = rich_accumulator();
    std::size_t runs = 0;
    std::deque<Runner> unwilling = {
        {"fails", [](l1l2_task, void*, std::size_t) { return 1; }},
        {"does all and fails",
         [](l1l2_task task, void* work, std::size_t count) {
             terms_tests::in_a_row(task, work, count);
             return -1;
         }},
        {"leaves out the last",
         [](l1l2_task task, void* work, std::size_t count) {
             return terms_tests::in_a_row(task, work, count - 1);
         }},
        {"fails in the second run", [&](l1l2_task task, void* work, std::size_t count) {
             return ++runs == 2 ? 1 : terms_tests::in_a_row(task, work, count);
         }}};
    for (Runner& runner : unwilling) {
        INFO(runner.name());
        Accumulator sums = before;
        CHECK(add_terms(sums, terms, runner) == Outcome{L1L2_ERROR_RUNNER_FAILED, terms.size()});
        CHECK(sums == before);
    }
    CHECK(runs == 2);
}

TEST_CASE(
    "of terms for exact sums the first faulty one is reported, then accumulators, then counts",
    "[exact_sums][terms]") {
    Runner none("none", nullptr);
    const float x[] = {1.0F};
    l1l2_term good = {};
    good.x = x;
    good.n = 1;
    good.dtype = L1L2_FLOAT32;
    l1l2_term no_dtype = good;
    no_dtype.dtype = 0;
    l1l2_term no_x = good;
    no_x.x = nullptr;
    l1l2_term reserved = good;
    reserved.reserved = 1;
    // Too many to be there: their number is at fault before one of them is read.
    l1l2_term large = good;
    large.n = static_cast<std::size_t>(PTRDIFF_MAX) / 4;
    const std::vector<l1l2_term> too_many(sizeof(std::size_t) == 8 ? 5 : 0, large);
    Accumulator damaged = rich_accumulator();
    ++damaged[count_index];
    const Accumulator untouched = damaged;
    CHECK(add_terms(damaged, {good, no_dtype}, none) == Outcome{L1L2_ERROR_UNSUPPORTED_DTYPE, 1});
    CHECK(add_terms(damaged, {good, good, no_x}, none) == Outcome{L1L2_ERROR_INVALID_ARGUMENT, 2});
    CHECK(add_terms(damaged, {reserved}, none) == Outcome{L1L2_ERROR_INVALID_ARGUMENT, 0});
    CHECK(add_terms(damaged, too_many, none) == Outcome{L1L2_ERROR_INVALID_SUMS, too_many.size()});
    CHECK(damaged == untouched);
    if (!too_many.empty()) {
        Accumulator sums = rich_accumulator();
        const Accumulator before = sums;
        Runner runner("in a row", terms_tests::in_a_row);
        CHECK(add_terms(sums, too_many, none) == Outcome{L1L2_ERROR_COUNT_OVERFLOW, 5});
        CHECK(add_terms(sums, too_many, runner) == Outcome{L1L2_ERROR_COUNT_OVERFLOW, 5});
        CHECK(sums == before);
        CHECK(runner.calls == 0);
    }
    std::size_t faulty = 77;
    CHECK(l1l2_exact_sums_add_terms(nullptr, &no_dtype, sizeof good, 1, nullptr, nullptr,
                                    &faulty) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(faulty == 1);
    Accumulator sums = {};
    CHECK(l1l2_exact_sums_add_terms(sums.data(), nullptr, sizeof good, 1, nullptr, nullptr,
                                    nullptr) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_exact_sums_add_terms(sums.data(), &good, sizeof good - 1, 1, nullptr, nullptr,
                                    nullptr) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_exact_sums_add_terms(sums.data(), nullptr, sizeof good, 0, nullptr, nullptr,
                                    nullptr) == L1L2_OK);
    CHECK(sums == Accumulator());
}
