/**
 * Arguments of the functions for arrays and lists: decoded, judged as the header does, and computed
 * alone, which means with a regularizer of their own, on copies, without a runner.
 */
#pragma once

#include "tensor_calls.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace fuzz {

/// A regularizer of a sequence; NULL until it is created.
struct Owned {
    l1l2_regularizer* handle = nullptr;
    Coefficients coefficients = {};
};

enum class Function { penalty, gradient, prox, step, clip, sums };

inline bool is_dtype(l1l2_dtype dtype) {
    return dtype >= L1L2_FLOAT32 && dtype <= L1L2_BFLOAT16;
}
inline std::size_t size_of(l1l2_dtype dtype) {
    return dtype == L1L2_FLOAT64 ? 8 : dtype == L1L2_FLOAT32 ? 4 : 2;
}
/// A number in the arithmetic type.
inline double arithmetic(l1l2_dtype dtype, double number) {
    return dtype == L1L2_FLOAT64 ? number : static_cast<double>(static_cast<float>(number));
}

/// The arguments of a function. The addresses lie in `memory`, but for steps that are valid.
struct Array {
    const Owned* regularizer = nullptr;
    l1l2_dtype dtype = L1L2_FLOAT32;
    const std::uint8_t* x = nullptr;
    std::size_t n = 0;
    std::uint8_t* y = nullptr; ///< gradient of Function::gradient, else out
    const std::uint8_t* gradient = nullptr;
    const std::uint8_t* steps = nullptr;
    std::int32_t reserved = 0; ///< of a term
};

/// scale, step or norm, and the norm's limit.
struct Parameters {
    double first;
    double limit;
};

constexpr std::size_t longest_array = 4500; ///< more than a block

/// Steps that every step size takes; two of them are a double of nearly the same size.
inline const std::vector<float> valid_steps(2 * longest_array, 0x1p-7F);

// Decoding ----------------------------------------------------------------------------------------

/// Sets dtype and n, and returns the length in bytes. Of bad numbers the address is not used.
inline std::size_t decode_form(Input& input, Array& array) {
    const std::uint8_t dtype = input.byte();
    array.dtype = dtype < 0xFC ? 1 + dtype % 4 : input.take<l1l2_dtype>();
    const std::uint8_t n = input.byte();
    array.n = n < 0xE0 ? n % 48 : input.take<std::uint16_t>() % longest_array;
    return array.n * size_of(array.dtype);
}

inline std::uint8_t* decode_address(Input& input, std::size_t bytes) {
    return memory + input.take<std::uint16_t>() % (memory_bytes - bytes + 1);
}

/// What is read beside x: nothing, x itself, or any numbers of the memory.
inline void decode_beside(Input& input, Array& array, std::size_t bytes) {
    const std::uint8_t kind = input.byte();
    const bool is_any = kind % 4 == 3;
    array.gradient = kind % 4 == 0 ? nullptr : is_any ? decode_address(input, bytes) : array.x;
    array.steps = kind >= 0xF0   ? decode_address(input, array.n * 8)
                  : kind >= 0x80 ? reinterpret_cast<const std::uint8_t*>(valid_steps.data())
                                 : nullptr;
}

/// Makes one in some hundred wrong.
inline void decode_wrong(Input& input, Array& array) {
    switch (input.byte()) {
    case 0xFF: array.x = nullptr; break;
    case 0xFE: array.y = nullptr; break;
    case 0xFD: array.n = PTRDIFF_MAX / size_of(array.dtype) + 1 + input.byte(); break;
    case 0xFC: array.reserved = input.take<std::int32_t>(); break;
    default: break;
    }
}

/// Any addresses, which may overlap.
inline Array decode_array(Input& input, const Owned* regularizer) {
    Array array;
    array.regularizer = regularizer;
    const std::size_t bytes = decode_form(input, array);
    std::uint8_t* const x = decode_address(input, bytes);
    array.x = x;
    array.y = input.byte() % 4 == 0 ? x : decode_address(input, bytes);
    decode_beside(input, array, bytes);
    decode_wrong(input, array);
    return array;
}

/// Terms that read the lower half of the memory and write the upper one, each where no other does.
inline std::vector<Array> decode_list(Input& input, const Owned (&regularizers)[3]) {
    constexpr std::size_t half = memory_bytes / 2;
    const std::uint8_t choice = input.byte();
    std::vector<Array> list(choice < 0xE0 ? choice % 13 : 60 + choice);
    std::size_t used = half;
    for (Array& array : list) {
        const std::uint8_t kind = input.byte();
        array.regularizer = &regularizers[kind % 3];
        std::size_t bytes = decode_form(input, array);
        array.n = used + 2 * bytes > memory_bytes ? 0 : list.size() > 13 ? array.n % 4 : array.n;
        bytes = array.n * size_of(array.dtype);
        std::uint8_t* const own = memory + used;
        const bool is_in_place = kind >= 0xC0;
        array.x = is_in_place ? own : memory + input.take<std::uint16_t>() % (half - bytes + 1);
        array.y = own + (kind >= 0xF8 && bytes > 0 ? kind % bytes : 0);
        decode_beside(input, array, bytes);
        if (array.gradient != nullptr && array.gradient != array.x) {
            array.gradient = memory + static_cast<std::size_t>(array.gradient - memory) % half / 2;
        }
        array.steps =
            array.steps != nullptr && array.steps >= memory && array.steps < memory + memory_bytes
                ? memory
                : array.steps;
        decode_wrong(input, array);
        used += 2 * bytes;
    }
    return list;
}

