/*
 * SPDX-FileCopyrightText: 2026 The l1l2 authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * l1l2 for C++17: the C API of l1l2.h with ownership, ranges and exceptions. Header only; link the
 * same library.
 *
 *     const l1l2::Regularizer regularizer(0.01, 0.02);
 *     const double penalty = regularizer(weights); // a std::vector<float>, for example
 *     regularizer.add_gradient(weights, gradient);
 *     regularizer.prox(weights, step);             // in place
 *
 * The rules of l1l2.h hold here. When memory runs out, a function that throws Error throws it with
 * L1L2_ERROR_OUT_OF_MEMORY, or std::bad_alloc. After an exception outputs are as l1l2.h says of a
 * failure; *penalties is unchanged.
 */
#ifndef L1L2_HPP
#define L1L2_HPP

#if (__cplusplus < 201703L && (!defined(_MSVC_LANG) || _MSVC_LANG < 201703L)) ||                   \
    !defined(__cpp_exceptions)
#error "l1l2.hpp needs C++17 and exceptions. Without them use the functions of l1l2.h"
#endif

#include "l1l2.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#if __has_include(<stdfloat>)
#include <stdfloat>
#endif

namespace l1l2 {

/** A status other than L1L2_OK as an exception; what() describes the error. */
class Error : public std::runtime_error {
  public:
    Error(l1l2_status status, const std::string& message)
        : std::runtime_error(message), status_(status) {}
    explicit Error(l1l2_status status) : Error(status, l1l2_status_string(status)) {}

    l1l2_status status() const noexcept { return status_; }

  private:
    l1l2_status status_;
};

/** The forms that Regularizer::to_json writes. */
enum class JsonStyle : l1l2_json_style {
    config = L1L2_JSON_CONFIG, /**< {"l1": 0.01, "l2": 0.02} */
    keras2 = L1L2_JSON_KERAS2, /**< with class_name */
    keras3 = L1L2_JSON_KERAS3  /**< with module, class_name and registered_name */
};

/** The bits of an IEEE 754 binary16, for arrays; no arithmetic. */
struct Float16 {
    std::uint16_t bits;
};

/** The bits of a bfloat16, the upper half of a binary32, for arrays; no arithmetic. */
struct BFloat16 {
    std::uint16_t bits;
};

/**
 * The l1l2_dtype of an element type: float, double, Float16, BFloat16 and, where the compiler has
 * them, std::float16_t and so on. Specialize it for another type of the same bits, for example:
 *
 *     template <>
 *     struct l1l2::dtype_of<Eigen::half> : l1l2::dtype_of<l1l2::Float16> {};
 */
template <class T>
struct dtype_of;
template <>
struct dtype_of<float> : std::integral_constant<l1l2_dtype, L1L2_FLOAT32> {};
template <>
struct dtype_of<double> : std::integral_constant<l1l2_dtype, L1L2_FLOAT64> {};
template <>
struct dtype_of<Float16> : std::integral_constant<l1l2_dtype, L1L2_FLOAT16> {};
template <>
struct dtype_of<BFloat16> : std::integral_constant<l1l2_dtype, L1L2_BFLOAT16> {};
#ifdef __STDCPP_FLOAT16_T__
template <>
struct dtype_of<std::float16_t> : dtype_of<Float16> {};
#endif
#ifdef __STDCPP_BFLOAT16_T__
template <>
struct dtype_of<std::bfloat16_t> : dtype_of<BFloat16> {};
#endif
#ifdef __STDCPP_FLOAT32_T__
template <>
struct dtype_of<std::float32_t> : dtype_of<float> {};
#endif
#ifdef __STDCPP_FLOAT64_T__
template <>
struct dtype_of<std::float64_t> : dtype_of<double> {};
#endif

namespace detail {

inline void check(l1l2_status status) {
    if (status != L1L2_OK) {
        throw Error(status);
    }
}

/** The element type of a contiguous range (anything std::data accepts), without const. */
template <class Range>
using element_t =
    std::remove_cv_t<std::remove_pointer_t<decltype(std::data(std::declval<Range>()))>>;

/** The size of two ranges, which must be the same. */
template <class X, class Y>
std::size_t common_size(const X& x, const Y& y) {
    if (std::size(x) != std::size(y)) {
        throw Error(L1L2_ERROR_INVALID_ARGUMENT, "the ranges have different sizes");
    }
    return std::size(x);
}

/** The elements of a range of n elements of a dtype, or NULL for nullptr. */
template <l1l2_dtype dtype>
const void* data_or_null(std::nullptr_t /*none*/, std::size_t /*n*/) {
    return nullptr;
}
template <l1l2_dtype dtype, class Range>
const void* data_or_null(const Range& range, std::size_t n) {
    static_assert(dtype_of<element_t<const Range&>>::value == dtype,
                  "a gradient has the type of x; steps are double for double, else float");
    if (std::size(range) != n) {
        throw Error(L1L2_ERROR_INVALID_ARGUMENT, "the ranges have different sizes");
    }
    return std::data(range);
}

} // namespace detail

/**
 * Sums of |x| and x^2 without rounding, of elements that come in any number of parts: an
 * accumulator as "Exact sums" in l1l2.h describes it.
 *
 *     l1l2::ExactSums sums;
 *     for (const auto& chunk : chunks) sums.add(chunk);
 *     MPI_Allreduce(MPI_IN_PLACE, sums.data(), sums.size(), MPI_INT64_T, MPI_SUM, comm);
 *     const double penalty = regularizer(sums);
 *
 * It can be copied and compared. The same elements in any parts and order give equal sums. Any
 * number of threads may call const member functions at once.
 */
class ExactSums {
  public:
    /** The empty sum. */
    ExactSums() noexcept = default;

