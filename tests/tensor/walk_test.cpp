/// The order of a walk, in the example that walk.hpp explains.
#include "catch.hpp"
#include "walk.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

using l1l2::core::Dtype;
using l1l2::core::Tensor;
using l1l2::core::Walk;

namespace {

/// The elements in the order of a walk, in how many parts they come, and where the last of these
/// is.
struct Visited {
    std::vector<float> elements;
    int parts = 0;
    const float* at = nullptr;
    bool is_in_place = false; ///< it is the memory itself, from its first element on

    static void add(void* state, const void* elements, std::size_t n) {
        Visited& visited = *static_cast<Visited*>(state);
        const auto* const first = static_cast<const float*>(elements);
        visited.elements.insert(visited.elements.end(), first, first + n);
        ++visited.parts;
        visited.at = first;
    }
};

/// Shape (2, 1, 3, 2), of which the third axis leads backwards in steps of `stride` bytes.
Visited visit(std::ptrdiff_t stride) {
    std::vector<float> memory(20);
    std::iota(memory.begin(), memory.end(), 0.0F);
    Tensor x = {};
    x.dtype = Dtype::float32;
    x.axes = 4;
    x.count = 12;
    x.data = reinterpret_cast<char*>(memory.data()) + 2 * stride;
    const std::size_t size[] = {2, 1, 3, 2};
    const std::ptrdiff_t strides[] = {8, 0, -stride, 4};
    std::copy(size, size + 4, x.size);
    std::copy(strides, strides + 4, x.stride);
    Visited visited;
    Walk(x).visit(&visited, Visited::add);
    visited.is_in_place = visited.at == memory.data();
    return visited;
}

} // namespace

TEST_CASE("axes that continue each other are walked as one array", "[tensor]") {
    const Visited visited = visit(16);
    CHECK(visited.elements == std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
    CHECK(visited.parts == 1);
    CHECK(visited.is_in_place);
}

TEST_CASE("rows with a gap behind each are walked in the order of memory", "[tensor]") {
    const Visited visited = visit(20);
    CHECK(visited.elements == std::vector<float>{0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13});
    CHECK_FALSE(visited.is_in_place);
}

TEST_CASE("one array comes at once, what is gathered 16 KiB at a time", "[tensor]") {
    std::vector<float> memory(3 * 2732);
    for (const std::ptrdiff_t row : {2731, 2732}) {
        Tensor x = {};
        x.dtype = Dtype::float32;
        x.axes = 3;
        x.count = std::size_t{3} * 2731;
        x.data = reinterpret_cast<char*>(memory.data());
        const std::size_t size[] = {3, 1, 2731};
        const std::ptrdiff_t strides[] = {row * 4, 0, 4};
        std::copy(size, size + 3, x.size);
        std::copy(strides, strides + 3, x.stride);
        Visited visited;
        Walk(x).visit(&visited, Visited::add);
        CHECK(visited.elements.size() == 2 * 4096 + 1);
        CHECK(visited.parts == (row == 2731 ? 1 : 3));
    }
}
