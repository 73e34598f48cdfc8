#include "terms.hpp"

#include "float_environment.hpp"
#include "reduction.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace l1l2::core {

using kernels::block_elements;
using kernels::KernelTable;

namespace {

/// The penalty of a whole term, and what is written of it.
double compute(const KernelTable& table, const Job& job, const Term& term) {
    if (job.writes == Job::Writes::nothing) {
        return term.regularizer->penalty_alone(table, term.arrays.dtype, term.arrays.x,
                                               term.arrays.n);
    }
    Operation operation;
    job.plan(table, term, operation);
    return term.regularizer->penalty(reduce(operation, term.arrays));
}

/// A piece of work of about task_blocks blocks: some whole terms, or some blocks of one.
struct Task {
    std::size_t first_term;
    std::size_t terms;
    std::size_t first_block;
    std::size_t blocks; ///< 0 for whole terms
};

/// 64 Ki elements: some ten microseconds, beside which the handing over to a thread is small.
constexpr std::size_t task_blocks = 16;
constexpr std::size_t task_terms = 64;

/**
 * As many terms as fit the tables here, which live on the stack, as nothing is allocated: they are
 * handed to the runner together.
 */
class Wave {
  public:
    /// The tables are left as they are: what is read of them is written before, and to clear 20 KB
    /// would cost more than many small terms.
    // cppcheck-suppress uninitMemberVar
    Wave(const KernelTable& table, const TermSource& terms, const Job& job, std::size_t first_term)
        : table_(table), terms_(terms), job_(job), first_term_(first_term) {
        while (first_term_ + count_ < terms.size() && count_ < max_terms &&
               plan(terms[first_term_ + count_].arrays.n)) {
            ++count_;
        }
    }

    std::size_t count() const { return count_; }

    /// False if the runner said so or has left out a task. In the caller's floating-point
    /// environment, and whatever the runner makes of it.
    bool run(const Runner& runner) {
        if (runner.run(runner.state, call_task, this, tasks_) != 0) {
            return false;
        }
        for (std::size_t i = 0; i < tasks_; ++i) {
            if (state_[i].load(std::memory_order_acquire) != State::done) {
                return false;
            }
        }
        return true;
    }

    /// Makes the penalties of the terms that were cut in pieces, copies all to `penalties` if that
    /// is not NULL, and returns total with them added. After run(); not inlined either.
    [[gnu::noinline]] double finish(double* penalties, double total) {
        for (std::size_t first = 0; first < tasks_;) {
            std::size_t last = first + 1;
            if (task_[first].blocks != 0) {
                const std::size_t term = task_[first].first_term;
                while (last < tasks_ && task_[last].first_term == term) {
                    ++last;
                }
                const Sums sums =
                    reduce_tree(last - first, [&](std::size_t i) { return sums_[first + i]; });
                penalty_[term - first_term_] = terms_[term].regularizer->penalty(sums);
            }
            first = last;
        }
        if (penalties != nullptr) {
            std::copy_n(penalty_, count_, penalties + first_term_);
        }
        for (std::size_t i = 0; i < count_; ++i) {
            total += penalty_[i];
        }
        return canonical(total);
    }

  private:
    static constexpr std::size_t max_tasks = 256;
    static constexpr std::size_t max_terms = 1024;

    // Of 32 bits: RISC-V exchanges nothing smaller without help of a library, libatomic.
    enum class State : std::uint32_t { waiting, taken, done };

