/// Tensors as DLPack's own header describes them: the order of their elements, and the bytes beside
/// them.
#include "catch.hpp"
#include "l1l2.hpp"
#include "tensor.hpp"
#include "views.hpp"

#include <array>
#include <cstddef>
#include <new>
#include <utility>

using namespace training;
using namespace tensor_tests;

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

TEMPLATE_TEST_CASE("a tensor that is compact in any order of its axes, flipped or not, has the "
                   "bits of its memory",
                   "[dlpack][bits]", Float16, Bfloat16, float, double) {
    const Handle handle(both);
    std::vector<TestType> memory = ordinary_elements<TestType>(11 * 23 * 40, 1);
    const double expected = penalty_of(handle.get(), memory);
    std::array<std::size_t, 3> order = {0, 1, 2};
    do {
        // The axes of a row-major array of 11 x 23 x 40, permuted.
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
            // Including the bytes between the elements.
            CHECK((gradient.memory() == expected.memory()));
            CHECK((x.memory() == x_before));
        }
    }
}

TEMPLATE_TEST_CASE(
    "the penalty computed with the gradient of a tensor is that of l1l2_penalty_dlpack",
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

TEMPLATE_TEST_CASE("with both coefficients 0 the gradient of a tensor is unchanged",
                   "[dlpack][bits]", Float16, Bfloat16, float, double) {
    const Handle handle(neither);
    for (const Layout& layout : all_layouts()) {
        INFO(layout.name);
        Stored<TestType> x(layout.shape, layout.strides, rough_elements<TestType>, 1);
        // With NaNs of all kinds, which adding 0 would change.
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
            CHECK(exact_sums_of(x.get()) == exact::truth_of(elements).accumulator());
            const auto kept = std::count(written_pages.begin(), written_pages.end(), 0x3d);
            CHECK(kept >=
                  static_cast<std::ptrdiff_t>(written_pages.size() - indices.size() * size));
        }
    }
    SUCCEED("all layouts"); // a byte too far would have crashed
}

TEST_CASE("an element may begin at any byte", "[dlpack][bits]") {
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
    for (const Axes& shape :
         {Axes{0}, Axes{3, 0}, Axes{0, 3}, Axes{2, 0, 0}, Axes{PTRDIFF_MAX, 0}}) {
        for (void* const data : {static_cast<void*>(nullptr), static_cast<void*>(&memory)}) {
            const Tensor x(dl_dtype<float>(), shape, {}, data);
            double penalty = untouched;
            CHECK(l1l2_penalty_dlpack(handle.get(), x.get(), &penalty) == L1L2_OK);
            CHECK(to_bits(penalty) == to_bits(0.0));
            CHECK(exact_sums_of(x.get()) == exact::Accumulator());
            penalty = untouched;
            // An empty tensor overlaps nothing, not even itself.
            CHECK(l1l2_add_gradient_dlpack(handle.get(), x.get(), 1.0, x.get(), &penalty) ==
                  L1L2_OK);
            CHECK(to_bits(penalty) == to_bits(0.0));
            CHECK(l1l2_prox_dlpack(handle.get(), x.get(), 1.0, x.get()) == L1L2_OK);
        }
    }
    CHECK(memory == 5.0F);
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
                    exact::Accumulator sums;
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

TEST_CASE("which scales and steps are refused for tensors does not depend on the floating-point "
          "environment",
          "[dlpack]") {
    // Rounded upwards, the first would be infinite in float32; rounded towards zero, the second
    // would not. With denormals as zeros the third would be a valid step. Comparing the last one
    // traps.
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

TEST_CASE("the C++ wrapper takes tensors", "[dlpack][cpp]") {
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
    gradient_memory[1] = 6.0F;
    regularizer.prox_step_dlpack(x.get(), gradient.get(), 0.5, nullptr, x.get());
    CHECK(memory[2] == -0.5625F);
    regularizer.prox_step_dlpack(x.get(), nullptr, 0.5, gradient.get(), x.get());
    CHECK(memory[2] == 0.0F);

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
    CHECK(status_of([&] {
              regularizer.prox_step_dlpack(x.get(), other.get(), 1.0, nullptr, x.get());
          }) == L1L2_ERROR_INVALID_TENSOR);
}
