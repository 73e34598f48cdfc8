/// What an accumulator of any 207 numbers says, and what is wrong with one, as docs/distributed.md
/// describes it.
#pragma once

#include "input.hpp"

#include "accumulator.hpp"

#include <algorithm>

namespace fuzz {

using namespace exact;

/// What the limbs of an accumulator without faults say.
inline Truth meaning_of(const Accumulator& sums) {
    Truth truth;
    truth.count = sums[count_index];
    truth.infinities = sums[infinities_index];
    truth.nans = sums[nans_index];
    for (std::size_t i = absolute_index; i < sums.size(); ++i) {
        const bool of_square = i >= square_index;
        const std::size_t limb = i - (of_square ? square_index : absolute_index);
        (of_square ? truth.square : truth.absolute)
            .add_integer(sums[i], static_cast<int>(32 * limb) +
                                      (of_square ? square_exponent : absolute_exponent));
    }
    return truth;
}

/// Whether limbs that have not been carried can be the sum of so many elements, each
/// of which is below one unit of the two highest limbs.
inline bool is_sum_of(std::int64_t elements, const std::int64_t* limb, std::size_t limbs) {
    std::int64_t carried = 0;
    bool is_zero = true;
    std::uint64_t highest = 0;
    for (std::size_t i = 0; i < limbs; ++i) {
        carried += limb[i];
        const auto low = static_cast<std::uint64_t>(carried & 0xFFFFFFFF);
        is_zero = is_zero && low == 0;
        highest = highest >> 32U | low << 32U;
        carried >>= 32;
    }
    return carried == 0 &&
           (elements > 0 ? highest < static_cast<std::uint64_t>(elements) : is_zero);
}

/// Of how many parts a first number is the sum, modulo 2^64: divided by the tag in Newton's way.
inline std::uint64_t parts_of(std::int64_t tags) {
    const auto tag = static_cast<std::uint64_t>(layout_tag);
    std::uint64_t inverse = tag;
    for (int i = 0; i < 6; ++i) {
        inverse *= 2 - tag * inverse;
    }
    return static_cast<std::uint64_t>(tags) * inverse;
}

/// sum x^2 <= (sum |x|)^2 <= n * sum x^2.
inline bool keeps_inequalities(const Truth& sums) {
    const ExactSum squared = sums.absolute.squared();
    const auto finite = static_cast<std::uint64_t>(sums.count - sums.infinities - sums.nans);
    return sums.square.compare_product(1, squared) <= 0 &&
           sums.square.compare_product(finite, squared) >= 0;
}

/// What is wrong with an accumulator, as docs/distributed.md describes one.
inline Faults faults_of(const Accumulator& sums) {
    Faults faults;
    const std::uint64_t all_parts = parts_of(sums[tag_index]);
    const auto parts = static_cast<std::int64_t>(all_parts);
    const std::int64_t count = sums[count_index];
    if (all_parts >> 40U != 0) {
        faults.add(L1L2_ERROR_UNKNOWN_LAYOUT);
    } else if (parts > most_parts || (parts > 1 && count < 0)) {
        faults.add(L1L2_ERROR_COUNT_OVERFLOW);
    } else {
        const auto in_range = [](std::int64_t number, std::int64_t largest) {
            return number >= 0 && number <= largest;
        };
        const std::int64_t infinities = sums[infinities_index];
        const std::int64_t nans = sums[nans_index];
        const std::int64_t checksum = sums[checksum_index];
        const std::int64_t* const absolute = &sums[absolute_index];
        const std::int64_t* const square = &sums[square_index];
        const auto can_be = [&](const std::int64_t* limb, std::size_t limbs) {
            return is_sum_of(count - infinities - nans, limb, limbs);
        };
        const bool is_valid =
            (parts == 0 ? count == 0 : count >= parts) && in_range(infinities, count) &&
            in_range(nans, count - infinities) &&
            in_range(checksum, parts * (checksum_modulus - 1)) &&
            std::all_of(absolute, sums.data() + sums.size(),
                        [&](std::int64_t limb) { return in_range(limb, parts * 0xFFFFFFFF); }) &&
            checksum % checksum_modulus == checksum_of(sums) &&
            can_be(absolute, square_index - absolute_index) &&
            can_be(square, sums.size() - square_index) && keeps_inequalities(meaning_of(sums));
        if (!is_valid) {
            faults.add(L1L2_ERROR_INVALID_SUMS);
        }
    }
    return faults;
}

/// Checks a call that subtracted an accumulator from another one, and what it left: the other one
/// as it was, or what with the subtracted one gives it again.
inline void check_difference(l1l2_status status, const Accumulator& minuend,
                             const Accumulator& subtracted, const Accumulator& left) {
    Faults faults = faults_of(minuend);
    if (faults.none()) {
        faults = faults_of(subtracted);
    }
    if (!faults.none()) {
        faults.check_status(status);
    }
    if (status != L1L2_OK) {
        check(left == minuend && (!faults.none() || status == L1L2_ERROR_INVALID_SUMS),
              "what cannot be subtracted leaves the accumulator as it was");
        return;
    }
    check(faults_of(left).none(), "a difference is an accumulator");
    Accumulator again = left;
    check(l1l2_exact_sums_merge(again.data(), subtracted.data()) == L1L2_OK &&
              again == canonical(minuend),
          "a difference and what was subtracted are the minuend");
}

} // namespace fuzz
