/// The order of a walk, in the example that walk.hpp explains.
#include "catch.hpp"
#include "walk.hpp"

#include <numeric>
#include <vector>

using l1l2::core::Dtype;
using l1l2::core::Tensor;
using l1l2::core::Walk;

namespace {

/// The elements in the order of a walk, and in how many parts they come.
struct Visited {
    std::vector<float> elements;
    int parts = 0;

    static void add(void* state, const void* elements, std::size_t n) {
        Visited& visited = *static_cast<Visited*>(state);
        const auto* const first = static_cast<const float*>(elements);
        visited.elements.insert(visited.elements.end(), first, first + n);
        ++visited.parts;
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
    return visited;
}

} // namespace

TEST_CASE("axes that continue each other are walked as one array", "[tensor]") {
    const Visited visited = visit(16);
    CHECK(visited.elements == std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
    CHECK(visited.parts == 1);
}

TEST_CASE("rows with a gap behind each are walked in the order of memory", "[tensor]") {
    const Visited visited = visit(20);
    CHECK(visited.elements == std::vector<float>{0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13});
}
