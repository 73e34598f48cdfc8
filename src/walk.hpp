// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * The order in which the elements of tensors are walked.
 */
#pragma once

#include "operation.hpp"
#include "tensor.hpp"

#include <cstddef>

namespace l1l2::core {

/**
 * One tensor that is read, x, and perhaps others, walked together in the order of memory of x: axes
 * of stride 0 first, then from the largest stride to the smallest, equal ones in their order, each
 * towards higher addresses of x.
 *
 * An example, x of float32, each axis as size:stride in bytes:
 *
 *     given     2:8   1:400   3:-16   2:4
 *     kept      2:8           3:-16   2:4    an axis of one element has no order
 *     turned    2:8           3:16    2:4    x begins at the last of the three instead
 *     sorted    3:16   2:8   2:4
 *     joined    12:4                         4 bytes on, 2 of them are 8, 4 of them 16
 *
 * So these are 12 elements of one array. With 3:-20 it would be 3:20 4:4, rows of four elements
 * with a gap behind each, which are gathered in blocks. The others follow the axes of x: their
 * strides are turned, sorted and joined with them, and only joined where their own fit, too.
 */
class Walk {
  public:
    /// With a tensor y that is written, for which check_written() finds no fault; and with a
    /// gradient and steps that are read, for which check_read() finds none. Each may be NULL.
    explicit Walk(const Tensor& x, const Tensor* y = nullptr, const Tensor* gradient = nullptr,
                  const Tensor* steps = nullptr);

    /// Applies an operation to all elements and returns their sums. Needs the default
    /// floating-point environment.
    Sums apply(const Operation& operation) const;

    /// Calls f(state, elements, n) for all elements of x in the order of the walk: once if they are
    /// one array, else for 16 KiB at a time, gathered where they are not contiguous.
    void visit(void* state, void (*f)(void* state, const void* elements, std::size_t n)) const;

  private:
    class Cursor;

    // The tensors.
    static constexpr std::size_t x = 0;
    static constexpr std::size_t y = 1;
    static constexpr std::size_t gradient = 2;
    static constexpr std::size_t steps = 3;
    static constexpr std::size_t tensors = 4;

    struct Axis {
        std::size_t size;
        std::ptrdiff_t stride[tensors]; ///< 0 of a tensor that is not there
    };

    void keep(const Tensor* const* given);
    void turn();
    void sort();
    void join();
    bool is_one_array() const;
    void write(const Operation& operation, const char* block, std::size_t n, Cursor* cursor) const;

    Dtype dtype_;
    std::size_t count_;
    char* first_[tensors] = {};            ///< the first element of the walk
    std::ptrdiff_t element_[tensors] = {}; ///< the size of an element
    std::size_t axes_ = 0;                 ///< at least one, if there are elements
    Axis axis_[max_axes];
};

/// As for Arrays.
inline Sums apply(const Operation& operation, const Walk& walk) {
    return walk.apply(operation);
}

} // namespace l1l2::core
