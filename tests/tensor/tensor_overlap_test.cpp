/// Two tensors in the same memory: which may be written, and the results.
#include "catch.hpp"
#include "pair.hpp"

#include <array>
#include <cstddef>

using namespace training;
using namespace tensor_tests;

namespace {

/// The statuses of the two functions that write, for a tensor and one of the same shape that begins
/// `distance` bytes later in the same memory. If they accept both, the results must be right.
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

TEST_CASE("a prox may be written to another description of the same memory", "[dlpack]") {
    const Handle handle(both);
    std::vector<float> memory = ordinary_elements<float>(12, 1);
    const std::vector<float> expected = specified_prox(both, memory, 2.0);
    const Tensor x(dl_dtype<float>(), {3, 1, 4}, {}, memory.data());
    const Tensor out(dl_dtype<float>(), {3, 1, 4}, {4, 4, 1}, memory.data());
    CHECK(l1l2_prox_dlpack(handle.get(), x.get(), 2.0, out.get()) == L1L2_OK);
    CHECK(difference(memory, expected) == "");
    // The last two rows, once with an address of their own and once with an offset.
    const Tensor rows(dl_dtype<float>(), {2, 4}, {}, memory.data() + 4);
    const Tensor offset_rows(dl_dtype<float>(), {2, 4}, {}, memory.data(), 16);
    CHECK(l1l2_prox_dlpack(handle.get(), rows.get(), 0.0, offset_rows.get()) == L1L2_OK);
    CHECK(difference(memory, expected) == "");
}

TEST_CASE("a tensor that is written must not overlap itself", "[dlpack]") {
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
        // No element overlaps, but they are not nested: 0 2 4 and 3 5 7.
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
    // With gaps, at a distance that is no multiple of an element.
    CHECK(statuses_in_one_memory<float>({20}, {3}, {3}, 5) == accepted);
    CHECK(statuses_in_one_memory<float>({20}, {3}, {3}, 7) == accepted);
}

TEST_CASE("a tensor that is written must not overlap x", "[dlpack]") {
    for (const int distance : {-8, -4, -3, -1, 1, 3, 5, 7, 8, 16, 76}) {
        CHECK(statuses_in_one_memory<float>({20}, {1}, {1}, distance) == overlapping);
    }
    for (const int distance : {-8, -5, -1, 1, 3, 5, 8, 16, 152}) {
        CHECK(statuses_in_one_memory<float>({20}, {2}, {2}, distance) == overlapping);
    }
    CHECK(statuses_in_one_memory<float>({20}, {3}, {3}, 9) == overlapping);
    CHECK(statuses_in_one_memory<float>({20}, {3}, {3}, 3) == overlapping);
    // The same elements, or some of them, in another order.
    CHECK(statuses_in_one_memory<float>({4, 4}, {4, 1}, {1, 4}, 0) == overlapping);
    CHECK(statuses_in_one_memory<float>({20}, {1}, {-1}, 19 * 4) == overlapping);
    CHECK(statuses_in_one_memory<float>({5, 4}, {8, 2}, {2, 11}, 4) == overlapping);
    CHECK(statuses_in_one_memory<float>({20}, {2}, {1}, 4) == overlapping);
    // Alternating rows do not overlap either, but no divisor of the strides shows it.
    CHECK(statuses_in_one_memory<float>({5, 4}, {8, 1}, {8, 1}, 16) == overlapping);
    // Separate ranges may touch.
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

TEST_CASE("a prox may be written over its tensor, a gradient may not", "[dlpack]") {
    const std::array<l1l2_status, 2> prox_alone = {L1L2_ERROR_OVERLAP, L1L2_OK};
    CHECK(statuses_in_one_memory<float>({20}, {1}, {1}, 0) == prox_alone);
    CHECK(statuses_in_one_memory<float>({20}, {2}, {2}, 0) == prox_alone);
    CHECK(statuses_in_one_memory<Float16>({4, 5}, {1, 5}, {1, 5}, 0) == prox_alone);
}

TEST_CASE("a repeated parameter next to its gradient is refused if they overlap", "[dlpack]") {
    CHECK(statuses_in_one_memory<float>({20}, {0}, {1}, 4) == accepted);
    CHECK(statuses_in_one_memory<float>({20}, {0}, {1}, 0) == overlapping);
    CHECK(statuses_in_one_memory<float>({20}, {0}, {1}, -40) == overlapping);
    CHECK(statuses_in_one_memory<float>({20}, {0}, {2}, -36) == accepted);
}
