/// Exact sums of tensors.
#include "catch.hpp"
#include "views.hpp"

using exact::operator*;
using namespace training;
using namespace tensor_tests;

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
                // Added to existing sums.
                exact::Accumulator sums = exact::sums_of(others);
                CHECK(l1l2_exact_sums_add_dlpack(sums.data(), x.get()) == L1L2_OK);
                elements.insert(elements.end(), others.begin(), others.end());
                CHECK(exact::difference(sums, exact::truth_of(elements).accumulator()) == "");
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
    CHECK(exact::difference(exact_sums_of(x.get()), truth.accumulator()) == "");
    CHECK(exact::read(exact_sums_of(x.get())).count == 14000);
}

TEST_CASE("errors of a tensor are reported before those of the accumulator",
          "[dlpack][exact_sums]") {
    float memory[] = {1.0F, 2.0F};
    const Tensor sound(dl_dtype<float>(), {2}, {}, memory);
    const Tensor empty(dl_dtype<float>(), {0}, {}, memory);
    Tensor x(dl_dtype<float>(), {-1}, {}, memory);
    const exact::Accumulator one = exact::sums_of<float>({1.0F});
    exact::Accumulator unknown = one;
    unknown[0] += 1;
    exact::Accumulator damaged = one;
    damaged[1] += 1;
    exact::Accumulator too_many = one;
    exact::Accumulator nearly_too_many = one; // 2^63 - 2 elements
    for (int i = 1; i < 63; ++i) {
        REQUIRE(l1l2_exact_sums_merge(too_many.data(), too_many.data()) == L1L2_OK);
        if (i < 62) {
            REQUIRE(l1l2_exact_sums_merge(nearly_too_many.data(), too_many.data()) == L1L2_OK);
        }
    }
    nearly_too_many = exact::canonical(2 * nearly_too_many);
    CHECK(exact::read(nearly_too_many).count == INT64_MAX - 1);
    too_many = 2 * too_many;
    const auto status = [](exact::Accumulator& sums, const Tensor& tensor) {
        const exact::Accumulator before = sums;
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