    /** Copies an accumulator from elsewhere. Throws Error as l1l2_exact_sums_check fails. */
    explicit ExactSums(const std::int64_t* sums) {
        std::array<std::int64_t, L1L2_EXACT_SUMS_LENGTH> zeros = {};
        detail::check(l1l2_exact_sums_merge(zeros.data(), sums));
        sums_ = zeros;
    }

    /** Adds n contiguous elements; x may be NULL if n is 0. Throws as l1l2_exact_sums_add fails. */
    template <class T>
    void add(const T* x, std::size_t n) {
        detail::check(l1l2_exact_sums_add(data(), dtype_of<std::remove_cv_t<T>>::value, x, n));
    }

    /** Adds a contiguous range: anything that std::data and std::size accept. */
    template <class Range, class = decltype(std::data(std::declval<const Range&>()))>
    void add(const Range& x) {
        add(std::data(x), std::size(x));
    }

    /** Adds a const DLTensor. Throws as l1l2_exact_sums_add_dlpack fails. */
    void add_dlpack(const void* x) { detail::check(l1l2_exact_sums_add_dlpack(data(), x)); }

    /** Adds another accumulator. Throws as l1l2_exact_sums_merge fails. */
    ExactSums& operator+=(const ExactSums& other) {
        detail::check(l1l2_exact_sums_merge(data(), other.data()));
        return *this;
    }

    /** Takes out elements that were added. Throws as l1l2_exact_sums_subtract fails. */
    ExactSums& operator-=(const ExactSums& other) {
        detail::check(l1l2_exact_sums_subtract(data(), other.data()));
        return *this;
    }

    /** sum |x| and sum x^2, each rounded once, and the number of elements. They throw Error as
     * l1l2_exact_sums_read fails. */
    double absolute() const {
        double absolute = 0.0;
        detail::check(l1l2_exact_sums_read(data(), &absolute, nullptr, nullptr));
        return absolute;
    }
    double square() const {
        double square = 0.0;
        detail::check(l1l2_exact_sums_read(data(), nullptr, &square, nullptr));
        return square;
    }
    std::int64_t count() const {
        std::int64_t count = 0;
        detail::check(l1l2_exact_sums_read(data(), nullptr, nullptr, &count));
        return count;
    }

    /** The Euclidean norm, rounded once. Throws as l1l2_exact_sums_norm fails. */
    double norm() const {
        double norm = 0.0;
        detail::check(l1l2_exact_sums_norm(data(), &norm));
        return norm;
    }

    /** The accumulator, to store, send or add up element by element. The next function that uses it
     * checks what was written to it. */
    std::int64_t* data() noexcept { return sums_.data(); }
    const std::int64_t* data() const noexcept { return sums_.data(); }
    /** L1L2_EXACT_SUMS_LENGTH. */
    static constexpr std::size_t size() noexcept { return L1L2_EXACT_SUMS_LENGTH; }

