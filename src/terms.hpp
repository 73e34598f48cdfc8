/**
 * Many tensors in one call, split over the caller's threads.
 */
#pragma once

#include "regularizer.hpp"

#include <cstddef>
#include <cstdint>

namespace l1l2::core {

struct Term {
    const Regularizer* regularizer;
    Arrays arrays; ///< y is what is written, NULL for nothing
};

/// Where the terms come from, without their being copied.
class TermSource {
  public:
    virtual std::size_t size() const = 0;
    virtual Term operator[](std::size_t i) const = 0;

  protected:
    ~TermSource() = default;
};

/// What is computed of each term.
struct Job {
    enum class Writes { nothing, gradient, prox };
    Writes writes;
    double parameter; ///< the scale of the gradient or the step of the prox
    bool penalties;   ///< whether penalties are wanted

    /// False if the parameter does not suit the term.
    bool plan(const kernels::KernelTable& table, const Term& term, Operation& operation) const;
};

/// Calls task(work, i) once for each i < count; see l1l2_runner.
struct Runner {
    std::int32_t (*run)(void* state, void (*task)(void* work, std::size_t index), void* work,
                        std::size_t count);
    void* state;
};

/**
 * Computes a job, which must suit every term.
 *
 * runner     its run is NULL if the calling thread does all.
 * penalties  of each term, or NULL.
 * total      their sum in order, or NULL.
 *
 * Returns false if the runner failed. Sets the floating-point environment itself, in every thread.
 */
bool compute_terms(const kernels::KernelTable& table, const TermSource& terms, const Job& job,
                   Runner runner, double* penalties, double* total);

} // namespace l1l2::core
