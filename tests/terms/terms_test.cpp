/// Many tensors in one call: the same bits as one at a time, whatever the runner does, and the term
/// that is at fault.
#include "catch.hpp"
#include "training.hpp"

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <thread>

using namespace training;

namespace {

/// A runner that a test writes in place, and what it was asked for.
class Runner {
  public:
    using Function = std::function<std::int32_t(l1l2_task, void*, std::size_t)>;

    Runner(std::string name, Function function)
        : name_(std::move(name)), function_(std::move(function)) {}

    const std::string& name() const { return name_; }
    l1l2_runner function() const { return function_ ? run : nullptr; }
    void* state() { return this; }

    std::size_t calls = 0;
    std::size_t least_count = SIZE_MAX;
    std::size_t last_count = 0;

  private:
    static std::int32_t run(void* state, l1l2_task task, void* work, std::size_t count) {
        Runner& self = *static_cast<Runner*>(state);
        ++self.calls;
        self.least_count = std::min(self.least_count, count);
        self.last_count = count;
        return self.function_(task, work, count);
    }

    std::string name_;
    Function function_;
};

std::int32_t in_a_row(l1l2_task task, void* work, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        task(work, i);
    }
    return 0;
}

std::int32_t backwards(l1l2_task task, void* work, std::size_t count) {
    for (std::size_t i = count; i-- > 0;) {
        task(work, i);
    }
    return 0;
}

Runner::Function on_threads(std::size_t threads) {
    return [threads](l1l2_task task, void* work, std::size_t count) {
        std::atomic<std::size_t> next{0};
        const auto take = [&] {
            for (std::size_t i = next++; i < count; i = next++) {
                task(work, i);
            }
        };
        std::vector<std::thread> others;
        for (std::size_t i = 0; i < threads; ++i) {
            others.emplace_back(take);
        }
        for (std::thread& other : others) {
            other.join();
        }
        return 0;
    };
}

std::int32_t beyond(l1l2_task task, void* work, std::size_t count) {
    for (const std::size_t i : {count, count + 1, SIZE_MAX}) {
        task(work, i);
    }
    return in_a_row(task, work, count);
}

std::int32_t twice(l1l2_task task, void* work, std::size_t count) {
    in_a_row(task, work, count);
    return backwards(task, work, count);
}

/// Two threads, each of which calls all tasks.
std::int32_t twice_at_once(l1l2_task task, void* work, std::size_t count) {
    std::thread other([&] { in_a_row(task, work, count); });
    in_a_row(task, work, count);
    other.join();
    return 0;
}

/// Runners that do what is asked of them, or more. The first one is none.
std::deque<Runner> willing_runners() {
    return {{"none", nullptr},
            {"in a row", in_a_row},
            {"backwards", backwards},
            {"1 thread", on_threads(1)},
            {"2 threads", on_threads(2)},
            {"3 threads", on_threads(3)},
            {"7 threads", on_threads(7)},
            {"twice", twice},
            {"and some that are not there", beyond},
            {"twice at once", twice_at_once}};
}

/// Arrays of mixed types and the terms that describe them; a copy is what is computed on.
class Model {
  public:
    template <class T>
    void add(const std::vector<T>& x, const std::vector<T>& gradient, const Handle& regularizer,
             bool with_gradient = true) {
        Array array;
        array.dtype = Format<T>::dtype;
        array.n = x.size();
        array.regularizer = regularizer.get();
        array.x = bytes_of(x);
        array.gradient = bytes_of(gradient);
        array.out.assign(array.x.size(), 0x55);
        array.with_gradient = with_gradient;
        arrays.push_back(array);
    }

    std::size_t size() const { return arrays.size(); }

    std::vector<l1l2_term> terms() {
        std::vector<l1l2_term> terms(arrays.size());
        for (std::size_t i = 0; i < arrays.size(); ++i) {
            Array& array = arrays[i];
            terms[i] = {};
            terms[i].regularizer = array.regularizer;
            terms[i].x = array.n == 0 ? nullptr : array.x.data();
            terms[i].n = array.n;
            terms[i].gradient = array.with_gradient ? array.gradient.data() : nullptr;
            terms[i].out = array.out.data();
            terms[i].dtype = array.dtype;
        }
        return terms;
    }