    /** Whether both have the same sums and counts, wherever they were added up. Throws Error as
     * l1l2_exact_sums_check fails. */
    friend bool operator==(const ExactSums& a, const ExactSums& b) {
        return ExactSums(a.data()).sums_ == ExactSums(b.data()).sums_;
    }
    friend bool operator!=(const ExactSums& a, const ExactSums& b) { return !(a == b); }

  private:
    std::array<std::int64_t, L1L2_EXACT_SUMS_LENGTH> sums_ = {};
};

/**
 * A pair of coefficients that computes penalties, gradients and proximal steps.
 *
 * It owns a handle: it can be moved, not copied. Any number of threads may call const member
 * functions at once. A moved-from object can be assigned to or destroyed; all other members except
 * get() throw Error with L1L2_ERROR_INVALID_ARGUMENT.
 */
class Regularizer {
  public:
    /** Throws Error: L1L2_ERROR_INVALID_COEFFICIENT (negative, NaN, infinite), out of memory. */
    explicit Regularizer(double l1 = 0.0, double l2 = 0.0) {
        l1l2_regularizer* handle = nullptr;
        detail::check(l1l2_create(l1, l2, &handle));
        handle_.reset(handle);
    }

    /** Reads any form that l1l2_from_json reads. Throws Error with its status and message. */
    static Regularizer from_json(std::string_view json) {
        l1l2_regularizer* handle = nullptr;
        char message[256];
        const l1l2_status status =
            l1l2_from_json(json.data(), json.size(), &handle, message, sizeof message);
        if (status != L1L2_OK) {
            throw Error(status, message);
        }
        return Regularizer(Handle(handle));
    }

    /** The text that l1l2_to_json writes. */
    std::string to_json(JsonStyle style = JsonStyle::config) const {
        char json[256];
        std::size_t length = 0;
        detail::check(
            l1l2_to_json(get(), static_cast<l1l2_json_style>(style), json, sizeof json, &length));
        return {json, length};
    }

    double l1() const {
        double l1 = 0.0;
        detail::check(l1l2_get_config(get(), &l1, nullptr));
        return l1;
    }

    double l2() const {
        double l2 = 0.0;
        detail::check(l1l2_get_config(get(), nullptr, &l2));
        return l2;
    }

    /** The penalty of n contiguous elements; x may be NULL if n is 0. Throws as l1l2_penalty fails.
     */
    template <class T>
    double operator()(const T* x, std::size_t n) const {
        double penalty = 0.0;
        detail::check(l1l2_penalty(get(), dtype_of<std::remove_cv_t<T>>::value, x, n, &penalty));
        return penalty;
    }

    /** The penalty of a contiguous range: anything that std::data and std::size accept. */
    template <class Range, class = decltype(std::data(std::declval<const Range&>()))>
    double operator()(const Range& x) const {
        return (*this)(std::data(x), std::size(x));
    }

    /** The penalty of exact sums, rounded once. Throws as l1l2_penalty_exact_sums fails. */
    double operator()(const ExactSums& sums) const {
        double penalty = 0.0;
        detail::check(l1l2_penalty_exact_sums(get(), sums.data(), &penalty));
        return penalty;
    }

    /** The penalty of a const DLTensor. Throws as l1l2_penalty_dlpack fails. */
    double penalty_dlpack(const void* x) const {
        double penalty = 0.0;
        detail::check(l1l2_penalty_dlpack(get(), x, &penalty));
        return penalty;
    }

    /**
     * gradient[i] += scale * (l1 * sign(x[i]) + 2 * l2 * x[i]) for two contiguous ranges of the
     * same size and element type. Throws as l1l2_add_gradient fails, and
     * L1L2_ERROR_INVALID_ARGUMENT if the sizes differ.
     */
    template <class X, class Gradient>
    void add_gradient(const X& x, Gradient&& gradient, double scale = 1.0) const {
        static_cast<void>(gradient_of(x, gradient, scale, nullptr));
    }

    /** The same, and returns the penalty of x from the same pass over memory. */
    template <class X, class Gradient>
    double penalty_and_add_gradient(const X& x, Gradient&& gradient, double scale = 1.0) const {
        double penalty = 0.0;
        return gradient_of(x, gradient, scale, &penalty);
    }

