// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "exact_sums.hpp"

#include "exact_elements.hpp"
#include "regularizer.hpp"
#include "walk.hpp"

#include <algorithm>
#include <iterator>

namespace l1l2::core {

namespace {

using kernels::ExactPart;
using kernels::ExactParts;
using kernels::ExactSink;

/// "l1l" and the number of the layout.
constexpr std::int64_t layout_tag = 0x6C316C01;
constexpr std::int64_t max_parts = std::int64_t{1} << 30;

/// Times the tag this is 1 modulo 2^64, so that it gives the number of parts also where the sum of
/// their tags has wrapped.
constexpr std::uint64_t inverse_of_tag = 0x8F686CC1595E9401;
static_assert(inverse_of_tag * layout_tag == 1);

/// What is no sum of fewer parts than this has another layout. One that is taken for a sum of too
/// many has a chance of 2^-24.
constexpr std::uint64_t unlikely_parts = std::uint64_t{1} << 40;

/// A Mersenne prime: no power of two is a multiple of it, so every flipped bit changes the
/// checksum.
constexpr int checksum_bits = 31;
constexpr std::uint64_t checksum_modulus = (std::uint64_t{1} << checksum_bits) - 1;

void deposit(const FixedPoint& sum, const ExactPart& part) {
    if (part.value != 0) {
        deposit(sum, part.value, part.exponent);
    }
}

bool is_zero(const FixedPoint& sum) {
    return std::all_of(sum.limb, sum.limb + sum.limbs, [](auto limb) { return limb == 0; });
}

/// Whether a carried sum is small enough for so many elements. Each is below 2^1024 and its square
/// below 2^2048, and that is where the two highest limbs of both sums begin.
bool is_small_enough(const FixedPoint& sum, std::int64_t elements) {
    const std::int64_t* const highest = sum.limb + sum.limbs - 2;
    return (static_cast<std::uint64_t>(highest[1]) << limb_bits |
            static_cast<std::uint64_t>(highest[0])) < static_cast<std::uint64_t>(elements);
}

/// The most values that an element brings to one of the sums: all parts of a block of one element.
/// The places of a block bring fewer: 3 for each 16 of them, and the block has 64 elements or more.
constexpr std::int64_t deposits_per_element = std::size(ExactParts{}.square);

/// How many elements are added before limbs are carried; a multiple of all blocks.
constexpr std::size_t elements_per_carry = std::size_t{1} << 24;
static_assert(std::size(ExactParts{}.absolute) <= deposits_per_element &&
              kernels::exact_numbers(Dtype::float64) - 1 <= deposits_per_element);
static_assert(elements_per_carry * deposits_per_element <= deposits_per_carry);

} // namespace

std::int64_t ExactSums::checksum() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < length; ++i) {
        const auto value = static_cast<std::uint64_t>(number_[i]);
        const std::uint64_t reduced = (value & checksum_modulus) + (value >> checksum_bits);
        sum += i != checksum_index ? (i + 1) * reduced : 0;
    }
    return static_cast<std::int64_t>(sum % checksum_modulus);
}

/// Whether a number is 0 .. `largest` in each of the parts that were added.
bool ExactSums::is_in_range(std::size_t index, std::uint64_t largest, std::int64_t parts) const {
    return static_cast<std::uint64_t>(number_[index]) <=
           largest * static_cast<std::uint64_t>(parts);
}

bool ExactSums::has_its_checksum(std::int64_t parts) const {
    return is_in_range(checksum_index, checksum_modulus - 1, parts) &&
           number_[checksum_index] % static_cast<std::int64_t>(checksum_modulus) == checksum();
}

/// A part has at least one element, and each is infinite, a NaN or finite.
bool ExactSums::has_possible_counts(std::int64_t parts) const {
    const std::int64_t infinities = number_[infinities_index];
    const std::int64_t nans = number_[nans_index];
    return (parts > 0 ? count() >= parts : count() == 0) && infinities >= 0 &&
           infinities <= count() && nans >= 0 && nans <= count() - infinities;
}

bool ExactSums::has_possible_limbs(std::int64_t parts) const {
    bool possible = true;
    for (std::size_t i = absolute_index; i < length; ++i) {
        possible = is_in_range(i, limb_mask, parts) && possible;
    }
    return possible;
}

