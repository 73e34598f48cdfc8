/// Tensors as DLPack's own header describes them: the order of the elements, what is refused, what
/// is left alone.
#include "catch.hpp"
#include "exact_vector.hpp"
#include "l1l2.hpp"
#include "tensor.hpp"
#include "training.hpp"

#include <dlpack/dlpack.h>

#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

using namespace training;
using exact::operator*;

namespace {

using Axes = std::vector<std::int64_t>;

/// A DLTensor with the arrays that it points to. Strides may be left out, which is compact.
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

Axes row_major(const Axes& shape) {
    Axes strides(shape.size(), 1);
    for (std::size_t axis = shape.size(); axis-- > 1;) {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    return strides;
}

Axes column_major(const Axes& shape) {
    Axes strides(shape.size(), 1);
    for (std::size_t axis = 1; axis < shape.size(); ++axis) {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    return strides;
}

/// Row-major, from the last element to the first.
Axes flipped(const Axes& shape) {
    Axes strides = row_major(shape);
    for (std::int64_t& stride : strides) {
        stride = -stride;
    }
    return strides;
}

/// Row-major, with room beside the elements of every axis.
Axes padded(const Axes& shape) {
    Axes strides(shape.size(), 2);
    for (std::size_t axis = shape.size(); axis-- > 1;) {
        strides[axis - 1] = strides[axis] * shape[axis] + 3;
    }
    return strides;
}

/// All indices in the order that the header specifies: the axes of stride 0 first, then from the
/// largest stride to the smallest, equals in their order, each towards higher addresses.
std::vector<Axes> walk(const Axes& shape, const Axes& strides) {
    std::vector<std::size_t> axes(shape.size());
    for (std::size_t axis = 0; axis < axes.size(); ++axis) {
        axes[axis] = axis;
    }
    std::stable_sort(axes.begin(), axes.end(), [&](std::size_t a, std::size_t b) {
        const auto reach = [&](std::size_t axis) {
            return shape[axis] == 1     ? 0 // of no consequence, whatever the stride
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

/// A tensor in memory of its own, with other elements before, between and behind its own, at an odd
/// address where that is asked for.
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

Axes ones_but(std::size_t axes, std::int64_t first, std::int64_t last) {
    Axes shape(axes, 1);
    shape.front() = first;
    shape.back() = last;
    return shape;
}

/// Tensors whose elements are all apart, as those of one that is written must be.
std::vector<Layout> nested_layouts() {
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

/// Tensors that repeat elements, in no order that a compact one could have.
std::vector<Layout> repeating_layouts() {
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

std::vector<Layout> all_layouts() {
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

/// The exact sums of a tensor alone.
exact::Vector exact_sums_of(const DLTensor* x) {
    exact::Vector sums = {};
    if (l1l2_exact_sums_add_dlpack(sums.data(), x) != L1L2_OK) {
        sums.fill(-1);
    }
    return sums;
}

double penalty_of_tensor(const l1l2_regularizer* regularizer, const DLTensor* x) {
    double penalty = untouched;
    l1l2_penalty_dlpack(regularizer, x, &penalty);
    return penalty;
}

/// Two tensors of 2 x 3 float32 and the functions that they are given to.
class Pair {
  public:
    Pair() { reset(); }

    /// Whether all functions that see x refuse it so, and leave the outputs alone.
    bool x_is_refused(l1l2_status status) { return refused_as(status, x.get(), written.get()); }

    /// Whether those that write refuse what they are to write, and leave it alone.
    bool written_is_refused(l1l2_status status) {
        return writing(x.get(), written.get()) == std::array<l1l2_status, 2>{status, status} &&
               nothing_written();
    }

    bool is_accepted() {
        double penalty = untouched;
        const bool accepted =
            l1l2_penalty_dlpack(handle.get(), x.get(), &penalty) == L1L2_OK &&
            l1l2_exact_sums_add_dlpack(exact::Vector().data(), x.get()) == L1L2_OK &&
            writing(x.get(), written.get()) == std::array<l1l2_status, 2>{L1L2_OK, L1L2_OK};
        const bool computed = !nothing_written();
        reset();
        return accepted && computed;
    }

    bool refused_as(l1l2_status status, const void* first, const void* second) {
        double penalty = untouched;
        const exact::Vector before = exact::sums_of<float>({1.0F, -2.0F});
        exact::Vector sums = before;
        return l1l2_penalty_dlpack(handle.get(), first, &penalty) == status &&
               penalty == untouched && l1l2_exact_sums_add_dlpack(sums.data(), first) == status &&
               sums == before && written_alone_is_refused_as(status, first, second);
    }

    bool written_alone_is_refused_as(l1l2_status status, const void* first, const void* second) {
        return writing(first, second) == std::array<l1l2_status, 2>{status, status} &&
               nothing_written();
    }

    const Handle handle{both};
    std::array<float, 64> x_memory = {};
    std::array<float, 64> written_memory = {};
    Tensor x{dl_dtype<float>(), {2, 3}, {3, 1}, x_memory.data() + 16};
    Tensor written{dl_dtype<float>(), {2, 3}, {3, 1}, written_memory.data() + 16};

  private:
    void reset() {
        x_memory.fill(7.0F);
        written_memory.fill(5.0F);
        beside_ = untouched;
    }

    std::array<l1l2_status, 2> writing(const void* first, const void* second) {
        return {l1l2_add_gradient_dlpack(handle.get(), first, 1.0, second, &beside_),
                l1l2_prox_dlpack(handle.get(), first, 1.0, second)};
    }

    bool nothing_written() const {
        std::array<float, 64> sevens = {};
        std::array<float, 64> fives = {};
        sevens.fill(7.0F);
        fives.fill(5.0F);
        return x_memory == sevens && written_memory == fives && beside_ == untouched;
    }

    double beside_ = untouched;
};

/// What the two functions that write say of a tensor and one with the same shape that begins
/// `distance` bytes later in the same memory. If they take them, the results must be right.
template <class T>
std::array<l1l2_status, 2> statuses_in_one_memory(const Axes& shape, const Axes& strides,
                                                  const Axes& other_strides, int distance) {
    const Handle handle(both);
    const std::vector<Axes> indices = walk(shape, strides);
    const std::vector<T> before = ordinary_elements<T>(400, 3);
    const std::size_t size = before.size() * sizeof(T);
    std::array<l1l2_status, 2> statuses = {};
    for (const bool gradient : {true, false}) {
        std::vector<unsigned char> memory(size);
        std::memcpy(memory.data(), before.data(), size);
        std::vector<unsigned char> expected = memory;
        unsigned char* const at = memory.data() + size / 2;
        const Tensor x(dl_dtype<T>(), shape, strides, at);
        const Tensor written(dl_dtype<T>(), shape, other_strides, at + distance);
        double penalty = untouched;
        const l1l2_status status =
            gradient ? l1l2_add_gradient_dlpack(handle.get(), x.get(), 1.0, written.get(), &penalty)
                     : l1l2_prox_dlpack(handle.get(), x.get(), 1.0, written.get());
        statuses[gradient ? 0 : 1] = status;
        if (status == L1L2_OK) {
            const auto address = [&](const Axes& index, const Axes& along) {
                std::ptrdiff_t offset = 0;
                for (std::size_t axis = 0; axis < index.size(); ++axis) {
                    offset += index[axis] * along[axis];
                }
                return expected.data() + size / 2 + offset * static_cast<std::ptrdiff_t>(sizeof(T));
            };
            std::vector<T> elements;
            std::vector<T> results;
            for (const Axes& index : indices) {
                elements.push_back(load<T>(address(index, strides)));
                results.push_back(load<T>(address(index, other_strides) + distance));
            }
            results = gradient ? specified_gradient(both, elements, 1.0, results)
                               : specified_prox(both, elements, 1.0);
            for (std::size_t i = 0; i < indices.size(); ++i) {
                std::memcpy(address(indices[i], other_strides) + distance, &results[i], sizeof(T));
            }
            CHECK(to_bits(penalty) ==
                  to_bits(gradient ? penalty_of(handle.get(), elements) : untouched));
        } else {
            CHECK(penalty == untouched);
        }
        CHECK(memory == expected);
    }
    return statuses;
}

constexpr std::array<l1l2_status, 2> accepted = {L1L2_OK, L1L2_OK};
constexpr std::array<l1l2_status, 2> overlapping = {L1L2_ERROR_OVERLAP, L1L2_ERROR_OVERLAP};

} // namespace

TEMPLATE_TEST_CASE("the penalty of a tensor is that of its elements in the documented order",
                   "[dlpack][bits]", Float16, Bfloat16, float, double) {
    for (const Layout& layout : all_layouts()) {
        for (const bool odd : {false, true}) {
            INFO(layout.name << (odd ? ", odd" : ""));
            Stored<TestType> x(layout.shape, layout.strides, ordinary<TestType>, 1, odd);
            const std::vector<unsigned char> before = x.memory();
            const std::vector<TestType> elements = x.gather(layout.indices());
            for (const Coefficients c : {l1_only, l2_only, both, neither}) {
                const Handle handle(c);
                double penalty = untouched;
                CHECK(l1l2_penalty_dlpack(handle.get(), x.get(), &penalty) == L1L2_OK);
                CHECK(to_bits(penalty) == to_bits(penalty_of(handle.get(), elements)));
            }
            CHECK(x.memory() == before);
        }
    }
}

TEMPLATE_TEST_CASE("exact sums of a tensor are those of its elements, whatever its strides are",
                   "[dlpack][exact_sums][bits]", Float16, Bfloat16, float, double) {
    const std::vector<TestType> others = exact::finite_elements<TestType>(100, 7);
    for (const Layout& layout : all_layouts()) {
        for (const bool odd : {false, true}) {
            for (const auto generator : {ordinary<TestType>, rough_elements<TestType>}) {
                INFO(layout.name << (odd ? ", odd" : ""));
                Stored<TestType> x(layout.shape, layout.strides, generator, 1, odd);
                const std::vector<unsigned char> before = x.memory();
                const std::vector<Axes> indices = layout.indices();
                std::vector<TestType> elements = x.gather(indices);
                std::reverse(elements.begin(), elements.end());
                // Added to what is there.
                exact::Vector sums = exact::sums_of(others);
                CHECK(l1l2_exact_sums_add_dlpack(sums.data(), x.get()) == L1L2_OK);
                elements.insert(elements.end(), others.begin(), others.end());
                CHECK(exact::difference(sums, exact::truth_of(elements).vector()) == "");
                CHECK(x.memory() == before);
            }
        }
    }
}

TEST_CASE("exact sums count an element of a tensor as often as it is repeated",
          "[dlpack][exact_sums]") {
    float memory[] = {0.1F, -3.0F};
    const Tensor x(dl_dtype<float>(), {1000, 2, 7}, {0, 1, 0}, memory);
    exact::Truth truth;
    truth.add(exact::truth_of<float>({0.1F, -3.0F}), 7000);
    CHECK(exact::difference(exact_sums_of(x.get()), truth.vector()) == "");
    CHECK(exact::read(exact_sums_of(x.get())).count == 14000);
}

TEST_CASE("exact sums of tensors tell what is wrong with the tensor first, then with the vector",
          "[dlpack][exact_sums]") {
    float memory[] = {1.0F, 2.0F};
    const Tensor sound(dl_dtype<float>(), {2}, {}, memory);
    const Tensor empty(dl_dtype<float>(), {0}, {}, memory);
    Tensor x(dl_dtype<float>(), {-1}, {}, memory);
    const exact::Vector one = exact::sums_of<float>({1.0F});
    exact::Vector unknown = one;
    unknown[0] += 1;
    exact::Vector damaged = one;
    damaged[1] += 1;
    exact::Vector too_many = one;
    exact::Vector nearly_too_many = one; // 2^63 - 2 elements
    for (int i = 1; i < 63; ++i) {
        REQUIRE(l1l2_exact_sums_merge(too_many.data(), too_many.data()) == L1L2_OK);
        if (i < 62) {
            REQUIRE(l1l2_exact_sums_merge(nearly_too_many.data(), too_many.data()) == L1L2_OK);
        }
    }
    nearly_too_many = exact::canonical(2 * nearly_too_many);
    CHECK(exact::read(nearly_too_many).count == INT64_MAX - 1);
    too_many = 2 * too_many;
    const auto status = [](exact::Vector& sums, const Tensor& tensor) {
        const exact::Vector before = sums;
        const l1l2_status result = l1l2_exact_sums_add_dlpack(sums.data(), tensor.get());
        CHECK(sums == before);
        return result;
    };
    CHECK(status(unknown, sound) == L1L2_ERROR_UNKNOWN_LAYOUT);
    CHECK(status(damaged, sound) == L1L2_ERROR_INVALID_SUMS);
    CHECK(status(too_many, sound) == L1L2_ERROR_COUNT_OVERFLOW);
    CHECK(status(nearly_too_many, sound) == L1L2_ERROR_COUNT_OVERFLOW);
    CHECK(status(nearly_too_many, empty) == L1L2_OK);
    CHECK(status(unknown, empty) == L1L2_ERROR_UNKNOWN_LAYOUT);
    CHECK(status(unknown, x) == L1L2_ERROR_INVALID_TENSOR);
    x.dl.dtype.lanes = 2;
    CHECK(status(damaged, x) == L1L2_ERROR_UNSUPPORTED_DTYPE);
    x.dl.device.device_type = kDLCUDA;
    CHECK(status(too_many, x) == L1L2_ERROR_UNSUPPORTED_DEVICE);
    CHECK(l1l2_exact_sums_add_dlpack(nullptr, x.get()) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_exact_sums_add_dlpack(unknown.data(), nullptr) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_exact_sums_add_dlpack(nullptr, nullptr) == L1L2_ERROR_INVALID_ARGUMENT);
}

TEMPLATE_TEST_CASE("a tensor that is compact in any order of its axes, flipped or not, has the "
                   "bits of its memory",
                   "[dlpack][bits]", Float16, Bfloat16, float, double) {
    const Handle handle(both);
    std::vector<TestType> memory = ordinary_elements<TestType>(11 * 23 * 40, 1);
    const double expected = penalty_of(handle.get(), memory);
    std::array<std::size_t, 3> order = {0, 1, 2};
    do {
        // The axes of a row-major array of 11 x 23 x 40, in this order.
        const Axes sizes = {11, 23, 40};
        const Axes row_strides = {23 * 40, 40, 1};
        for (unsigned flips = 0; flips < 8; ++flips) {
            Axes shape(3);
            Axes strides(3);
            std::int64_t first = 0;
            for (std::size_t axis = 0; axis < 3; ++axis) {
                shape[axis] = sizes[order[axis]];
                strides[axis] = row_strides[order[axis]];
                if ((flips >> axis) % 2 != 0) {
                    first += strides[axis] * (shape[axis] - 1);
                    strides[axis] = -strides[axis];
                }
            }
            const Tensor x(dl_dtype<TestType>(), shape, strides, memory.data() + first);
            CHECK(to_bits(penalty_of_tensor(handle.get(), x.get())) == to_bits(expected));
        }
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("a transposed or flipped view of a tensor that is not compact has the bits of the "
          "original",
          "[dlpack][bits]") {
    const Handle handle(both);
    std::vector<float> memory = ordinary_elements<float>(70 * 128, 1);
    const auto penalty = [&](const Axes& shape, const Axes& strides, std::ptrdiff_t first) {
        const Tensor x(dl_dtype<float>(), shape, strides, memory.data() + first);
        return to_bits(penalty_of_tensor(handle.get(), x.get()));
    };
    const std::uint64_t expected = penalty({70, 100}, {128, 1}, 0);
    CHECK(penalty({100, 70}, {1, 128}, 0) == expected);
    CHECK(penalty({70, 100}, {-128, 1}, 69 * 128) == expected);
    CHECK(penalty({70, 100}, {128, -1}, 99) == expected);
    CHECK(penalty({100, 70}, {-1, -128}, 69 * 128 + 99) == expected);
}

TEMPLATE_TEST_CASE("the gradient of a tensor is that of its elements, into any strides",
                   "[dlpack][bits]", Float16, Bfloat16, float, double) {
    const Handle handle(both);
    const double scale = -0.75;
    const std::vector<Layout> nested = nested_layouts();
    const std::vector<Layout> layouts = all_layouts();
    for (std::size_t number = 0; number < layouts.size(); ++number) {
        const Layout& layout = layouts[number];
        const std::vector<Axes> indices = layout.indices();
        std::vector<Axes> strides_of_gradient = {
            {}, column_major(layout.shape), flipped(layout.shape), padded(layout.shape)};
        if (number < nested.size()) {
            strides_of_gradient.push_back(layout.strides);
        }
        for (std::size_t i = 0; i < strides_of_gradient.size(); ++i) {
            INFO(layout.name << ", strides of the gradient: number " << i);
            const Axes& strides = strides_of_gradient[i];
            const bool odd = i % 2 == 0;
            Stored<TestType> x(layout.shape, layout.strides, rough_elements<TestType>, 1, !odd);
            Stored<TestType> gradient(layout.shape, strides, rough_elements<TestType>, 2, odd);
            Stored<TestType> expected(layout.shape, strides, rough_elements<TestType>, 2, odd);
            const std::vector<TestType> elements = x.gather(indices);
            expected.scatter(indices,
                             specified_gradient(both, elements, scale, expected.gather(indices)));
            const std::vector<unsigned char> x_before = x.memory();
            double penalty = untouched;
            CHECK(l1l2_add_gradient_dlpack(handle.get(), x.get(), scale, gradient.get(),
                                           &penalty) == L1L2_OK);
            CHECK(to_bits(penalty) == to_bits(penalty_of(handle.get(), elements)));
            // With all that lies between the elements.
            CHECK((gradient.memory() == expected.memory()));
            CHECK((x.memory() == x_before));
        }
    }
}

TEMPLATE_TEST_CASE("the penalty beside the gradient of a tensor is that of l1l2_penalty_dlpack",
                   "[dlpack][bits]", Float16, Bfloat16, float, double) {
    for (const Layout& layout : all_layouts()) {
        for (const Coefficients c : {l1_only, l2_only, both, neither}) {
            INFO(layout.name << ", l1 = " << c.l1 << ", l2 = " << c.l2);
            const Handle handle(c);
            Stored<TestType> x(layout.shape, layout.strides, ordinary<TestType>, 1);
            Stored<TestType> gradient(layout.shape, {}, ordinary<TestType>, 2);
            Stored<TestType> without(layout.shape, {}, ordinary<TestType>, 2);
            double penalty = untouched;
            CHECK(l1l2_add_gradient_dlpack(handle.get(), x.get(), 2.0, gradient.get(), &penalty) ==
                  L1L2_OK);
            CHECK(to_bits(penalty) == to_bits(penalty_of_tensor(handle.get(), x.get())));
            CHECK(l1l2_add_gradient_dlpack(handle.get(), x.get(), 2.0, without.get(), nullptr) ==
                  L1L2_OK);
            CHECK((gradient.memory() == without.memory()));
        }
    }
}

TEMPLATE_TEST_CASE("without coefficients the gradient of a tensor keeps its bytes",
                   "[dlpack][bits]", Float16, Bfloat16, float, double) {
    const Handle handle(neither);
    for (const Layout& layout : all_layouts()) {
        INFO(layout.name);
        Stored<TestType> x(layout.shape, layout.strides, rough_elements<TestType>, 1);
        // With NaNs of all kinds, which an addition of 0 would change.
        Stored<TestType> gradient(layout.shape, {}, rough_elements<TestType>, 2);
        const std::vector<unsigned char> before = gradient.memory();
        double penalty = untouched;
        CHECK(l1l2_add_gradient_dlpack(handle.get(), x.get(), 2.0, gradient.get(), &penalty) ==
              L1L2_OK);
        CHECK(to_bits(penalty) == to_bits(0.0));
        CHECK((gradient.memory() == before));
    }
}

TEMPLATE_TEST_CASE("the prox of a tensor is that of its elements, into any strides",
                   "[dlpack][bits]", Float16, Bfloat16, float, double) {
    const Handle handle(both);
    const double step = 0.75;
    const std::vector<Layout> nested = nested_layouts();
    const std::vector<Layout> layouts = all_layouts();
    for (std::size_t number = 0; number < layouts.size(); ++number) {
        const Layout& layout = layouts[number];
        const std::vector<Axes> indices = layout.indices();
        std::vector<Axes> strides_of_out = {
            {}, column_major(layout.shape), flipped(layout.shape), padded(layout.shape)};
        if (number < nested.size()) {
            strides_of_out.push_back(layout.strides);
        }
        for (std::size_t i = 0; i < strides_of_out.size(); ++i) {
            INFO(layout.name << ", strides of out: number " << i);
            const Axes& strides = strides_of_out[i];
            const bool odd = i % 2 == 0;
            Stored<TestType> x(layout.shape, layout.strides, rough_elements<TestType>, 1, !odd);
            Stored<TestType> out(layout.shape, strides, rough_elements<TestType>, 2, odd);
            Stored<TestType> expected(layout.shape, strides, rough_elements<TestType>, 2, odd);
            expected.scatter(indices, specified_prox(both, x.gather(indices), step));
            const std::vector<unsigned char> x_before = x.memory();
            CHECK(l1l2_prox_dlpack(handle.get(), x.get(), step, out.get()) == L1L2_OK);
            CHECK((out.memory() == expected.memory()));
            CHECK((x.memory() == x_before));
        }
    }
}

TEMPLATE_TEST_CASE("a prox may be written over its tensor", "[dlpack][bits]", Float16, Bfloat16,
                   float, double) {
    const Handle handle(both);
    for (const Layout& layout : nested_layouts()) {
        INFO(layout.name);
        Stored<TestType> x(layout.shape, layout.strides, rough_elements<TestType>, 1, true);
        Stored<TestType> expected(layout.shape, layout.strides, rough_elements<TestType>, 1, true);
        const std::vector<Axes> indices = layout.indices();
        expected.scatter(indices, specified_prox(both, expected.gather(indices), 2.0));
        CHECK(l1l2_prox_dlpack(handle.get(), x.get(), 2.0, x.get()) == L1L2_OK);
        CHECK((x.memory() == expected.memory()));
    }
}

TEST_CASE("a prox may be written to another description of the same memory", "[dlpack]") {
    const Handle handle(both);
    std::vector<float> memory = ordinary_elements<float>(12, 1);
    const std::vector<float> expected = specified_prox(both, memory, 2.0);
    const Tensor x(dl_dtype<float>(), {3, 1, 4}, {}, memory.data());
    const Tensor out(dl_dtype<float>(), {3, 1, 4}, {4, 4, 1}, memory.data());
    CHECK(l1l2_prox_dlpack(handle.get(), x.get(), 2.0, out.get()) == L1L2_OK);
    CHECK(difference(memory, expected) == "");
    // The last two rows, the data of the one at what the other has as an offset.
    const Tensor rows(dl_dtype<float>(), {2, 4}, {}, memory.data() + 4);
    const Tensor offset_rows(dl_dtype<float>(), {2, 4}, {}, memory.data(), 16);
    CHECK(l1l2_prox_dlpack(handle.get(), rows.get(), 0.0, offset_rows.get()) == L1L2_OK);
    CHECK(difference(memory, expected) == "");
}

TEMPLATE_TEST_CASE("no byte beyond the elements of a tensor is touched", "[dlpack][bits]", Float16,
                   Bfloat16, float, double) {
    const GuardedPages x_pages;
    const GuardedPages written_pages;
    const Handle handle(both);
    constexpr std::size_t size = sizeof(TestType);
    const Layout layouts[] = {{"a column", {61}, {3}},
                              {"a row", {77}, {}},
                              {"padded rows", {9, 13}, {16, 1}},
                              {"backwards", {61}, {-2}},
                              {"padded columns", {9, 13}, {1, 10}}};
    for (const Layout& layout : layouts) {
        const std::vector<Axes> indices = layout.indices();
        std::ptrdiff_t lowest = 0;
        std::ptrdiff_t highest = 0;
        for (std::size_t axis = 0; axis < layout.strides.size(); ++axis) {
            const std::ptrdiff_t reach = layout.strides[axis] * (layout.shape[axis] - 1);
            (reach < 0 ? lowest : highest) += reach;
        }
        highest = layout.strides.empty() ? layout.shape[0] - 1 : highest;
        for (const bool at_end : {true, false}) {
            INFO(layout.name << (at_end ? " at the end" : " at the beginning"));
            const std::ptrdiff_t first = (at_end ? -1 - highest : -lowest);
            const auto place = [&](const GuardedPages& pages) {
                return reinterpret_cast<TestType*>(at_end ? pages.end() : pages.begin()) + first;
            };
            std::fill(x_pages.begin(), x_pages.end(), static_cast<unsigned char>(0x3c));
            std::fill(written_pages.begin(), written_pages.end(), static_cast<unsigned char>(0x3d));
            const Tensor x(dl_dtype<TestType>(), layout.shape, layout.strides, place(x_pages));
            const Tensor written(dl_dtype<TestType>(), layout.shape, layout.strides,
                                 place(written_pages));
            double penalty = untouched;
            CHECK(l1l2_add_gradient_dlpack(handle.get(), x.get(), 1.0, written.get(), &penalty) ==
                  L1L2_OK);
            CHECK(to_bits(penalty) == to_bits(penalty_of_tensor(handle.get(), x.get())));
            CHECK(l1l2_prox_dlpack(handle.get(), x.get(), 1.0, written.get()) == L1L2_OK);
            const std::vector<TestType> elements(indices.size(), load<TestType>(x_pages.begin()));
            CHECK(exact_sums_of(x.get()) == exact::truth_of(elements).vector());
            const auto kept = std::count(written_pages.begin(), written_pages.end(), 0x3d);
            CHECK(kept >=
                  static_cast<std::ptrdiff_t>(written_pages.size() - indices.size() * size));
        }
    }
    SUCCEED("all layouts"); // a byte too far would have been the end
}

TEST_CASE("an element may be at any byte", "[dlpack][bits]") {
    const Handle handle(both);
    const std::vector<double> elements = ordinary_elements<double>(77, 1);
    const double expected = penalty_of(handle.get(), elements);
    std::vector<unsigned char> memory(77 * sizeof(double) + 64);
    for (std::size_t offset = 0; offset < 64; ++offset) {
        std::memcpy(memory.data() + offset, elements.data(), 77 * sizeof(double));
        const Tensor x(dl_dtype<double>(), {7, 11}, {}, memory.data(), offset);
        CHECK(to_bits(penalty_of_tensor(handle.get(), x.get())) == to_bits(expected));
    }
}

TEST_CASE("a tensor without axes is one element", "[dlpack]") {
    const Handle handle({1.0, 0.0});
    float element = -3.0F;
    float gradient = 10.0F;
    const Tensor x(dl_dtype<float>(), {}, {}, &element);
    const Tensor written(dl_dtype<float>(), {}, {}, &gradient);
    REQUIRE(x.dl.shape == nullptr);
    CHECK(penalty_of_tensor(handle.get(), x.get()) == 3.0);
    CHECK(exact_sums_of(x.get()) == exact::sums_of<float>({-3.0F}));
    CHECK(l1l2_add_gradient_dlpack(handle.get(), x.get(), 1.0, written.get(), nullptr) == L1L2_OK);
    CHECK(gradient == 9.0F);
    CHECK(l1l2_prox_dlpack(handle.get(), x.get(), 1.0, written.get()) == L1L2_OK);
    CHECK(gradient == -2.0F);
}

TEST_CASE("a tensor without elements needs no data and has a penalty of 0", "[dlpack]") {
    const Handle handle;
    float memory = 5.0F;
    for (const Axes& shape : {Axes{0}, Axes{3, 0}, Axes{0, 3}, Axes{2, 0, 0}}) {
        for (void* const data : {static_cast<void*>(nullptr), static_cast<void*>(&memory)}) {
            const Tensor x(dl_dtype<float>(), shape, {}, data);
            double penalty = untouched;
            CHECK(l1l2_penalty_dlpack(handle.get(), x.get(), &penalty) == L1L2_OK);
            CHECK(to_bits(penalty) == to_bits(0.0));
            CHECK(exact_sums_of(x.get()) == exact::Vector());
            penalty = untouched;
            // Which overlaps nothing, not even itself.
            CHECK(l1l2_add_gradient_dlpack(handle.get(), x.get(), 1.0, x.get(), &penalty) ==
                  L1L2_OK);
            CHECK(to_bits(penalty) == to_bits(0.0));
            CHECK(l1l2_prox_dlpack(handle.get(), x.get(), 1.0, x.get()) == L1L2_OK);
        }
    }
    CHECK(memory == 5.0F);
}

TEST_CASE("memory that the CPU can read is accepted on any device", "[dlpack]") {
    for (const DLDeviceType device : {kDLCPU, kDLCUDAHost, kDLROCMHost, kDLCUDAManaged}) {
        for (const int id : {0, 1, 7, -1, INT32_MAX}) {
            Pair pair;
            pair.x.dl.device = {device, id};
            CHECK(pair.is_accepted());
            pair.written.dl.device = {device, id};
            CHECK(pair.is_accepted());
        }
    }
}

TEST_CASE("memory that the CPU cannot read is refused", "[dlpack]") {
    for (const DLDeviceType device :
         {kDLCUDA, kDLOpenCL, kDLVulkan, kDLMetal, kDLVPI, kDLROCM, kDLExtDev,
          static_cast<DLDeviceType>(0), static_cast<DLDeviceType>(14)}) {
        INFO("device type " << device);
        Pair first;
        first.x.dl.device.device_type = device;
        CHECK(first.x_is_refused(L1L2_ERROR_UNSUPPORTED_DEVICE));
        Pair second;
        second.written.dl.device.device_type = device;
        CHECK(second.written_is_refused(L1L2_ERROR_UNSUPPORTED_DEVICE));
    }
}

TEST_CASE("other codes, sizes and numbers of lanes are no element type", "[dlpack]") {
    const DLDataType others[] = {
        {kDLFloat, 8, 1},        {kDLFloat, 80, 1},   {kDLFloat, 128, 1}, {kDLFloat, 0, 1},
        {kDLFloat, 31, 1},       {kDLBfloat, 32, 1},  {kDLBfloat, 64, 1}, {kDLBfloat, 8, 1},
        {kDLInt, 32, 1},         {kDLUInt, 32, 1},    {kDLInt, 16, 1},    {kDLOpaqueHandle, 64, 1},
        {kDLComplex, 64, 1},     {kDLFloat, 32, 0},   {kDLFloat, 32, 2},  {kDLFloat, 16, 4},
        {kDLBfloat, 16, 2},      {kDLFloat, 64, 257}, {6, 32, 1},         {255, 32, 1},
        {kDLBfloat, 16, 0x0100},
    };
    for (const DLDataType& dtype : others) {
        INFO("code " << +dtype.code << ", " << +dtype.bits << " bits, " << dtype.lanes << " lanes");
        Pair pair;
        pair.x.dl.dtype = dtype;
        pair.written.dl.dtype = dtype;
        CHECK(pair.x_is_refused(L1L2_ERROR_UNSUPPORTED_DTYPE));
    }
}

TEST_CASE("tensors of different dtypes do not fit", "[dlpack]") {
    const DLDataType dtypes[] = {dl_dtype<Float16>(), dl_dtype<Bfloat16>(), dl_dtype<float>(),
                                 dl_dtype<double>()};
    for (const DLDataType& first : dtypes) {
        for (const DLDataType& second : dtypes) {
            if (&first != &second) {
                Pair pair;
                pair.x.dl.dtype = first;
                pair.written.dl.dtype = second;
                CHECK(pair.written_is_refused(L1L2_ERROR_INVALID_TENSOR));
            }
        }
    }
}

TEST_CASE("tensors of different shapes do not fit", "[dlpack]") {
    for (const Axes& shape : {Axes{3, 2}, Axes{2, 2}, Axes{6}, Axes{2, 3, 1}, Axes{1, 2, 3},
                              Axes{1, 3}, Axes{0, 3}, Axes{2, 4}, Axes{}}) {
        Pair pair;
        const Tensor other(dl_dtype<float>(), shape, {}, pair.written_memory.data());
        CHECK(
            pair.written_alone_is_refused_as(L1L2_ERROR_INVALID_TENSOR, pair.x.get(), other.get()));
        const Tensor other_x(dl_dtype<float>(), shape, {}, pair.x_memory.data());
        CHECK(pair.written_alone_is_refused_as(L1L2_ERROR_INVALID_TENSOR, other_x.get(),
                                               pair.written.get()));
    }
}

TEST_CASE("a tensor has 0 to 64 axes", "[dlpack]") {
    Axes ones(70, 1);
    ones[0] = 6;
    for (const int axes : {1, 2, 63, 64}) {
        Pair pair;
        for (Tensor* const tensor : {&pair.x, &pair.written}) {
            tensor->dl.ndim = axes;
            tensor->dl.shape = ones.data();
            tensor->dl.strides = nullptr;
        }
        CHECK(pair.is_accepted());
    }
    for (const int axes : {65, 70, -1, INT32_MAX, INT32_MIN}) {
        INFO(axes << " axes");
        Pair first;
        first.x.dl.ndim = axes;
        first.x.dl.shape = ones.data();
        first.x.dl.strides = nullptr;
        CHECK(first.x_is_refused(L1L2_ERROR_INVALID_TENSOR));
        Pair second;
        second.written.dl.ndim = axes;
        second.written.dl.shape = ones.data();
        second.written.dl.strides = nullptr;
        CHECK(second.written_is_refused(L1L2_ERROR_INVALID_TENSOR));
    }
}

TEST_CASE("a shape is there and not negative, and so is the data", "[dlpack]") {
    Axes negative = {2, -3};
    Axes both_negative = {-2, -3};
    Axes negative_and_empty = {-2, 0};
    Axes most_negative = {INT64_MIN, 1};
    for (std::int64_t* const shape :
         {static_cast<std::int64_t*>(nullptr), negative.data(), both_negative.data(),
          negative_and_empty.data(), most_negative.data()}) {
        Pair first;
        first.x.dl.shape = shape;
        CHECK(first.x_is_refused(L1L2_ERROR_INVALID_TENSOR));
        Pair second;
        second.written.dl.shape = shape;
        CHECK(second.written_is_refused(L1L2_ERROR_INVALID_TENSOR));
    }
    Pair first;
    first.x.dl.data = nullptr;
    CHECK(first.x_is_refused(L1L2_ERROR_INVALID_TENSOR));
    Pair second;
    second.written.dl.data = nullptr;
    CHECK(second.written_is_refused(L1L2_ERROR_INVALID_TENSOR));
}

TEST_CASE("sizes, strides and offsets stay within the address space", "[dlpack]") {
    struct Case {
        Axes shape;
        Axes strides;
        std::uint64_t byte_offset;
    };
    constexpr std::int64_t huge = INT64_MAX;
    const Case cases[] = {
        {{huge}, {}, 0},
        {{huge / 4 + 1}, {}, 0},
        {{huge, 2}, {}, 0},
        {{huge, huge}, {}, 0},
        {{std::int64_t{1} << 32, std::int64_t{1} << 32}, {}, 0},
        {{std::int64_t{1} << 31, std::int64_t{1} << 31, 4}, {}, 0},
        {{2}, {huge}, 0},
        {{2}, {huge / 4 + 1}, 0},
        {{2}, {-huge}, 0},
        {{2}, {INT64_MIN}, 0},
        {{2}, {-(std::int64_t{1} << 60)}, 0},
        {{2}, {std::int64_t{1} << 62}, 0},
        {{3}, {std::int64_t{1} << 61}, 0},
        {{5}, {std::int64_t{1} << 60}, 0},
        {{5, 2}, {1, INT64_MIN}, 0},
        {{2, 2}, {huge, -huge}, 0},
        {{2, 2}, {std::int64_t{1} << 60, std::int64_t{1} << 60}, 0},
        {{2, 2}, {std::int64_t{1} << 60, -(std::int64_t{1} << 60)}, std::uint64_t{3} << 61U},
        {{2}, {}, UINT64_MAX},
        {{2}, {}, UINT64_MAX - 100},
        {{1}, {}, UINT64_MAX},
    };
    for (const Case& c : cases) {
        Pair pair;
        const Tensor broken(dl_dtype<float>(), c.shape, c.strides, pair.x_memory.data(),
                            c.byte_offset);
        const Tensor broken_too(dl_dtype<float>(), c.shape, c.strides, pair.written_memory.data(),
                                c.byte_offset);
        INFO("case " << &c - cases);
        CHECK(pair.refused_as(L1L2_ERROR_INVALID_TENSOR, broken.get(), broken_too.get()));
        // Beside one of the same shape that can be read.
        if (c.shape.size() == 1 && c.shape[0] <= 3) {
            const Tensor x(dl_dtype<float>(), c.shape, {}, pair.x_memory.data());
            CHECK(pair.written_alone_is_refused_as(L1L2_ERROR_INVALID_TENSOR, x.get(),
                                                   broken_too.get()));
        }
    }
}

TEST_CASE("of several faults of a tensor a NULL is told first, then the device, then the dtype",
          "[dlpack]") {
    const Handle handle(both);
    float element = 1.0F;
    double penalty = untouched;
    Tensor x(dl_dtype<float>(), {-1}, {}, &element);
    const auto status = [&] { return l1l2_penalty_dlpack(handle.get(), x.get(), &penalty); };
    CHECK(status() == L1L2_ERROR_INVALID_TENSOR);
    x.dl.dtype.lanes = 2;
    CHECK(status() == L1L2_ERROR_UNSUPPORTED_DTYPE);
    x.dl.device.device_type = kDLCUDA;
    CHECK(status() == L1L2_ERROR_UNSUPPORTED_DEVICE);
    CHECK(l1l2_penalty_dlpack(nullptr, x.get(), &penalty) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(penalty == untouched);
}

TEST_CASE("an element ends within the address space", "[dlpack]") {
    const Handle handle(both);
    float element = 1.0F;
    // So that the element begins 2 bytes before the end of all addresses.
    const std::uint64_t offset = UINTPTR_MAX - reinterpret_cast<std::uintptr_t>(&element) - 1;
    double penalty = untouched;
    for (const Axes& shape : {Axes{}, Axes{1}, Axes{1, 1}}) {
        const Tensor x(dl_dtype<float>(), shape, {}, &element, offset);
        CHECK(l1l2_penalty_dlpack(handle.get(), x.get(), &penalty) == L1L2_ERROR_INVALID_TENSOR);
    }
    CHECK(penalty == untouched);
}

TEST_CASE("a tensor, a regularizer or a penalty that is NULL is an invalid argument", "[dlpack]") {
    Pair pair;
    CHECK(pair.refused_as(L1L2_ERROR_INVALID_ARGUMENT, nullptr, pair.written.get()));
    CHECK(pair.written_alone_is_refused_as(L1L2_ERROR_INVALID_ARGUMENT, pair.x.get(), nullptr));
    double penalty = untouched;
    CHECK(l1l2_penalty_dlpack(nullptr, pair.x.get(), &penalty) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_penalty_dlpack(pair.handle.get(), pair.x.get(), nullptr) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_add_gradient_dlpack(nullptr, pair.x.get(), 1.0, pair.written.get(), &penalty) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_prox_dlpack(nullptr, pair.x.get(), 1.0, pair.written.get()) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(penalty == untouched);
    CHECK(pair.written_memory[16] == 5.0F);
}

TEST_CASE("a scale or a step that an array's functions refuse is refused for a tensor",
          "[dlpack]") {
    Pair pair;
    double penalty = untouched;
    for (const double scale : {not_a_number, infinity, -infinity}) {
        CHECK(l1l2_add_gradient_dlpack(pair.handle.get(), pair.x.get(), scale, pair.written.get(),
                                       &penalty) == L1L2_ERROR_INVALID_SCALE);
    }
    for (const double step : {-1.0, not_a_number, infinity, -infinity}) {
        CHECK(l1l2_prox_dlpack(pair.handle.get(), pair.x.get(), step, pair.written.get()) ==
              L1L2_ERROR_INVALID_STEP);
    }
    const Handle large({1e30, 1e30});
    Tensor x(dl_dtype<Float16>(), {3}, {}, pair.x_memory.data());
    Tensor written(dl_dtype<Float16>(), {3}, {}, pair.written_memory.data());
    CHECK(l1l2_add_gradient_dlpack(large.get(), x.get(), 1e30, written.get(), &penalty) ==
          L1L2_ERROR_INVALID_SCALE);
    CHECK(l1l2_prox_dlpack(large.get(), x.get(), 1e30, written.get()) == L1L2_ERROR_INVALID_STEP);
    CHECK(penalty == untouched);
    CHECK(std::count(pair.written_memory.begin(), pair.written_memory.end(), 5.0F) == 64);
}

TEMPLATE_TEST_CASE("the floating-point environment changes no bit of a tensor's results and is "
                   "restored",
                   "[dlpack]", Float16, Bfloat16, float, double) {
    const Axes shape = {70, 80};
    const std::size_t room = 70 * 100;
    const Axes compact = {80, 1};
    const Axes padded_rows = {100, 1};
    const Axes columns = {1, 70};
    for (const bool subnormal : {true, false}) {
        const auto make = subnormal ? subnormal_elements<TestType> : ordinary<TestType>;
        std::vector<TestType> x = make(room, 1);
        const std::vector<TestType> before = make(room, 2);
        for (const Coefficients c : small_coefficients<TestType>()) {
            const Handle handle(c);
            for (const auto& [x_strides, strides] :
                 {std::pair(compact, compact), std::pair(padded_rows, columns)}) {
                struct Results {
                    std::vector<TestType> written;
                    std::vector<double> penalties;
                    std::vector<l1l2_status> statuses;
                    exact::Vector sums;
                };
                const auto compute = [&, x_strides = x_strides, strides = strides] {
                    Results results = {before, {untouched, untouched}, {}, {}};
                    results.written.insert(results.written.end(), before.begin(), before.end());
                    TestType* const at = results.written.data();
                    const Tensor from(dl_dtype<TestType>(), shape, x_strides, x.data());
                    const Tensor gradient(dl_dtype<TestType>(), shape, strides, at);
                    const Tensor out(dl_dtype<TestType>(), shape, strides, at + room);
                    results.statuses = {
                        l1l2_penalty_dlpack(handle.get(), from.get(), &results.penalties[0]),
                        l1l2_add_gradient_dlpack(handle.get(), from.get(), 1.0, gradient.get(),
                                                 &results.penalties[1]),
                        l1l2_prox_dlpack(handle.get(), from.get(), 0.7, out.get()),
                        l1l2_exact_sums_add_dlpack(results.sums.data(), from.get())};
                    return results;
                };
                const Results expected = compute();
                CHECK(expected.statuses == std::vector<l1l2_status>(4, L1L2_OK));
                std::vector<Results> all;
                CHECK(in_hostile_environments([&] { all.push_back(compute()); }));
                for (const Results& results : all) {
                    CHECK(difference(results.written, expected.written) == "");
                    CHECK(difference(results.penalties, expected.penalties) == "");
                    CHECK(results.statuses == expected.statuses);
                    CHECK(results.sums == expected.sums);
                }
            }
        }
    }
}

TEST_CASE("which scales and steps a tensor has does not depend on the floating-point environment",
          "[dlpack]") {
    // Rounded upwards, the first would be infinite in float32; towards zero the second would not.
    // With denormals as zeros the third would be a step. The last traps in a comparison.
    const double factors[] = {0x1.fffffefffffffp127, 0x1.ffffffp127, -5e-324,
                              from_bits<double>(0x7ff0000000000001)};
    const std::vector<l1l2_status> expected = {L1L2_OK,
                                               L1L2_OK,
                                               L1L2_ERROR_INVALID_SCALE,
                                               L1L2_ERROR_INVALID_STEP,
                                               L1L2_OK,
                                               L1L2_ERROR_INVALID_STEP,
                                               L1L2_ERROR_INVALID_SCALE,
                                               L1L2_ERROR_INVALID_STEP};
    const Handle handle({1.0, 0.0});
    float x = 1.0F;
    std::array<float, 2> written = {};
    const Tensor from(dl_dtype<float>(), {1}, {}, &x);
    const Tensor gradient(dl_dtype<float>(), {1}, {}, &written[0]);
    const Tensor out(dl_dtype<float>(), {1}, {}, &written[1]);
    std::vector<std::vector<l1l2_status>> all;
    CHECK(in_hostile_environments([&] {
        all.emplace_back();
        for (const double& factor : factors) {
            all.back().push_back(l1l2_add_gradient_dlpack(handle.get(), from.get(), factor,
                                                          gradient.get(), nullptr));
            all.back().push_back(l1l2_prox_dlpack(handle.get(), from.get(), factor, out.get()));
        }
    }));
    for (const std::vector<l1l2_status>& statuses : all) {
        CHECK(statuses == expected);
    }
}

TEST_CASE("a DLTensor has the layout that the library reads, in a managed tensor too", "[dlpack]") {
    using Expected = l1l2::core::DLTensor;
    STATIC_REQUIRE(sizeof(DLTensor) == sizeof(Expected));
    STATIC_REQUIRE(offsetof(DLTensor, data) == offsetof(Expected, data));
    STATIC_REQUIRE(offsetof(DLTensor, device) == offsetof(Expected, device_type));
    STATIC_REQUIRE(offsetof(DLTensor, ndim) == offsetof(Expected, ndim));
    STATIC_REQUIRE(offsetof(DLTensor, dtype) == offsetof(Expected, dtype_code));
    STATIC_REQUIRE(offsetof(DLTensor, shape) == offsetof(Expected, shape));
    STATIC_REQUIRE(offsetof(DLTensor, strides) == offsetof(Expected, strides));
    STATIC_REQUIRE(offsetof(DLTensor, byte_offset) == offsetof(Expected, byte_offset));
    const Handle handle(both);
    std::array<float, 3> x = {1.0F, -2.0F, 3.0F};
    const Tensor tensor(dl_dtype<float>(), {3}, {}, x.data());
    const double expected = penalty_of(handle.get(), std::vector<float>(x.begin(), x.end()));
    DLManagedTensor managed = {};
    managed.dl_tensor = tensor.dl;
    CHECK(penalty_of_tensor(handle.get(), &managed.dl_tensor) == expected);
#ifdef DLPACK_MAJOR_VERSION
    DLManagedTensorVersioned versioned = {};
    versioned.dl_tensor = tensor.dl;
    CHECK(penalty_of_tensor(handle.get(), &versioned.dl_tensor) == expected);
#endif
}

TEST_CASE("tensors, their shapes and strides are only read", "[dlpack]") {
    struct Borrowed {
        DLTensor x;
        DLTensor written;
        std::int64_t shape[2];
        std::int64_t strides[2];
    };
    const GuardedPages page(1);
    std::array<float, 6> x = {1.0F, -2.0F, 3.0F, 4.0F, 5.0F, -6.0F};
    std::array<float, 6> written = {};
    auto& borrowed = *new (page.begin()) Borrowed{{}, {}, {2, 3}, {1, -2}};
    borrowed.x.data = x.data() + 4;
    borrowed.written.data = written.data() + 4;
    for (DLTensor* const tensor : {&borrowed.x, &borrowed.written}) {
        tensor->device = {kDLCPU, 0};
        tensor->ndim = 2;
        tensor->dtype = dl_dtype<float>();
        tensor->shape = borrowed.shape;
        tensor->strides = borrowed.strides;
    }
    REQUIRE(mprotect(page.begin(), page.size(), PROT_READ) == 0);
    const Handle handle(both);
    double penalty = untouched;
    CHECK(l1l2_penalty_dlpack(handle.get(), &borrowed.x, &penalty) == L1L2_OK);
    CHECK(exact_sums_of(&borrowed.x) == exact::sums_of(std::vector<float>(x.begin(), x.end())));
    CHECK(l1l2_add_gradient_dlpack(handle.get(), &borrowed.x, 1.0, &borrowed.written, &penalty) ==
          L1L2_OK);
    CHECK(l1l2_prox_dlpack(handle.get(), &borrowed.x, 1.0, &borrowed.written) == L1L2_OK);
}

TEST_CASE("the C++ face takes tensors", "[dlpack][cpp_face]") {
    const l1l2::Regularizer regularizer(2.0, 3.0);
    float memory[] = {1.0F, 9.0F, -2.0F, 9.0F, 3.0F};
    float gradient_memory[] = {10.0F, 10.0F, 10.0F};
    const Tensor x(dl_dtype<float>(), {3}, {2}, memory);
    const Tensor gradient(dl_dtype<float>(), {3}, {}, gradient_memory);
    CHECK(regularizer.penalty_dlpack(x.get()) == 54.0);
    l1l2::ExactSums sums;
    sums.add_dlpack(x.get());
    CHECK(regularizer(sums) == 54.0);
    CHECK(sums.count() == 3);
    CHECK(regularizer.penalty_and_add_gradient_dlpack(x.get(), gradient.get()) == 54.0);
    CHECK(gradient_memory[0] == 18.0F);
    CHECK(gradient_memory[1] == -4.0F);
    CHECK(gradient_memory[2] == 30.0F);
    CHECK(regularizer.penalty_and_add_gradient_dlpack(x.get(), gradient.get(), -1.0) == 54.0);
    CHECK(gradient_memory[2] == 10.0F);
    regularizer.prox_dlpack(x.get(), 0.5, gradient.get());
    CHECK(gradient_memory[0] == 0.0F);
    CHECK(gradient_memory[1] == -0.25F);
    CHECK(gradient_memory[2] == 0.5F);
    regularizer.prox_dlpack(x.get(), 0.5, x.get());
    CHECK(memory[2] == -0.25F);
    CHECK(memory[1] == 9.0F);

    const auto status_of = [](auto&& call) {
        try {
            call();
        } catch (const l1l2::Error& error) {
            return error.status();
        }
        return l1l2_status{L1L2_OK};
    };
    const Tensor other(dl_dtype<float>(), {2}, {}, gradient_memory);
    const Tensor negative(dl_dtype<float>(), {-2}, {}, gradient_memory);
    CHECK(status_of([&] { (void)regularizer.penalty_dlpack(nullptr); }) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(status_of([&] { sums.add_dlpack(nullptr); }) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(status_of([&] { sums.add_dlpack(negative.get()); }) == L1L2_ERROR_INVALID_TENSOR);
    CHECK(status_of([&] {
              (void)regularizer.penalty_and_add_gradient_dlpack(x.get(), other.get());
          }) == L1L2_ERROR_INVALID_TENSOR);
    CHECK(status_of([&] { regularizer.prox_dlpack(x.get(), -1.0, x.get()); }) ==
          L1L2_ERROR_INVALID_STEP);
}

TEST_CASE("a tensor that is written does not overlap itself", "[dlpack]") {
    struct Case {
        Axes shape;
        Axes strides;
        bool nested;
    };
    const Case cases[] = {
        {{2, 3}, {0, 1}, false},
        {{2, 3}, {3, 0}, false},
        {{6}, {0}, false},
        {{2, 3}, {1, 1}, false},
        {{2, 3}, {2, 1}, false},
        {{2, 3}, {-2, 1}, false},
        {{3, 2}, {1, 2}, false},
        {{3, 2}, {1, -2}, false},
        {{2, 3}, {3, 1}, true},
        {{2, 3}, {-3, -1}, true},
        {{3, 2}, {1, 3}, true},
        {{1, 6}, {0, 1}, true},
        {{6, 1}, {-1, 0}, true},
        {{1, 1}, {0, 0}, true},
        {{2, 2, 2}, {4, 2, 1}, true},
        {{2, 2, 2}, {3, 2, 1}, false},
        // Each element by itself, but not nested: 0 2 4 and 3 5 7.
        {{2, 3}, {3, 2}, false},
    };
    for (const Case& c : cases) {
        INFO("case " << &c - cases);
        Pair pair;
        const Tensor x(dl_dtype<float>(), c.shape, {}, pair.x_memory.data() + 16);
        const Tensor written(dl_dtype<float>(), c.shape, c.strides,
                             pair.written_memory.data() + 16);
        if (c.nested) {
            CHECK(l1l2_add_gradient_dlpack(pair.handle.get(), x.get(), 1.0, written.get(),
                                           nullptr) == L1L2_OK);
            CHECK(l1l2_prox_dlpack(pair.handle.get(), written.get(), 1.0, written.get()) ==
                  L1L2_OK);
        } else {
            CHECK(pair.written_alone_is_refused_as(L1L2_ERROR_OVERLAP, x.get(), written.get()));
            CHECK(
                pair.written_alone_is_refused_as(L1L2_ERROR_OVERLAP, written.get(), written.get()));
        }
    }
}

TEST_CASE("parameters and gradients may be stored in pairs", "[dlpack][bits]") {
    CHECK(statuses_in_one_memory<float>({20}, {2}, {2}, 4) == accepted);
    CHECK(statuses_in_one_memory<float>({20}, {2}, {2}, -4) == accepted);
    CHECK(statuses_in_one_memory<float>({20}, {-2}, {-2}, 4) == accepted);
    CHECK(statuses_in_one_memory<float>({20}, {2}, {2}, 12) == accepted);
    CHECK(statuses_in_one_memory<float>({20}, {3}, {3}, 8) == accepted);
    CHECK(statuses_in_one_memory<float>({5, 4}, {8, 2}, {8, 2}, 4) == accepted);
    CHECK(statuses_in_one_memory<float>({5, 4}, {8, 2}, {2, 10}, 4) == accepted);
    CHECK(statuses_in_one_memory<float>({5, 4}, {8, 2}, {8, -2}, 4) == accepted);
    CHECK(statuses_in_one_memory<float>({5, 1, 4}, {8, 3, 2}, {8, 1, 2}, 4) == accepted);
    CHECK(statuses_in_one_memory<Float16>({20}, {2}, {2}, 2) == accepted);
    CHECK(statuses_in_one_memory<Bfloat16>({20}, {4}, {6}, -2) == accepted);
    CHECK(statuses_in_one_memory<double>({20}, {2}, {2}, 8) == accepted);
    // With room, at no multiple of an element.
    CHECK(statuses_in_one_memory<float>({20}, {3}, {3}, 5) == accepted);
    CHECK(statuses_in_one_memory<float>({20}, {3}, {3}, 7) == accepted);
}

TEST_CASE("what is written does not meet x", "[dlpack]") {
    for (const int distance : {-8, -4, -3, -1, 1, 3, 5, 7, 8, 16, 76}) {
        CHECK(statuses_in_one_memory<float>({20}, {1}, {1}, distance) == overlapping);
    }
    for (const int distance : {-8, -5, -1, 1, 3, 5, 8, 16, 152}) {
        CHECK(statuses_in_one_memory<float>({20}, {2}, {2}, distance) == overlapping);
    }
    CHECK(statuses_in_one_memory<float>({20}, {3}, {3}, 9) == overlapping);
    CHECK(statuses_in_one_memory<float>({20}, {3}, {3}, 3) == overlapping);
    // Another order of the same elements, or of some.
    CHECK(statuses_in_one_memory<float>({4, 4}, {4, 1}, {1, 4}, 0) == overlapping);
    CHECK(statuses_in_one_memory<float>({20}, {1}, {-1}, 19 * 4) == overlapping);
    CHECK(statuses_in_one_memory<float>({5, 4}, {8, 2}, {2, 11}, 4) == overlapping);
    CHECK(statuses_in_one_memory<float>({20}, {2}, {1}, 4) == overlapping);
    // Rows in turn never meet either, but no divisor of the strides says so.
    CHECK(statuses_in_one_memory<float>({5, 4}, {8, 1}, {8, 1}, 16) == overlapping);
    // Ranges that are apart may touch.
    CHECK(statuses_in_one_memory<float>({20}, {1}, {1}, 80) == accepted);
    CHECK(statuses_in_one_memory<float>({20}, {1}, {1}, -80) == accepted);
    CHECK(statuses_in_one_memory<float>({20}, {1}, {1}, 79) == overlapping);
    CHECK(statuses_in_one_memory<float>({20}, {1}, {1}, -79) == overlapping);
    CHECK(statuses_in_one_memory<float>({20}, {2}, {2}, 39 * 4) == accepted);
    CHECK(statuses_in_one_memory<float>({20}, {-1}, {1}, 4) == accepted);
    CHECK(statuses_in_one_memory<double>({20}, {1}, {1}, 20 * 8) == accepted);
    // One element has no stride.
    for (const Axes& shape : {Axes{}, Axes{1}, Axes{1, 1}}) {
        const Axes strides(shape.size(), 2);
        for (const int distance : {-3, -1, 1, 3}) {
            CHECK(statuses_in_one_memory<float>(shape, strides, strides, distance) == overlapping);
        }
        CHECK(statuses_in_one_memory<float>(shape, strides, strides, 4) == accepted);
        CHECK(statuses_in_one_memory<float>(shape, strides, strides, -4) == accepted);
    }
}

TEST_CASE("a gradient is not written over its tensor, a prox is", "[dlpack]") {
    const std::array<l1l2_status, 2> prox_alone = {L1L2_ERROR_OVERLAP, L1L2_OK};
    CHECK(statuses_in_one_memory<float>({20}, {1}, {1}, 0) == prox_alone);
    CHECK(statuses_in_one_memory<float>({20}, {2}, {2}, 0) == prox_alone);
    CHECK(statuses_in_one_memory<Float16>({4, 5}, {1, 5}, {1, 5}, 0) == prox_alone);
}

TEST_CASE("a repeated parameter next to its gradient is refused if they meet", "[dlpack]") {
    CHECK(statuses_in_one_memory<float>({20}, {0}, {1}, 4) == accepted);
    CHECK(statuses_in_one_memory<float>({20}, {0}, {1}, 0) == overlapping);
    CHECK(statuses_in_one_memory<float>({20}, {0}, {1}, -40) == overlapping);
    CHECK(statuses_in_one_memory<float>({20}, {0}, {2}, -36) == accepted);
}