    /** l1l2_add_gradient_dlpack of two const DLTensors; returns the penalty of x. */
    double penalty_and_add_gradient_dlpack(const void* x, const void* gradient,
                                           double scale = 1.0) const {
        double penalty = 0.0;
        detail::check(l1l2_add_gradient_dlpack(get(), x, scale, gradient, &penalty));
        return penalty;
    }

    /**
     * Takes the proximal step of a contiguous range in place: exact zeros where |x[i]| <= step *
     * l1. Throws as l1l2_prox fails.
     */
    template <class X>
    void prox(X&& x, double step) const {
        prox(x, step, x);
    }

    /** The same into another range of the same size and element type. */
    template <class X, class Out>
    void prox(const X& x, double step, Out&& out) const {
        using T = detail::element_t<const X&>;
        static_assert(std::is_same_v<T, detail::element_t<Out&>>, "x and out differ in their type");
        const std::size_t n = detail::common_size(x, out);
        detail::check(l1l2_prox(get(), dtype_of<T>::value, std::data(x), n, step, std::data(out)));
    }

    /** l1l2_prox_dlpack of two const DLTensors, which may be the same. */
    void prox_dlpack(const void* x, double step, const void* out) const {
        detail::check(l1l2_prox_dlpack(get(), x, step, out));
    }

    /**
     * Takes a step of proximal gradient descent in place:  x = prox of x - step * gradient.
     * gradient is a contiguous range of the size and element type of x. Throws as l1l2_prox_step
     * fails, and L1L2_ERROR_INVALID_ARGUMENT if the sizes differ.
     */
    template <class X, class Gradient>
    void prox_step(X&& x, const Gradient& gradient, double step) const {
        prox_step(x, gradient, step, nullptr, x);
    }

    /**
     * The same into a range that may be x or the gradient, by step * steps[i]. gradient may be
     * nullptr for 0; steps is a range of double if x has double, else of float, or nullptr for 1.
     */
    template <class X, class Gradient, class Steps, class Out>
    void prox_step(const X& x, const Gradient& gradient, double step, const Steps& steps,
                   Out&& out) const {
        using T = detail::element_t<const X&>;
        static_assert(std::is_same_v<T, detail::element_t<Out&>>, "x and out differ in their type");
        constexpr l1l2_dtype dtype = dtype_of<T>::value;
        constexpr l1l2_dtype arithmetic = dtype == L1L2_FLOAT64 ? L1L2_FLOAT64 : L1L2_FLOAT32;
        const std::size_t n = detail::common_size(x, out);
        detail::check(l1l2_prox_step(get(), dtype, std::data(x), n,
                                     detail::data_or_null<dtype>(gradient, n), step,
                                     detail::data_or_null<arithmetic>(steps, n), std::data(out)));
    }

    /** l1l2_prox_step_dlpack of const DLTensors; gradient and steps may be NULL, out may be x. */
    void prox_step_dlpack(const void* x, const void* gradient, double step, const void* steps,
                          const void* out) const {
        detail::check(l1l2_prox_step_dlpack(get(), x, gradient, step, steps, out));
    }

    /** The handle, still owned by this object; NULL if it was moved from. */
    const l1l2_regularizer* get() const noexcept { return handle_.get(); }

  private:
    struct Destroy {
        void operator()(l1l2_regularizer* handle) const noexcept { l1l2_destroy(handle); }
    };

    using Handle = std::unique_ptr<l1l2_regularizer, Destroy>;

    explicit Regularizer(Handle handle) noexcept : handle_(std::move(handle)) {}

    template <class X, class Gradient>
    double gradient_of(const X& x, Gradient& gradient, double scale, double* penalty) const {
        using T = detail::element_t<const X&>;
        static_assert(std::is_same_v<T, detail::element_t<Gradient&>>,
                      "x and gradient differ in their type");
        const std::size_t n = detail::common_size(x, gradient);
        detail::check(l1l2_add_gradient(get(), dtype_of<T>::value, std::data(x), n, scale,
                                        std::data(gradient), penalty));
        return penalty != nullptr ? *penalty : 0.0;
    }