/// Of carried limbs.
bool ExactSums::has_possible_sums() {
    if (finite() == 0) {
        return is_zero(absolute_sum()) && is_zero(square_sum());
    }
    return is_small_enough(absolute_sum(), finite()) && is_small_enough(square_sum(), finite()) &&
           are_sums_of(absolute_sum(), square_sum(), static_cast<std::uint64_t>(finite()));
}

void ExactSums::clear() {
    std::fill(number_, number_ + length, 0);
    elements_to_carry_ = 0;
}

SumsFault ExactSums::load(const std::int64_t* accumulator) {
    std::copy(accumulator, accumulator + length, number_);
    elements_to_carry_ = 0;
    const std::uint64_t tags = static_cast<std::uint64_t>(number_[parts_index]) * inverse_of_tag;
    if (tags >= unlikely_parts) {
        return SumsFault::unknown_layout;
    }
    const auto parts = static_cast<std::int64_t>(tags);
    const bool has_wrapped = parts > 1 && count() < 0;
    if (parts > max_parts || has_wrapped) {
        return SumsFault::count_overflow;
    }
    if (!has_possible_limbs(parts) || !has_possible_counts(parts) || !has_its_checksum(parts)) {
        return SumsFault::invalid_sums;
    }
    // The limbs of one part are carried already.
    if (parts > 1 && !(carry(absolute_sum()) && carry(square_sum()))) {
        return SumsFault::invalid_sums;
    }
    return has_possible_sums() ? SumsFault::none : SumsFault::invalid_sums;
}

void ExactSums::store(std::int64_t* accumulator) {
    carry_added();
    number_[parts_index] = count() > 0 ? layout_tag : 0;
    number_[checksum_index] = checksum();
    std::copy(number_, number_ + length, accumulator);
}

SumsFault ExactSums::add_to_count(std::size_t n) {
    if (n > static_cast<std::uint64_t>(INT64_MAX - count())) {
        return SumsFault::count_overflow;
    }
    number_[count_index] += static_cast<std::int64_t>(n);
    return SumsFault::none;
}

SumsFault ExactSums::merge(ExactSums& other) {
    if (other.count() > INT64_MAX - count()) {
        return SumsFault::count_overflow;
    }
    carry_added();
    other.carry_added();
    for (std::size_t i = count_index; i < length; ++i) {
        number_[i] += other.number_[i];
    }
    carry_all();
    return SumsFault::none;
}

SumsFault ExactSums::subtract(ExactSums& other) {
    carry_added();
    other.carry_added();
    for (std::size_t i = count_index; i < length; ++i) {
        number_[i] -= other.number_[i];
    }
    const bool possible = count() >= 0 && number_[infinities_index] >= 0 &&
                          number_[nans_index] >= 0 && finite() >= 0 && carry(absolute_sum()) &&
                          carry(square_sum()) && has_possible_sums();
    return possible ? SumsFault::none : SumsFault::invalid_sums;
}

/// Sums of finite elements always fit: there are less than 2^63 of them.
void ExactSums::carry_all() {
    static_cast<void>(carry(absolute_sum()));
    static_cast<void>(carry(square_sum()));
}

void ExactSums::carry_added() {
    if (elements_to_carry_ > 0) {
        carry_all();
        elements_to_carry_ = 0;
    }
}

/// Adds a finite element.
template <Dtype dtype>
void ExactSums::add_element(const Element<dtype>& element) {
    const std::uint64_t mantissa = element.mantissa();
    deposit(absolute_sum(), static_cast<std::int64_t>(mantissa), element.lowest_exponent());
    deposit(square_sum(), product(mantissa, mantissa), 2 * element.lowest_exponent());
}

template <Dtype dtype>
void ExactSums::count_specials(const char* x, std::size_t n) {
    typename Element<dtype>::Bits infinities = 0;
    typename Element<dtype>::Bits nans = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const auto magnitude = Element<dtype>::magnitude(x, i);
        infinities += magnitude == Element<dtype>::format.infinity() ? 1 : 0;
        nans += magnitude > Element<dtype>::format.infinity() ? 1 : 0;
    }
    number_[infinities_index] += static_cast<std::int64_t>(infinities);
    number_[nans_index] += static_cast<std::int64_t>(nans);
}

