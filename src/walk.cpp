// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "walk.hpp"

#include "reduction.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace l1l2::core {

using kernels::block_elements;

namespace {

constexpr std::size_t largest_element = sizeof(double);

/// Whether an outer axis goes on where the inner one ends.
bool continues(std::ptrdiff_t outer_stride, std::ptrdiff_t inner_stride, std::size_t inner_size) {
    std::ptrdiff_t reach = 0;
    return !__builtin_mul_overflow(inner_stride, static_cast<std::ptrdiff_t>(inner_size), &reach) &&
           reach == outer_stride;
}

template <std::size_t bytes>
void copy_strided(const char* from, std::ptrdiff_t from_stride, char* to, std::ptrdiff_t to_stride,
                  std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        std::memcpy(to, from, bytes);
        from += from_stride;
        to += to_stride;
    }
}

void copy_run(std::size_t element, const char* from, std::ptrdiff_t from_stride, char* to,
              std::ptrdiff_t to_stride, std::size_t n) {
    const auto compact = static_cast<std::ptrdiff_t>(element);
    if (from_stride == compact && to_stride == compact) {
        std::memcpy(to, from, n * element);
    } else if (element == 2) {
        copy_strided<2>(from, from_stride, to, to_stride, n);
    } else if (element == 4) {
        copy_strided<4>(from, from_stride, to, to_stride, n);
    } else {
        copy_strided<8>(from, from_stride, to, to_stride, n);
    }
}

} // namespace

Walk::Walk(const Tensor& x, const Tensor* y) : dtype_(x.dtype), count_(x.count) {
    if (count_ > 0) {
        keep(x, y);
        turn();
        sort();
        join();
    }
}

/// Takes the axes that have more than one element, or one of one if there are none.
void Walk::keep(const Tensor& x, const Tensor* y) {
    x_ = x.data;
    y_ = y != nullptr ? y->data : nullptr;
    for (std::size_t i = 0; i < x.axes; ++i) {
        if (x.size[i] > 1) {
            axis_[axes_++] = {x.size[i], x.stride[i], y != nullptr ? y->stride[i] : 0};
        }
    }
    if (axes_ == 0) {
        const auto element = static_cast<std::ptrdiff_t>(size_of(dtype_));
        axis_[axes_++] = {1, element, element};
    }
}

/// Makes all axes lead towards higher addresses of x.
void Walk::turn() {
    for (std::size_t i = 0; i < axes_; ++i) {
        Axis& axis = axis_[i];
        if (axis.x_stride < 0) {
            const auto last = static_cast<std::ptrdiff_t>(axis.size - 1);
            x_ += last * axis.x_stride;
            if (y_ != nullptr) {
                y_ += last * axis.y_stride;
            }
            axis.x_stride = -axis.x_stride;
            axis.y_stride = -axis.y_stride;
        }
    }
}

/// An insertion sort: stable, and without memory of its own.
void Walk::sort() {
    const auto comes_before = [](const Axis& a, const Axis& b) {
        return b.x_stride != 0 && (a.x_stride == 0 || a.x_stride > b.x_stride);
    };
    for (std::size_t i = 1; i < axes_; ++i) {
        for (std::size_t j = i; j > 0 && comes_before(axis_[j], axis_[j - 1]); --j) {
            std::swap(axis_[j], axis_[j - 1]);
        }
    }
}

/// Merges each axis with the next inner one where they form one run.
void Walk::join() {
    std::size_t joined = 0;
    for (std::size_t i = 1; i < axes_; ++i) {
        Axis& outer = axis_[joined];
        const Axis& inner = axis_[i];
        if (continues(outer.x_stride, inner.x_stride, inner.size) &&
            continues(outer.y_stride, inner.y_stride, inner.size)) {
            outer = {outer.size * inner.size, inner.x_stride, inner.y_stride};
        } else {
            axis_[++joined] = inner;
        }
    }
    axes_ = joined + 1;
}

/// A place on a walk, in x or in y.
class Walk::Cursor {
  public:
    Cursor(const Walk& walk, char* first, std::ptrdiff_t Axis::*stride)
        : walk_(walk), stride_(stride), at_(first), element_(size_of(walk.dtype_)) {}

