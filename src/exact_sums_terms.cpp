// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "exact_sums_terms.hpp"

#include "float_environment.hpp"
#include "runs.hpp"
#include "tasks.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace l1l2::core {

namespace {

using kernels::KernelTable;

/// Calls f(term) for each term.
template <class F>
void for_each_term(const TermSource& terms, F&& f) {
    constexpr std::size_t at_a_time = 32;
    Term term[at_a_time];
    for (std::size_t first = 0; first < terms.size(); first += at_a_time) {
        const std::size_t count = std::min(terms.size() - first, at_a_time);
        terms.read(first, count, term);
        std::for_each(term, term + count, f);
    }
}

/// Accumulators for what tasks have summed. On the stack there is no room for one of each task, and
/// to add up in one would keep threads waiting for each other. Which one a task adds to does not
/// matter: nothing is rounded.
class SharedSums {
  public:
    // cppcheck-suppress uninitMemberVar
    SharedSums() {
        for (ExactSums& sums : sums_) {
            sums.clear();
        }
    }

    /// From any thread. Waits only while as many others are adding as there are accumulators.
    void add(ExactSums& sums, std::size_t task) {
        std::size_t i = task % size;
        while (taken_[i].exchange(1, std::memory_order_acquire) != 0) {
            i = (i + 1) % size;
        }
        static_cast<void>(sums_[i].merge(sums)); // without a count, which could overflow
        taken_[i].store(0, std::memory_order_release);
    }

    /// After all tasks.
    void add_to(ExactSums& sums) {
        for (ExactSums& some : sums_) {
            static_cast<void>(sums.merge(some));
        }
    }

  private:
    static constexpr std::size_t size = 8;

    ExactSums sums_[size];
    std::atomic<std::uint32_t> taken_[size] = {};
};

/// Terms, from a first one on, that are added in one call of the runner.
class SumsWave {
  public:
    SumsWave(SharedSums& shared, const KernelTable& table, const TermSource& terms,
             std::size_t first)
        : shared_(shared), table_(table), terms_(terms),
          plan_(cut(first, terms.size(), [&](std::size_t i) { return terms[i].arrays.n; })) {}

    std::size_t end() const { return plan_.end_term; }

    bool run(const Runner& runner) { return Run<SumsWave>(*this, plan_.tasks).by(runner); }

    void compute_task(std::size_t index) {
        const Task& task = plan_.task[index];
        ExactSums sums;
        sums.clear();
        for (std::size_t i = task.first_term; i < task.first_term + task.terms; ++i) {
            const Arrays arrays = part_of(task, terms_[i].arrays);
            sums.add(table_, arrays.dtype, arrays.x, arrays.n);
        }
        shared_.add(sums, index);
    }

  private:
    SharedSums& shared_;
    const KernelTable& table_;
    const TermSource& terms_;
    const Plan plan_;
};

void add_alone(ExactSums* sums, const KernelTable* table, const TermSource* terms) {
    for_each_term(*terms, [&](const Term& term) {
        sums->add(*table, term.arrays.dtype, term.arrays.x, term.arrays.n);
    });
}

} // namespace

SumsFault count_terms(ExactSums& sums, const TermSource& terms) {
    SumsFault fault = SumsFault::none;
    for_each_term(terms, [&](const Term& term) {
        fault = fault == SumsFault::none ? sums.add_to_count(term.arrays.n) : fault;
    });
    return fault;
}

bool add_terms(ExactSums& sums, const KernelTable& table, const TermSource& terms, Runner runner) {
    if (runner.run == nullptr) {
        with_default_environment<add_alone>(&sums, &table, &terms);
        return true;
    }
    SharedSums shared;
    for (std::size_t i = 0; i < terms.size();) {
        SumsWave wave(shared, table, terms, i);
        if (!wave.run(runner)) {
            return false;
        }
        i = wave.end();
    }
    shared.add_to(sums);
    return true;
}

} // namespace l1l2::core