    std::vector<double> penalties() const {
        std::vector<double> penalties;
        for (const Array& array : arrays) {
            double penalty = untouched;
            l1l2_penalty(array.regularizer, array.dtype, array.x.data(), array.n, &penalty);
            penalties.push_back(penalty);
        }
        return penalties;
    }

    void add_gradients_one_at_a_time(double scale) {
        for (Array& array : arrays) {
            if (array.with_gradient) {
                l1l2_add_gradient(array.regularizer, array.dtype, array.x.data(), array.n, scale,
                                  array.gradient.data(), nullptr);
            }
        }
    }

    void prox_one_at_a_time(double step) {
        for (Array& array : arrays) {
            l1l2_prox(array.regularizer, array.dtype, array.x.data(), array.n, step,
                      array.out.data());
        }
    }

    bool operator==(const Model& other) const {
        return std::equal(arrays.begin(), arrays.end(), other.arrays.begin(), other.arrays.end());
    }

    struct Array {
        l1l2_dtype dtype = 0;
        std::size_t n = 0;
        const l1l2_regularizer* regularizer = nullptr;
        std::vector<unsigned char> x;
        std::vector<unsigned char> gradient;
        std::vector<unsigned char> out;
        bool with_gradient = true;

        bool operator==(const Array& other) const {
            return x == other.x && gradient == other.gradient && out == other.out;
        }
    };
    std::vector<Array> arrays;

  private:
    template <class T>
    static std::vector<unsigned char> bytes_of(const std::vector<T>& elements) {
        std::vector<unsigned char> bytes(elements.size() * sizeof(T));
        if (!elements.empty()) {
            std::memcpy(bytes.data(), elements.data(), bytes.size());
        }
        return bytes;
    }
};

/// Elements with a prime period, which are made faster than that many by themselves.
template <class T>
std::vector<T> many_elements(std::size_t n, std::vector<T> (*generator)(std::size_t, unsigned),
                             unsigned seed) {
    const std::size_t period = 10007;
    std::vector<T> elements = generator(std::min(n, period), seed);
    elements.reserve(n);
    for (std::size_t i = period; i < n; ++i) {
        elements.push_back(elements[i - period]);
    }
    return elements;
}

template <class T>
std::vector<T> ordinary(std::size_t n, unsigned seed) {
    return ordinary_elements<T>(n, seed);
}

/// Adds an array of the number-th of the types.
void add_array(Model& model, std::size_t number, std::size_t n, const Handle& regularizer,
               bool with_gradient = true) {
    const auto add = [&](auto element) {
        using T = decltype(element);
        const auto seed = static_cast<unsigned>(number);
        model.add(many_elements<T>(n, ordinary<T>, seed),
                  many_elements<T>(n, rough_elements<T>, seed + 1), regularizer, with_gradient);
    };
    switch (number % 4) {
    case 0: add(float()); break;
    case 1: add(Float16()); break;
    case 2: add(double()); break;
    default: add(Bfloat16()); break;
    }
}

/// Adds an array of subnormal elements, with a subnormal gradient.
template <class T>
void add_subnormals(Model& model, std::size_t n, const Handle& regularizer) {
    model.add(subnormal_elements<T>(n, 1), subnormal_elements<T>(n, 2), regularizer);
}

double sum_in_order(const std::vector<double>& penalties) {
    double sum = 0.0;
    for (const double penalty : penalties) {
        sum = sum + penalty;
    }
    return sum;
}