    /// The next n elements, one after another: where they are, or gathered in the buffer.
    const char* next(std::size_t n, char* buffer) {
        const std::size_t last = walk_.axes_ - 1;
        if (stride(last) == compact() && n <= walk_.axis_[last].size - index_[last]) {
            return take(n).at;
        }
        gather(buffer, n);
        return buffer;
    }

    void gather(char* to, std::size_t n) {
        while (n > 0) {
            const Run run = take(n);
            copy_run(element_, run.at, stride(walk_.axes_ - 1), to, compact(), run.n);
            to += run.n * element_;
            n -= run.n;
        }
    }
    void scatter(const char* from, std::size_t n) {
        while (n > 0) {
            const Run run = take(n);
            copy_run(element_, from, compact(), run.at, stride(walk_.axes_ - 1), run.n);
            from += run.n * element_;
            n -= run.n;
        }
    }

    /// Writes what an operation makes of the next n elements, which for x are one after another. It
    /// is elementwise and so needs no blocks of kernels::block_elements, which saves stack.
    void write(const Operation& operation, const char* x, std::size_t n) {
        constexpr std::size_t piece = 512;
        alignas(64) char buffer[piece * largest_element];
        for (std::size_t done = 0; done < n; done += piece) {
            const std::size_t some = std::min(n - done, piece);
            if (operation.updates()) {
                Cursor(*this).gather(buffer, some);
            }
            operation.write({walk_.dtype_, x + done * element_, buffer, some});
            scatter(buffer, some);
        }
    }

  private:
    /// Elements along the innermost axis.
    struct Run {
        char* at;
        std::size_t n;
    };

    /// Moves on by at most n elements, as far as the innermost axis goes. Then, like an odometer,
    /// an axis at its end begins again and the one outside of it moves on.
    Run take(std::size_t n) {
        std::size_t i = walk_.axes_ - 1;
        const Run run = {at_, std::min(n, walk_.axis_[i].size - index_[i])};
        at_ += static_cast<std::ptrdiff_t>(run.n) * stride(i);
        index_[i] += run.n;
        for (; i > 0 && index_[i] == walk_.axis_[i].size; --i) {
            at_ += stride(i - 1) - static_cast<std::ptrdiff_t>(index_[i]) * stride(i);
            index_[i] = 0;
            ++index_[i - 1];
        }
        return run;
    }

    std::ptrdiff_t stride(std::size_t axis) const { return walk_.axis_[axis].*stride_; }
    std::ptrdiff_t compact() const { return static_cast<std::ptrdiff_t>(element_); }

    const Walk& walk_;
    std::ptrdiff_t Axis::*stride_;
    char* at_;
    std::size_t element_;
    std::size_t index_[max_axes] = {};
};

Sums Walk::apply(const Operation& operation) const {
    const auto compact = static_cast<std::ptrdiff_t>(size_of(dtype_));
    const bool writes = operation.writes();
    if (count_ == 0 || !(operation.sums() || writes)) {
        return {0.0, 0.0};
    }
    if (axes_ == 1 && axis_[0].x_stride == compact && (!writes || axis_[0].y_stride == compact)) {
        return core::apply(operation, {dtype_, x_, y_, count_});
    }
    alignas(64) char buffer[block_elements * largest_element];
    Cursor x(*this, x_, &Axis::x_stride);
    Cursor y(*this, y_, &Axis::y_stride);
    std::size_t left = count_;
    return reduce_tree(count_blocks(count_), [&](std::size_t) {
        const std::size_t n = std::min(left, block_elements);
        left -= n;
        const char* const block = x.next(n, buffer);
        const Sums sums = operation.sum(block, n);
        if (writes) {
            y.write(operation, block, n);
        }
        return sums;
    });
}

void Walk::visit(void* state, void (*f)(void* state, const void* elements, std::size_t n)) const {
    if (count_ == 0) {
        return;
    }
    if (axes_ == 1 && axis_[0].x_stride == static_cast<std::ptrdiff_t>(size_of(dtype_))) {
        f(state, x_, count_);
        return;
    }
    // Half of what apply() has, as there is more on the stack here.
    alignas(64) char buffer[block_elements / 2 * largest_element];
    Cursor cursor(*this, x_, &Axis::x_stride);
    for (std::size_t left = count_; left > 0;) {
        const std::size_t n = std::min(left, sizeof buffer / size_of(dtype_));
        f(state, cursor.next(n, buffer), n);
        left -= n;
    }
}

} // namespace l1l2::core