// What the header says ----------------------------------------------------------------------------

inline bool fits(l1l2_dtype dtype, double number) {
    return std::isfinite(arithmetic(dtype, number));
}

inline bool is_step(double step) {
    return std::isfinite(step) && step >= 0.0;
}

inline double step_at(const Array& array, std::size_t i) {
    if (array.dtype == L1L2_FLOAT64) {
        double step = 0.0;
        std::memcpy(&step, array.steps + i * sizeof step, sizeof step);
        return step;
    }
    float step = 0.0F;
    std::memcpy(&step, array.steps + i * sizeof step, sizeof step);
    return static_cast<double>(step);
}

inline bool are_steps(const Array& array, double step, Coefficients c) {
    const l1l2_dtype dtype = array.dtype;
    const double factors[] = {step, step * c.l1, 2.0 * (step * c.l2)};
    return std::all_of(std::begin(factors), std::end(factors), [&](double factor) {
        const double narrow = arithmetic(dtype, factor);
        bool well = std::isfinite(narrow);
        for (std::size_t i = 0; well && array.steps != nullptr && i < array.n; ++i) {
            const double each = step_at(array, i);
            well = is_step(each) && fits(dtype, narrow * each);
        }
        return well;
    });
}

inline bool is_norm(double norm) {
    return std::isfinite(norm) && norm >= 0.0;
}

/// What is wrong with a scale, step or norm, whatever the array.
inline Faults faults_of(Function function, const Parameters& parameters) {
    Faults faults;
    const double parameter = parameters.first;
    if (function == Function::gradient && !std::isfinite(parameter)) {
        faults.add(L1L2_ERROR_INVALID_SCALE);
    }
    if ((function == Function::prox || function == Function::step) && !is_step(parameter)) {
        faults.add(L1L2_ERROR_INVALID_STEP);
    }
    if (function == Function::clip && !(is_norm(parameter) && is_norm(parameters.limit))) {
        faults.add(L1L2_ERROR_INVALID_NORM);
    }
    return faults;
}

/// The same with a regularizer. Reads the steps.
inline Faults faults_of(Function function, const Parameters& parameters, const Array& array) {
    Faults faults = faults_of(function, parameters);
    const Coefficients c = array.regularizer->coefficients;
    const double parameter = parameters.first;
    const auto all_fit = [&](double a, double b) {
        return fits(array.dtype, a) && fits(array.dtype, b);
    };
    if (function == Function::gradient && !all_fit(parameter * c.l1, parameter * (2.0 * c.l2))) {
        faults.add(L1L2_ERROR_INVALID_SCALE);
    }
    if ((function == Function::prox &&
         !all_fit(parameter * c.l1, 1.0 + 2.0 * (parameter * c.l2))) ||
        (function == Function::step && !are_steps(array, parameter, c))) {
        faults.add(L1L2_ERROR_INVALID_STEP);
    }
    return faults;
}

inline bool share_a_byte(const std::uint8_t* a, std::size_t a_bytes, const std::uint8_t* b,
                         std::size_t b_bytes) {
    return a != nullptr && b != nullptr && a_bytes > 0 && b_bytes > 0 && a < b + b_bytes &&
           b < a + a_bytes;
}

inline bool overlaps(Function function, const Array& array) {
    const std::size_t bytes = array.n * size_of(array.dtype);
    const std::size_t step_bytes = array.n * (array.dtype == L1L2_FLOAT64 ? 8 : 4);
    const auto meets = [&](const std::uint8_t* read) {
        return share_a_byte(read, bytes, array.y, bytes);
    };
    switch (function) {
    case Function::penalty:
    case Function::sums: return false;
    case Function::gradient: return meets(array.x);
    case Function::prox:
    case Function::clip: return array.y != array.x && meets(array.x);
    case Function::step: break;
    }
    return (array.y != array.x && meets(array.x)) ||
           (array.y != array.gradient && meets(array.gradient)) ||
           share_a_byte(array.steps, step_bytes, array.y, bytes);
}