/// Empty if all three functions give for all runners what their namesakes give one at a time.
std::string mistake(const Model& model, std::deque<Runner> runners = willing_runners()) {
    const double scale = -0.5;
    const double step = 0.25;
    const std::vector<double> expected_penalties = model.penalties();
    const double expected_total = sum_in_order(expected_penalties);
    Model expected_gradients = model;
    expected_gradients.add_gradients_one_at_a_time(scale);
    Model expected_proxes = expected_gradients;
    expected_proxes.prox_one_at_a_time(step);
    for (Runner& runner : runners) {
        std::vector<double> penalties(model.size(), untouched);
        double total = untouched;
        std::size_t faulty = 77;
        Model computed = model;
        const auto failed = [&](const char* function, l1l2_status status, const Model& expected,
                                bool with_penalties) -> std::string {
            const std::string name = std::string(function) + ", runner: " + runner.name() + ": ";
            if (status != L1L2_OK) {
                return name + "status " + std::to_string(status);
            }
            if (faulty != model.size()) {
                return name + "faulty is " + std::to_string(faulty);
            }
            if (with_penalties && !difference(penalties, expected_penalties).empty()) {
                return name + "penalties: " + difference(penalties, expected_penalties);
            }
            if (with_penalties && to_bits(total) != to_bits(expected_total)) {
                return name + "another total";
            }
            if (!(computed == expected)) {
                return name + "other arrays";
            }
            if (runner.calls > 0 && runner.least_count < 1) {
                return name + "a run of no task";
            }
            penalties.assign(model.size(), untouched);
            total = untouched;
            faulty = 77;
            return "";
        };
        const std::vector<l1l2_term> terms = computed.terms();
        const std::vector<l1l2_term> terms_before = terms;
        l1l2_status status =
            l1l2_penalty_terms(terms.data(), sizeof(l1l2_term), terms.size(), runner.function(),
                               runner.state(), penalties.data(), &total, &faulty);
        std::string found = failed("penalty", status, model, true);
        if (found.empty()) {
            status = l1l2_add_gradient_terms(terms.data(), sizeof(l1l2_term), terms.size(), scale,
                                             runner.function(), runner.state(), penalties.data(),
                                             &total, &faulty);
            found = failed("gradient", status, expected_gradients, true);
        }
        if (found.empty()) {
            status = l1l2_prox_terms(terms.data(), sizeof(l1l2_term), terms.size(), step,
                                     runner.function(), runner.state(), &faulty);
            found = failed("prox", status, expected_proxes, false);
        }
        if (!found.empty()) {
            return found;
        }
        if (std::memcmp(terms.data(), terms_before.data(), terms.size() * sizeof(l1l2_term)) != 0) {
            return "the terms were written, runner: " + runner.name();
        }
    }
    return "";
}

/// Some arrays of all types, with empty ones, with several regularizers.
Model some_model(const Handle& first, const Handle& second, const Handle& third) {
    Model model;
    std::size_t number = 0;
    for (const std::size_t n : {5U, 0U, 1U, 4096U, 33U, 4097U, 0U, 12305U, 64U, 8192U, 2U, 4095U}) {
        const Handle& regularizer = number % 3 == 0 ? first : number % 3 == 1 ? second : third;
        add_array(model, number, n, regularizer, number % 5 != 2);
        ++number;
    }
    return model;
}

/// What the terms functions do with terms that are not all right.
struct Outcome {
    l1l2_status status;
    std::size_t faulty;
};
bool operator==(const Outcome& a, const Outcome& b) {
    return a.status == b.status && a.faulty == b.faulty;
}
std::ostream& operator<<(std::ostream& stream, const Outcome& outcome) {
    return stream << "status " << outcome.status << ", faulty " << outcome.faulty;
}

enum class Function { penalty, gradient, prox };
constexpr Function functions[] = {Function::penalty, Function::gradient, Function::prox};

/// Calls a function; the prox has neither penalties nor a total.
l1l2_status call(Function function, const std::vector<l1l2_term>& terms, double factor,
                 Runner& runner, double* penalties, double* total, std::size_t* faulty,
                 std::size_t term_size = sizeof(l1l2_term)) {
    switch (function) {
    case Function::penalty:
        return l1l2_penalty_terms(terms.data(), term_size, terms.size(), runner.function(),
                                  runner.state(), penalties, total, faulty);
    case Function::gradient:
        return l1l2_add_gradient_terms(terms.data(), term_size, terms.size(), factor,
                                       runner.function(), runner.state(), penalties, total, faulty);
    default:
        return l1l2_prox_terms(terms.data(), term_size, terms.size(), factor, runner.function(),
                               runner.state(), faulty);
    }
}

