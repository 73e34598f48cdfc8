// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * The C functions that compute over an array of terms.
 */
#include "handle.hpp"

#include "exact_sums_terms.hpp"
#include "float_environment.hpp"
#include "steps.hpp"
#include "terms.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>

using namespace l1l2::capi;
using l1l2::core::Arrays;
using l1l2::core::Dtype;
using l1l2::core::ExactSums;
using l1l2::core::Job;
using l1l2::core::Regularizer;
using l1l2::core::Runner;
using l1l2::core::SumsFault;
using l1l2::core::Term;
using l1l2::kernels::chosen_table;

namespace {

using Kind = Job::Kind;

// What foreign callers have compiled in. A later field may have the alignment of a pointer or of an
// int32_t, not that of an int64_t or a double, which on some 32-bit systems would be more.
static_assert(offsetof(l1l2_term, dtype) == 5 * sizeof(void*));
static_assert(sizeof(void*) != 8 || sizeof(l1l2_term) == 56);

/// The size of the struct in 0.2 and 0.3, which had no field steps.
constexpr std::size_t oldest_size = offsetof(l1l2_term, steps);

/// The caller's array, whatever its term_size is, read term by term and never copied as a whole.
class CallersTerms final : public l1l2::core::TermSource {
  public:
    CallersTerms(const l1l2_term* terms, std::size_t term_size, std::size_t count, const Job& job)
        : TermSource(count), terms_(reinterpret_cast<const char*>(terms)), term_size_(term_size),
          job_(job) {}

    void read(std::size_t first, std::size_t count, Term* terms) const override {
        for (std::size_t i = 0; i < count; ++i) {
            const l1l2_term* const term = given(first + i);
            terms[i] = {job_.regularizes() ? &term->regularizer->value : &none_,
                        arrays_of(job_, term)};
        }
    }

    std::size_t read_blocks(std::size_t first, std::size_t count,
                            l1l2::kernels::Block* block) const override {
        const l1l2_term* const like = given(first);
        std::size_t i = 0;
        for (; i < count; ++i) {
            const l1l2_term* const term = given(first + i);
            if (term->n > l1l2::kernels::block_elements || term->regularizer != like->regularizer ||
                term->dtype != like->dtype) {
                break;
            }
            block[i] = {term->x, term->n};
        }
        return i;
    }

    /// Whether there can be such an array.
    bool is_valid() const {
        return term_size_ >= oldest_size && term_size_ % alignof(l1l2_term) == 0 &&
               size() <= static_cast<std::size_t>(PTRDIFF_MAX) / term_size_ &&
               (terms_ != nullptr || size() == 0);
    }

    /// What is wrong with term i. Needs the default floating-point environment. Callers pass a job
    /// whose kind is a constant; inlining then removes the switches, which take a tenth of the time
    /// of small terms.
    [[gnu::always_inline]] inline l1l2_status check(const Job& job, std::size_t i) const {
        const l1l2_term* const term = given(i);
        if (!is_dtype(term->dtype)) {
            return L1L2_ERROR_UNSUPPORTED_DTYPE;
        }
        const Arrays arrays = arrays_of(job, term);
        const l1l2_regularizer* const handle = term->regularizer;
        const bool regularizes = job.regularizes();
        if ((handle == nullptr && regularizes) || term->reserved != 0 ||
            !unknown_fields_are_zero(i) || !are_arrays(job, arrays)) {
            return L1L2_ERROR_INVALID_ARGUMENT;
        }
        if (overlaps(job, arrays)) {
            return L1L2_ERROR_OVERLAP;
        }
        const Regularizer& regularizer = regularizes ? handle->value : none_;
        return check_parameter(job, regularizer, arrays.dtype);
    }

    const Job& job() const { return job_; }

    /// Whether the job's parameter suits a regularizer.
    [[gnu::always_inline]] static inline l1l2_status
    check_parameter(const Job& job, const Regularizer& regularizer, Dtype dtype) {
        if (job.suits(regularizer, dtype)) {
            return L1L2_OK;
        }
        return job.has_step()           ? L1L2_ERROR_INVALID_STEP
               : job.kind == Kind::clip ? L1L2_ERROR_INVALID_NORM
                                        : L1L2_ERROR_INVALID_SCALE;
    }

  private:
    /// No reference: a compiler may read all fields of what one names; a caller's may have fewer.
    const l1l2_term* given(std::size_t i) const {
        return reinterpret_cast<const l1l2_term*>(terms_ + i * term_size_);
    }