/// What is wrong with the arguments of a function for arrays, or with a term.
inline Faults faults_of_arguments(Function function, const Parameters& parameters,
                                  const Array& array, bool is_term) {
    Faults faults;
    if (!is_dtype(array.dtype)) {
        faults.add(L1L2_ERROR_UNSUPPORTED_DTYPE); // reported first
        return faults;
    }
    const bool regularizes = function != Function::clip && function != Function::sums;
    const bool writes = function != Function::penalty && function != Function::sums;
    const bool may_lack_y = !writes || (is_term && function == Function::gradient);
    const bool lacks_handle = regularizes && array.regularizer->handle == nullptr;
    const bool is_too_large = array.n > PTRDIFF_MAX / size_of(array.dtype) ||
                              (function == Function::step && array.steps != nullptr &&
                               array.n > PTRDIFF_MAX / (array.dtype == L1L2_FLOAT64 ? 8U : 4U));
    if (lacks_handle || is_too_large || (is_term && array.reserved != 0) ||
        (array.n > 0 && (array.x == nullptr || (array.y == nullptr && !may_lack_y)))) {
        faults.add(L1L2_ERROR_INVALID_ARGUMENT);
        if (lacks_handle || is_too_large) {
            return faults;
        }
    }
    if (overlaps(function, array)) {
        faults.add(L1L2_ERROR_OVERLAP);
    }
    faults.add(regularizes ? faults_of(function, parameters, array)
                           : faults_of(function, parameters));
    return faults;
}

// Alone -------------------------------------------------------------------------------------------

/// The same place in `memory_expected`.
template <class Byte>
Byte* rebased(Byte* address) {
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    const auto start = reinterpret_cast<std::uintptr_t>(memory);
    return at < start || at > start + memory_bytes ? address : memory_expected + (at - start);
}

/// What the library gets for one array.
inline l1l2_term term_of(Function function, const Array& array) {
    l1l2_term term = {};
    const bool regularizes = function != Function::clip && function != Function::sums;
    term.regularizer = regularizes ? array.regularizer->handle : nullptr;
    term.dtype = array.dtype;
    term.x = array.x;
    term.n = array.n;
    term.reserved = array.reserved;
    if (function == Function::gradient) {
        term.gradient = array.y;
    } else {
        term.out = array.y;
        term.gradient = const_cast<std::uint8_t*>(array.gradient);
        term.steps = array.steps;
    }
    return term;
}

/// The same on `memory_expected`.
inline Array rebased(Array array) {
    array.x = rebased(array.x);
    array.y = rebased(array.y);
    array.gradient = rebased(array.gradient);
    array.steps = rebased(array.steps);
    return array;
}

/// Computes valid arguments as a list of one term, and returns the penalty of x.
inline double compute_as_list(Function function, const Parameters& parameters, const Array& array) {
    const Handle own(array.regularizer->coefficients);
    l1l2_term term = term_of(function, rebased(array));
    term.regularizer = own.get();
    term.reserved = 0; // which an array does not have
    const double parameter = parameters.first;
    double penalty = untouched;
    l1l2_status status = L1L2_OK;
    switch (function) {
    case Function::gradient:
        status = l1l2_add_gradient_terms(&term, sizeof term, 1, parameter, nullptr, nullptr,
                                         nullptr, &penalty, nullptr);
        break;
    case Function::prox:
        status = l1l2_prox_terms(&term, sizeof term, 1, parameter, nullptr, nullptr, nullptr);
        break;
    case Function::step:
        status = l1l2_prox_step_terms(&term, sizeof term, 1, parameter, nullptr, nullptr, nullptr);
        break;
    case Function::clip:
        status = l1l2_clip_by_norm_terms(&term, sizeof term, 1, parameter, parameters.limit,
                                         nullptr, nullptr, nullptr);
        break;
    default:
        status =
            l1l2_penalty_terms(&term, sizeof term, 1, nullptr, nullptr, &penalty, nullptr, nullptr);
        break;
    }
    check(status == L1L2_OK, "what is right can be computed alone");
    return penalty;
}

/// Computes a valid term by the function for arrays, if there is one, and returns the penalty of x.
inline double compute_as_array(Function function, const Parameters& parameters,
                               const Array& array) {
    const Handle own(array.regularizer->coefficients);
    const Array at = rebased(array);
    const double parameter = parameters.first;
    double penalty = untouched;
    l1l2_status status = L1L2_OK;
    switch (function) {
    case Function::gradient:
        status = at.y == nullptr ? l1l2_penalty(own.get(), at.dtype, at.x, at.n, &penalty)
                                 : l1l2_add_gradient(own.get(), at.dtype, at.x, at.n, parameter,
                                                     at.y, &penalty);
        break;
    case Function::prox:
        status = l1l2_prox(own.get(), at.dtype, at.x, at.n, parameter, at.y);
        break;
    case Function::step:
        status =
            l1l2_prox_step(own.get(), at.dtype, at.x, at.n, at.gradient, parameter, at.steps, at.y);
        break;
    case Function::clip: return compute_as_list(function, parameters, array);
    default: status = l1l2_penalty(own.get(), at.dtype, at.x, at.n, &penalty); break;
    }
    check(status == L1L2_OK, "what is right can be computed alone");
    return penalty;
}

// The state ---------------------------------------------------------------------------------------

inline bool is_untouched(double x) {
    return to_bits(x) == to_bits(untouched);
}

/// What was written is now the state.
inline void keep_memory(bool is_written) {
    check_memory(is_written ? memory_expected : memory_before);
    std::memcpy(memory_before, memory, memory_bytes);
}

} // namespace fuzz