/// The rounding mode, what is unmasked and, on x86, all of MXCSR but the exception flags.
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

/// What runners do with terms of one x.
struct SharedOutcome {
    std::string mistake; ///< empty if there is none
    std::size_t runs;    ///< of the runner, for one call
    std::size_t most_tasks;
};

/// Calls the three functions with float16 terms of the first sizes[i] elements of one array, in a
/// row and on threads. Every third has no gradient.
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
            } else if (function != Function::prox &&
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

/// Calls a function with terms of a model; it must leave all outputs but faulty alone.
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
    CHECK(runner.calls == 0);
    return {status, faulty};
}

} // namespace

TEST_CASE("all terms have the bits that they have one at a time, with every runner",
          "[terms][bits]") {
    const Handle first(both);
    const Handle second(l1_only);
    const Handle third(l2_only);
    CHECK(mistake(some_model(first, second, third)) == "");
    const Handle zero(neither);
    CHECK(mistake(some_model(zero, first, zero)) == "");
    CHECK(mistake(some_model(zero, zero, zero)) == "");
}

TEST_CASE("without coefficients the gradients of terms keep their bytes, with every runner",
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

TEST_CASE("a large tensor has the bits that it has without a runner", "[terms]") {
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

TEST_CASE("a tensor of any number of blocks has the bits that it has without a runner", "[terms]") {
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

TEST_CASE("a tensor of more blocks than fit the smallest pieces has the bits of one call",
          "[terms]") {
    const SharedOutcome large = compute_shared({(1 << 24) + 4097});
    CHECK(large.mistake == "");
    CHECK(large.runs == 1);
    CHECK(large.most_tasks <= 256);
}

TEST_CASE("more large tensors than fit one run have the bits that they have one at a time",
          "[terms]") {
    std::vector<std::size_t> sizes(41, 1000000);
    sizes[0] = 10; // so that the tasks of the next ones do not just fill a run
    const SharedOutcome many = compute_shared(sizes);
    CHECK(many.mistake == "");
    CHECK(many.runs > 1);
}

TEST_CASE("more medium tensors than fit one run have the bits that they have one at a time",
          "[terms]") {
    const SharedOutcome many = compute_shared(std::vector<std::size_t>(300, 70000));
    CHECK(many.mistake == "");
    CHECK(many.runs > 1);
}

TEST_CASE("thousands of small tensors have the bits that they have one at a time", "[terms]") {
    const Handle first(both);
    const Handle second(l1_only);
    Model model;
    for (std::size_t i = 0; i < 5000; ++i) {
        add_array(model, i, (i * 7919) % 200, i % 3 == 0 ? first : second, i % 7 != 0);
    }
    CHECK(mistake(model) == "");
}

TEST_CASE("small and large tensors in any mixture have the bits that they have one at a time",
          "[terms]") {
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

TEST_CASE("large tensors are cut for a runner and small ones are put together", "[terms]") {
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

TEST_CASE("the total is the sum of the penalties in their order", "[terms]") {
    // Of which another order gives other bits.
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
    // An order that is no tree: (1e16 + 1) + 1 is 1e16, the two apart give 1e16 + 2.
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

TEST_CASE("penalties, total and faulty are wanted in any combination", "[terms]") {
    const Handle first(both);
    const Handle second(l1_only);
    const Handle third(l2_only);
    const Model model = some_model(first, second, third);
    const std::vector<double> expected_penalties = model.penalties();
    Model expected = model;
    expected.add_gradients_one_at_a_time(2.0);
    Model expected_proxes = model;
    expected_proxes.prox_one_at_a_time(2.0);
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
            if (function == Function::prox) {
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
            if (function != Function::prox && to_penalties != nullptr) {
                CHECK(difference(penalties, expected_penalties) == "");
            }
            if (function != Function::prox && to_total != nullptr) {
                CHECK(to_bits(total) == to_bits(sum_in_order(expected_penalties)));
            }
            CHECK(faulty == (to_faulty == nullptr ? 77 : terms.size()));
        }
    }
}

TEST_CASE("the penalties name the tensor that went NaN", "[terms]") {
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

TEST_CASE("each function looks at its own fields alone", "[terms]") {
    const Handle handle(both);
    Model model;
    add_array(model, 0, 100, handle);
    // Where another function would find fault: the output over a part of x.
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

TEST_CASE("the first term at fault is named, and nothing is written", "[terms]") {
    struct Fault {
        const char* name;
        std::function<void(l1l2_term&, Model::Array&)> make;
        std::array<l1l2_status, 3> statuses; ///< of the penalty, the gradient and the prox
    };
    constexpr l1l2_status argument = L1L2_ERROR_INVALID_ARGUMENT;
    constexpr l1l2_status dtype = L1L2_ERROR_UNSUPPORTED_DTYPE;
    constexpr l1l2_status overlap = L1L2_ERROR_OVERLAP;
    static const Handle large({1e290, 1.0});
    const Fault faults[] = {
        {"no regularizer",
         [](l1l2_term& term, Model::Array&) { term.regularizer = nullptr; },
         {argument, argument, argument}},
        {"no x",
         [](l1l2_term& term, Model::Array&) { term.x = nullptr; },
         {argument, argument, argument}},
        {"too many elements",
         [](l1l2_term& term, Model::Array&) { term.n = PTRDIFF_MAX; },
         {argument, argument, argument}},
        {"no dtype", [](l1l2_term& term, Model::Array&) { term.dtype = 0; }, {dtype, dtype, dtype}},
        {"an unknown dtype",
         [](l1l2_term& term, Model::Array&) { term.dtype = 5; },
         {dtype, dtype, dtype}},
        {"an unknown dtype, whatever else is wrong",
         [](l1l2_term& term, Model::Array&) {
             term = {};
             term.n = SIZE_MAX;
             term.dtype = 99;
             term.reserved = 1;
         },
         {dtype, dtype, dtype}},
        {"reserved",
         [](l1l2_term& term, Model::Array&) { term.reserved = 1; },
         {argument, argument, argument}},
        {"reserved and negative",
         [](l1l2_term& term, Model::Array&) { term.reserved = INT32_MIN; },
         {argument, argument, argument}},
        {"no out",
         [](l1l2_term& term, Model::Array&) { term.out = nullptr; },
         {L1L2_OK, L1L2_OK, argument}},
        {"an overlap",
         [](l1l2_term& term, Model::Array& array) {
             term.gradient = array.x.data() + 1;
             term.out = array.x.data() + array.x.size() - 1;
         },
         {L1L2_OK, overlap, overlap}},
        {"a gradient over x",
         [](l1l2_term& term, Model::Array& array) { term.gradient = array.x.data(); },
         {L1L2_OK, overlap, L1L2_OK}},
        {"a coefficient too large for the factor",
         [](l1l2_term& term, Model::Array&) { term.regularizer = large.get(); },
         {L1L2_OK, L1L2_ERROR_INVALID_SCALE, L1L2_ERROR_INVALID_STEP}},
        {"a coefficient too large for the factor, without a gradient",
         [](l1l2_term& term, Model::Array&) {
             term.regularizer = large.get();
             term.gradient = nullptr;
         },
         {L1L2_OK, L1L2_ERROR_INVALID_SCALE, L1L2_ERROR_INVALID_STEP}},
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

TEST_CASE("of several faults the first term's is told", "[terms]") {
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
}

TEST_CASE("a scale or a step that no term can have is refused", "[terms]") {
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
    }
    // Too large for bfloat16, not for float64.
    Model narrow;
    const Handle large({1e30, 0.0});
    add_array(narrow, 2, 10, large);
    add_array(narrow, 3, 10, large);
    CHECK(refusal(Function::gradient, narrow, narrow.terms(), 1e30) ==
          Outcome{L1L2_ERROR_INVALID_SCALE, 1});
    CHECK(refusal(Function::prox, narrow, narrow.terms(), 1e30) ==
          Outcome{L1L2_ERROR_INVALID_STEP, 1});
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
    constexpr std::size_t alignment = alignof(l1l2_term);
    for (const std::size_t bad :
         {std::size_t{0}, std::size_t{1}, alignment, size - alignment, size - 1, size + 1,
          size + alignment / 2, SIZE_MAX, SIZE_MAX / 4 + 1, SIZE_MAX / 2 + 1}) {
        for (const Function function : functions) {
            INFO("term size " << bad);
            CHECK(refusal(function, model, model.terms(), 0.5, bad) ==
                  Outcome{L1L2_ERROR_INVALID_ARGUMENT, 4});
        }
    }
    const std::vector<l1l2_term> terms = model.terms();
    for (const std::size_t count : {SIZE_MAX, SIZE_MAX / size + 1}) {
        std::size_t faulty = 77;
        CHECK(l1l2_prox_terms(terms.data(), size, count, 1.0, nullptr, nullptr, &faulty) ==
              L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(faulty == count);
    }
}

TEST_CASE("terms of a later header are taken if what is unknown is zero", "[terms]") {
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
            CHECK(total == untouched);
        }
    }
}

TEST_CASE("a runner is called by the calling thread, one run after another", "[terms]") {
    const Handle handle(both);
    Model model;
    for (std::size_t i = 0; i < 3000; ++i) { // more than fit one run
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

TEST_CASE("a runner is given the caller's state", "[terms]") {
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

TEST_CASE("the floating-point environment of the caller changes no bit and is restored",
          "[terms]") {
    const Handle handle({0.01, 1e-3});
    const Handle without_l1({0.0, 0.45}); // with scale 1 a factor of 0.9
    Model model;
    add_array(model, 2, 150001, handle); // which is cut, and its penalty put together
    for (std::size_t i = 0; i < 40; ++i) {
        add_array(model, i, 900 + i, handle);
    }
    add_subnormals<float>(model, 5000, without_l1);
    add_subnormals<Bfloat16>(model, 77, without_l1);
    add_subnormals<double>(model, 4097, without_l1);
    add_subnormals<double>(model, 4097, handle);
    for (Runner& runner : std::deque<Runner>{{"none", nullptr}, {"in a row", in_a_row}}) {
        struct Results {
            Model model;
            std::vector<double> penalties;
            std::vector<l1l2_status> statuses;
        };
        const auto compute = [&] {
            Results results = {model, std::vector<double>(2 * model.size() + 2, untouched), {}};
            const std::vector<l1l2_term> terms = results.model.terms();
            double* const penalties = results.penalties.data();
            for (const Function function : functions) {
                double* const to = penalties + (function == Function::penalty ? 0 : terms.size());
                double* const total = penalties + 2 * terms.size() + (to == penalties ? 0 : 1);
                results.statuses.push_back(call(function, terms,
                                                function == Function::gradient ? 1.0 : 0.7, runner,
                                                to, total, nullptr));
            }
            return results;
        };
        const Results expected = compute();
        CHECK(expected.statuses == std::vector<l1l2_status>(3, L1L2_OK));
        std::vector<Results> all;
        CHECK(in_hostile_environments([&] { all.push_back(compute()); }));
        INFO(runner.name());
        for (const Results& results : all) {
            CHECK((results.model == expected.model));
            CHECK(difference(results.penalties, expected.penalties) == "");
            CHECK(results.statuses == expected.statuses);
        }
    }
}

TEST_CASE("a runner is called in the floating-point environment of the caller", "[terms]") {
    const Handle handle(both);
    Model model;
    add_array(model, 0, 150001, handle);
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
        // All are hostile, but perhaps the last six, of glibc, on a CPU that cannot trap.
#if defined(__GLIBC__)
        constexpr int unsure = 2 * 6;
#else
        constexpr int unsure = 0;
#endif
        CHECK(std::count(before.begin(), before.end() - unsure, environment()) == 0);
        CHECK(within == before);
    }
}

TEST_CASE("which scales and steps terms have does not depend on the floating-point environment",
          "[terms]") {
    // Rounded upwards, the first would be infinite in float32; towards zero the second would not.
    // With denormals as zeros the third would be a step. The last traps in a comparison.
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
