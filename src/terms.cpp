// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "terms.hpp"

#include "float_environment.hpp"
#include "reduction.hpp"
#include "tasks.hpp"

#include <algorithm>

namespace l1l2::core {

using kernels::KernelTable;

Operation Job::operation(const KernelTable& table, const Term& term) const {
    const Regularizer& regularizer = *term.regularizer;
    const Dtype dtype = term.arrays.dtype;
    const bool writes = term.arrays.y != nullptr;
    switch (kind) {
    case Kind::gradient:
        return writes ? regularizer.gradient(table, dtype, parameter) : Operation();
    case Kind::gradient_and_penalty:
        if (writes) {
            return regularizer.gradient_and_sum(table, dtype, parameter);
        }
        break;
    case Kind::prox: return regularizer.prox(table, dtype, parameter);
    case Kind::prox_step: return regularizer.prox_step(table, dtype, parameter);
    case Kind::clip: return clip().operation(table, dtype);
    case Kind::exact_sums:
    case Kind::penalty: break;
    }
    return regularizer.sum(table, dtype);
}

namespace {

/// Terms are read so many at a time.
constexpr std::size_t at_a_time = kernels::most_blocks;

/// The penalty of a term, and what is written of it.
double compute(const KernelTable& table, const Job& job, const Term& term) {
    return term.regularizer->penalty(apply(job.operation(table, term), term.arrays));
}

/// The penalties of blocks that have one regularizer and one dtype, from the first term on. Returns
/// how many these are, at most count and at_a_time.
std::size_t sum_blocks(const KernelTable& table, const TermSource& terms, std::size_t first,
                       std::size_t count, double* penalties) {
    kernels::Block block[at_a_time];
    Sums sums[at_a_time];
    const std::size_t blocks = terms.read_blocks(first, std::min(count, at_a_time), block);
    if (blocks > 0) {
        const Term term = terms[first];
        term.regularizer->sum_each(table, term.arrays.dtype, block, blocks, sums);
        for (std::size_t i = 0; i < blocks; ++i) {
            penalties[i] = term.regularizer->penalty(sums[i]);
        }
    }
    return blocks;
}

/// The penalties of whole terms first .. first + count - 1.
void compute_penalties(const KernelTable& table, const Job& job, const TermSource& terms,
                       std::size_t first, std::size_t count, double* penalties) {
    for (std::size_t i = 0; i < count;) {
        std::size_t done = sum_blocks(table, terms, first + i, count - i, penalties + i);
        if (done == 0) {
            penalties[i] = compute(table, job, terms[first + i]);
            done = 1;
        }
        i += done;
    }
}

/// A plan that is being run, on the stack. The results are left as they are: what is read of them
/// is written before, and to clear 12 KB would cost more than many small terms.
class Wave {
  public:
    // cppcheck-suppress uninitMemberVar
    Wave(const KernelTable& table, const TermSource& terms, const Job& job, std::size_t first)
        : table_(table), terms_(terms), job_(job),
          plan_(cut(first, terms.size(), [&](std::size_t i) { return terms[i].arrays.n; })) {}

    std::size_t end() const { return plan_.end_term; }

    bool run(const Runner& runner) { return Run<Wave>(*this, plan_.tasks).by(runner); }

    /// Writes the penalties to those of all terms, if that is not NULL, and adds them to the total.
    /// After run().
    void finish(double* penalties, double* total) {
        combine(plan_, sums_, [&](std::size_t term, const Sums& sums) {
            penalty_[term - plan_.first_term] = terms_[term].regularizer->penalty(sums);
        });
        for (std::size_t i = 0; i < plan_.terms(); ++i) {
            *total += penalty_[i];
        }
        *total = canonical(*total);
        if (penalties != nullptr) {
            std::copy_n(penalty_, plan_.terms(), penalties + plan_.first_term);
        }
    }

    void compute_task(std::size_t index) {
        const Task& task = plan_.task[index];
        if (task.blocks == 0) {
            double* const penalties = penalty_ + (task.first_term - plan_.first_term);
            if (job_.kind == Job::Kind::penalty) {
                compute_penalties(table_, job_, terms_, task.first_term, task.terms, penalties);
                return;
            }
            for (std::size_t i = 0; i < task.terms; ++i) {
                penalties[i] = compute(table_, job_, terms_[task.first_term + i]);
            }
        } else {
            const Term term = terms_[task.first_term];
            sums_[index] = apply_blocks(job_.operation(table_, term), term.arrays, task.first_block,
                                        task.blocks);
        }
    }

  private:
    const KernelTable& table_;
    const TermSource& terms_;
    const Job& job_;
    const Plan plan_;
    Sums sums_[Plan::max_tasks];      ///< of tasks that are pieces of a term
    double penalty_[Plan::max_terms]; ///< of terms, without those in pieces until finish()
};

/// All penalties, of which nothing is written, in the calling thread.
double penalties_alone(const KernelTable& table, const TermSource& terms, const Job& job,
                       double* penalties) {
    double sum = 0.0;
    for (std::size_t first = 0; first < terms.size(); first += at_a_time) {
        double penalty[at_a_time];
        const std::size_t count = std::min(terms.size() - first, at_a_time);
        compute_penalties(table, job, terms, first, count, penalty);
        for (std::size_t i = 0; i < count; ++i) {
            sum += penalty[i];
        }
        if (penalties != nullptr) {
            std::copy_n(penalty, count, penalties + first);
        }
    }
    return sum;
}

/// All terms in the calling thread.
void compute_alone(const KernelTable* table, const TermSource* terms, const Job* job,
                   double* penalties, double* total) {
    if (job->kind == Job::Kind::penalty) {
        *total = canonical(penalties_alone(*table, *terms, *job, penalties));
        return;
    }
    Term term[at_a_time];
    double sum = 0.0;
    for (std::size_t first = 0; first < terms->size(); first += at_a_time) {
        const std::size_t count = std::min(terms->size() - first, at_a_time);
        terms->read(first, count, term);
        for (std::size_t i = 0; i < count; ++i) {
            const double penalty = compute(*table, *job, term[i]);
            if (penalties != nullptr) {
                penalties[first + i] = penalty;
            }
            sum += penalty;
        }
    }
    *total = canonical(sum);
}

/// All terms, a wave at a time; false if the runner failed.
bool compute_together(const KernelTable& table, const TermSource& terms, const Job& job,
                      const Runner& runner, double* penalties, double* total) {
    for (std::size_t i = 0; i < terms.size();) {
        Wave wave(table, terms, job, i);
        if (!wave.run(runner)) {
            return false;
        }
        with_default_environment<&Wave::finish>(&wave, penalties, total);
        i = wave.end();
    }
    return true;
}

} // namespace

bool compute_terms(const KernelTable& table, const TermSource& terms, const Job& job, Runner runner,
                   double* penalties, double* total) {
    double sum = 0.0;
    if (runner.run == nullptr) {
        with_default_environment<compute_alone>(&table, &terms, &job, penalties, &sum);
    } else if (!compute_together(table, terms, job, runner, penalties, &sum)) {
        return false;
    }
    if (total != nullptr) {
        *total = sum;
    }
    return true;
}

} // namespace l1l2::core
