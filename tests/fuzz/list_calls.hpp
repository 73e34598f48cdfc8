/**
 * Lists of terms, what they give term by term, and what a call must have written.
 */
#pragma once

#include "array_calls.hpp"
#include "runner.hpp"

#include "accumulator.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace fuzz {

constexpr std::size_t oldest_size = offsetof(l1l2_term, steps);

/// A list of terms and its outputs, with values that show whether they were written.
struct List {
    Function function;
    Parameters parameters;
    std::size_t term_size;
    std::vector<std::uint8_t> terms;
    std::size_t count;
    bool is_null;
    std::vector<double> penalties; ///< with one more at the end
    double total = untouched;
    std::size_t faulty = SIZE_MAX - 1;

    l1l2_status call(Runner& runner, std::int64_t* sums) {
        const auto* const list = reinterpret_cast<const l1l2_term*>(
            is_null || count == 0 ? nullptr : static_cast<const void*>(terms.data()));
        const double parameter = parameters.first;
        const l1l2_runner run = runner.get();
        switch (function) {
        case Function::penalty:
            return l1l2_penalty_terms(list, term_size, count, run, &runner, penalties.data(),
                                      &total, &faulty);
        case Function::gradient:
            return l1l2_add_gradient_terms(list, term_size, count, parameter, run, &runner,
                                           penalties.data(), &total, &faulty);
        case Function::prox:
            return l1l2_prox_terms(list, term_size, count, parameter, run, &runner, &faulty);
        case Function::step:
            return l1l2_prox_step_terms(list, term_size, count, parameter, run, &runner, &faulty);
        case Function::clip:
            return l1l2_clip_by_norm_terms(list, term_size, count, parameter, parameters.limit, run,
                                           &runner, &faulty);
        case Function::sums: break;
        }
        return l1l2_exact_sums_add_terms(sums, list, term_size, count, run, &runner, &faulty);
    }

    bool has_penalties() const {
        return function == Function::penalty || function == Function::gradient;
    }
};

/// Repeats terms that are only read, so that there are several tasks.
inline List decode_list_of(Input& input, Function function, std::vector<Array>& arrays) {
    List list = {function, {input.parameter(), input.parameter()}, sizeof(l1l2_term), {}, 0, false,
                 {}};
    const std::uint8_t size = input.byte();
    if (size >= 0xE0) {
        list.term_size =
            input.one_of<std::size_t>({oldest_size, 0, oldest_size - alignof(l1l2_term),
                                       sizeof(l1l2_term) + 4, sizeof(l1l2_term) + 8, SIZE_MAX - 7});
        list.is_null = size == 0xFF;
    }
    if (list.term_size < sizeof(l1l2_term)) {
        for (Array& array : arrays) {
            array.steps = nullptr; // the library does not see it
        }
    }
    const bool is_read_only = function == Function::penalty || function == Function::sums;
    const std::vector<Array> once = arrays;
    for (int i = 0; is_read_only && i < size % 32; ++i) {
        arrays.insert(arrays.end(), once.begin(), once.end());
    }
    list.count = arrays.size();
    const bool is_size = list.term_size == oldest_size || (list.term_size >= sizeof(l1l2_term) &&
                                                           list.term_size < 2 * sizeof(l1l2_term));
    const std::size_t stride = is_size ? list.term_size : sizeof(l1l2_term); // others are not used
    list.terms.resize(list.count * stride + sizeof(l1l2_term));
    for (std::size_t i = 0; i < list.count; ++i) {
        const l1l2_term term = term_of(function, arrays[i]);
        std::memcpy(&list.terms[i * stride], &term, std::min(stride, sizeof term));
    }
    list.penalties.assign(list.count + 1, untouched);
    return list;
}

/// What a list gives term by term.
struct Expected {
    Faults faults;
    std::size_t faulty;
    std::vector<double> penalties;
    double total = 0.0;
};

inline Expected expect(const List& list, const std::vector<Array>& arrays,
                       exact::Accumulator& part) {
    Expected expected = {faults_of(list.function, list.parameters), list.count, {}, 0.0};
    if (list.term_size < oldest_size || list.term_size % alignof(l1l2_term) != 0 ||
        list.count > PTRDIFF_MAX / list.term_size || (list.is_null && list.count > 0)) {
        expected.faults.add(L1L2_ERROR_INVALID_ARGUMENT);
    }
    for (std::size_t i = 0; expected.faults.none() && i < list.count; ++i) {
        const Array& array = arrays[i];
        expected.faults = faults_of_arguments(list.function, list.parameters, array, true);
        if (!expected.faults.none()) {
            expected.faulty = i;
        } else if (list.function == Function::sums) {
            check(l1l2_exact_sums_add(part.data(), array.dtype, array.x, array.n) == L1L2_OK,
                  "a term can be added to zeros");
        } else {
            expected.penalties.push_back(compute_as_array(list.function, list.parameters, array));
            expected.total =
                i == 0 ? expected.penalties[0] : expected.total + expected.penalties.back();
        }
    }
    if (std::isnan(expected.total)) {
        expected.total = std::numeric_limits<double>::quiet_NaN();
    }
    return expected;
}

/// After a runner's failure each output is as it was, or as it was to be.
inline void check_failed_run(const List& list, const Expected& expected) {
    check(is_untouched(list.total) && list.faulty == list.count,
          "a runner's failure is no term's, and leaves no total");
    for (std::size_t i = 0; i < memory_bytes; ++i) {
        check(memory[i] == memory_before[i] || memory[i] == memory_expected[i],
              "a run that fails writes what is right, or nothing");
    }
    for (std::size_t i = 0; i < list.count; ++i) {
        check(is_untouched(list.penalties[i]) ||
                  (i < expected.penalties.size() &&
                   to_bits(list.penalties[i]) == to_bits(expected.penalties[i])),
              "a run that fails gives penalties that are right, or none");
    }
    std::memcpy(memory_before, memory, memory_bytes);
}

inline void check_list(const List& list, const Expected& expected) {
    check(list.faulty == expected.faulty, "*faulty is the first term at fault, or the count");
    const bool is_well = expected.faults.none();
    check(to_bits(list.total) ==
              to_bits(is_well && list.has_penalties() ? expected.total : untouched),
          "the total is the sum of the penalties in their order, or untouched");
    for (std::size_t i = 0; i < list.count; ++i) {
        const bool is_written = is_well && list.has_penalties();
        check(to_bits(list.penalties[i]) == to_bits(is_written ? expected.penalties[i] : untouched),
              "a penalty is the same as alone, or untouched");
    }
    keep_memory(is_well);
}

} // namespace fuzz
