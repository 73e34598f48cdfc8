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
using l1l2::core::TermSource;
using l1l2::kernels::chosen_table;

namespace {

using Kind = Job::Kind;

// What foreign callers have compiled in. A later field may have the alignment of a pointer or of an
// int32_t, not that of an int64_t or a double, which on some 32-bit systems would be more.
static_assert(offsetof(l1l2_term, dtype) == 5 * sizeof(void*));
static_assert(sizeof(void*) != 8 || sizeof(l1l2_term) == 56);

/// The size of the struct in 0.2 and 0.3, which had no field steps.
constexpr std::size_t oldest_size = offsetof(l1l2_term, steps);

constexpr bool has_step(Kind kind) {
    return kind == Kind::prox || kind == Kind::prox_step;
}
/// Whether terms need a regularizer.
constexpr bool regularizes(Kind kind) {
    return kind != Kind::clip && kind != Kind::exact_sums;
}
/// Whether every term needs a place for its result, which may be x.
constexpr bool replaces(Kind kind) {
    return has_step(kind) || kind == Kind::clip;
}

/// The caller's array, whatever its term_size is, read term by term and never copied as a whole. A
/// template, as small terms would take a tenth longer if the kind were asked for at each. Gradients
/// with and without penalties are both of Kind::gradient here.
template <Kind kind>
class CallersTerms final : public TermSource {
  public:
    CallersTerms(const l1l2_term* terms, std::size_t term_size, std::size_t count, const Job& job)
        : TermSource(count), terms_(reinterpret_cast<const char*>(terms)), term_size_(term_size),
          job_(job) {}

    void read(std::size_t first, std::size_t count, Term* terms) const override {
        for (std::size_t i = 0; i < count; ++i) {
            const l1l2_term& term = given(first + i);
            terms[i] = {&regularizer_of(term), arrays_of(term)};
        }
    }

    /// Whether there can be such an array.
    bool is_valid() const {
        return term_size_ >= oldest_size && term_size_ % alignof(l1l2_term) == 0 &&
               size() <= static_cast<std::size_t>(PTRDIFF_MAX) / term_size_ &&
               (terms_ != nullptr || size() == 0);
    }

    /// What is wrong with a term. Needs the default floating-point environment.
    l1l2_status check(std::size_t i) const {
        const l1l2_term& term = given(i);
        if (!is_dtype(term.dtype)) {
            return L1L2_ERROR_UNSUPPORTED_DTYPE;
        }
        const Arrays arrays = arrays_of(term);
        if ((regularizes(kind) && term.regularizer == nullptr) || term.reserved != 0 ||
            !unknown_fields_are_zero(i) || !are_arrays(arrays)) {
            return L1L2_ERROR_INVALID_ARGUMENT;
        }
        if (overlaps(arrays)) {
            return L1L2_ERROR_OVERLAP;
        }
        return check_parameter(regularizer_of(term), arrays.dtype);
    }

    /// Whether the job's parameter suits a regularizer.
    l1l2_status check_parameter(const Regularizer& regularizer, Dtype dtype) const {
        const Job job = {kind, job_.parameter, job_.limit};
        if (job.suits(regularizer, dtype)) {
            return L1L2_OK;
        }
        return has_step(kind)       ? L1L2_ERROR_INVALID_STEP
               : kind == Kind::clip ? L1L2_ERROR_INVALID_NORM
                                    : L1L2_ERROR_INVALID_SCALE;
    }

  private:
    const l1l2_term& given(std::size_t i) const {
        return *reinterpret_cast<const l1l2_term*>(terms_ + i * term_size_);
    }

    const Regularizer& regularizer_of(const l1l2_term& term) const {
        if constexpr (regularizes(kind)) {
            return term.regularizer->value;
        } else {
            return none_;
        }
    }

    /// All members at once: made one after the other, the struct goes through memory with GCC 12,
    /// and a small term takes half as long again.
    Arrays arrays_of(const l1l2_term& term) const {
        const Dtype dtype = to_dtype(term.dtype);
        if constexpr (kind == Kind::prox_step) {
            const void* const steps = term_size_ > oldest_size ? term.steps : nullptr;
            return {dtype, term.x, term.out, term.n, term.gradient, steps};
        } else if constexpr (kind == Kind::gradient) {
            return {dtype, term.x, term.gradient, term.n};
        } else {
            return {dtype, term.x, replaces(kind) ? term.out : nullptr, term.n};
        }
    }

