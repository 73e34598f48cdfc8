/*
 * l1l2 for C++17: the C interface of l1l2.h with ownership, ranges and exceptions. Header only;
 * link the same library.
 *
 *     const l1l2::Regularizer regularizer(0.01, 0.02);
 *     const double penalty = regularizer(weights); // a std::vector<float>, say
 *     regularizer.add_gradient(weights, gradient);
 *     regularizer.prox(weights, step);             // in place
 *
 * What l1l2.h says of numbers, threads and the floating-point environment holds here. What is said
 * to throw Error may throw std::bad_alloc when there is no memory. When something is thrown,
 * outputs are as l1l2.h has them after a failure, and *penalties is as it was.
 */
#ifndef L1L2_HPP
#define L1L2_HPP

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

/** A status other than L1L2_OK, as an exception; what() says what was wrong. */
class Error : public std::runtime_error {
  public:
    Error(l1l2_status status, const std::string& message)
        : std::runtime_error(message), status_(status) {}
    explicit Error(l1l2_status status) : Error(status, l1l2_status_string(status)) {}

    l1l2_status status() const noexcept { return status_; }

  private:
    l1l2_status status_;
};

/** The forms of Regularizer::to_json. */
enum class JsonStyle : l1l2_json_style {
    config = L1L2_JSON_CONFIG, /**< {"l1": 0.01, "l2": 0.02} */
    keras2 = L1L2_JSON_KERAS2, /**< with class_name */
    keras3 = L1L2_JSON_KERAS3  /**< with module, class_name and registered_name */
};

/** An IEEE 754 binary16, for arrays of them: only its bits, no arithmetic. */
struct Float16 {
    std::uint16_t bits;
};

/** The upper half of a binary32, for arrays of them: only its bits, no arithmetic. */
struct BFloat16 {
    std::uint16_t bits;
};

/**
 * The l1l2_dtype of an element type: float, double, Float16, BFloat16 and, where the compiler has
 * them, std::float16_t and the like. To be specialized for a type of one's own of the same bits, as
 * Eigen::half is:
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

/** The element type of a contiguous range, whatever std::data takes, without const. */
template <class Range>
using element_t =
    std::remove_cv_t<std::remove_pointer_t<decltype(std::data(std::declval<Range>()))>>;

/** The size of two ranges that must have as many elements. */
template <class X, class Y>
std::size_t common_size(const X& x, const Y& y) {
    if (std::size(x) != std::size(y)) {
        throw Error(L1L2_ERROR_INVALID_ARGUMENT, "the ranges have different sizes");
    }
    return std::size(x);
}

} // namespace detail

/**
 * Sums of |x| and x^2 without rounding, of elements that come in any number of pieces: l1l2.h's
 * "Exact sums" with a vector of its own.
 *
 *     l1l2::ExactSums sums;
 *     for (const auto& chunk : chunks) sums.add(chunk);
 *     MPI_Allreduce(MPI_IN_PLACE, sums.data(), sums.size(), MPI_INT64_T, MPI_SUM, comm);
 *     const double penalty = regularizer(sums);
 *
 * It can be copied and compared: whatever pieces the elements came in, their sums are equal. Const
 * member functions may be called from any number of threads at once.
 */
class ExactSums {
  public:
    /** Of no elements. */
    ExactSums() noexcept = default;

    /** Takes a vector that came from elsewhere. Throws Error as l1l2_exact_sums_check fails. */
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

    /** Adds a contiguous range: whatever std::data and std::size take. */
    template <class Range, class = decltype(std::data(std::declval<const Range&>()))>
    void add(const Range& x) {
        add(std::data(x), std::size(x));
    }

    /** Adds a const DLTensor. Throws as l1l2_exact_sums_add_dlpack fails. */
    void add_dlpack(const void* x) { detail::check(l1l2_exact_sums_add_dlpack(data(), x)); }

    /** Adds the elements of others. Throws as l1l2_exact_sums_merge fails. */
    ExactSums& operator+=(const ExactSums& other) {
        detail::check(l1l2_exact_sums_merge(data(), other.data()));
        return *this;
    }

    /** sum |x|, sum x^2, each rounded once, and the number of elements. Throw Error as
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

    /** The vector, to be stored, sent or added up element by element. What was written to it is
     * checked by the next function that uses it. */
    std::int64_t* data() noexcept { return sums_.data(); }
    const std::int64_t* data() const noexcept { return sums_.data(); }
    /** L1L2_EXACT_SUMS_LENGTH. */
    static constexpr std::size_t size() noexcept { return L1L2_EXACT_SUMS_LENGTH; }

