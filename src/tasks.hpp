// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * How a list of terms is cut into tasks for a runner, and how the sums of pieces become those of
 * terms. Knows sizes and sums alone, no elements and no threads.
 */
#pragma once

#include "reduction.hpp"

#include <cstddef>

namespace l1l2::core {

/// Some whole terms, or some blocks of one.
struct Task {
    std::size_t first_term;
    std::size_t terms;
    std::size_t first_block;
    std::size_t blocks; ///< 0 for whole terms
};

/// What one call of the runner does, for terms first_term .. end_term - 1. Of limited size, as it
/// lives on the stack.
class Plan {
  public:
    static constexpr std::size_t max_tasks = 256;
    static constexpr std::size_t max_terms = 1024;

    // cppcheck-suppress uninitMemberVar ; add() writes a task before it is read
    explicit Plan(std::size_t first) : first_term(first), end_term(first) {}

    /// Makes tasks of the next term, with n elements; false if it does not fit.
    bool add(std::size_t n);

    std::size_t terms() const { return end_term - first_term; }

    std::size_t first_term;
    std::size_t end_term;
    std::size_t tasks = 0;
    Task task[max_tasks];

  private:
    bool add_whole(std::size_t n);
    bool add_pieces(std::size_t blocks);

    std::size_t joined_elements_ = 0; ///< of the last task, if it is of whole terms
};

/// The plan for terms first .. count - 1, of which term i has size(i) elements, or for as many of
/// them as fit: at least one.
template <class Size>
Plan cut(std::size_t first, std::size_t count, Size&& size) {
    Plan plan(first);
    while (plan.end_term < count && plan.add(size(plan.end_term))) {
    }
    return plan;
}

/// Calls done(term, sums) for each term that was cut in pieces. sums[i] are those of task i.
template <class Done>
void combine(const Plan& plan, const Sums* sums, Done&& done) {
    for (std::size_t i = 0; i < plan.tasks;) {
        const std::size_t term = plan.task[i].first_term;
        if (plan.task[i].blocks == 0) {
            ++i;
            continue;
        }
        const std::size_t first = i;
        while (i < plan.tasks && plan.task[i].first_term == term) {
            ++i;
        }
        done(term, reduce_tree(i - first, [&](std::size_t piece) { return sums[first + piece]; }));
    }
}

} // namespace l1l2::core