    static bool are_arrays(const Arrays& arrays) {
        if constexpr (kind == Kind::prox_step) {
            return are_step_arrays(arrays);
        } else {
            return is_array(arrays.x, arrays.n, arrays.dtype) &&
                   ((!replaces(kind) && arrays.y == nullptr) ||
                    is_array(arrays.y, arrays.n, arrays.dtype));
        }
    }

    static bool overlaps(const Arrays& arrays) {
        if constexpr (kind == Kind::prox_step) {
            return step_overlaps(arrays);
        } else {
            return arrays.y != nullptr && !(replaces(kind) && arrays.y == arrays.x) &&
                   overlap(arrays.x, arrays.y, arrays.n, arrays.dtype);
        }
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
template <Kind kind>
l1l2_status check_all(const CallersTerms<kind>* terms, std::size_t* index) {
    *index = terms->size();
    // A parameter that does not suit a regularizer of zeros suits none.
    l1l2_status status = terms->check_parameter(Regularizer(0.0, 0.0), Dtype::float64);
    for (std::size_t i = 0; status == L1L2_OK && i < terms->size(); ++i) {
        status = terms->check(i);
        *index = status == L1L2_OK ? *index : i;
    }
    return status;
}

/// Checks the steps of the terms before `*index`, where check_all() has found `status`, and returns
/// the first fault of both.
l1l2_status check_steps(const TermSource& terms, const Job& job, Runner runner, l1l2_status status,
                        std::size_t* index) {
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

/// Checks the array, then what check_all() does.
template <Kind kind>
l1l2_status check(const CallersTerms<kind>& terms, std::size_t* index) {
    *index = terms.size();
    return terms.is_valid() ? l1l2::core::with_default_environment<check_all<kind>>(&terms, index)
                            : L1L2_ERROR_INVALID_ARGUMENT;
}

template <Kind kind>
l1l2_status compute(const CallersTerms<kind>& terms, const Job& job, l1l2_runner runner,
                    void* runner_state, double* penalties, double* total, std::size_t* faulty) {
    std::size_t index = 0;
    l1l2_status status = check(terms, &index);
    if constexpr (kind == Kind::prox_step) {
        if (status == L1L2_OK || index < terms.size()) {
            status = check_steps(terms, job, {runner, runner_state}, status, &index);
        }
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

l1l2_status add_to_sums(std::int64_t* sums, const TermSource& terms, const Runner& runner) {
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
    return compute<Kind::penalty>({terms, term_size, count, job}, job, runner, runner_state,
                                  penalties, total, faulty);
}

l1l2_status l1l2_add_gradient_terms(const l1l2_term* terms, size_t term_size, size_t count,
                                    double scale, l1l2_runner runner, void* runner_state,
                                    double* penalties, double* total, size_t* faulty) noexcept {
    const bool penalty = penalties != nullptr || total != nullptr;
    const Job job = {penalty ? Kind::gradient_and_penalty : Kind::gradient, scale};
    return compute<Kind::gradient>({terms, term_size, count, job}, job, runner, runner_state,
                                   penalties, total, faulty);
}

l1l2_status l1l2_prox_terms(const l1l2_term* terms, size_t term_size, size_t count, double step,
                            l1l2_runner runner, void* runner_state, size_t* faulty) noexcept {
    const Job job = {Kind::prox, step};
    return compute<Kind::prox>({terms, term_size, count, job}, job, runner, runner_state, nullptr,
                               nullptr, faulty);
}

l1l2_status l1l2_prox_step_terms(const l1l2_term* terms, size_t term_size, size_t count,
                                 double step, l1l2_runner runner, void* runner_state,
                                 size_t* faulty) noexcept {
    const Job job = {Kind::prox_step, step};
    return compute<Kind::prox_step>({terms, term_size, count, job}, job, runner, runner_state,
                                    nullptr, nullptr, faulty);
}

l1l2_status l1l2_clip_by_norm_terms(const l1l2_term* terms, size_t term_size, size_t count,
                                    double norm, double max_norm, l1l2_runner runner,
                                    void* runner_state, size_t* faulty) noexcept {
    const Job job = {Kind::clip, norm, max_norm};
    return compute<Kind::clip>({terms, term_size, count, job}, job, runner, runner_state, nullptr,
                               nullptr, faulty);
}

l1l2_status l1l2_exact_sums_add_terms(int64_t* sums, const l1l2_term* terms, size_t term_size,
                                      size_t count, l1l2_runner runner, void* runner_state,
                                      size_t* faulty) noexcept {
    const Job job = {Kind::exact_sums, 0.0};
    const CallersTerms<Kind::exact_sums> list(terms, term_size, count, job);
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