    Handle handle_;
};

/** A task that a runner calls; see l1l2_task. Cheap to copy. */
class Task {
  public:
    Task(l1l2_task task, void* work) noexcept : task_(task), work_(work) {}
    void operator()(std::size_t index) const { task_(work_, index); }

  private:
    l1l2_task task_;
    void* work_;
};

/**
 * Runs the tasks of the functions below: on the calling thread by default, by an l1l2_runner with
 * its state, or by any callable
 *
 *     [](std::size_t count, const l1l2::Task& task) { ... task(i) once for each i < count ... }
 *
 * which is borrowed, and returns after all calls have returned. An exception that it throws is
 * rethrown by the function that took the Runner.
 */
class Runner {
  public:
    Runner() noexcept = default;
    Runner(l1l2_runner function, void* state) noexcept : run_(function), state_(state) {}

    Runner(void (*function)(std::size_t count, const Task& task)) noexcept : function_(function) {}

    template <class F, class = std::enable_if_t<std::is_invocable_v<F&, std::size_t, const Task&> &&
                                                !std::is_function_v<std::remove_reference_t<F>>>>
    Runner(F&& callable) noexcept
        : callable_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
          call_([](void* f, std::size_t count, const Task& task) {
              (*static_cast<std::remove_reference_t<F>*>(f))(count, task);
          }) {}

    /** For the C functions; this object must not move while they use the state. */
    l1l2_runner run() const noexcept { return calls() ? run_callable : run_; }
    void* state() noexcept { return calls() ? this : state_; }

    /** Rethrows what the callable threw, if anything. */
    void rethrow() const {
        if (thrown_) {
            std::rethrow_exception(thrown_);
        }
    }

  private:
    bool calls() const noexcept { return callable_ != nullptr || function_ != nullptr; }

    static std::int32_t run_callable(void* state, l1l2_task task, void* work, std::size_t count) {
        auto& runner = *static_cast<Runner*>(state);
        try {
            if (runner.function_ != nullptr) {
                runner.function_(count, Task(task, work));
            } else {
                runner.call_(runner.callable_, count, Task(task, work));
            }
            return 0;
        } catch (...) {
            runner.thrown_ = std::current_exception();
            return 1;
        }
    }

    l1l2_runner run_ = nullptr;
    void* state_ = nullptr;
    void (*function_)(std::size_t count, const Task& task) = nullptr;
    void* callable_ = nullptr;
    void (*call_)(void* callable, std::size_t count, const Task& task) = nullptr;
    std::exception_ptr thrown_;
};

/** A failure of a function of terms, with the index of the invalid term. */
class TermError : public Error {
  public:
    TermError(l1l2_status status, std::size_t term)
        : Error(status, "term " + std::to_string(term) + ": " + l1l2_status_string(status)),
          term_(term) {}

    std::size_t term() const noexcept { return term_; }

