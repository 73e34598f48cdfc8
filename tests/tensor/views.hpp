/**
 * Tensors of any layout, as DLPack's own header describes them, and the order of elements that
 * l1l2.h specifies.
 */
#pragma once

#include "accumulator.hpp"
#include "l1l2.h"
#include "training.hpp"

#include <dlpack/dlpack.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

namespace tensor_tests {

using namespace training;

using Axes = std::vector<std::int64_t>;

/// A DLTensor with its shape and strides. Without strides it is compact.
class Tensor {
  public:
    Tensor(DLDataType dtype, Axes shape, Axes strides, void* data, std::uint64_t byte_offset = 0)
        : shape_(std::move(shape)), strides_(std::move(strides)) {
        dl.data = data;
        dl.device = {kDLCPU, 0};
        dl.ndim = static_cast<int>(shape_.size());
        dl.dtype = dtype;
        dl.shape = shape_.empty() ? nullptr : shape_.data();
        dl.strides = strides_.empty() ? nullptr : strides_.data();
        dl.byte_offset = byte_offset;
    }
    Tensor(const Tensor&) = delete;
    Tensor& operator=(const Tensor&) = delete;

    const DLTensor* get() const { return &dl; }

    DLTensor dl;

  private:
    Axes shape_;
    Axes strides_;
};

template <class T>
constexpr DLDataType dl_dtype() {
    return {static_cast<std::uint8_t>(Format<T>::dtype == L1L2_BFLOAT16 ? kDLBfloat : kDLFloat),
            8 * sizeof(T), 1};
}

inline Axes row_major(const Axes& shape) {
    Axes strides(shape.size(), 1);
    for (std::size_t axis = shape.size(); axis-- > 1;) {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    return strides;
}

inline Axes column_major(const Axes& shape) {
    Axes strides(shape.size(), 1);
    for (std::size_t axis = 1; axis < shape.size(); ++axis) {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    return strides;
}

/// Row-major, with all axes reversed.
inline Axes flipped(const Axes& shape) {
    Axes strides = row_major(shape);
    for (std::int64_t& stride : strides) {
        stride = -stride;
    }
    return strides;
}

/// Row-major, with gaps along every axis.
inline Axes padded(const Axes& shape) {
    Axes strides(shape.size(), 2);
    for (std::size_t axis = shape.size(); axis-- > 1;) {
        strides[axis - 1] = strides[axis] * shape[axis] + 3;
    }
    return strides;
}

/// All indices in the order that l1l2.h specifies: outermost the axes of stride 0, then from the
/// largest stride to the smallest, equal ones in their order, each towards higher addresses.
inline std::vector<Axes> walk(const Axes& shape, const Axes& strides) {
    std::vector<std::size_t> axes(shape.size());
    for (std::size_t axis = 0; axis < axes.size(); ++axis) {
        axes[axis] = axis;
    }
    std::stable_sort(axes.begin(), axes.end(), [&](std::size_t a, std::size_t b) {
        const auto reach = [&](std::size_t axis) {
            return shape[axis] == 1     ? 0 // irrelevant, whatever the stride
                   : strides[axis] == 0 ? INT64_MAX
                                        : std::abs(strides[axis]);
        };
        return reach(a) > reach(b);
    });
    std::vector<Axes> indices = {Axes(shape.size(), 0)};
    for (const std::size_t axis : axes) {
        std::vector<Axes> longer;
        for (const Axes& index : indices) {
            for (std::int64_t i = 0; i < shape[axis]; ++i) {
                longer.push_back(index);
                longer.back()[axis] = strides[axis] < 0 ? shape[axis] - 1 - i : i;
            }
        }
        indices.swap(longer);
    }
    return indices;
}

/// A tensor in memory of its own, with other elements before, between and behind its elements,
/// optionally at an odd address.
template <class T>
class Stored {
  public:
    Stored(const Axes& shape, const Axes& strides,
           std::vector<T> (*generator)(std::size_t, unsigned), unsigned seed, bool odd = false)
        : shape_(shape), strides_(strides.empty() ? row_major(shape) : strides) {
        std::int64_t below = 0;
        std::int64_t above = 0;
        for (std::size_t axis = 0; axis < shape.size(); ++axis) {
            if (shape[axis] > 1) {
                const std::int64_t reach = strides_[axis] * (shape[axis] - 1);
                (reach < 0 ? below : above) += std::abs(reach);
            }
        }
        const std::vector<T> filling =
            generator(static_cast<std::size_t>(below + above) + 11, seed);
        memory_.resize(filling.size() * sizeof(T) + odd);
        std::memcpy(memory_.data() + odd, filling.data(), filling.size() * sizeof(T));
        first_ = static_cast<std::size_t>(below + 5) * sizeof(T) + odd;
        tensor_ = std::make_unique<Tensor>(dl_dtype<T>(), shape, strides, memory_.data(), first_);
    }

    const DLTensor* get() const { return tensor_->get(); }
    const std::vector<unsigned char>& memory() const { return memory_; }

    std::vector<T> gather(const std::vector<Axes>& indices) {
        std::vector<T> elements(indices.size());
        for (std::size_t i = 0; i < indices.size(); ++i) {
            elements[i] = load<T>(address(indices[i]));
        }
        return elements;
    }

    void scatter(const std::vector<Axes>& indices, const std::vector<T>& elements) {
        for (std::size_t i = 0; i < indices.size(); ++i) {
            std::memcpy(address(indices[i]), &elements[i], sizeof(T));
        }
    }

  private:
    unsigned char* address(const Axes& index) {
        std::ptrdiff_t offset = 0;
        for (std::size_t axis = 0; axis < index.size(); ++axis) {
            offset += shape_[axis] > 1 ? index[axis] * strides_[axis] : 0;
        }
        return memory_.data() + first_ + offset * static_cast<std::ptrdiff_t>(sizeof(T));
    }

    Axes shape_;
    Axes strides_;
    std::vector<unsigned char> memory_;
    std::size_t first_ = 0;
    std::unique_ptr<Tensor> tensor_;
};

struct Layout {
    const char* name;
    Axes shape;
    Axes strides;

    std::vector<Axes> indices() const {
        return walk(shape, strides.empty() ? row_major(shape) : strides);
    }
};

inline Axes ones_but(std::size_t axes, std::int64_t first, std::int64_t last) {
    Axes shape(axes, 1);
    shape.front() = first;
    shape.back() = last;
    return shape;
}

/// Tensors without overlapping elements, which may be written.
inline std::vector<Layout> nested_layouts() {
    return {
        {"0 axes", {}, {}},
        {"one element", {1}, {}},
        {"one axis", {100}, {}},
        {"row-major", {2, 3, 5}, {}},
        {"row-major, said so", {2, 3, 5}, {15, 5, 1}},
        {"transposed", {3, 50}, {1, 3}},
        {"permuted", {4, 5, 6, 7}, {7, 168, 28, 1}},
        {"flipped", {4, 30}, {-30, -1}},
        {"flipped in part", {4, 30}, {30, -1}},
        {"permuted and flipped, of many blocks", {20, 30, 40}, {-30, 1, 600}},
        {"a column", {100}, {7}},
        {"a column backwards", {100}, {-3}},
        {"a long column", {9000}, {2}},
        {"padded rows", {20, 13}, {16, 1}},
        {"padded rows of a block and more", {3, 5000}, {5003, 1}},
        {"long padded rows that are short", {5000, 2}, {5, 2}},
        {"padded columns", {100, 100}, {1, 128}},
        {"padded, transposed and flipped", {100, 100}, {-1, 128}},
        {"a slice of a slice", {4, 5, 6}, {200, 20, 2}},
        {"padded planes", {5, 32, 40}, {2000, 40, 1}},
        {"three padded blocks", {3, 64, 64}, {4099, 64, 1}},
        {"axes of one element with any stride", {1, 3, 1, 4, 1}, {INT64_MAX, 4, INT64_MIN, 1, 0}},
        {"axes of one element around padded rows", {1, 50, 1, 4}, {-7, 6, INT64_MAX, 1}},
        {"64 axes", ones_but(64, 3, 5), {}},
        {"64 axes of padded rows", ones_but(64, 3, 5),
         [] {
             Axes strides(64, 77);
             strides.front() = 9;
             strides.back() = -1;
             return strides;
         }()},
        {"12 axes of 2", Axes(12, 2), {}},
        {"12 padded axes of 2", Axes(12, 2), padded(Axes(12, 2))},
        {"no elements", {0}, {}},
        {"no elements among others", {3, 0, 5}, {}},
        {"no elements with strides", {3, 0, 5}, {-4, 0, 77}},
    };
}

/// Tensors that repeat elements, in an order that no compact tensor has.
inline std::vector<Layout> repeating_layouts() {
    return {
        {"one number everywhere", {3, 5000}, {0, 0}},
        {"a repeated row", {5, 100}, {0, 1}},
        {"a repeated column", {100, 5}, {1, 0}},
        {"a repeated long column, backwards", {5000, 3}, {-2, 0}},
        {"repeated in the middle", {4, 3, 5}, {5, 0, 1}},
        {"repeated twice", {2, 30, 3, 50}, {50, 0, 0, 1}},
        {"a sliding window", {500, 10}, {1, 1}},
        {"a sliding window, one way backwards", {500, 10}, {1, -1}},
        {"a sliding window of large steps", {10, 500}, {2, 3}},
    };
}

inline std::vector<Layout> all_layouts() {
    std::vector<Layout> layouts = nested_layouts();
    for (Layout& layout : repeating_layouts()) {
        layouts.push_back(layout);
    }
    return layouts;
}

template <class T>
std::vector<T> ordinary(std::size_t n, unsigned seed) {
    return ordinary_elements<T>(n, seed);
}

/// The exact sums of a tensor.
inline exact::Accumulator exact_sums_of(const DLTensor* x) {
    exact::Accumulator sums = {};
    if (l1l2_exact_sums_add_dlpack(sums.data(), x) != L1L2_OK) {
        sums.fill(-1);
    }
    return sums;
}

inline double penalty_of_tensor(const l1l2_regularizer* regularizer, const DLTensor* x) {
    double penalty = untouched;
    l1l2_penalty_dlpack(regularizer, x, &penalty);
    return penalty;
}

} // namespace tensor_tests
