// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * Sums of |x| and x^2 without any rounding, in accumulators: arrays of int64_t that can be added
 * element by element. An accumulator is a superaccumulator (Neal, "Fast exact summation using small
 * and large superaccumulators", 2015) that can be sent and stored.
 *
 *     number 0      layout_tag for each part
 *            1      the checksums of the parts
 *            2      the number of elements
 *            3      how many of them are infinite
 *            4      how many of them are NaNs
 *            5 ...  68 limbs of sum |x| over the finite ones, the lowest in units of 2^-1088
 *            73 ... 134 limbs of sum x^2, the lowest in units of 2^-2176
 *
 * A part is an accumulator as ExactSums::store writes it: limbs are 0 .. 2^32 - 1, the checksum is
 * ExactSums::checksum(). All zeros is no part, and no elements. The sum of up to 2^30 parts keeps
 * every number below 2^63.
 */
#pragma once

#include "fixed_point.hpp"
#include "operation.hpp"
#include "tensor.hpp"

#include <cstddef>
#include <cstdint>

namespace l1l2::core {

/// What is wrong with an accumulator, or would be.
enum class SumsFault {
    none,
    unknown_layout,
    invalid_sums,  ///< a number out of its range or a checksum of others
    count_overflow ///< more elements or parts than can be counted
};

class Regularizer;
template <Dtype dtype>
struct Element;

/// An accumulator that is being worked on. Not small: 1.7 KB.
class ExactSums {
  public:
    static constexpr std::size_t length = 207;

    /// Reads an accumulator that anybody may have added up or damaged. Makes one part of it.
    SumsFault load(const std::int64_t* accumulator);
    /// Writes one part, or zeros for no elements: the same bits for the same elements.
    void store(std::int64_t* accumulator);

    /// Makes it that of no elements.
    void clear();

    /// Adds n to the number of elements, before they are added.
    SumsFault add_to_count(std::size_t n);

    // These need the default floating-point environment. The elements must have been counted.

    /// Adds n elements at x, which may have any alignment.
    void add(const kernels::KernelTable& table, Dtype dtype, const void* x, std::size_t n);
    /// Adds the elements of a tensor.
    void add(const kernels::KernelTable& table, const Tensor& x);

    /// Adds the elements that another one has.
    SumsFault merge(ExactSums& other);
    /// Takes out elements that it has. After a fault it is no accumulator any more.
    SumsFault subtract(ExactSums& other);

    std::int64_t count() const { return number_[count_index]; }

    // Doubles are returned as their bits, which no register of an i386 changes.

    /// sum |x| and sum x^2, each rounded once.
    std::uint64_t absolute();
    std::uint64_t square();
    /// The square root of sum x^2, rounded once.
    std::uint64_t norm();
    /// l1 * sum |x| + l2 * sum x^2, rounded once; a part whose coefficient is 0 is left out.
    std::uint64_t penalty(const Regularizer& regularizer);

  private:
    struct Sink;

    static constexpr std::size_t parts_index = 0;
    static constexpr std::size_t checksum_index = 1;
    static constexpr std::size_t count_index = 2;
    static constexpr std::size_t infinities_index = 3;
    static constexpr std::size_t nans_index = 4;
    static constexpr std::size_t absolute_index = 5;
    static constexpr std::size_t absolute_limbs = 68;
    static constexpr std::size_t square_index = absolute_index + absolute_limbs;
    static constexpr std::size_t square_limbs = 134;
    static_assert(square_index + square_limbs == length);

    FixedPoint absolute_sum() { return {number_ + absolute_index, absolute_limbs, -1088}; }
    FixedPoint square_sum() { return {number_ + square_index, square_limbs, -2176}; }

    // Elements of float32 or float64, at most a block.
    template <Dtype dtype>
    void add_elements(const char* x, std::size_t n, kernels::ExactPlacesKernel add_to_places);
    template <Dtype dtype>
    void count_specials(const char* x, std::size_t n);
    template <Dtype dtype>
    void add_element(const Element<dtype>& element);
    std::uint64_t special(std::uint64_t finite) const;
    std::int64_t checksum() const;
    bool is_in_range(std::size_t index, std::uint64_t largest, std::int64_t parts) const;
    bool has_its_checksum(std::int64_t parts) const;
    std::int64_t finite() const {
        return count() - number_[infinities_index] - number_[nans_index];
    }
    bool has_possible_counts(std::int64_t parts) const;
    bool has_possible_limbs(std::int64_t parts) const;
    bool has_possible_sums();
    void carry_all();
    /// Of what was added since the last carry.
    void carry_added();

    std::int64_t number_[length];
    std::size_t elements_to_carry_;
};

} // namespace l1l2::core
