// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * Many tensors in one call, split over the caller's threads.
 */
#pragma once

#include "regularizer.hpp"
#include "runs.hpp"

#include <cstddef>

namespace l1l2::core {

struct Term {
    const Regularizer* regularizer;
    Arrays arrays; ///< y is what is written, NULL for nothing
};

/// Where the terms come from, without all of them being copied.
class TermSource {
  public:
    explicit TermSource(std::size_t size) : size_(size) {}

    std::size_t size() const { return size_; }

    /// Copies terms first .. first + count - 1. Many in one call, as calls are what small terms
    /// cost.
    virtual void read(std::size_t first, std::size_t count, Term* terms) const = 0;

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
    enum class Kind { penalty, gradient, gradient_and_penalty, prox, prox_step };
    Kind kind;
    double parameter; ///< the scale of the gradient or the step

    bool has_step() const { return kind == Kind::prox || kind == Kind::prox_step; }

    /// Whether the parameter suits a term.
    bool suits(const Regularizer& regularizer, Dtype dtype) const {
        switch (kind) {
        case Kind::gradient:
        case Kind::gradient_and_penalty: return regularizer.accepts_scale(parameter, dtype);
        case Kind::prox: return regularizer.accepts_step(parameter, dtype);
        case Kind::prox_step: return regularizer.accepts_prox_step(parameter, dtype);
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
