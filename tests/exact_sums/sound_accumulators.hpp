/**
 * Accumulators without a fault, and whether every function refuses one that has a fault.
 */
#pragma once

#include "accumulator.hpp"
#include "catch.hpp"
#include "run_tasks.hpp"
#include "training.hpp"

#include <vector>

namespace exact {

/// The accumulator of some elements, of which one is infinite and one is no number.
inline Accumulator rich_accumulator(unsigned seed = 1) {
    std::vector<float> elements = finite_elements<float>(1000, seed);
    elements[7] = from_bits<float>(Format<float>::infinity);
    elements[8] = from_bits<float>(Format<float>::quiet_nan);
    Accumulator sums = sums_of(elements);
    REQUIRE(add(sums, finite_elements<double>(100, seed)) == L1L2_OK);
    return sums;
}

inline l1l2_status check(const Accumulator& sums) {
    return l1l2_exact_sums_check(sums.data());
}

/// The status with which every function refuses an accumulator, or L1L2_OK if one of them does not,
/// or they do not agree, or one changes anything.
inline l1l2_status refused_as(const Accumulator& damaged) {
    static const Handle handle(training::both);
    static const Accumulator sound = rich_accumulator(5);
    constexpr double untouched = training::untouched;
    const float x[] = {1.0F};
    Accumulator sums = damaged;
    Accumulator other = sound;
    Numbers numbers = {untouched, untouched, 77};
    double penalty = untouched;
    double norm = untouched;
    l1l2_term term = {};
    term.x = x;
    term.n = 1;
    term.dtype = L1L2_FLOAT32;
    const l1l2_status status = check(damaged);
    const l1l2_status others[] = {
        l1l2_exact_sums_add(sums.data(), L1L2_FLOAT32, x, 1),
        l1l2_exact_sums_add(sums.data(), L1L2_FLOAT64, nullptr, 0),
        l1l2_exact_sums_merge(sums.data(), sound.data()),
        l1l2_exact_sums_merge(other.data(), damaged.data()),
        l1l2_exact_sums_merge(sums.data(), sums.data()),
        l1l2_exact_sums_subtract(sums.data(), sound.data()),
        l1l2_exact_sums_subtract(other.data(), damaged.data()),
        l1l2_exact_sums_subtract(sums.data(), sums.data()),
        l1l2_exact_sums_add_terms(sums.data(), nullptr, sizeof(l1l2_term), 0, nullptr, nullptr,
                                  nullptr),
        l1l2_exact_sums_add_terms(sums.data(), &term, sizeof term, 1, run_in_a_row, nullptr,
                                  nullptr),
        l1l2_exact_sums_norm(damaged.data(), &norm),
        l1l2_exact_sums_read(damaged.data(), &numbers.absolute, &numbers.square, &numbers.count),
        l1l2_exact_sums_read(damaged.data(), nullptr, nullptr, nullptr),
        l1l2_penalty_exact_sums(handle.get(), damaged.data(), &penalty)};
    const bool agreed =
        std::all_of(std::begin(others), std::end(others),
                    [&](l1l2_status other_status) { return other_status == status; });
    const bool nothing_changed = sums == damaged && other == sound &&
                                 numbers.absolute == untouched && numbers.square == untouched &&
                                 numbers.count == 77 && penalty == untouched && norm == untouched;
    return agreed && nothing_changed ? status : L1L2_OK;
}

/// Of no elements, of one part, of several that nobody has carried.
inline std::vector<Accumulator> sound_accumulators() {
    const Accumulator one = rich_accumulator();
    return {Accumulator(), one, one + rich_accumulator(2) + rich_accumulator(3), 1000 * one};
}

} // namespace exact
