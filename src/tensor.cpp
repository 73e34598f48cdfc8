#include "tensor.hpp"

#include "reduction.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <optional>
#include <utility>

namespace l1l2::core {

using kernels::block_elements;

namespace {

bool is_readable_by_cpu(std::int32_t device_type) {
    constexpr std::int32_t cpu = 1;
    constexpr std::int32_t cuda_host = 3;
    constexpr std::int32_t rocm_host = 11;
    constexpr std::int32_t cuda_managed = 13;
    return device_type == cpu || device_type == cuda_host || device_type == rocm_host ||
           device_type == cuda_managed;
}

std::optional<Dtype> dtype_of(const DLTensor& tensor) {
    constexpr std::uint8_t ieee = 2;
    constexpr std::uint8_t bfloat = 4;
    if (tensor.dtype_lanes == 1 && tensor.dtype_code == ieee) {
        switch (tensor.dtype_bits) {
        case 16: return Dtype::float16;
        case 32: return Dtype::float32;
        case 64: return Dtype::float64;
        default: return std::nullopt;
        }
    }
    if (tensor.dtype_lanes == 1 && tensor.dtype_code == bfloat && tensor.dtype_bits == 16) {
        return Dtype::bfloat16;
    }
    return std::nullopt;
}

/// Where a tensor's elements are, which are not none: bytes first .. last - 1.
struct Extent {
    std::uintptr_t first;
    std::uintptr_t last;
};

/// Nothing if that leaves the address space.
std::optional<Extent> extent_of(const Tensor& tensor) {
    std::ptrdiff_t below = 0;
    auto above = static_cast<std::ptrdiff_t>(size_of(tensor.dtype));
    for (std::size_t i = 0; i < tensor.axes; ++i) {
        std::ptrdiff_t reach = 0;
        std::ptrdiff_t& side = tensor.stride[i] < 0 ? below : above;
        if (__builtin_mul_overflow(tensor.stride[i],
                                   static_cast<std::ptrdiff_t>(tensor.size[i] - 1), &reach) ||
            __builtin_add_overflow(side, reach, &side)) {
            return std::nullopt;
        }
    }
    const auto data = reinterpret_cast<std::uintptr_t>(tensor.data);
    Extent extent = {};
    if (__builtin_sub_overflow(data, -static_cast<std::uintptr_t>(below), &extent.first) ||
        __builtin_add_overflow(data, static_cast<std::uintptr_t>(above), &extent.last) ||
        extent.last - extent.first > static_cast<std::uintptr_t>(PTRDIFF_MAX)) {
        return std::nullopt;
    }
    return extent;
}

/// Whether each stride reaches beyond all that the smaller ones cover, so that no two elements
/// meet.
bool is_nested(const Tensor& tensor) {
    std::size_t order[max_axes];
    std::size_t axes = 0;
    for (std::size_t i = 0; i < tensor.axes; ++i) {
        if (tensor.size[i] > 1) {
            order[axes++] = i;
        }
    }
    std::sort(order, order + axes, [&](std::size_t a, std::size_t b) {
        return std::abs(tensor.stride[a]) < std::abs(tensor.stride[b]);
    });
    std::size_t covered = size_of(tensor.dtype);
    for (std::size_t i = 0; i < axes; ++i) {
        const auto stride = static_cast<std::size_t>(std::abs(tensor.stride[order[i]]));
        if (stride < covered) {
            return false;
        }
        covered += stride * (tensor.size[order[i]] - 1);
    }
    return true;
}

/// Whether both have the same elements in the same places.
bool are_the_same(const Tensor& x, const Tensor& y) {
    for (std::size_t i = 0; i < x.axes; ++i) {
        if (x.size[i] > 1 && x.stride[i] != y.stride[i]) {
            return false;
        }
    }
    return x.data == y.data;
}

/// Whether no element of one shares a byte with one of the other: their extents are apart, or all
/// their elements lie in two classes of addresses modulo a common divisor of the strides.
bool are_apart(const Tensor& x, const Tensor& y) {
    const std::optional<Extent> a = extent_of(x);
    const std::optional<Extent> b = extent_of(y);
    if (a->last <= b->first || b->last <= a->first) {
        return true;
    }
    std::ptrdiff_t divisor = 0;
    for (const Tensor* tensor : {&x, &y}) {
        for (std::size_t i = 0; i < tensor->axes; ++i) {
            if (tensor->size[i] > 1) {
                divisor = std::gcd(divisor, tensor->stride[i]);
            }
        }
    }
    if (divisor == 0) {
        return false;
    }
    const auto period = static_cast<std::uintptr_t>(divisor);
    const std::uintptr_t distance = (b->first % period + period - a->first % period) % period;
    const std::size_t element = size_of(x.dtype);
    return distance >= element && period - distance >= element;
}

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

constexpr std::size_t largest_element = sizeof(double);

} // namespace

/// A place on a walk, seen from x or from y.
class Cursor {
  public:
    enum class Of { x, y };

