/// What is checked of tensors before they are walked, without any elements.
#include "catch.hpp"
#include "strided.hpp"

#include <algorithm>
#include <iterator>
#include <random>
#include <vector>

using l1l2::core::are_apart;
using l1l2::core::check_step;
using l1l2::core::check_written;
using l1l2::core::Dtype;
using l1l2::core::is_nested;
using l1l2::core::Tensor;
using l1l2::core::TensorFault;
using tensor_tests::Axis;
using tensor_tests::strided;

namespace {

char memory[4096];

/// A tensor that begins `at` bytes from the middle of the memory.
Tensor tensor(const std::vector<Axis>& axes, std::ptrdiff_t at = 0, Dtype dtype = Dtype::float32) {
    return strided(axes, memory + sizeof memory / 2 + at, dtype);
}

/// The address of every byte of every element, sorted.
std::vector<const char*> bytes_of(const Tensor& tensor) {
    std::vector<const char*> elements = {tensor.data};
    for (std::size_t axis = 0; axis < tensor.axes; ++axis) {
        const std::size_t before = elements.size();
        for (std::size_t i = 1; i < tensor.size[axis]; ++i) {
            for (std::size_t j = 0; j < before; ++j) {
                elements.push_back(elements[j] +
                                   static_cast<std::ptrdiff_t>(i) * tensor.stride[axis]);
            }
        }
    }
    std::vector<const char*> bytes;
    for (const char* const element : elements) {
        for (std::size_t i = 0; i < size_of(tensor.dtype); ++i) {
            bytes.push_back(element + i);
        }
    }
    std::sort(bytes.begin(), bytes.end());
    return bytes;
}

bool elements_meet(const Tensor& tensor) {
    const std::vector<const char*> bytes = bytes_of(tensor);
    return std::adjacent_find(bytes.begin(), bytes.end()) != bytes.end();
}

bool share_a_byte(const Tensor& x, const Tensor& y) {
    const std::vector<const char*> a = bytes_of(x);
    const std::vector<const char*> b = bytes_of(y);
    std::vector<const char*> both;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
    return !both.empty();
}

Tensor random_tensor(std::mt19937_64& random, std::ptrdiff_t unit) {
    std::vector<Axis> axes(random() % 4);
    for (Axis& axis : axes) {
        axis = {1 + random() % 4, unit * (static_cast<std::ptrdiff_t>(random() % 41) - 20)};
    }
    return tensor(axes, static_cast<std::ptrdiff_t>(random() % 64) - 32,
                  random() % 2 == 0 ? Dtype::float16 : Dtype::float32);
}

} // namespace

TEST_CASE("axes are nested if each stride passes all that the smaller ones cover", "[tensor]") {
    CHECK(is_nested(tensor({})));
    CHECK(is_nested(tensor({{3, 4}})));
    CHECK(is_nested(tensor({{3, -4}})));
    CHECK(is_nested(tensor({{2, 12}, {3, 4}})));
    CHECK(is_nested(tensor({{3, 4}, {2, -12}})));
    CHECK(is_nested(tensor({{2, 100}, {1, 0}, {3, 8}})));
    CHECK_FALSE(is_nested(tensor({{3, 3}})));          // neighbours share a byte
    CHECK_FALSE(is_nested(tensor({{3, 0}})));          // one element three times
    CHECK_FALSE(is_nested(tensor({{2, 11}, {3, 4}}))); // the second row begins in the first
    CHECK_FALSE(is_nested(tensor({{5, 4}, {3, 4}})));  // a sliding window
    // As many equal strides as there can be, which a sort must be able to compare.
    CHECK_FALSE(is_nested(tensor(std::vector<Axis>(64, {2, 4}))));
    // Elements that never meet, but interleave: 0 4 8 and 6 10 14 in units of two bytes.
    CHECK_FALSE(is_nested(tensor({{2, 12}, {3, 8}})));
    CHECK_FALSE(elements_meet(tensor({{2, 12}, {3, 8}})));
}

