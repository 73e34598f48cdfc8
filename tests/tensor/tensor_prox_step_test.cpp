// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// Steps of proximal gradient descent of tensors: up to four at once, each with strides of its own.
#include "catch.hpp"
#include "l1l2.hpp"
#include "views.hpp"

#include <array>
#include <cstddef>

using namespace training;
using namespace tensor_tests;

namespace {

template <class T>
using Arithmetic = typename Format<T>::Arithmetic;

template <class A>
std::vector<A> factors(std::size_t n, unsigned seed) {
    return some_steps<A>(n, seed);
}

/// Four tensors of 2 x 3, which a test changes: float32, or float16 with steps of float32.
class Four {
  public:
    explicit Four(bool narrow = false) : narrow_(narrow) {
        for (auto& part : memory) {
            part.fill(1.0F);
        }
    }

    l1l2_status call() {
        return l1l2_prox_step_dlpack(handle.get(), x.get(), gradient.get(), 0.5, steps.get(),
                                     out.get());
    }

    /// Whether the call is refused with a status and writes nothing.
    bool is_refused(l1l2_status status) {
        const auto before = memory;
        return call() == status && memory == before;
    }

    const Handle handle{both};
    std::array<std::array<float, 64>, 4> memory = {};
    bool narrow_;
    Tensor x{dtype(), {2, 3}, {3, 1}, memory[0].data() + 16};
    Tensor gradient{dtype(), {2, 3}, {3, 1}, memory[1].data() + 16};
    Tensor steps{dl_dtype<float>(), {2, 3}, {3, 1}, memory[2].data() + 16};
    Tensor out{dtype(), {2, 3}, {3, 1}, memory[3].data() + 16};

  private:
    DLDataType dtype() const { return narrow_ ? dl_dtype<Float16>() : dl_dtype<float>(); }
};

} // namespace

TEMPLATE_TEST_CASE("the proximal step of tensors is that of their elements, whatever the strides",
                   "[dlpack][bits]", Float16, Bfloat16, float, double) {
    using A = Arithmetic<TestType>;
    const Handle handle(both);
    const double step = 0.75;
    for (const Layout& layout : all_layouts()) {
        const std::vector<Axes> indices = layout.indices();
        const std::vector<Axes> nested = {
            {}, column_major(layout.shape), flipped(layout.shape), padded(layout.shape)};
        for (std::size_t i = 0; i < 2 * nested.size(); ++i) {
            INFO(layout.name << ", number " << i);
            const bool odd = i % 2 == 0;
            const Axes& strides_of_gradient = i % 3 == 0 ? layout.strides : nested[(i + 1) % 4];
            const Axes& strides_of_steps = i % 3 == 1 ? layout.strides : nested[(i + 2) % 4];
            const Axes& strides_of_out = nested[i % 4];
            Stored<TestType> x(layout.shape, layout.strides, rough_elements<TestType>, 1, !odd);
            Stored<TestType> gradient(layout.shape, strides_of_gradient, rough_elements<TestType>,
                                      2, odd);
            Stored<A> steps(layout.shape, strides_of_steps, factors<A>, 3, !odd);
            for (const bool with_gradient : {false, true}) {
                for (const bool with_steps : {false, true}) {
                    Stored<TestType> out(layout.shape, strides_of_out, ordinary<TestType>, 4, odd);
                    Stored<TestType> expected(layout.shape, strides_of_out, ordinary<TestType>, 4,
                                              odd);
                    expected.scatter(
                        indices,
                        specified_prox_step(
                            both, x.gather(indices),
                            with_gradient ? gradient.gather(indices) : std::vector<TestType>(),
                            step, with_steps ? steps.gather(indices) : std::vector<A>()));
                    const std::vector<unsigned char> before[] = {x.memory(), gradient.memory(),
                                                                 steps.memory()};
                    CHECK(l1l2_prox_step_dlpack(
                              handle.get(), x.get(), with_gradient ? gradient.get() : nullptr, step,
                              with_steps ? steps.get() : nullptr, out.get()) == L1L2_OK);
                    CHECK((out.memory() == expected.memory())); // and the bytes between
                    CHECK((x.memory() == before[0]));
                    CHECK((gradient.memory() == before[1]));
                    CHECK((steps.memory() == before[2]));
                }
            }
        }
    }
}

