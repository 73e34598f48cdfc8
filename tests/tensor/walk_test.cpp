/// The order of a walk, in the example that walk.hpp explains.
#include "catch.hpp"
#include "strided.hpp"
#include "walk.hpp"

#include <cstddef>
#include <functional>
#include <numeric>
#include <vector>

using l1l2::core::Dtype;
using l1l2::core::Walk;
using tensor_tests::Axis;
using tensor_tests::strided;

namespace {

/// The elements of some memory in the order of a walk, in how many parts they come, and how many of
/// these are the memory itself, where nothing was gathered.
struct Visited {
    const std::vector<float>& memory;
    std::vector<float> elements = {};
    int parts = 0;
    int in_place = 0;

    static void add(void* state, const void* elements, std::size_t n) {
        Visited& visited = *static_cast<Visited*>(state);
        const auto* const first = static_cast<const float*>(elements);
        const float* const begin = visited.memory.data();
        const std::less<const float*> before;
        visited.elements.insert(visited.elements.end(), first, first + n);
        ++visited.parts;
        const bool is_memory =
            !before(first, begin) && before(first, begin + visited.memory.size());
        visited.in_place += is_memory ? 1 : 0;
    }
};

/// A walk of float32 that begins at memory[first].
Visited visit(std::vector<float>& memory, const std::vector<Axis>& axes, std::size_t first = 0) {
    Visited visited = {memory};
    Walk(strided(axes, reinterpret_cast<char*>(&memory[first]), Dtype::float32))
        .visit(&visited, Visited::add);
    return visited;
}

std::vector<float> numbers(std::size_t n) {
    std::vector<float> memory(n);
    std::iota(memory.begin(), memory.end(), 0.0F);
    return memory;
}

} // namespace

TEST_CASE("axes that continue each other are walked as one array", "[tensor]") {
    std::vector<float> memory = numbers(12);
    const Visited visited = visit(memory, {{2, 8}, {1, 0}, {3, -16}, {2, 4}}, 8);
    CHECK(visited.elements == memory);
    CHECK(visited.parts == 1);
    CHECK(visited.in_place == 1);
}

TEST_CASE("rows with a gap behind each are walked in the order of memory", "[tensor]") {
    std::vector<float> memory = numbers(14);
    const Visited visited = visit(memory, {{2, 8}, {1, 0}, {3, -20}, {2, 4}}, 10);
    CHECK(visited.elements == std::vector<float>{0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13});
    CHECK(visited.in_place == 0);
}

TEST_CASE("one array comes at once, all else 16 KiB at a time", "[tensor]") {
    std::vector<float> memory(3 * 2732);
    CHECK(visit(memory, {{3, 2731 * 4}, {1, 0}, {2731, 4}}).parts == 1);
    const Visited rows = visit(memory, {{3, 2732 * 4}, {1, 0}, {2731, 4}});
    CHECK(rows.elements.size() == 2 * 4096 + 1);
    CHECK(rows.parts == 3);
}

TEST_CASE("what is contiguous is not gathered", "[tensor]") {
    std::vector<float> memory(2 * 4097);
    CHECK(visit(memory, {}).in_place == 1);
    CHECK(visit(memory, {{1, 0}}).in_place == 1);
    CHECK(visit(memory, {{2, 4097 * 4}, {4096, 4}}).in_place == 2);
}
