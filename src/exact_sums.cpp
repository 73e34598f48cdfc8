// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "exact_sums.hpp"

#include "regularizer.hpp"
#include "walk.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <type_traits>

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

/// Numbers of 128 bits, as the compiler has them for 64-bit processors alone.
struct Uint128 {
    std::uint64_t low;
    std::uint64_t high;

    Uint128& operator+=(const Uint128& other) {
        low += other.low;
        high += other.high + (low < other.low ? 1 : 0);
        return *this;
    }
    /// By less than 64 bits.
    Uint128 operator<<(unsigned shift) const {
        return {low << shift, (high << shift) | ((low >> 1U) >> (63 - shift))};
    }
};

Uint128 product(std::uint64_t x, std::uint64_t y) {
#ifdef __SIZEOF_INT128__
    __extension__ using Native = unsigned __int128;
    const Native both = static_cast<Native>(x) * y;
    return {static_cast<std::uint64_t>(both), static_cast<std::uint64_t>(both >> 64U)};
#else
    const std::uint64_t x0 = x & limb_mask;
    const std::uint64_t x1 = x >> limb_bits;
    const std::uint64_t y0 = y & limb_mask;
    const std::uint64_t y1 = y >> limb_bits;
    Uint128 sum = {x0 * y0, x1 * y1};
    sum += Uint128{x0 * y1, 0} << limb_bits;
    sum += Uint128{x1 * y0, 0} << limb_bits;
    return sum;
#endif
}

void deposit(const FixedPoint& sum, const Uint128& value, int exponent) {
    for (const std::uint64_t piece : {value.low & limb_mask, value.low >> limb_bits,
                                      value.high & limb_mask, value.high >> limb_bits}) {
        if (piece != 0) {
            deposit(sum, static_cast<std::int64_t>(piece), exponent);
        }
        exponent += limb_bits;
    }
}

/// An element as kernels::Format describes it.
template <Dtype dtype>
struct Element {
    using Bits =
        std::conditional_t<size_of(dtype) == 2, std::uint16_t,
                           std::conditional_t<size_of(dtype) == 4, std::uint32_t, std::uint64_t>>;
    static constexpr kernels::Format format = kernels::format_of(dtype);
    static constexpr unsigned special = format.special_exponent();
    static constexpr unsigned exponent_fields = special + 1;

    unsigned exponent_field;
    std::uint64_t fraction; ///< the mantissa without its hidden bit

    /// Element i at p, which may have any alignment.
    Element(const char* p, std::size_t i) {
        Bits bits;
        std::memcpy(&bits, p + i * sizeof bits, sizeof bits);
        exponent_field = static_cast<unsigned>(bits >> format.mantissa_bits) % exponent_fields;
        fraction = bits % hidden;
    }

    std::uint64_t mantissa() const { return exponent_field != 0 ? fraction | hidden : fraction; }

    /// The exponent of the lowest bit.
    static int lowest_exponent(unsigned exponent_field) {
        return format.lowest_exponent() + static_cast<int>(std::max(exponent_field, 1U)) - 1;
    }

  private:
    static constexpr std::uint64_t hidden = std::uint64_t{1} << format.mantissa_bits;
};

/// Calls f for each of n elements that is finite, and counts the others.
template <Dtype dtype, class F>
Specials for_each_finite(const char* x, std::size_t n, F f) {
    Specials specials;
    for (std::size_t i = 0; i < n; ++i) {
        const Element<dtype> element(x, i);
        if (element.exponent_field == Element<dtype>::special) {
            ++(element.fraction == 0 ? specials.infinities : specials.nans);
        } else {
            f(element);
        }
    }
    return specials;
}

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

/// The most values that an element brings to one of the sums: all parts of a block of one element,
/// which are more than the limbs of a square by itself.
constexpr std::int64_t deposits_per_element = std::size(ExactParts{}.square);

/// How many elements are added before limbs are carried; a multiple of all blocks.
constexpr std::size_t elements_per_carry = std::size_t{1} << 24;
static_assert(deposits_per_element >= 4 &&
              std::size(ExactParts{}.absolute) <= deposits_per_element);
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

/// Adds each by itself, which for a few is faster than a place for each exponent field.
template <Dtype dtype>
Specials ExactSums::add_few(const char* x, std::size_t n) {
    using E = Element<dtype>;
    return for_each_finite<dtype>(x, n, [&](const E& element) {
        const std::uint64_t mantissa = element.mantissa();
        const int exponent = E::lowest_exponent(element.exponent_field);
        deposit(absolute_sum(), static_cast<std::int64_t>(mantissa), exponent);
        deposit(square_sum(), product(mantissa, mantissa), 2 * exponent);
    });
}