    /// Makes tasks of a term with n elements; false if it is left for the next wave.
    bool plan(std::size_t n) {
        const std::size_t blocks = count_blocks(n);
        const std::size_t term = first_term_ + count_;
        if (blocks < 2 * task_blocks) {
            const bool joins = tasks_ > 0 && task_[tasks_ - 1].blocks == 0 &&
                               task_[tasks_ - 1].terms < task_terms &&
                               group_elements_ + n <= task_blocks * block_elements;
            if (!joins) {
                if (tasks_ == max_tasks) {
                    return false;
                }
                task_[tasks_++] = {term, 0, 0, 0};
                group_elements_ = 0;
            }
            ++task_[tasks_ - 1].terms;
            group_elements_ += n;
            return true;
        }
        // A power of two, so that each piece is a node of the tree.
        std::size_t piece = task_blocks;
        while ((blocks - 1) / piece + 1 > max_tasks) {
            piece *= 2;
        }
        const std::size_t pieces = (blocks - 1) / piece + 1;
        if (pieces > max_tasks - tasks_) {
            return false;
        }
        for (std::size_t i = 0; i < pieces; ++i) {
            task_[tasks_++] = {term, 1, i * piece, std::min(piece, blocks - i * piece)};
        }
        return true;
    }

    static void call_task(void* work, std::size_t index) {
        auto& wave = *static_cast<Wave*>(work);
        // A gradient that is added twice is wrong, whatever a runner believes.
        State waiting = State::waiting;
        if (index < wave.tasks_ &&
            wave.state_[index].compare_exchange_strong(waiting, State::taken)) {
            const FloatEnvironment environment;
            wave.run_task(index);
            wave.state_[index].store(State::done, std::memory_order_release);
        }
    }

    /// Not inlined for the reason that float_environment.hpp gives.
    [[gnu::noinline]] void run_task(std::size_t index) {
        const Task& task = task_[index];
        if (task.blocks == 0) {
            for (std::size_t i = task.first_term; i < task.first_term + task.terms; ++i) {
                penalty_[i - first_term_] = compute(table_, job_, terms_[i]);
            }
        } else {
            const Term term = terms_[task.first_term];
            Operation operation;
            job_.plan(table_, term, operation);
            sums_[index] = reduce_blocks(operation, term.arrays, task.first_block, task.blocks);
        }
    }

    const KernelTable& table_;
    const TermSource& terms_;
    const Job& job_;
    const std::size_t first_term_;
    std::size_t count_ = 0;
    std::size_t tasks_ = 0;
    std::size_t group_elements_ = 0; ///< of the last task, if it is of whole terms
    Task task_[max_tasks];
    Sums sums_[max_tasks];
    std::atomic<State> state_[max_tasks] = {};
    double penalty_[max_terms];
};

/// All terms in the calling thread; their total. Not inlined for the reason that
/// float_environment.hpp gives.
[[gnu::noinline]] double compute_alone(const KernelTable& table, const TermSource& terms,
                                       const Job& job, double* penalties) {
    double total = 0.0;
    constexpr std::size_t at_a_time = 32;
    Term term[at_a_time];
    for (std::size_t first = 0; first < terms.size(); first += at_a_time) {
        const std::size_t count = std::min(terms.size() - first, at_a_time);
        terms.read(first, count, term);
        for (std::size_t i = 0; i < count; ++i) {
            const double penalty = compute(table, job, term[i]);
            if (penalties != nullptr) {
                penalties[first + i] = penalty;
            }
            total += penalty;
        }
    }
    return canonical(total);
}

/// All terms, a wave at a time; false if the runner failed.
bool compute_together(const KernelTable& table, const TermSource& terms, const Job& job,
                      const Runner& runner, double* penalties, double& total) {
    for (std::size_t i = 0; i < terms.size();) {
        Wave wave(table, terms, job, i);
        if (!wave.run(runner)) {
            return false;
        }
        const FloatEnvironment environment;
        total = wave.finish(penalties, total);
        i += wave.count();
    }
    return true;
}

} // namespace

bool compute_terms(const KernelTable& table, const TermSource& terms, const Job& job, Runner runner,
                   double* penalties, double* total) {
    double sum = 0.0;
    if (runner.run == nullptr) {
        const FloatEnvironment environment;
        sum = compute_alone(table, terms, job, penalties);
    } else if (!compute_together(table, terms, job, runner, penalties, sum)) {
        return false;
    }
    if (total != nullptr) {
        *total = sum;
    }
    return true;
}

} // namespace l1l2::core
