// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "steps.hpp"

#include "float_environment.hpp"
#include "walk.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>

namespace l1l2::core {

using kernels::KernelTable;

bool accepts_all_steps(const KernelTable& table, const Regularizer& regularizer, double step,
                       const Arrays& arrays) {
    if (arrays.steps == nullptr) {
        return true;
    }
    const auto dtype = static_cast<std::size_t>(arrays.dtype);
    return regularizer.accepts_steps(step, table.greatest_step[dtype](arrays.steps, arrays.n),
                                     arrays.dtype);
}

namespace {

/// The greatest of the steps that a walk has visited, or a NaN.
struct Visited {
    kernels::GreatestStepKernel kernel;
    double greatest;

    static void add(void* state, const void* steps, std::size_t n) {
        auto& visited = *static_cast<Visited*>(state);
        const double greatest = visited.kernel(steps, n);
        if (!(greatest <= visited.greatest)) { // or a NaN, which also stays
            visited.greatest = std::isnan(visited.greatest) ? visited.greatest : greatest;
        }
    }
};

} // namespace

bool accepts_all_steps(const KernelTable& table, const Regularizer& regularizer, double step,
                       Dtype dtype, const Tensor* steps) {
    if (steps == nullptr) {
        return true;
    }
    Visited visited = {table.greatest_step[static_cast<std::size_t>(dtype)], 0.0};
    Walk(*steps).visit(&visited, Visited::add);
    return regularizer.accepts_steps(step, visited.greatest, dtype);
}

namespace {

/// Steps of terms, from a first one on, that are checked in one call of the runner.
class StepsWave {
  public:
    StepsWave(const KernelTable& table, const TermSource& terms, std::size_t count, double step,
              std::size_t first)
        : table_(table), terms_(terms), step_(step),
          plan_(cut(first, count, [&](std::size_t i) { return steps_of(i); })),
          first_refused_(count) {}

    std::size_t end() const { return plan_.end_term; }
    std::size_t first_refused() const { return first_refused_.load(); }

    bool run(const Runner& runner) {
        return !has_steps_ || Run<StepsWave>(*this, plan_.tasks).by(runner);
    }

    void compute_task(std::size_t index) {
        const Task& task = plan_.task[index];
        for (std::size_t i = task.first_term; i < task.first_term + task.terms; ++i) {
            const Term term = terms_[i];
            const Arrays arrays = part_of(task, term.arrays);
            if (!accepts_all_steps(table_, *term.regularizer, step_, arrays)) {
                refuse(i);
            }
        }
    }

  private:
    std::size_t steps_of(std::size_t term) {
        const Arrays arrays = terms_[term].arrays;
        has_steps_ = has_steps_ || arrays.steps != nullptr;
        return arrays.steps != nullptr ? arrays.n : 0;
    }

    void refuse(std::size_t term) {
        std::size_t first = first_refused_.load();
        while (term < first && !first_refused_.compare_exchange_weak(first, term)) {
        }
    }

    const KernelTable& table_;
    const TermSource& terms_;
    double step_;
    bool has_steps_ = false; // before plan_, which is made by steps_of()
    const Plan plan_;
    std::atomic<std::size_t> first_refused_;
};

/// Looks at the steps of the terms before `*first_refused`, in the calling thread.
void check_alone(const KernelTable* table, const TermSource* terms, double step,
                 std::size_t* first_refused) {
    for (std::size_t i = 0; i < *first_refused; ++i) {
        const Term term = (*terms)[i];
        if (!accepts_all_steps(*table, *term.regularizer, step, term.arrays)) {
            *first_refused = i;
        }
    }
}

} // namespace

std::optional<std::size_t> first_refused_steps(const KernelTable& table, const TermSource& terms,
                                               std::size_t count, double step,
                                               const Runner& runner) {
    if (runner.run == nullptr) {
        std::size_t first_refused = count;
        with_default_environment<check_alone>(&table, &terms, step, &first_refused);
        return first_refused;
    }
    std::size_t first_refused = count;
    for (std::size_t i = 0; i < count && first_refused == count;) {
        StepsWave wave(table, terms, count, step, i);
        if (!wave.run(runner)) {
            return std::nullopt;
        }
        first_refused = wave.first_refused();
        i = wave.end();
    }
    return first_refused;
}

} // namespace l1l2::core
