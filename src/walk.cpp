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

Walk::Walk(const Tensor& x_given, const Tensor* y_given, const Tensor* gradient_given,
           const Tensor* steps_given)
    : dtype_(x_given.dtype), count_(x_given.count) {
    if (count_ > 0) {
        const Tensor* const given[] = {&x_given, y_given, gradient_given, steps_given};
        keep(given);
        turn();
        sort();
        join();
    }
}

/// Takes the axes that have more than one element, or one of one if there are none.
void Walk::keep(const Tensor* const* given) {
    for (std::size_t t = 0; t < tensors; ++t) {
        if (given[t] != nullptr) {
            first_[t] = given[t]->data;
            element_[t] = static_cast<std::ptrdiff_t>(size_of(given[t]->dtype));
        }
    }
    for (std::size_t i = 0; i < given[x]->axes; ++i) {
        if (given[x]->size[i] > 1) {
            Axis& axis = axis_[axes_++];
            axis.size = given[x]->size[i];
            for (std::size_t t = 0; t < tensors; ++t) {
                axis.stride[t] = given[t] != nullptr ? given[t]->stride[i] : 0;
            }
        }
    }
    if (axes_ == 0) {
        Axis& axis = axis_[axes_++];
        axis.size = 1;
        std::copy_n(element_, tensors, axis.stride);
    }
}

/// Makes all axes lead towards higher addresses of x.
void Walk::turn() {
    for (std::size_t i = 0; i < axes_; ++i) {
        Axis& axis = axis_[i];
        if (axis.stride[x] < 0) {
            const auto last = static_cast<std::ptrdiff_t>(axis.size - 1);
            for (std::size_t t = 0; t < tensors; ++t) {
                if (first_[t] != nullptr) {
                    first_[t] += last * axis.stride[t];
                }
                axis.stride[t] = -axis.stride[t];
            }
        }
    }
}

/// An insertion sort: stable, and without memory of its own.
void Walk::sort() {
    const auto comes_before = [](const Axis& a, const Axis& b) {
        return b.stride[x] != 0 && (a.stride[x] == 0 || a.stride[x] > b.stride[x]);
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
        Axis inner = axis_[i];
        bool one_run = true;
        for (std::size_t t = 0; t < tensors; ++t) {
            one_run = one_run && continues(outer.stride[t], inner.stride[t], inner.size);
        }
        if (one_run) {
            inner.size *= outer.size;
            outer = inner;
        } else {
            axis_[++joined] = inner;
        }
    }
    axes_ = joined + 1;
}

/// Whether the elements of each tensor are one after another, in the same order.
bool Walk::is_one_array() const {
    return axes_ == 1 && std::equal(element_, element_ + tensors, axis_[0].stride);
}

/// A place on a walk, in one of its tensors.
class Walk::Cursor {
  public:
    Cursor(const Walk& walk, std::size_t tensor)
        : walk_(walk), tensor_(tensor), at_(walk.first_[tensor]),
          element_(static_cast<std::size_t>(walk.element_[tensor])) {}

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

    std::ptrdiff_t stride(std::size_t axis) const { return walk_.axis_[axis].stride[tensor_]; }
    std::ptrdiff_t compact() const { return static_cast<std::ptrdiff_t>(element_); }

    const Walk& walk_;
    std::size_t tensor_;
    char* at_;
    std::size_t element_;
    std::size_t index_[max_axes] = {};
};

/// Writes what an operation makes of the next n elements, of which those of x are in a block, one
/// after another. It is elementwise and so needs no blocks of kernels::block_elements, which saves
/// stack.
void Walk::write(const Operation& operation, const char* block, std::size_t n,
                 Cursor* cursor) const {
    constexpr std::size_t piece = 512;
    alignas(64) char y_buffer[piece * largest_element];
    alignas(64) char gradient_buffer[piece * largest_element];
    alignas(64) char steps_buffer[piece * largest_element];
    for (std::size_t done = 0; done < n; done += piece) {
        Arrays some = {dtype_, block + done * size_of(dtype_), y_buffer, std::min(n - done, piece)};
        if (operation.updates()) {
            Cursor(cursor[y]).gather(y_buffer, some.n);
        }
        if (first_[gradient] != nullptr) {
            some.gradient = cursor[gradient].next(some.n, gradient_buffer);
        }
        if (first_[steps] != nullptr) {
            some.steps = cursor[steps].next(some.n, steps_buffer);
        }
        operation.write(some);
        cursor[y].scatter(y_buffer, some.n);
    }
}

Sums Walk::apply(const Operation& operation) const {
    if (count_ == 0 || !(operation.sums() || operation.writes())) {
        return {0.0, 0.0};
    }
    if (is_one_array()) {
        return core::apply(operation,
                           {dtype_, first_[x], first_[y], count_, first_[gradient], first_[steps]});
    }
    alignas(64) char buffer[block_elements * largest_element];
    Cursor cursor[] = {{*this, x}, {*this, y}, {*this, gradient}, {*this, steps}};
    std::size_t left = count_;
    return reduce_tree(count_blocks(count_), [&](std::size_t) {
        const std::size_t n = std::min(left, block_elements);
        left -= n;
        const char* const block = cursor[x].next(n, buffer);
        const Sums sums = operation.sum(block, n);
        if (operation.writes()) {
            write(operation, block, n, cursor);
        }
        return sums;
    });
}

void Walk::visit(void* state, void (*f)(void* state, const void* elements, std::size_t n)) const {
    if (count_ == 0) {
        return;
    }
    if (is_one_array()) {
        f(state, first_[x], count_);
        return;
    }
    // Half of what apply() has, as there is more on the stack here.
    alignas(64) char buffer[block_elements / 2 * largest_element];
    Cursor cursor(*this, x);
    for (std::size_t left = count_; left > 0;) {
        const std::size_t n = std::min(left, sizeof buffer / size_of(dtype_));
        f(state, cursor.next(n, buffer), n);
        left -= n;
    }
}

} // namespace l1l2::core