template <Dtype dtype>
Specials ExactSums::add_many(const char* x, std::size_t n) {
    using E = Element<dtype>;
    // Mantissas with the same exponent field have the same exponent. Their squares have at most 48
    // bits, so that 2^15 fit.
    static_assert(kernels::exact_block_elements(dtype) <= std::size_t{1} << 15);
    std::int64_t absolute[E::exponent_fields] = {};
    std::int64_t square[E::exponent_fields] = {};
    const Specials specials = for_each_finite<dtype>(x, n, [&](const E& element) {
        const auto mantissa = static_cast<std::int64_t>(element.mantissa());
        absolute[element.exponent_field] += mantissa;
        square[element.exponent_field] += mantissa * mantissa;
    });
    for (unsigned field = 0; field < E::special; ++field) {
        if (absolute[field] != 0) {
            deposit(absolute_sum(), absolute[field], E::lowest_exponent(field));
            deposit(square_sum(), square[field], 2 * E::lowest_exponent(field));
        }
    }
    return specials;
}

/// A place for each of the 2046 exponent fields would be too many. So several fields share a place,
/// to which their mantissas are shifted: 16 fields by up to 15 bits, and for squares 4 fields by up
/// to 6. With 53 and 106 bits there is room for 2^16 of them in 128.
template <>
Specials ExactSums::add_many<Dtype::float64>(const char* x, std::size_t n) {
    using E = Element<Dtype::float64>;
    static_assert(kernels::exact_block_elements(Dtype::float64) <= std::size_t{1} << 16);
    constexpr unsigned fields_of_absolute = 16;
    constexpr unsigned fields_of_square = 4;
    // The exponent field 0 has the exponent of 1.
    const auto place = [](unsigned field) { return std::max(field, 1U) - 1; };
    Uint128 absolute[E::exponent_fields / fields_of_absolute] = {};
    Uint128 square[E::exponent_fields / fields_of_square] = {};
    const Specials specials = for_each_finite<Dtype::float64>(x, n, [&](const E& element) {
        const unsigned at = place(element.exponent_field);
        const std::uint64_t mantissa = element.mantissa();
        absolute[at / fields_of_absolute] += Uint128{mantissa, 0} << at % fields_of_absolute;
        square[at / fields_of_square] += product(mantissa, mantissa) << 2 * (at % fields_of_square);
    });
    for (unsigned i = 0; i < E::exponent_fields / fields_of_absolute; ++i) {
        deposit(absolute_sum(), absolute[i], E::lowest_exponent(1 + i * fields_of_absolute));
    }
    for (unsigned i = 0; i < E::exponent_fields / fields_of_square; ++i) {
        deposit(square_sum(), square[i], 2 * E::lowest_exponent(1 + i * fields_of_square));
    }
    return specials;
}

template <Dtype dtype>
void ExactSums::add_elements(const char* x, std::size_t n) {
    constexpr std::size_t few = 16;
    const Specials specials = n < few ? add_few<dtype>(x, n) : add_many<dtype>(x, n);
    number_[infinities_index] += specials.infinities;
    number_[nans_index] += specials.nans;
}

void ExactSums::add_elements(Dtype dtype, const char* x, std::size_t n) {
    switch (dtype) {
    case Dtype::float32: add_elements<Dtype::float32>(x, n); break;
    case Dtype::float64: add_elements<Dtype::float64>(x, n); break;
    case Dtype::float16: add_elements<Dtype::float16>(x, n); break;
    case Dtype::bfloat16: add_elements<Dtype::bfloat16>(x, n); break;
    }
}

/// The state of an ExactSink, and its functions.
class ExactSums::Sink {
  public:
    Sink(ExactSums& sums, Dtype dtype) : sums_(sums), dtype_(dtype) {}

    ExactSink functions() { return {this, take_parts, take_elements}; }

  private:
    static void take_parts(void* state, const ExactParts& parts) {
        ExactSums& sums = static_cast<Sink*>(state)->sums_;
        for (const ExactPart& part : parts.absolute) {
            deposit(sums.absolute_sum(), part);
        }
        for (const ExactPart& part : parts.square) {
            deposit(sums.square_sum(), part);
        }
    }
    static void take_elements(void* state, const void* x, std::size_t n) {
        const Sink& sink = *static_cast<Sink*>(state);
        sink.sums_.add_elements(sink.dtype_, static_cast<const char*>(x), n);
    }

    ExactSums& sums_;
    Dtype dtype_;
};

void ExactSums::add(const kernels::KernelTable& table, Dtype dtype, const void* x, std::size_t n) {
    Sink sink(*this, dtype);
    const char* at = static_cast<const char*>(x);
    while (n > 0) {
        const std::size_t some = std::min(n, elements_per_carry);
        if (elements_to_carry_ > elements_per_carry - some) {
            carry_added();
        }
        elements_to_carry_ += some;
        table.exact[static_cast<std::size_t>(dtype)](at, some, sink.functions());
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