TEST_CASE("no two elements of nested axes meet", "[tensor]") {
    std::mt19937_64 random(1);
    int nested = 0;
    for (int i = 0; i < 20000; ++i) {
        const Tensor x = random_tensor(random, i % 2 == 0 ? 1 : 4);
        if (is_nested(x)) {
            ++nested;
            if (elements_meet(x)) {
                FAIL("number " << i);
            }
        }
    }
    CHECK(nested > 2000);
}

TEST_CASE("tensors are apart beside each other and between each other's columns", "[tensor]") {
    const Tensor row = tensor({{4, 4}});
    CHECK(are_apart(row, tensor({{4, 4}}, 16)));
    CHECK(are_apart(row, tensor({{4, -4}}, -4)));
    CHECK_FALSE(are_apart(row, tensor({{4, 4}}, 15)));
    CHECK_FALSE(are_apart(row, row));
    const Tensor column = tensor({{4, 40}});
    CHECK(are_apart(column, tensor({{4, 40}}, 4)));
    CHECK(are_apart(column, tensor({{4, -40}}, 156)));
    CHECK_FALSE(are_apart(column, tensor({{4, 40}}, 3)));
    CHECK_FALSE(are_apart(column, tensor({{4, 40}}, 37)));
    CHECK_FALSE(are_apart(column, tensor({{40, 4}}, 4))); // a row that crosses the column
    CHECK_FALSE(are_apart(tensor({}), tensor({}, 3)));
}

TEST_CASE("tensors that are apart share no byte", "[tensor]") {
    std::mt19937_64 random(2);
    int apart = 0;
    for (int i = 0; i < 20000; ++i) {
        const std::ptrdiff_t unit = i % 2 == 0 ? 1 : 8;
        const Tensor x = random_tensor(random, unit);
        Tensor y = random_tensor(random, unit);
        y.dtype = x.dtype;
        if (are_apart(x, y)) {
            ++apart;
            if (share_a_byte(x, y)) {
                FAIL("number " << i);
            }
        }
    }
    CHECK(apart > 2000);
}

TEST_CASE("what is written has the dtype and shape of what is read, and places of its own",
          "[tensor]") {
    const Tensor x = tensor({{2, 12}, {3, 4}});
    for (const bool in_place : {false, true}) {
        CHECK(check_written(x, tensor({{2, 12}, {3, 4}}, 24), in_place) == TensorFault::none);
        CHECK(check_written(x, tensor({{2, 4}, {3, 8}}, 24), in_place) == TensorFault::none);
        CHECK(check_written(x, tensor({{3, 4}, {2, 12}}, 24), in_place) ==
              TensorFault::invalid_tensor);
        CHECK(check_written(x, tensor({{6, 4}}, 24), in_place) == TensorFault::invalid_tensor);
        CHECK(check_written(x, tensor({{2, 12}, {3, 4}}, 24, Dtype::float64), in_place) ==
              TensorFault::invalid_tensor);
        CHECK(check_written(x, tensor({{2, 0}, {3, 4}}, 24), in_place) == TensorFault::overlap);
        CHECK(check_written(x, tensor({{2, 12}, {3, 4}}, 4), in_place) == TensorFault::overlap);
        CHECK(check_written(x, x, in_place) ==
              (in_place ? TensorFault::none : TensorFault::overlap));
        CHECK(check_written(x, tensor({{2, 4}, {3, 8}}), in_place) == TensorFault::overlap);
    }
    const Tensor nothing = tensor({{0, 4}});
    CHECK(check_written(nothing, nothing, false) == TensorFault::none);
}

TEST_CASE("what a step writes must not overlap the steps, if there are elements", "[tensor]") {
    const Tensor x = tensor({}, 100);
    const Tensor steps = tensor({});
    CHECK(check_step(x, nullptr, &steps, steps) == TensorFault::overlap);
    CHECK(check_step(x, nullptr, &steps, tensor({}, 4)) == TensorFault::none);
    const Tensor nothing = tensor({{2, 4}, {0, 4}});
    CHECK(check_step(nothing, nullptr, &nothing, nothing) == TensorFault::none);
}