    Cursor(const Walk& walk, Of of)
        : walk_(walk), of_(of), at_(of == Of::x ? walk.x_ : walk.y_),
          element_(size_of(walk.dtype_)) {}

    /// Where the next n elements are, one after another: where they are, or gathered in the buffer.
    const char* next(std::size_t n, char* buffer) {
        const char* const there = contiguous(n);
        if (there != nullptr) {
            skip(n);
            return there;
        }
        gather(buffer, n);
        return buffer;
    }

    void gather(char* to, std::size_t n) {
        for_runs(n, [&](const char* from, std::ptrdiff_t stride, std::size_t run) {
            copy_run(element_, from, stride, to, static_cast<std::ptrdiff_t>(element_), run);
            to += run * element_;
        });
    }
    void scatter(const char* from, std::size_t n) {
        for_runs(n, [&](char* to, std::ptrdiff_t stride, std::size_t run) {
            copy_run(element_, from, static_cast<std::ptrdiff_t>(element_), to, stride, run);
            from += run * element_;
        });
    }

  private:
    /// The address of the next n elements if they are contiguous, else NULL.
    char* contiguous(std::size_t n) const {
        const Walk::Axis& inner = walk_.axis_[walk_.axes_ - 1];
        const bool together = stride(inner) == static_cast<std::ptrdiff_t>(element_) &&
                              n <= inner.size - index_[walk_.axes_ - 1];
        return together ? at_ : nullptr;
    }

    void skip(std::size_t n) {
        for_runs(n, [](char*, std::ptrdiff_t, std::size_t) {});
    }

    std::ptrdiff_t stride(const Walk::Axis& axis) const {
        return of_ == Of::x ? axis.x_stride : axis.y_stride;
    }

    /// Moves on by n elements, which are not more than are left, along the innermost axis as far as
    /// it goes at a time.
    template <class F>
    void for_runs(std::size_t n, F&& f) {
        const std::size_t last = walk_.axes_ - 1;
        const Walk::Axis& inner = walk_.axis_[last];
        while (n > 0) {
            const std::size_t run = std::min(n, inner.size - index_[last]);
            f(at_, stride(inner), run);
            n -= run;
            at_ += static_cast<std::ptrdiff_t>(run) * stride(inner);
            index_[last] += run;
            for (std::size_t i = last; i > 0 && index_[i] == walk_.axis_[i].size; --i) {
                at_ -= static_cast<std::ptrdiff_t>(index_[i]) * stride(walk_.axis_[i]);
                at_ += stride(walk_.axis_[i - 1]);
                index_[i] = 0;
                ++index_[i - 1];
            }
        }
    }

