/**
 * The C functions that compute over an array of terms.
 */
#include "handle.hpp"

#include "float_environment.hpp"
#include "kernels/dispatch.hpp"
#include "terms.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

using l1l2::capi::is_array;
using l1l2::capi::is_dtype;
using l1l2::capi::overlap;
using l1l2::capi::to_dtype;
using l1l2::core::Dtype;
using l1l2::core::Job;
using l1l2::core::Operation;
using l1l2::core::Term;
using l1l2::kernels::chosen_table;

namespace {

using Writes = Job::Writes;

// What foreign callers have compiled in. A later field may have the alignment of a pointer or of an
// int32_t, not that of an int64_t or a double, which on some 32-bit systems would be more.
static_assert(offsetof(l1l2_term, dtype) == 5 * sizeof(void*));
static_assert(sizeof(void*) != 8 || sizeof(l1l2_term) == 48);

/// The caller's array, whatever its term_size is. Looked at term by term, copied never.
class CallersTerms final : public l1l2::core::TermSource {
  public:
    CallersTerms(const l1l2_term* terms, std::size_t term_size, std::size_t count, Writes writes)
        : TermSource(count), terms_(reinterpret_cast<const char*>(terms)), term_size_(term_size),
          writes_(writes) {}

    void read(std::size_t first, std::size_t count, Term* terms) const override {
        for (std::size_t i = 0; i < count; ++i) {
            const l1l2_term& term = given(first + i);
            terms[i] = {&term.regularizer->value,
                        {to_dtype(term.dtype), term.x, written(term), term.n}};
        }
    }

    /// What is wrong with the array as a whole.
    l1l2_status check() const {
        const bool is_term_size = term_size_ >= sizeof(l1l2_term) &&
                                  term_size_ % alignof(l1l2_term) == 0 &&
                                  size() <= static_cast<std::size_t>(PTRDIFF_MAX) / term_size_;
        return is_term_size && (terms_ != nullptr || size() == 0) ? L1L2_OK
                                                                  : L1L2_ERROR_INVALID_ARGUMENT;
    }

    /// What is wrong with a term.
    l1l2_status check(std::size_t i, const Job& job) const {
        const l1l2_term& term = given(i);
        if (!is_dtype(term.dtype)) {
            return L1L2_ERROR_UNSUPPORTED_DTYPE;
        }
        const Dtype dtype = to_dtype(term.dtype);
        void* const y = written(term);
        const bool may_be_null = writes_ != Writes::prox;
        if (term.regularizer == nullptr || term.reserved != 0 || !unknown_fields_are_zero(i) ||
            !is_array(term.x, term.n, dtype) ||
            !((may_be_null && y == nullptr) || is_array(y, term.n, dtype))) {
            return L1L2_ERROR_INVALID_ARGUMENT;
        }
        const bool in_place = writes_ == Writes::prox && y == term.x;
        if (y != nullptr && !in_place && overlap(term.x, y, term.n, dtype)) {
            return L1L2_ERROR_OVERLAP;
        }
        Operation unused;
        if (writes_ != Writes::nothing && !job.plan(chosen_table(), (*this)[i], unused)) {
            return writes_ == Writes::prox ? L1L2_ERROR_INVALID_STEP : L1L2_ERROR_INVALID_SCALE;
        }
        return L1L2_OK;
    }

  private:
    const l1l2_term& given(std::size_t i) const {
        return *reinterpret_cast<const l1l2_term*>(terms_ + i * term_size_);
    }

    void* written(const l1l2_term& term) const {
        switch (writes_) {
        case Writes::gradient: return term.gradient;
        case Writes::prox: return term.out;
        case Writes::nothing: break;
        }
        return nullptr;
    }

    bool unknown_fields_are_zero(std::size_t i) const {
        if (term_size_ == sizeof(l1l2_term)) {
            return true;
        }
        const char* const term = terms_ + i * term_size_;
        return std::all_of(term + sizeof(l1l2_term), term + term_size_,
                           [](char byte) { return byte == 0; });
    }

    const char* terms_;
    std::size_t term_size_;
    Writes writes_;
};

/// Whether the scale or the step could suit a term at all.
bool is_parameter(const Job& job) {
    return std::isfinite(job.parameter) && (job.writes != Writes::prox || !(job.parameter < 0.0));
}

/// Checks the parameter and all terms, under the environment in which their factors are promised;
/// returns the first fault and the index of its term, or count if it is none's.
[[gnu::noinline]] l1l2_status check_all(const CallersTerms& terms, const Job& job,
                                        std::size_t& index) {
    index = terms.size();
    if (!is_parameter(job)) {
        return job.writes == Writes::prox ? L1L2_ERROR_INVALID_STEP : L1L2_ERROR_INVALID_SCALE;
    }
    for (index = 0; index < terms.size(); ++index) {
        const l1l2_status status = terms.check(index, job);
        if (status != L1L2_OK) {
            return status;
        }
    }
    return L1L2_OK;
}

l1l2_status compute(const CallersTerms& terms, const Job& job, l1l2_runner runner,
                    void* runner_state, double* penalties, double* total, std::size_t* faulty) {
    std::size_t index = terms.size();
    l1l2_status status = terms.check();
    if (status == L1L2_OK) {
        const l1l2::core::FloatEnvironment environment;
        status = check_all(terms, job, index);
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

} // namespace

l1l2_status l1l2_penalty_terms(const l1l2_term* terms, size_t term_size, size_t count,
                               l1l2_runner runner, void* runner_state, double* penalties,
                               double* total, size_t* faulty) noexcept {
    const Job job = {Writes::nothing, 0.0, true};
    return compute({terms, term_size, count, job.writes}, job, runner, runner_state, penalties,
                   total, faulty);
}

l1l2_status l1l2_add_gradient_terms(const l1l2_term* terms, size_t term_size, size_t count,
                                    double scale, l1l2_runner runner, void* runner_state,
                                    double* penalties, double* total, size_t* faulty) noexcept {
    const Job job = {Writes::gradient, scale, penalties != nullptr || total != nullptr};
    return compute({terms, term_size, count, job.writes}, job, runner, runner_state, penalties,
                   total, faulty);
}

l1l2_status l1l2_prox_terms(const l1l2_term* terms, size_t term_size, size_t count, double step,
                            l1l2_runner runner, void* runner_state, size_t* faulty) noexcept {
    const Job job = {Writes::prox, step, false};
    return compute({terms, term_size, count, job.writes}, job, runner, runner_state, nullptr,
                   nullptr, faulty);
}