    [[gnu::always_inline]] inline Arrays arrays_of(const Job& job, const l1l2_term* term) const {
        Arrays arrays = {to_dtype(term->dtype), term->x, nullptr, term->n};
        switch (job.kind) {
        case Kind::gradient:
        case Kind::gradient_and_penalty: arrays.y = term->gradient; break;
        case Kind::prox:
        case Kind::clip: arrays.y = term->out; break;
        case Kind::prox_step:
            arrays.y = term->out;
            arrays.gradient = term->gradient;
            arrays.steps = term_size_ > oldest_size ? term->steps : nullptr;
            break;
        case Kind::exact_sums:
        case Kind::penalty: break;
        }
        return arrays;
    }

    [[gnu::always_inline]] static inline bool are_arrays(const Job& job, const Arrays& arrays) {
        if (job.kind == Kind::prox_step) {
            return are_step_arrays(arrays);
        }
        const bool may_be_null = !job.replaces();
        return is_array(arrays.x, arrays.n, arrays.dtype) &&
               ((may_be_null && arrays.y == nullptr) || is_array(arrays.y, arrays.n, arrays.dtype));
    }

    [[gnu::always_inline]] static inline bool overlaps(const Job& job, const Arrays& arrays) {
        if (job.kind == Kind::prox_step) {
            return step_overlaps(arrays);
        }
        const bool in_place = job.replaces() && arrays.y == arrays.x;
        return arrays.y != nullptr && !in_place &&
               overlap(arrays.x, arrays.y, arrays.n, arrays.dtype);
    }

    bool unknown_fields_are_zero(std::size_t i) const {
        if (term_size_ <= sizeof(l1l2_term)) {
            return true;
        }
        const char* const term = terms_ + i * term_size_;
        return std::all_of(term + sizeof(l1l2_term), term + term_size_,
                           [](char byte) { return byte == 0; });
    }

    const char* terms_;
    std::size_t term_size_;
    const Job& job_;
    const Regularizer none_{0.0, 0.0}; ///< of terms that need none
};

/// Checks the parameter and all terms. Returns the first fault and the index of its term, or the
/// number of terms if it is none's.
[[gnu::always_inline]] inline l1l2_status check_all(const Job& job, const CallersTerms& terms,
                                                    std::size_t* index) {
    *index = terms.size();
    // A parameter that does not suit a regularizer of zeros suits none.
    l1l2_status status = CallersTerms::check_parameter(job, Regularizer(0.0, 0.0), Dtype::float64);
    for (std::size_t i = 0; status == L1L2_OK && i < terms.size(); ++i) {
        status = terms.check(job, i);
        *index = status == L1L2_OK ? *index : i;
    }
    return status;
}

/// check_all() of a list whose job is of this kind.
template <Kind kind>
l1l2_status check_kind(const CallersTerms* terms, std::size_t* index) {
    return check_all({kind, terms->job().parameter, terms->job().limit}, *terms, index);
}

/// Checks the steps of the terms before `*index`, where check_all() has found `status`, and returns
/// the first fault of both.
l1l2_status check_steps(const CallersTerms& terms, const Job& job, Runner runner,
                        l1l2_status status, std::size_t* index) {
    const std::optional<std::size_t> refused =
        l1l2::core::first_refused_steps(chosen_table(), terms, *index, job.parameter, runner);
    if (!refused) {
        *index = terms.size();
        return L1L2_ERROR_RUNNER_FAILED;
    }
    if (*refused < *index) {
        *index = *refused;
        return L1L2_ERROR_INVALID_STEP;
    }
    return status;
}

/// What check_kind() does, in the default floating-point environment.
template <Kind kind>
l1l2_status check_kind_by_default(const CallersTerms& terms, std::size_t* index) {
    return l1l2::core::with_default_environment<check_kind<kind>>(&terms, index);
}

/// Checks the array, then the terms.
l1l2_status check(const CallersTerms& terms, std::size_t* index) {
    *index = terms.size();
    if (!terms.is_valid()) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    switch (terms.job().kind) {
    case Kind::gradient: return check_kind_by_default<Kind::gradient>(terms, index);
    case Kind::gradient_and_penalty:
        return check_kind_by_default<Kind::gradient_and_penalty>(terms, index);
    case Kind::prox: return check_kind_by_default<Kind::prox>(terms, index);
    case Kind::prox_step: return check_kind_by_default<Kind::prox_step>(terms, index);
    case Kind::clip: return check_kind_by_default<Kind::clip>(terms, index);
    case Kind::exact_sums: return check_kind_by_default<Kind::exact_sums>(terms, index);
    case Kind::penalty: break;
    }
    return check_kind_by_default<Kind::penalty>(terms, index);
}

l1l2_status compute(const CallersTerms& terms, const Job& job, l1l2_runner runner,
                    void* runner_state, double* penalties, double* total, std::size_t* faulty) {
    std::size_t index = 0;
    l1l2_status status = check(terms, &index);
    if (job.kind == Kind::prox_step && (status == L1L2_OK || index < terms.size())) {
        status = check_steps(terms, job, {runner, runner_state}, status, &index);
    }
    if (status == L1L2_OK && !l1l2::core::compute_terms(chosen_table(), terms, job,
                                                        {runner, runner_state}, penalties, total)) {
        status = L1L2_ERROR_RUNNER_FAILED;
    }
    if (faulty != nullptr) {
        *faulty = index;
    }
    return status;
}

l1l2_status add_to_sums(std::int64_t* sums, const CallersTerms& terms, const Runner& runner) {
    ExactSums exact;
    SumsFault fault = exact.load(sums);
    if (fault == SumsFault::none) {
        fault = l1l2::core::count_terms(exact, terms);
    }
    if (fault != SumsFault::none) {
        return to_status(fault);
    }
    if (!l1l2::core::add_terms(exact, chosen_table(), terms, runner)) {
        return L1L2_ERROR_RUNNER_FAILED;
    }
    exact.store(sums);
    return L1L2_OK;
}

} // namespace

