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
 * One tensor that is read and perhaps one that is written, walked together in the order of memory
 * of the first one: axes of stride 0 first, then from the largest stride to the smallest, equal
 * ones in their order, each towards higher addresses of x.
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
 * with a gap behind each, which are gathered in blocks. y follows the axes of x: its strides are
 * turned, sorted and joined with them, and only joined where its own fit, too.
 */
class Walk {
  public:
    explicit Walk(const Tensor& x) : Walk(x, nullptr) {}

    /// With a tensor that is written, for which check_written() finds no fault.
    Walk(const Tensor& x, const Tensor& y) : Walk(x, &y) {}

    /// Applies an operation to all elements and returns their sums. Needs the default
    /// floating-point environment.
    Sums apply(const Operation& operation) const;

    /// Calls f(state, elements, n) for all elements of x in the order of the walk: once if they are
    /// one array, else for 16 KiB at a time, gathered where they are not contiguous.
    void visit(void* state, void (*f)(void* state, const void* elements, std::size_t n)) const;

  private:
    class Cursor;

    struct Axis {
        std::size_t size;
        std::ptrdiff_t x_stride;
        std::ptrdiff_t y_stride;
    };

    Walk(const Tensor& x, const Tensor* y);
    void keep(const Tensor& x, const Tensor* y);
    void turn();
    void sort();
    void join();

    Dtype dtype_;
    std::size_t count_;
    char* x_ = nullptr; ///< the first element of the walk
    char* y_ = nullptr;
    std::size_t axes_ = 0; ///< at least one, if there are elements
    Axis axis_[max_axes];
};

/// As for Arrays.
inline Sums apply(const Operation& operation, const Walk& walk) {
    return walk.apply(operation);
}

} // namespace l1l2::core
