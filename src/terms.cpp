// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "terms.hpp"

#include "float_environment.hpp"
#include "reduction.hpp"
#include "streaming.hpp"
#include "tasks.hpp"

#include <algorithm>
#include <optional>

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

/// The penalty of a term, and what is written of it. bytes: see apply().
[[gnu::always_inline]] inline double compute(const KernelTable& table, const Job& job,
                                             const Term& term, std::size_t bytes) {
    return term.regularizer->penalty(apply(job.operation(table, term), term.arrays, bytes));
}

/// What a job reads and writes in all, if it may stream; else 0.
[[gnu::cold]] std::size_t bytes_of(const KernelTable& table, const TermSource& terms,
                                   const Job& job) {
    std::size_t bytes = 0;
    if (table.stream != nullptr && job.replaces()) {
        Term term[at_a_time];
        for (std::size_t first = 0; first < terms.size(); first += at_a_time) {
            const std::size_t count = std::min(terms.size() - first, at_a_time);
            terms.read(first, count, term);
            for (std::size_t i = 0; i < count; ++i) {
                bytes += core::bytes_of(term[i].arrays);
            }
        }
    }
    return bytes;
}

/// The penalties of terms first .. first + count - 1, at most at_a_time, all in one kernel. False
/// if they are not blocks of one regularizer and one dtype.
bool sum_together(const KernelTable& table, const TermSource& terms, std::size_t first,
                  std::size_t count, double* penalties) {
    kernels::Block block[at_a_time];
    Sums sums[at_a_time];
    if (terms.read_blocks(first, count, block) < count) {
        return false;
    }
    const Term term = terms[first];
    term.regularizer->sum_each(table, term.arrays.dtype, block, count, sums);
    for (std::size_t i = 0; i < count; ++i) {
        penalties[i] = term.regularizer->penalty(sums[i]);
    }
    return true;
}

/// A plan that is being run, on the stack. The results are left as they are: what is read of them
/// is written before, and to clear 12 KB would cost more than many small terms.
class Wave {
  public:
    // cppcheck-suppress uninitMemberVar
    Wave(const KernelTable& table, const TermSource& terms, const Job& job, std::size_t bytes,
         std::size_t first)
        : table_(table), terms_(terms), job_(job), bytes_(bytes),
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
            for (std::size_t i = 0; i < task.terms; i += at_a_time) {
                compute_whole(task.first_term + i, std::min(task.terms - i, at_a_time));
            }
        } else {
            const Term term = terms_[task.first_term];
            sums_[index] = apply_blocks(job_.operation(table_, term), term.arrays, task.first_block,
                                        task.blocks, bytes_);
        }
    }

  private:
    /// The penalties of whole terms, at most at_a_time.
    void compute_whole(std::size_t first, std::size_t count) {
        double* const penalties = penalty_ + (first - plan_.first_term);
        if (job_.kind == Job::Kind::penalty &&
            sum_together(table_, terms_, first, count, penalties)) {
            return;
        }
        for (std::size_t i = 0; i < count; ++i) {
            penalties[i] = compute(table_, job_, terms_[first + i], bytes_);
        }
    }

    const KernelTable& table_;
    const TermSource& terms_;
    const Job& job_;
    const std::size_t bytes_; ///< of the whole call
    const Plan plan_;
    Sums sums_[Plan::max_tasks];      ///< of tasks that are pieces of a term
    double penalty_[Plan::max_terms]; ///< of terms, without those in pieces until finish()
};

/// All terms in the calling thread.
void compute_alone(const KernelTable* table, const TermSource* terms, const Job* job,
                   double* penalties, double* total) {
    Term term[at_a_time];
    double summed[at_a_time];
    double sum = 0.0;
    // Terms of a block are not streamed: of many small ones the sizes are not added up.
    std::optional<std::size_t> bytes;
    for (std::size_t first = 0; first < terms->size(); first += at_a_time) {
        const std::size_t count = std::min(terms->size() - first, at_a_time);
        const bool together =
            job->kind == Job::Kind::penalty && sum_together(*table, *terms, first, count, summed);
        if (!together) {
            terms->read(first, count, term);
        }
        for (std::size_t i = 0; i < count; ++i) {
            if (!together && !bytes && term[i].arrays.n > kernels::block_elements) {
                bytes = bytes_of(*table, *terms, *job);
            }
            const double penalty =
                together ? summed[i] : compute(*table, *job, term[i], bytes.value_or(0));
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
    const std::size_t bytes = bytes_of(table, terms, job);
    for (std::size_t i = 0; i < terms.size();) {
        Wave wave(table, terms, job, bytes, i);
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