template <Dtype dtype>
void ExactSums::add_elements(const char* x, std::size_t n,
                             kernels::ExactPlacesKernel add_to_places) {
    // For fewer it takes longer to look at all places.
    constexpr std::size_t many = 64;
    const std::size_t in_places = n < many ? 0 : n - n % 4;
    bool has_others = n > in_places;
    if (in_places > 0) {
        Places<dtype> places;
        has_others = places.add(x, in_places, add_to_places) || has_others;
        places.deposit_to(absolute_sum(), square_sum());
    }
    if (has_others) {
        count_specials<dtype>(x, n);
        const bool all_have_places = dtype == Dtype::float32;
        for (std::size_t i = all_have_places ? in_places : 0; i < n; ++i) {
            const Element<dtype> element(x, i);
            if (element.exponent_field != element.special &&
                (i >= in_places || !Places<dtype>::has(element))) {
                add_element(element);
            }
        }
    }
}

/// The functions of an ExactSink whose state are exact sums.
struct ExactSums::Sink {
    static void add_parts(void* state, const ExactParts& parts) {
        ExactSums& sums = *static_cast<ExactSums*>(state);
        for (const ExactPart& part : parts.absolute) {
            deposit(sums.absolute_sum(), part);
        }
        for (const ExactPart& part : parts.square) {
            deposit(sums.square_sum(), part);
        }
    }
    template <Dtype dtype>
    static void add_elements(void* state, const char* x, std::size_t n,
                             kernels::ExactPlacesKernel add_to_places) {
        static_cast<ExactSums*>(state)->add_elements<dtype>(x, n, add_to_places);
    }
};

void ExactSums::add(const kernels::KernelTable& table, Dtype dtype, const void* x, std::size_t n) {
    const ExactSink sink = {this, Sink::add_parts,
                            dtype == Dtype::float64 ? Sink::add_elements<Dtype::float64>
                                                    : Sink::add_elements<Dtype::float32>};
    const char* at = static_cast<const char*>(x);
    while (n > 0) {
        const std::size_t some = std::min(n, elements_per_carry);
        if (elements_to_carry_ > elements_per_carry - some) {
            carry_added();
        }
        elements_to_carry_ += some;
        table.exact[static_cast<std::size_t>(dtype)](at, some, sink);
        at += some * size_of(dtype);
        n -= some;
    }
}

void ExactSums::add(const kernels::KernelTable& table, const Tensor& x) {
    struct State {
        ExactSums& sums;
        const kernels::KernelTable& table;
        Dtype dtype;

        static void add(void* state, const void* elements, std::size_t n) {
            const State& s = *static_cast<State*>(state);
            s.sums.add(s.table, s.dtype, elements, n);
        }
    } state = {*this, table, x.dtype};
    Walk(x).visit(&state, State::add);
}

std::uint64_t ExactSums::special(std::uint64_t finite) const {
    constexpr kernels::Format format = kernels::format_of(Dtype::float64);
    return number_[nans_index] > 0         ? format.quiet_nan()
           : number_[infinities_index] > 0 ? format.infinity()
                                           : finite;
}

std::uint64_t ExactSums::absolute() {
    carry_added();
    return special(nearest_double(absolute_sum()));
}

std::uint64_t ExactSums::square() {
    carry_added();
    return special(nearest_double(square_sum()));
}

std::uint64_t ExactSums::norm() {
    carry_added();
    return special(nearest_root(square_sum()));
}

std::uint64_t ExactSums::penalty(const Regularizer& regularizer) {
    const std::uint64_t l1 = bits_of(regularizer.l1());
    const std::uint64_t l2 = bits_of(regularizer.l2());
    if (l1 == 0 && l2 == 0) {
        return 0;
    }
    carry_added();
    // From 2^-3250, the lowest bit times 2^-1074, to 2^3136, the largest sum times the largest
    // double, and one limb more that add_product touches.
    constexpr std::size_t limbs = 201;
    std::int64_t limb[limbs] = {};
    const FixedPoint sum = {limb, limbs, -3264};
    add_product(sum, absolute_sum(), l1);
    add_product(sum, square_sum(), l2);
    static_cast<void>(carry(sum));
    return special(nearest_double(sum));
}

} // namespace l1l2::core
