/// Calls each function that takes a length with half of one and with all of it, so that
/// linear_cost.sh can count the instructions of each call. Prints the names.
#include "l1l2.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

namespace {

void expect(l1l2_status status) {
    if (status != L1L2_OK) {
        std::fputs(l1l2_status_string(status), stderr);
        std::exit(1);
    }
}

/// As dlpack.h has it.
struct DLTensor {
    void* data;
    std::int32_t device_type, device_id, ndim;
    std::uint8_t dtype_code, dtype_bits;
    std::uint16_t dtype_lanes;
    std::int64_t* shape;
    std::int64_t* strides;
    std::uint64_t byte_offset;
};

} // namespace

/// What is counted.
extern "C" [[gnu::noinline]] void counted_call(const std::function<l1l2_status(std::size_t)>& call,
                                               std::size_t length) {
    expect(call(length));
}

namespace {

void measure(const char* name, std::size_t length,
             const std::function<l1l2_status(std::size_t)>& call) {
    std::printf("%s\n", name);
    counted_call(call, length / 2);
    counted_call(call, length);
}

} // namespace

int main() {
    constexpr std::size_t n = 200000;
    std::vector<float> x(2 * n, 0.1F);
    std::vector<float> y(2 * n);
    const std::vector<float> steps(2 * n, 0.5F);
    std::array<std::int64_t, L1L2_EXACT_SUMS_LENGTH> sums = {};
    double penalty = 0.0;
    l1l2_regularizer* r = nullptr;
    expect(l1l2_create(0.01, 0.02, &r));

    constexpr l1l2_dtype f32 = L1L2_FLOAT32;
    measure("arrays: penalty", n,
            [&](std::size_t m) { return l1l2_penalty(r, f32, x.data(), m, &penalty); });
    measure("arrays: gradient", n, [&](std::size_t m) {
        return l1l2_add_gradient(r, f32, x.data(), m, 0.5, y.data(), &penalty);
    });
    measure("arrays: prox", n,
            [&](std::size_t m) { return l1l2_prox(r, f32, x.data(), m, 0.5, y.data()); });
    measure("arrays: prox step", n, [&](std::size_t m) {
        return l1l2_prox_step(r, f32, x.data(), m, y.data(), 0.5, steps.data(), y.data());
    });
    measure("arrays: exact sums", n,
            [&](std::size_t m) { return l1l2_exact_sums_add(sums.data(), f32, x.data(), m); });

    // Columns, rows with gaps, and one element again and again.
    for (const std::int64_t stride : {2, 1, 0}) {
        std::array<std::int64_t, 2> shape = {0, stride == 1 ? 7 : 1};
        std::array<std::int64_t, 2> strides = {stride == 1 ? 8 : stride, stride};
        DLTensor tensor = {x.data(), 1, 0, 2, 2, 32, 1, shape.data(), strides.data(), 0};
        measure("tensors: penalty", n / 7, [&](std::size_t m) {
            shape[0] = static_cast<std::int64_t>(m);
            return l1l2_penalty_dlpack(r, &tensor, &penalty);
        });
        measure("tensors: exact sums", n / 7, [&](std::size_t m) {
            shape[0] = static_cast<std::int64_t>(m);
            return l1l2_exact_sums_add_dlpack(sums.data(), &tensor);
        });
        if (stride > 0) {
            DLTensor written = tensor;
            written.data = y.data();
            measure("tensors: gradient", n / 7, [&](std::size_t m) {
                shape[0] = static_cast<std::int64_t>(m);
                return l1l2_add_gradient_dlpack(r, &tensor, 0.5, &written, &penalty);
            });
            measure("tensors: prox", n / 7, [&](std::size_t m) {
                shape[0] = static_cast<std::int64_t>(m);
                return l1l2_prox_dlpack(r, &tensor, 0.5, &written);
            });
            DLTensor each = tensor;
            each.data = const_cast<float*>(steps.data());
            measure("tensors: prox step", n / 7, [&](std::size_t m) {
                shape[0] = static_cast<std::int64_t>(m);
                return l1l2_prox_step_dlpack(r, &tensor, &written, 0.5, &each, &written);
            });
        }
    }

    // Many terms: without elements, small ones, and ones that are cut into tasks between small
    // ones.
    for (const std::size_t size : {0, 16, 5000}) {
        constexpr std::size_t count = 2000;
        std::vector<l1l2_term> terms(count);
        std::vector<double> penalties(count);
        for (std::size_t i = 0; i < count; ++i) {
            terms[i].regularizer = r;
            terms[i].x = x.data();
            terms[i].n = i % 2 == 0 ? size : size / 16;
            terms[i].gradient = y.data();
            terms[i].out = y.data();
            terms[i].steps = steps.data();
            terms[i].dtype = f32;
        }
        measure("terms: penalty", count, [&](std::size_t m) {
            return l1l2_penalty_terms(terms.data(), sizeof(l1l2_term), m, nullptr, nullptr,
                                      penalties.data(), &penalty, nullptr);
        });
        measure("terms: gradient", count, [&](std::size_t m) {
            return l1l2_add_gradient_terms(terms.data(), sizeof(l1l2_term), m, 0.5, nullptr,
                                           nullptr, penalties.data(), &penalty, nullptr);
        });
        measure("terms: exact sums", count, [&](std::size_t m) {
            return l1l2_exact_sums_add_terms(sums.data(), terms.data(), sizeof(l1l2_term), m,
                                             nullptr, nullptr, nullptr);
        });
        measure("terms: clip", count, [&](std::size_t m) {
            return l1l2_clip_by_norm_terms(terms.data(), sizeof(l1l2_term), m, 2.0, 1.0, nullptr,
                                           nullptr, nullptr);
        });
        measure("terms: prox", count, [&](std::size_t m) {
            return l1l2_prox_terms(terms.data(), sizeof(l1l2_term), m, 0.5, nullptr, nullptr,
                                   nullptr);
        });
        measure("terms: prox step", count, [&](std::size_t m) {
            return l1l2_prox_step_terms(terms.data(), sizeof(l1l2_term), m, 0.5, nullptr, nullptr,
                                        nullptr);
        });
    }
    l1l2_destroy(r);
    return 0;
}
