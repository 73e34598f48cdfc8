/**
 * Lists of arrays of all types; compares the functions for terms with those for single arrays.
 */
#pragma once

#include "guarded_pages.hpp"
#include "runners.hpp"
#include "training.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <ostream>
#include <string>
#include <vector>

namespace terms_tests {

using namespace training;

/// Arrays of mixed types and the terms that describe them. Tests compute on a copy.
class Model {
  public:
    template <class T>
    void add(const std::vector<T>& x, const std::vector<T>& gradient, const Handle& regularizer,
             bool with_gradient = true,
             const std::vector<typename Format<T>::Arithmetic>& steps = {}) {
        Array array;
        array.dtype = Format<T>::dtype;
        array.n = x.size();
        array.regularizer = regularizer.get();
        array.x = bytes_of(x);
        array.gradient = bytes_of(gradient);
        array.steps = bytes_of(steps);
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
            terms[i].steps = array.steps.empty() ? nullptr : array.steps.data();
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

    void prox_step_one_at_a_time(double step) {
        for (Array& array : arrays) {
            l1l2_prox_step(array.regularizer, array.dtype, array.x.data(), array.n,
                           array.with_gradient ? array.gradient.data() : nullptr, step,
                           array.steps.empty() ? nullptr : array.steps.data(), array.out.data());
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
        std::vector<unsigned char> steps; ///< empty for none
        std::vector<unsigned char> out;
        bool with_gradient = true;

        bool operator==(const Array& other) const {
            return x == other.x && gradient == other.gradient && steps == other.steps &&
                   out == other.out;
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

/// Elements that repeat with a prime period, which is faster than generating all of them.
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

/// Adds an array of one of the four types, some of them with steps.
inline void add_array(Model& model, std::size_t number, std::size_t n, const Handle& regularizer,
                      bool with_gradient = true) {
    const auto add = [&](auto element) {
        using T = decltype(element);
        const auto seed = static_cast<unsigned>(number);
        std::vector<typename Format<T>::Arithmetic> steps;
        if (number % 3 != 1) {
            steps = some_steps<T>(n, seed);
        }
        model.add(many_elements<T>(n, ordinary<T>, seed),
                  many_elements<T>(n, rough_elements<T>, seed + 1), regularizer, with_gradient,
                  steps);
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

inline double sum_in_order(const std::vector<double>& penalties) {
    double sum = 0.0;
    for (const double penalty : penalties) {
        sum = sum + penalty;
    }
    return sum;
}

/// Returns "" if all functions give, with all runners, the results of single calls. A read beyond
/// the terms crashes.
inline std::string mistake(const Model& model, std::deque<Runner> runners = willing_runners()) {
    const double scale = -0.5;
    const double step = 0.25;
    const std::vector<double> expected_penalties = model.penalties();
    const double expected_total = sum_in_order(expected_penalties);
    Model expected_gradients = model;
    expected_gradients.add_gradients_one_at_a_time(scale);
    Model expected_proxes = expected_gradients;
    expected_proxes.prox_one_at_a_time(step);
    Model expected_steps = expected_proxes;
    expected_steps.prox_step_one_at_a_time(step);
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
        // Right before an unreadable page.
        const std::vector<l1l2_term> terms_before = computed.terms();
        const std::size_t count = terms_before.size();
        const std::size_t bytes = count * sizeof(l1l2_term);
        const GuardedPages pages(bytes / 4096 + 1);
        auto* const terms = reinterpret_cast<l1l2_term*>(pages.end() - bytes);
        std::copy(terms_before.begin(), terms_before.end(), terms);
        l1l2_status status = l1l2_penalty_terms(terms, sizeof(l1l2_term), count, runner.function(),
                                                runner.state(), penalties.data(), &total, &faulty);
        std::string found = failed("penalty", status, model, true);
        if (found.empty()) {
            status =
                l1l2_add_gradient_terms(terms, sizeof(l1l2_term), count, scale, runner.function(),
                                        runner.state(), penalties.data(), &total, &faulty);
            found = failed("gradient", status, expected_gradients, true);
        }
        if (found.empty()) {
            status = l1l2_prox_terms(terms, sizeof(l1l2_term), count, step, runner.function(),
                                     runner.state(), &faulty);
            found = failed("prox", status, expected_proxes, false);
        }
        if (found.empty()) {
            status = l1l2_prox_step_terms(terms, sizeof(l1l2_term), count, step, runner.function(),
                                          runner.state(), &faulty);
            found = failed("prox step", status, expected_steps, false);
        }
        if (!found.empty()) {
            return found;
        }
        if (std::memcmp(terms, terms_before.data(), bytes) != 0) {
            return "the terms were written, runner: " + runner.name();
        }
    }
    return "";
}

/// Arrays of all types, some empty, with several regularizers.
inline Model some_model(const Handle& first, const Handle& second, const Handle& third) {
    Model model;
    std::size_t number = 0;
    for (const std::size_t n : {5U, 0U, 1U, 4096U, 33U, 4097U, 0U, 12305U, 64U, 8192U, 2U, 4095U}) {
        const Handle& regularizer = number % 3 == 0 ? first : number % 3 == 1 ? second : third;
        add_array(model, number, n, regularizer, number % 5 != 2);
        ++number;
    }
    return model;
}

enum class Function { penalty, gradient, prox, prox_step };

constexpr Function functions[] = {Function::penalty, Function::gradient, Function::prox,
                                  Function::prox_step};

constexpr bool has_penalties(Function function) {
    return function == Function::penalty || function == Function::gradient;
}

/// Calls a function.
inline l1l2_status call(Function function, const std::vector<l1l2_term>& terms, double factor,
                        Runner& runner, double* penalties, double* total, std::size_t* faulty,
                        std::size_t term_size = sizeof(l1l2_term)) {
    switch (function) {
    case Function::penalty:
        return l1l2_penalty_terms(terms.data(), term_size, terms.size(), runner.function(),
                                  runner.state(), penalties, total, faulty);
    case Function::gradient:
        return l1l2_add_gradient_terms(terms.data(), term_size, terms.size(), factor,
                                       runner.function(), runner.state(), penalties, total, faulty);
    case Function::prox:
        return l1l2_prox_terms(terms.data(), term_size, terms.size(), factor, runner.function(),
                               runner.state(), faulty);
    default:
        return l1l2_prox_step_terms(terms.data(), term_size, terms.size(), factor,
                                    runner.function(), runner.state(), faulty);
    }
}

/// What a function returns for faulty terms.
struct Outcome {
    l1l2_status status;
    std::size_t faulty;
};

inline bool operator==(const Outcome& a, const Outcome& b) {
    return a.status == b.status && a.faulty == b.faulty;
}

inline std::ostream& operator<<(std::ostream& stream, const Outcome& outcome) {
    return stream << "status " << outcome.status << ", faulty " << outcome.faulty;
}

} // namespace terms_tests