    /** Whether both hold the same sums and counts, also if one was added up elsewhere. Throws Error
     * as l1l2_exact_sums_check fails. */
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
 * Owns a handle: it can be moved, not copied. A const member function may be called from any number
 * of threads at once. One that was moved from can be assigned to or destroyed; its other functions
 * but get() throw Error with L1L2_ERROR_INVALID_ARGUMENT.
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

    /** The penalty of a contiguous range: whatever std::data and std::size take. */
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

    /** The penalty of a const DLTensor, as l1l2_penalty_dlpack has it. */
    double penalty_dlpack(const void* x) const {
        double penalty = 0.0;
        detail::check(l1l2_penalty_dlpack(get(), x, &penalty));
        return penalty;
    }

    /**
     * gradient[i] += scale * (l1 * sign(x[i]) + 2 * l2 * x[i]) over two contiguous ranges of the
     * same size and element type. Throws as l1l2_add_gradient fails, and with
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
     * The proximal step of a contiguous range in place: exact zeros where |x[i]| <= step * l1.
     * Throws as l1l2_prox fails.
     */
    template <class X>
    void prox(X&& x, double step) const {
        prox(x, step, x);
    }

    /** The same into another range of the same size, which is checked, and element type. */
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

/** One of the tasks that a runner is to call; see l1l2_task. Cheap to copy. */
class Task {
  public:
    Task(l1l2_task task, void* work) noexcept : task_(task), work_(work) {}
    void operator()(std::size_t index) const { task_(work_, index); }

  private:
    l1l2_task task_;
    void* work_;
};

/**
 * Who runs the tasks of the functions below: the calling thread by default, an l1l2_runner with its
 * state, or any callable
 *
 *     [](std::size_t count, const l1l2::Task& task) { ... task(i) once for each i < count ... }
 *
 * which is borrowed, and returns when all have returned. What it throws is thrown on by the
 * function that it was given to.
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

    /** For the C functions; this object must stay where it is while they use the state. */
    l1l2_runner run() const noexcept { return calls() ? run_callable : run_; }
    void* state() noexcept { return calls() ? this : state_; }

    /** Throws what the callable threw, if it did. */
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

/** A failure of the functions of terms; tells which term was at fault. */
class TermError : public Error {
  public:
    TermError(l1l2_status status, std::size_t term)
        : Error(status, "term " + std::to_string(term) + ": " + l1l2_status_string(status)),
          term_(term) {}

    /** Its index. */
    std::size_t term() const noexcept { return term_; }

  private:
    std::size_t term_;
};

/** A term over a contiguous range, without anything to write. It borrows both. */
template <class X>
l1l2_term make_term(const Regularizer& regularizer, const X& x) {
    l1l2_term term = {};
    term.regularizer = regularizer.get();
    term.x = std::data(x);
    term.n = std::size(x);
    term.dtype = dtype_of<detail::element_t<const X&>>::value;
    return term;
}

/** The same with a gradient for the functions below that add it, of as many elements of the same
 * type. */
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
 * The total of the penalties of all terms; each of them in *penalties, if that is not NULL.
 *
 * Throws TermError for the first term at fault, Error, or what the runner throws.
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

/** Adds the gradients of the terms that have one, times scale. Throws likewise. */
inline void add_gradient_terms(const std::vector<l1l2_term>& terms, double scale = 1.0,
                               Runner runner = {}) {
    std::size_t faulty = 0;
    const l1l2_status status =
        l1l2_add_gradient_terms(terms.data(), sizeof(l1l2_term), terms.size(), scale, runner.run(),
                                runner.state(), nullptr, nullptr, &faulty);
    detail::check_terms(status, terms.size(), faulty, runner);
}

/** The same, and returns what penalty_terms does, from the same pass over memory. */
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

/** The proximal steps of all terms, each into its field `out`. Throws likewise. */
inline void prox_terms(const std::vector<l1l2_term>& terms, double step, Runner runner = {}) {
    std::size_t faulty = 0;
    const l1l2_status status = l1l2_prox_terms(terms.data(), sizeof(l1l2_term), terms.size(), step,
                                               runner.run(), runner.state(), &faulty);
    detail::check_terms(status, terms.size(), faulty, runner);
}

} // namespace l1l2

#endif /* L1L2_HPP */