TEMPLATE_TEST_CASE("a proximal step may be written over its tensor or its gradient",
                   "[dlpack][bits]", Float16, Bfloat16, float, double) {
    const Handle handle(both);
    for (const Layout& layout : nested_layouts()) {
        const std::vector<Axes> indices = layout.indices();
        for (const bool over_gradient : {false, true}) {
            INFO(layout.name << (over_gradient ? ", over the gradient" : ""));
            Stored<TestType> x(layout.shape, layout.strides, rough_elements<TestType>, 1);
            Stored<TestType> gradient(layout.shape, layout.strides, rough_elements<TestType>, 2);
            const std::vector<TestType> expected =
                specified_prox_step(both, x.gather(indices), gradient.gather(indices), 0.5,
                                    std::vector<Arithmetic<TestType>>());
            Stored<TestType>& out = over_gradient ? gradient : x;
            CHECK(l1l2_prox_step_dlpack(handle.get(), x.get(), gradient.get(), 0.5, nullptr,
                                        out.get()) == L1L2_OK);
            CHECK(difference(out.gather(indices), expected) == "");
        }
    }
}

TEST_CASE("one step for a row, repeated by a stride of 0", "[dlpack]") {
    const Handle handle({1.0, 0.0});
    float x[] = {1, 2, 3, 4, 5, 6};
    const float steps[] = {0, 2};
    const Tensor x_tensor(dl_dtype<float>(), {2, 3}, {}, x);
    const Tensor steps_tensor(dl_dtype<float>(), {2, 3}, {1, 0}, const_cast<float*>(steps));
    CHECK(l1l2_prox_step_dlpack(handle.get(), x_tensor.get(), nullptr, 1.0, steps_tensor.get(),
                                x_tensor.get()) == L1L2_OK);
    CHECK(std::vector<float>(x, x + 6) == std::vector<float>{1, 2, 3, 2, 3, 4});
}

TEST_CASE("of the tensors of a proximal step the first faulty one is reported", "[dlpack]") {
    struct Fault {
        l1l2_status status;
        void (*make)(Tensor&);
    };
    const Fault faults[] = {
        {L1L2_ERROR_UNSUPPORTED_DEVICE,
         [](Tensor& tensor) { tensor.dl.device.device_type = kDLCUDA; }},
        {L1L2_ERROR_UNSUPPORTED_DTYPE, [](Tensor& tensor) { tensor.dl.dtype.bits = 8; }},
        {L1L2_ERROR_INVALID_TENSOR, [](Tensor& tensor) { tensor.dl.ndim = -1; }},
    };
    for (const bool narrow : {false, true}) {
        Four valid(narrow);
        CHECK(valid.call() == L1L2_OK);
        for (const Fault& first : faults) {
            for (const Fault& second : faults) {
                for (std::size_t i = 0; i < 4; ++i) {
                    for (std::size_t j = i + 1; j < 4; ++j) {
                        Four four(narrow);
                        Tensor* const tensors[] = {&four.x, &four.gradient, &four.steps, &four.out};
                        first.make(*tensors[i]);
                        second.make(*tensors[j]);
                        INFO("tensors " << i << " and " << j);
                        CHECK(four.is_refused(first.status));
                    }
                }
            }
        }
    }
}

TEST_CASE("gradient, steps and out have the shape of x, and steps the arithmetic type",
          "[dlpack]") {
    for (const bool narrow : {false, true}) {
        for (std::size_t i = 1; i < 4; ++i) {
            Four shapes(narrow);
            Tensor* const of_shapes[] = {&shapes.x, &shapes.gradient, &shapes.steps, &shapes.out};
            std::int64_t other[] = {3, 2};
            of_shapes[i]->dl.shape = other;
            CHECK(shapes.is_refused(L1L2_ERROR_INVALID_TENSOR));
            for (const DLDataType& dtype : {dl_dtype<Float16>(), dl_dtype<Bfloat16>(),
                                            dl_dtype<float>(), dl_dtype<double>()}) {
                Four four(narrow);
                Tensor* const tensors[] = {&four.x, &four.gradient, &four.steps, &four.out};
                const DLDataType right = tensors[i]->dl.dtype;
                tensors[i]->dl.dtype = dtype;
                if (dtype.bits != right.bits || dtype.code != right.code) {
                    CHECK(four.is_refused(L1L2_ERROR_INVALID_TENSOR));
                }
            }
        }
    }
    Four doubles;
    for (Tensor* const tensor : {&doubles.x, &doubles.gradient, &doubles.out}) {
        tensor->dl.dtype = dl_dtype<double>();
    }
    CHECK(doubles.is_refused(L1L2_ERROR_INVALID_TENSOR));
    doubles.steps.dl.dtype = dl_dtype<double>();
    CHECK(doubles.call() == L1L2_OK);
}

