/**
 * Sums of |x| and x^2 without any rounding, as vectors of int64_t that can be added element by
 * element: a superaccumulator (Neal, "Fast exact summation using small and large
 * superaccumulators", 2015) that is made to travel.
 *
 *     element  0      layout_tag for each part
 *              1      the checksums of the parts
 *              2      the number of elements
 *              3      how many of them are infinite
 *              4      how many of them are NaNs
 *              5 ...  68 digits of sum |x| over the finite ones, the first one in units of 2^-1088
 *              73 ... 134 digits of sum x^2, the first one in units of 2^-2176
 *
 * A part is a vector as ExactSums::store writes it: digits are in base 2^32, the checksum is
 * ExactSums::checksum(). All zeros are no part, and no elements. The sum of up to 2^30 parts keeps
 * everything below 2^63.
 */
#pragma once

#include "fixed_point.hpp"
#include "operation.hpp"
#include "tensor.hpp"

#include <cstddef>
#include <cstdint>

namespace l1l2::core {

/// What is wrong with a vector, or would be.
enum class SumsFault {
    none,
    unknown_layout,
    invalid_sums,  ///< a number out of its range or a checksum of others
    count_overflow ///< more elements or parts than can be counted
};

/// How many elements were infinite or NaNs.
struct Specials {
    std::int64_t infinities = 0;
    std::int64_t nans = 0;
};

class Regularizer;

/// A vector that is being worked on. Not small: 1.7 KB.
class ExactSums {
  public:
    static constexpr std::size_t length = 207;

    /// Takes a vector that anybody may have added up or damaged, and makes one part of it.
    SumsFault load(const std::int64_t* vector);
    /// Writes one part, or zeros for no elements: the same bits for the same elements.
    void store(std::int64_t* vector);

    /// Counts n elements that are to be added next.
    SumsFault expect(std::size_t n);

    // What adds elements needs the default floating-point environment, and they must be expected.

    /// Adds n elements at x, which may have any alignment.
    [[gnu::noinline]] void add(const kernels::KernelTable& table, Dtype dtype, const void* x,
                               std::size_t n);
    /// Adds the elements of a tensor.
    [[gnu::noinline]] void add(const kernels::KernelTable& table, const Tensor& x);

    /// Adds the elements that another one has.
    SumsFault merge(const ExactSums& other);

    std::int64_t count() const { return vector_[count_index]; }

    // Doubles are returned as their bits, which no register of an i386 changes.

    /// sum |x| and sum x^2, each rounded once.
    std::uint64_t absolute();
    std::uint64_t square();
    /// l1 * sum |x| + l2 * sum x^2, rounded once; a term with a zero coefficient is left out.
    std::uint64_t penalty(const Regularizer& regularizer);

  private:
    class Sink;

    static constexpr std::size_t parts_index = 0;
    static constexpr std::size_t checksum_index = 1;
    static constexpr std::size_t count_index = 2;
    static constexpr std::size_t infinities_index = 3;
    static constexpr std::size_t nans_index = 4;
    static constexpr std::size_t absolute_index = 5;
    static constexpr std::size_t absolute_digits = 68;
    static constexpr std::size_t square_index = absolute_index + absolute_digits;
    static constexpr std::size_t square_digits = 134;
    static_assert(square_index + square_digits == length);

    FixedPoint absolute_sum() { return {vector_ + absolute_index, absolute_digits, -1088}; }
    FixedPoint square_sum() { return {vector_ + square_index, square_digits, -2176}; }

    /// Adds at most a block, element by element.
    void add_elements(Dtype dtype, const char* x, std::size_t n);
    template <Dtype dtype>
    void add_elements(const char* x, std::size_t n);
    template <Dtype dtype>
    Specials add_many(const char* x, std::size_t n);
    template <Dtype dtype>
    Specials add_few(const char* x, std::size_t n);
    std::uint64_t special(std::uint64_t finite) const;
    std::int64_t checksum() const;
    void carry_all();

    std::int64_t vector_[length];
};

} // namespace l1l2::core
