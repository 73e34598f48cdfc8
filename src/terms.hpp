// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * Many tensors in one call, split over the caller's threads.
 */
#pragma once

#include "clip.hpp"
#include "regularizer.hpp"
#include "runs.hpp"

#include <cstddef>

namespace l1l2::core {

struct Term {
    const Regularizer* regularizer;
    Arrays arrays; ///< y is what is written, NULL for nothing
};

/// What a task has of the arrays of one of its terms.
inline Arrays part_of(const Task& task, const Arrays& arrays) {
    return task.blocks == 0
               ? arrays
               : arrays.part(task.first_block * kernels::block_elements,
                             (task.first_block + task.blocks) * kernels::block_elements);
}

/// Where the terms come from, without all of them being copied.
class TermSource {
  public:
    explicit TermSource(std::size_t size) : size_(size) {}

    std::size_t size() const { return size_; }

    /// Copies terms first .. first + count - 1. Many in one call, as calls are what small terms
    /// cost.
    virtual void read(std::size_t first, std::size_t count, Term* terms) const = 0;

    /// The arrays of terms first, first + 1, ..., at most count > 0 of them, that are no more than
    /// a block and have the regularizer and the dtype of the first one. Returns how many these are.
    virtual std::size_t read_blocks(std::size_t first, std::size_t count,
                                    kernels::Block* block) const = 0;

    Term operator[](std::size_t i) const {
        Term term;
        read(i, 1, &term);
        return term;
    }

  protected:
    ~TermSource() = default;

  private:
    std::size_t size_;
};

/// What is computed of each term.
struct Job {
    /// Exact sums are add_terms' matter; here is what is checked of them.
    enum class Kind { penalty, gradient, gradient_and_penalty, prox, prox_step, clip, exact_sums };
    Kind kind;
    double parameter;   ///< the scale of a gradient, a step, or the norm of a clip
    double limit = 0.0; ///< the largest norm of a clip

    bool has_step() const { return kind == Kind::prox || kind == Kind::prox_step; }
    /// Whether terms need a regularizer.
    bool regularizes() const { return kind != Kind::clip && kind != Kind::exact_sums; }
    /// Whether every term needs a place for its result, which may be x.
    bool replaces() const { return has_step() || kind == Kind::clip; }

    Clip clip() const { return {parameter, limit}; }

    /// Whether the parameter suits a term.
    bool suits(const Regularizer& regularizer, Dtype dtype) const {
        switch (kind) {
        case Kind::gradient:
        case Kind::gradient_and_penalty: return regularizer.accepts_scale(parameter, dtype);
        case Kind::prox: return regularizer.accepts_step(parameter, dtype);
        case Kind::prox_step: return regularizer.accepts_prox_step(parameter, dtype);
        case Kind::clip: return clip().is_valid();
        case Kind::exact_sums:
        case Kind::penalty: break;
        }
        return true;
    }

    /// For a term that it suits. Without y a gradient is not written.
    Operation operation(const kernels::KernelTable& table, const Term& term) const;
};

/**
 * Computes a job, which must suit every term.
 *
 * runner     its run is NULL if the calling thread does all.
 * penalties  of each term, or NULL.
 * total      their sum in order, or NULL.
 *
 * Returns false if the runner failed. Sets the floating-point environment itself where it computes;
 * the runner is called in the caller's.
 */
bool compute_terms(const kernels::KernelTable& table, const TermSource& terms, const Job& job,
                   Runner runner, double* penalties, double* total);

} // namespace l1l2::core
