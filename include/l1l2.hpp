/*
 * l1l2 for C++17: the C interface of l1l2.h with ownership, ranges and exceptions. Header only;
 * link the same library.
 *
 *     const l1l2::Regularizer regularizer(0.01, 0.02);
 *     const double penalty = regularizer(weights); // a std::vector<float>, say
 *
 * What l1l2.h says of numbers, threads and the floating-point environment holds here.
 */
#ifndef L1L2_HPP
#define L1L2_HPP

#include "l1l2.h"

#include <cstddef>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

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

/** The l1l2_dtype of an element type; defined for float and double. */
template <class T>
struct dtype_of;
template <>
struct dtype_of<float> : std::integral_constant<l1l2_dtype, L1L2_FLOAT32> {};
template <>
struct dtype_of<double> : std::integral_constant<l1l2_dtype, L1L2_FLOAT64> {};

/**
 * A pair of coefficients that computes penalties.
 *
 * Owns a handle: it can be moved, not copied. A const member function may be called from any number
 * of threads at once. One that was moved from can be assigned to or destroyed; its other functions
 * throw Error with L1L2_ERROR_INVALID_ARGUMENT.
 */
class Regularizer {
  public:
    /** Throws Error: L1L2_ERROR_INVALID_COEFFICIENT (negative, NaN, infinite), out of memory. */
    explicit Regularizer(double l1 = 0.0, double l2 = 0.0) {
        l1l2_regularizer* handle = nullptr;
        check(l1l2_create(l1, l2, &handle));
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
        check(l1l2_to_json(get(), static_cast<l1l2_json_style>(style), json, sizeof json, &length));
        return {json, length};
    }

    double l1() const {
        double l1 = 0.0;
        check(l1l2_get_config(get(), &l1, nullptr));
        return l1;
    }

    double l2() const {
        double l2 = 0.0;
        check(l1l2_get_config(get(), nullptr, &l2));
        return l2;
    }

    /** The penalty of n contiguous elements; x may be NULL if n is 0. Throws as l1l2_penalty fails.
     */
    template <class T>
    double operator()(const T* x, std::size_t n) const {
        double penalty = 0.0;
        check(l1l2_penalty(get(), dtype_of<std::remove_cv_t<T>>::value, x, n, &penalty));
        return penalty;
    }

    /** The penalty of a contiguous range: whatever std::data and std::size take. */
    template <class Range, class = decltype(std::data(std::declval<const Range&>()))>
    double operator()(const Range& x) const {
        return (*this)(std::data(x), std::size(x));
    }

    /** The handle, still owned by this object; NULL if it was moved from. */
    const l1l2_regularizer* get() const noexcept { return handle_.get(); }

  private:
    struct Destroy {
        void operator()(l1l2_regularizer* handle) const noexcept { l1l2_destroy(handle); }
    };

    using Handle = std::unique_ptr<l1l2_regularizer, Destroy>;

    explicit Regularizer(Handle handle) noexcept : handle_(std::move(handle)) {}

    static void check(l1l2_status status) {
        if (status != L1L2_OK) {
            throw Error(status);
        }
    }

    Handle handle_;
};

} // namespace l1l2

#endif /* L1L2_HPP */