    const Walk& walk_;
    Of of_;
    char* at_;
    std::size_t element_;
    std::size_t index_[max_axes] = {};
};

TensorFault Tensor::read(const void* dltensor) {
    DLTensor given;
    std::memcpy(&given, dltensor, sizeof given);
    if (!is_readable_by_cpu(given.device_type)) {
        return TensorFault::unsupported_device;
    }
    const std::optional<Dtype> known = dtype_of(given);
    if (!known) {
        return TensorFault::unsupported_dtype;
    }
    dtype = *known;
    if (given.ndim < 0 || static_cast<std::size_t>(given.ndim) > max_axes ||
        (given.shape == nullptr && given.ndim > 0)) {
        return TensorFault::invalid_tensor;
    }
    axes = static_cast<std::size_t>(given.ndim);
    bool empty = false;
    for (std::size_t i = 0; i < axes; ++i) {
        if (given.shape[i] < 0 || given.shape[i] > PTRDIFF_MAX) {
            return TensorFault::invalid_tensor;
        }
        size[i] = static_cast<std::size_t>(given.shape[i]);
        empty = empty || size[i] == 0;
    }
    count = empty ? 0 : 1;
    data = nullptr;
    if (empty) {
        return TensorFault::none;
    }
    const auto element = static_cast<std::ptrdiff_t>(size_of(dtype));
    std::ptrdiff_t compact = element; // the stride of a compact tensor, and the bytes so far
    for (std::size_t i = axes; i-- > 0;) {
        stride[i] = compact;
        if (__builtin_mul_overflow(compact, static_cast<std::ptrdiff_t>(size[i]), &compact)) {
            return TensorFault::invalid_tensor;
        }
        if (size[i] == 1) {
            stride[i] = 0; // whatever it is, it is never used
        } else if (given.strides != nullptr &&
                   (given.strides[i] < PTRDIFF_MIN || given.strides[i] > PTRDIFF_MAX ||
                    __builtin_mul_overflow(static_cast<std::ptrdiff_t>(given.strides[i]), element,
                                           &stride[i]))) {
            return TensorFault::invalid_tensor;
        }
        count *= size[i];
    }
    std::uintptr_t address = 0;
    if (given.data == nullptr || given.byte_offset > UINTPTR_MAX ||
        __builtin_add_overflow(reinterpret_cast<std::uintptr_t>(given.data),
                               static_cast<std::uintptr_t>(given.byte_offset), &address)) {
        return TensorFault::invalid_tensor;
    }
    // As a number, since an offset may pass PTRDIFF_MAX.
    data = reinterpret_cast<char*>(address); // NOLINT(performance-no-int-to-ptr)
    return extent_of(*this) ? TensorFault::none : TensorFault::invalid_tensor;
}

Walk::Walk(const Tensor& x) : dtype_(x.dtype), count_(x.count) {
    arrange(x, nullptr);
}

TensorFault Walk::add_written(const Tensor& x, const Tensor& y, bool in_place) {
    if (y.dtype != x.dtype || y.axes != x.axes || !std::equal(x.size, x.size + x.axes, y.size)) {
        return TensorFault::invalid_tensor;
    }
    if (count_ == 0) {
        return TensorFault::none;
    }
    if (!is_nested(y) || !((in_place && are_the_same(x, y)) || are_apart(x, y))) {
        return TensorFault::overlap;
    }
    arrange(x, &y);
    return TensorFault::none;
}

/// Takes the axes of x, and of y if that is not NULL, puts them into the order of the walk and
/// joins those that are one.
void Walk::arrange(const Tensor& x, const Tensor* y) {
    if (count_ == 0) {
        return;
    }
    x_ = x.data;
    y_ = y != nullptr ? y->data : nullptr;
    axes_ = 0;
    for (std::size_t i = 0; i < x.axes; ++i) {
        if (x.size[i] > 1) {
            axis_[axes_++] = {x.size[i], x.stride[i], y != nullptr ? y->stride[i] : 0};
        }
    }
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
    // An insertion sort: stable, and without memory of its own.
    const auto comes_before = [](const Axis& a, const Axis& b) {
        return b.x_stride != 0 && (a.x_stride == 0 || a.x_stride > b.x_stride);
    };
    for (std::size_t i = 1; i < axes_; ++i) {
        for (std::size_t j = i; j > 0 && comes_before(axis_[j], axis_[j - 1]); --j) {
            std::swap(axis_[j], axis_[j - 1]);
        }
    }
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
    // A single element is an axis, too, so that there always is one.
    const auto element = static_cast<std::ptrdiff_t>(size_of(dtype_));
    if (axes_ == 0) {
        axis_[0] = {1, element, element};
    }
    axes_ = joined + 1;
}

Sums Walk::reduce(const Operation& operation) const {
    const std::size_t element = size_of(dtype_);
    const auto compact = static_cast<std::ptrdiff_t>(element);
    const bool writes = operation.writes();
    if (count_ == 0 || (operation.sums == nullptr && !writes)) {
        return {0.0, 0.0};
    }
    if (axes_ == 1 && axis_[0].x_stride == compact && (!writes || axis_[0].y_stride == compact)) {
        return core::reduce(operation, {dtype_, x_, y_, count_});
    }
    // What is written is elementwise and so needs no block of its own size; that saves stack.
    constexpr std::size_t piece = 512;
    alignas(64) char x_block[block_elements * largest_element];
    alignas(64) char y_piece[piece * largest_element];
    Cursor x_cursor(*this, Cursor::Of::x);
    Cursor y_cursor(*this, Cursor::Of::y);
    std::size_t left = count_;
    return reduce_tree(count_blocks(count_), [&](std::size_t) {
        const std::size_t n = std::min(left, block_elements);
        left -= n;
        const char* const x = x_cursor.next(n, x_block);
        const Sums sums = operation.sums != nullptr ? operation.sums(x, n) : Sums{0.0, 0.0};
        for (std::size_t done = 0; writes && done < n; done += piece) {
            const std::size_t some = std::min(n - done, piece);
            if (operation.add_gradient != nullptr) {
                Cursor reader = y_cursor;
                reader.gather(y_piece, some);
            }
            operation.write(x + done * element, y_piece, some);
            y_cursor.scatter(y_piece, some);
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
    // Half of what reduce() has, as there is more on the stack here.
    alignas(64) char buffer[block_elements / 2 * largest_element];
    Cursor cursor(*this, Cursor::Of::x);
    for (std::size_t left = count_; left > 0;) {
        const std::size_t n = std::min(left, sizeof buffer / size_of(dtype_));
        f(state, cursor.next(n, buffer), n);
        left -= n;
    }
}

} // namespace l1l2::core