TEST_CASE("the outcome of a proximal step must not overlap what is read otherwise, nor itself",
          "[dlpack]") {
    for (std::size_t i = 0; i < 3; ++i) {
        Four four;
        Tensor* const tensors[] = {&four.x, &four.gradient, &four.steps};
        INFO("out over tensor " << i);
        four.out.dl.data = tensors[i]->dl.data;
        if (i < 2) { // in place
            CHECK(four.call() == L1L2_OK);
        } else {
            CHECK(four.is_refused(L1L2_ERROR_OVERLAP));
        }
        four.out.dl.byte_offset = 8;
        CHECK(four.is_refused(L1L2_ERROR_OVERLAP));
        four.out.dl.byte_offset = 24;
        CHECK(four.call() == L1L2_OK);
    }
    Four itself;
    std::int64_t strides[] = {0, 1};
    itself.out.dl.strides = strides;
    CHECK(itself.is_refused(L1L2_ERROR_OVERLAP));
    // The same elements in another order.
    Four turned;
    std::int64_t square[] = {2, 2};
    std::int64_t transposed[] = {1, 2};
    for (Tensor* const tensor : {&turned.x, &turned.gradient, &turned.steps, &turned.out}) {
        tensor->dl.shape = square;
        tensor->dl.strides = nullptr;
    }
    turned.out.dl.data = turned.gradient.dl.data;
    CHECK(turned.call() == L1L2_OK);
    turned.out.dl.strides = transposed;
    CHECK(turned.is_refused(L1L2_ERROR_OVERLAP));
}

TEST_CASE("narrow elements may stand between the steps of a proximal step", "[dlpack]") {
    // A float32 and a float16 of six bytes each; the others are elsewhere.
    const Handle handle(both);
    std::array<unsigned char, 8 * 4> memory = {};
    std::array<Float16, 4> x = {};
    const Tensor x_tensor(dl_dtype<Float16>(), {4}, {1}, x.data());
    const Tensor steps(dl_dtype<float>(), {4}, {2}, memory.data());
    for (int at = 0; at <= 8; ++at) {
        const Tensor out(dl_dtype<Float16>(), {4}, {4}, memory.data(),
                         static_cast<std::uint64_t>(at));
        INFO("out begins at " << at);
        CHECK(l1l2_prox_step_dlpack(handle.get(), x_tensor.get(), nullptr, 1.0, steps.get(),
                                    out.get()) ==
              (at >= 4 && at <= 6 ? L1L2_OK : L1L2_ERROR_OVERLAP));
    }
}

TEST_CASE("steps of a tensor that are no steps are refused wherever they are", "[dlpack]") {
    for (const Layout& layout :
         {Layout{"compact", {100, 60}, {}}, Layout{"padded rows", {100, 60}, {64, 1}},
          Layout{"a column", {6000}, {3}}}) {
        const Handle handle({1.0, 0.0});
        Stored<float> x(layout.shape, {}, ordinary<float>, 1);
        Stored<float> steps(layout.shape, layout.strides, factors<float>, 2);
        Stored<float> out(layout.shape, {}, ordinary<float>, 3);
        const std::vector<unsigned char> before = out.memory();
        const std::vector<Axes> indices = layout.indices();
        const std::vector<float> valid = steps.gather(indices);
        const auto status = [&](double step) {
            return l1l2_prox_step_dlpack(handle.get(), x.get(), nullptr, step, steps.get(),
                                         out.get());
        };
        for (const std::size_t at : {0U, 1U, 2999U, 5999U}) {
            for (const float wrong : {-1.0F, static_cast<float>(not_a_number), 1e38F}) {
                INFO(layout.name << ", " << wrong << " at " << at);
                std::vector<float> values = valid;
                values[at] = wrong;
                steps.scatter(indices, values);
                CHECK(status(10.0) == L1L2_ERROR_INVALID_STEP);
                CHECK((out.memory() == before));
            }
        }
        steps.scatter(indices, valid);
        CHECK(status(-1.0) == L1L2_ERROR_INVALID_STEP);
        CHECK((out.memory() == before));
        CHECK(status(10.0) == L1L2_OK);
    }
}

TEST_CASE("a tensor of a proximal step that is NULL is missing or an invalid argument",
          "[dlpack]") {
    Four four;
    const auto call = [&](const l1l2_regularizer* regularizer, const void* x, const void* out) {
        return l1l2_prox_step_dlpack(regularizer, x, nullptr, 0.5, nullptr, out);
    };
    const auto before = four.memory;
    CHECK(call(nullptr, four.x.get(), four.out.get()) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(call(four.handle.get(), nullptr, four.out.get()) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(call(four.handle.get(), four.x.get(), nullptr) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(four.memory == before);
    CHECK(call(four.handle.get(), four.x.get(), four.out.get()) == L1L2_OK);
}

TEST_CASE("tensors without elements take a proximal step without data", "[dlpack]") {
    Four four;
    std::int64_t none[] = {2, 0};
    for (Tensor* const tensor : {&four.x, &four.gradient, &four.steps, &four.out}) {
        tensor->dl.shape = none;
        tensor->dl.data = nullptr;
    }
    CHECK(four.call() == L1L2_OK);
}