l1l2_status l1l2_penalty_terms(const l1l2_term* terms, size_t term_size, size_t count,
                               l1l2_runner runner, void* runner_state, double* penalties,
                               double* total, size_t* faulty) noexcept {
    const Job job = {Kind::penalty, 0.0};
    return compute({terms, term_size, count, job}, job, runner, runner_state, penalties, total,
                   faulty);
}

l1l2_status l1l2_add_gradient_terms(const l1l2_term* terms, size_t term_size, size_t count,
                                    double scale, l1l2_runner runner, void* runner_state,
                                    double* penalties, double* total, size_t* faulty) noexcept {
    const bool penalty = penalties != nullptr || total != nullptr;
    const Job job = {penalty ? Kind::gradient_and_penalty : Kind::gradient, scale};
    return compute({terms, term_size, count, job}, job, runner, runner_state, penalties, total,
                   faulty);
}

l1l2_status l1l2_prox_terms(const l1l2_term* terms, size_t term_size, size_t count, double step,
                            l1l2_runner runner, void* runner_state, size_t* faulty) noexcept {
    const Job job = {Kind::prox, step};
    return compute({terms, term_size, count, job}, job, runner, runner_state, nullptr, nullptr,
                   faulty);
}

l1l2_status l1l2_prox_step_terms(const l1l2_term* terms, size_t term_size, size_t count,
                                 double step, l1l2_runner runner, void* runner_state,
                                 size_t* faulty) noexcept {
    const Job job = {Kind::prox_step, step};
    return compute({terms, term_size, count, job}, job, runner, runner_state, nullptr, nullptr,
                   faulty);
}

l1l2_status l1l2_clip_by_norm_terms(const l1l2_term* terms, size_t term_size, size_t count,
                                    double norm, double max_norm, l1l2_runner runner,
                                    void* runner_state, size_t* faulty) noexcept {
    const Job job = {Kind::clip, norm, max_norm};
    return compute({terms, term_size, count, job}, job, runner, runner_state, nullptr, nullptr,
                   faulty);
}

l1l2_status l1l2_exact_sums_add_terms(int64_t* sums, const l1l2_term* terms, size_t term_size,
                                      size_t count, l1l2_runner runner, void* runner_state,
                                      size_t* faulty) noexcept {
    const Job job = {Kind::exact_sums, 0.0};
    const CallersTerms list(terms, term_size, count, job);
    std::size_t index = count;
    l1l2_status status = sums != nullptr ? check(list, &index) : L1L2_ERROR_INVALID_ARGUMENT;
    if (status == L1L2_OK) {
        status = add_to_sums(sums, list, {runner, runner_state});
    }
    if (faulty != nullptr) {
        *faulty = index;
    }
    return status;
}