  private:
    std::size_t term_;
};

/** A term over a contiguous range without a regularizer: for add_terms and, once its field `out` is
 * set, for clip_by_norm_terms. It borrows the range. */
template <class X>
l1l2_term make_term(const X& x) {
    l1l2_term term = {};
    term.x = std::data(x);
    term.n = std::size(x);
    term.dtype = dtype_of<detail::element_t<const X&>>::value;
    return term;
}

/** A term over a contiguous range, with nothing to write. It borrows both arguments. */
template <class X>
l1l2_term make_term(const Regularizer& regularizer, const X& x) {
    l1l2_term term = make_term(x);
    term.regularizer = regularizer.get();
    return term;
}

/** The same with a gradient of the same size and element type. */
template <class X, class Gradient>
l1l2_term make_term(const Regularizer& regularizer, const X& x, Gradient&& gradient) {
    static_assert(std::is_same_v<detail::element_t<const X&>, detail::element_t<Gradient&>>,
                  "x and gradient differ in their type");
    l1l2_term term = make_term(regularizer, x);
    detail::common_size(x, gradient);
    term.gradient = std::data(gradient);
    return term;
}

namespace detail {

inline void check_terms(l1l2_status status, std::size_t count, std::size_t faulty,
                        const Runner& runner) {
    runner.rethrow();
    if (status != L1L2_OK && faulty < count) {
        throw TermError(status, faulty);
    }
    check(status);
}

} // namespace detail

/**
 * Returns the total of the penalties of all terms; *penalties receives each, if it is not NULL.
 * Throws TermError for the first invalid term, Error, or what the runner throws.
 */
inline double penalty_terms(const std::vector<l1l2_term>& terms,
                            std::vector<double>* penalties = nullptr, Runner runner = {}) {
    std::vector<double> each(penalties != nullptr ? terms.size() : 0);
    double total = 0.0;
    std::size_t faulty = 0;
    const l1l2_status status = l1l2_penalty_terms(
        terms.data(), sizeof(l1l2_term), terms.size(), runner.run(), runner.state(),
        penalties != nullptr ? each.data() : nullptr, &total, &faulty);
    detail::check_terms(status, terms.size(), faulty, runner);
    if (penalties != nullptr) {
        *penalties = std::move(each);
    }
    return total;
}

/** Adds scale times the gradient of each term that has one. Throws as penalty_terms does. */
inline void add_gradient_terms(const std::vector<l1l2_term>& terms, double scale = 1.0,
                               Runner runner = {}) {
    std::size_t faulty = 0;
    const l1l2_status status =
        l1l2_add_gradient_terms(terms.data(), sizeof(l1l2_term), terms.size(), scale, runner.run(),
                                runner.state(), nullptr, nullptr, &faulty);
    detail::check_terms(status, terms.size(), faulty, runner);
}

/** The same, and returns what penalty_terms returns, from the same pass over memory. */
inline double penalty_and_add_gradient_terms(const std::vector<l1l2_term>& terms,
                                             double scale = 1.0,
                                             std::vector<double>* penalties = nullptr,
                                             Runner runner = {}) {
    std::vector<double> each(penalties != nullptr ? terms.size() : 0);
    double total = 0.0;
    std::size_t faulty = 0;
    const l1l2_status status = l1l2_add_gradient_terms(
        terms.data(), sizeof(l1l2_term), terms.size(), scale, runner.run(), runner.state(),
        penalties != nullptr ? each.data() : nullptr, &total, &faulty);
    detail::check_terms(status, terms.size(), faulty, runner);
    if (penalties != nullptr) {
        *penalties = std::move(each);
    }
    return total;
}

/** Takes the proximal step of each term into its field `out`. Throws as penalty_terms does. */
inline void prox_terms(const std::vector<l1l2_term>& terms, double step, Runner runner = {}) {
    std::size_t faulty = 0;
    const l1l2_status status = l1l2_prox_terms(terms.data(), sizeof(l1l2_term), terms.size(), step,
                                               runner.run(), runner.state(), &faulty);
    detail::check_terms(status, terms.size(), faulty, runner);
}

/** Takes a step of proximal gradient descent on each term, by its fields x, gradient, steps and
 * out. Throws as penalty_terms does. */
inline void prox_step_terms(const std::vector<l1l2_term>& terms, double step, Runner runner = {}) {
    std::size_t faulty = 0;
    const l1l2_status status = l1l2_prox_step_terms(terms.data(), sizeof(l1l2_term), terms.size(),
                                                    step, runner.run(), runner.state(), &faulty);
    detail::check_terms(status, terms.size(), faulty, runner);
}

/** Adds the elements of all terms to exact sums. Throws as penalty_terms does; then sums is
 * unchanged. */
inline void add_terms(ExactSums& sums, const std::vector<l1l2_term>& terms, Runner runner = {}) {
    std::size_t faulty = 0;
    const l1l2_status status =
        l1l2_exact_sums_add_terms(sums.data(), terms.data(), sizeof(l1l2_term), terms.size(),
                                  runner.run(), runner.state(), &faulty);
    detail::check_terms(status, terms.size(), faulty, runner);
}

/** Clips the terms by the norm of all of them together into their fields `out`. Throws as
 * penalty_terms does. */
inline void clip_by_norm_terms(const std::vector<l1l2_term>& terms, double norm, double max_norm,
                               Runner runner = {}) {
    std::size_t faulty = 0;
    const l1l2_status status =
        l1l2_clip_by_norm_terms(terms.data(), sizeof(l1l2_term), terms.size(), norm, max_norm,
                                runner.run(), runner.state(), &faulty);
    detail::check_terms(status, terms.size(), faulty, runner);
}

} // namespace l1l2

#endif /* L1L2_HPP */
