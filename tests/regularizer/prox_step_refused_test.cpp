// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// Steps of proximal gradient descent that are refused: the status, and that nothing is written.
#include "catch.hpp"
#include "training.hpp"

using namespace training;

namespace {

template <class T>
using Arithmetic = typename Format<T>::Arithmetic;

/// The status of a call for three elements, or as many as there are steps. Without steps, NULL.
template <class T>
l1l2_status status_of(Coefficients c, double step, const std::vector<Arithmetic<T>>& steps = {}) {
    const std::size_t n = steps.empty() ? 3 : steps.size();
    const std::vector<T> x = ordinary_elements<T>(n, 1);
    const std::vector<T> gradient = ordinary_elements<T>(n, 2);
    std::vector<T> out = ordinary_elements<T>(n, 3);
    const std::vector<T> before = out;
    const l1l2_status status =
        l1l2_prox_step(Handle(c).get(), Format<T>::dtype, x.data(), n, gradient.data(), step,
                       steps.empty() ? nullptr : steps.data(), out.data());
    if (status != L1L2_OK) {
        CHECK(difference(out, before) == "");
    }
    return status;
}

} // namespace

TEST_CASE("l1l2_prox_step reports what is wrong and writes nothing", "[prox_step]") {
    const Handle handle;
    const double x[] = {1.0, -2.0};
    const double gradient[] = {3.0, 4.0};
    const double steps[] = {1.0, 1.0};
    double out[] = {10.0, 20.0};
    const auto status = [&](l1l2_dtype dtype, const void* data, std::size_t n, const void* factors,
                            void* output) {
        return l1l2_prox_step(handle.get(), dtype, data, n, gradient, 1.0, factors, output);
    };
    for (const l1l2_dtype dtype : {0, -1, 5, INT32_MAX, INT32_MIN}) {
        CHECK(status(dtype, nullptr, 2, steps, nullptr) == L1L2_ERROR_UNSUPPORTED_DTYPE);
        CHECK(status(dtype, x, 0, nullptr, out) == L1L2_ERROR_UNSUPPORTED_DTYPE);
    }
    for (const l1l2_dtype dtype : {L1L2_FLOAT16, L1L2_BFLOAT16, L1L2_FLOAT32, L1L2_FLOAT64}) {
        const std::size_t size = dtype == L1L2_FLOAT64 ? 8 : dtype == L1L2_FLOAT32 ? 4 : 2;
        const std::size_t step_size = dtype == L1L2_FLOAT64 ? 8 : 4;
        CHECK(status(dtype, nullptr, 1, steps, out) == L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(status(dtype, x, 1, steps, nullptr) == L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(status(dtype, x, PTRDIFF_MAX / size + 1, nullptr, out) ==
              L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(status(dtype, x, PTRDIFF_MAX / step_size + 1, steps, out) ==
              L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(status(dtype, x, SIZE_MAX, steps, out) == L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(l1l2_prox_step(nullptr, dtype, x, 1, gradient, 1.0, steps, out) ==
              L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(l1l2_prox_step(nullptr, dtype, nullptr, 0, nullptr, 1.0, nullptr, nullptr) ==
              L1L2_ERROR_INVALID_ARGUMENT);
        CHECK(l1l2_prox_step(handle.get(), dtype, nullptr, 0, nullptr, 1.0, nullptr, nullptr) ==
              L1L2_OK);
        CHECK(l1l2_prox_step(handle.get(), dtype, nullptr, 0, nullptr, -1.0, nullptr, nullptr) ==
              L1L2_ERROR_INVALID_STEP);
    }
    CHECK(out[0] == 10.0);
    CHECK(out[1] == 20.0);
}

TEMPLATE_TEST_CASE("out may be x or the gradient, but must not overlap an array otherwise",
                   "[prox_step]", Float16, Bfloat16, float, double) {
    using A = Arithmetic<TestType>;
    const std::size_t n = 9;
    const std::size_t bytes = n * sizeof(TestType);
    const Handle handle(both);
    const std::vector<TestType> elements = ordinary_elements<TestType>(n, 1);
    const std::vector<A> ones(n, 1);
    enum class Near { x, gradient, steps };
    for (const Near near : {Near::x, Near::gradient, Near::steps}) {
        const std::size_t read_bytes = near == Near::steps ? n * sizeof(A) : bytes;
        std::vector<unsigned char> memory(bytes + read_bytes + bytes);
        unsigned char* const read = memory.data() + bytes;
        for (std::size_t at = 0; at <= bytes + read_bytes; ++at) {
            std::memcpy(
                read, near == Near::steps ? static_cast<const void*>(ones.data()) : elements.data(),
                read_bytes);
            const std::vector<unsigned char> before = memory;
            const l1l2_status status = l1l2_prox_step(
                handle.get(), Format<TestType>::dtype,
                near == Near::x ? read : static_cast<const void*>(elements.data()), n,
                near == Near::gradient ? read : static_cast<const void*>(elements.data()), 1.0,
                near == Near::steps ? read : static_cast<const void*>(ones.data()),
                memory.data() + at);
            INFO("case " << static_cast<int>(near) << ", out at " << at);
            const bool in_place = at == bytes && near != Near::steps;
            if (at == 0 || at == bytes + read_bytes || in_place) {
                CHECK(status == L1L2_OK);
            } else {
                CHECK(status == L1L2_ERROR_OVERLAP);
                CHECK(memory == before);
            }
        }
    }
}

TEMPLATE_TEST_CASE("arrays that a proximal step only reads may overlap", "[prox_step]", float,
                   double) {
    const std::vector<TestType> x = {1, 2, 3, 4};
    std::vector<TestType> out(x.size());
    CHECK(l1l2_prox_step(Handle(both).get(), Format<TestType>::dtype, x.data(), x.size(), x.data(),
                         0.5, x.data(), out.data()) == L1L2_OK);
    CHECK(difference(out, specified_prox_step(both, x, x, 0.5, x)) == "");
}

TEMPLATE_TEST_CASE("a proximal step that is negative or not finite is refused", "[prox_step]",
                   Float16, Bfloat16, float, double) {
    for (const Coefficients c : {l1_only, l2_only, both, neither}) {
        for (const double step : {-1.0, -5e-324, -infinity, infinity, not_a_number}) {
            CHECK(status_of<TestType>(c, step) == L1L2_ERROR_INVALID_STEP);
            CHECK(status_of<TestType>(c, step, {0}) == L1L2_ERROR_INVALID_STEP);
        }
        CHECK(status_of<TestType>(c, 5e-324) == L1L2_OK);
        CHECK(status_of<TestType>(c, -0.0) == L1L2_OK);
    }
}

TEMPLATE_TEST_CASE("steps of which one is negative, a NaN or infinite are refused", "[prox_step]",
                   Float16, Bfloat16, float, double) {
    using A = Arithmetic<TestType>;
    const A smallest = std::numeric_limits<A>::denorm_min();
    const A infinite = std::numeric_limits<A>::infinity();
    const A nan = std::numeric_limits<A>::quiet_NaN();
    for (const A wrong : {-smallest, A(-1), infinite, -infinite, nan, -nan}) {
        for (std::size_t n = 1; n < 150; n += n < 40 ? 1 : 13) {
            for (std::size_t at = 0; at < n; ++at) {
                std::vector<A> steps(n, A(0.5));
                steps[at] = wrong;
                for (const Coefficients c : {both, neither}) {
                    if (status_of<TestType>(c, at % 2 == 0 ? 1.0 : 0.0, steps) !=
                        L1L2_ERROR_INVALID_STEP) {
                        FAIL(wrong << " at " << at << " of " << n);
                    }
                }
            }
        }
    }
    CHECK(status_of<TestType>(both, 1.0, {A(0), A(-0.0), smallest}) == L1L2_OK);
    CHECK(status_of<TestType>(both, 1.0, {A(-0.0)}) == L1L2_OK);
}

TEMPLATE_TEST_CASE("a proximal step is refused if it or a product is infinite in the arithmetic "
                   "type",
                   "[prox_step]", Float16, Bfloat16, float, double) {
    using A = Arithmetic<TestType>;
    const A most = std::numeric_limits<A>::max();
    const double half = static_cast<double>(most) / 2;
    const double twice = static_cast<double>(most) * 2; // infinite in double
    const auto refused = [](Coefficients c, double step, const std::vector<A>& steps) {
        const l1l2_status status = status_of<TestType>(c, step, steps);
        CHECK((status == L1L2_OK || status == L1L2_ERROR_INVALID_STEP));
        return status == L1L2_ERROR_INVALID_STEP;
    };
    // The step, its product with l1, with 2 l2; without steps.
    CHECK_FALSE(refused(neither, static_cast<double>(most), {}));
    CHECK(refused(neither, twice, {}));
    CHECK_FALSE(refused({1.0, 0.5}, half, {}));
    CHECK(refused({2.5, 0.0}, half, {}));
    CHECK(refused({0.0, 1.25}, half, {}));
    // Each of them with the greatest of steps, wherever that is.
    for (std::size_t n = 1; n < 150; n += 7) {
        for (std::size_t at = 0; at < n; at += 3) {
            std::vector<A> steps(n, A(0.5));
            steps[at] = A(4);
            CHECK_FALSE(refused({1.0, 0.5}, half / 2, steps));
            CHECK(refused(neither, half, steps));
            CHECK(refused({1.0, 0.0}, half / 2 * (1 + 1e-6), steps));
            CHECK(refused({4.0, 0.0}, half / 4, steps));
            CHECK(refused({0.0, 2.0}, half / 4, steps));
        }
    }
    // Also what would not be infinite after the product.
    CHECK(refused({2.5, 0.0}, half, {A(0)}));
    CHECK_FALSE(refused({largest, largest}, 0.0, {most}));
    CHECK_FALSE(refused({1.0, 0.5}, 1.0, {most}));
}

TEMPLATE_TEST_CASE("an overlap is reported before an invalid step", "[prox_step]", Float16,
                   Bfloat16, float, double) {
    std::vector<TestType> x = ordinary_elements<TestType>(4, 1);
    CHECK(l1l2_prox_step(Handle(both).get(), Format<TestType>::dtype, x.data(), 3, nullptr, -1.0,
                         nullptr, x.data() + 1) == L1L2_ERROR_OVERLAP);
}

TEST_CASE("which steps of elements are refused does not depend on the floating-point environment",
          "[prox_step]") {
    // Rounded upwards, the step is above 1 in float32, and the product infinite. The second factor
    // is subnormal.
    const Handle handle({1.0, 0.0});
    const float x = 1.0F;
    const float factors[] = {std::numeric_limits<float>::max(), -1e-45F};
    float out = 0.0F;
    std::vector<l1l2_status> statuses;
    CHECK(in_hostile_environments([&] {
        for (const float& factor : factors) {
            statuses.push_back(l1l2_prox_step(handle.get(), L1L2_FLOAT32, &x, 1, nullptr,
                                              1.0 + 0x1p-30, &factor, &out));
        }
    }));
    for (std::size_t i = 0; i < statuses.size(); i += 2) {
        CHECK(statuses[i] == L1L2_OK);
        CHECK(statuses[i + 1] == L1L2_ERROR_INVALID_STEP);
    }
}
