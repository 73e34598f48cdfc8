/**
 * A call of every function, for processes with threads, forks and signals.
 */
#pragma once

#include "training.hpp"

#include <sstream>
#include <string>
#include <vector>

#ifdef L1L2_HAS_DLPACK
#include <dlpack/dlpack.h>
#endif

namespace training {

/// Calls every function once, compute functions on a regularizer that all threads share, those over
/// terms on a runner, too. The text is the same each time.
inline std::string everything(l1l2_runner of_threads = run_in_a_row, void* state = nullptr) {
    static const Handle shared(both);
    static const std::vector<float> x = ordinary_elements<float>(3 * 4096 + 77, 1);
    static const char text[] =
        R"({"class_name": "L1L2", "config": {"l1": 0.01, "l2": 0.02}, "registered_name": null})";
    std::ostringstream result;
    result << l1l2_isa() << ' ' << l1l2_version_string() << ' ' << l1l2_version_number() << ' '
           << l1l2_status_string(L1L2_ERROR_OVERLAP);
    char message[256];
    l1l2_regularizer* regularizer = nullptr;
    result << l1l2_from_json("{", 1, &regularizer, message, sizeof message) << message;
    result << l1l2_from_json(text, sizeof text - 1, &regularizer, message, sizeof message);
    for (const l1l2_json_style style : {L1L2_JSON_CONFIG, L1L2_JSON_KERAS2, L1L2_JSON_KERAS3}) {
        char json[256] = "";
        std::size_t length = 0;
        result << l1l2_to_json(regularizer, style, json, sizeof json, &length) << json;
    }
    l1l2_destroy(regularizer);
    result << l1l2_create(0.25, 0.5, &regularizer);
    double l1 = 0.0;
    double l2 = 0.0;
    result << l1l2_get_config(regularizer, &l1, &l2) << ' ' << l1 << ' ' << l2;

    std::vector<float> gradient(x.size(), 1.0F);
    std::vector<float> out(x.size());
    double penalty = 0.0;
    result << l1l2_penalty(shared.get(), L1L2_FLOAT32, x.data(), x.size(), &penalty) << ' '
           << to_bits(penalty);
    result << l1l2_add_gradient(shared.get(), L1L2_FLOAT32, x.data(), x.size(), 1.0,
                                gradient.data(), &penalty);
    result << l1l2_prox(shared.get(), L1L2_FLOAT32, x.data(), x.size(), 1.0, out.data());
    const std::vector<float> steps(x.size(), 0.25F);
    result << l1l2_prox_step(shared.get(), L1L2_FLOAT32, x.data(), x.size(), gradient.data(), 0.5,
                             nullptr, out.data())
           << l1l2_prox_step(shared.get(), L1L2_FLOAT32, out.data(), x.size(), gradient.data(), 1.0,
                             steps.data(), out.data());
#ifdef L1L2_HAS_DLPACK
    std::int64_t shape[] = {40, 100};
    std::int64_t strides[] = {1, 40};
    DLTensor tensor = {};
    tensor.data = out.data();
    tensor.device = {kDLCPU, 0};
    tensor.ndim = 2;
    tensor.dtype = {kDLFloat, 32, 1};
    tensor.shape = shape;
    tensor.strides = strides;
    DLTensor written = tensor;
    written.data = gradient.data();
    written.strides = nullptr;
    result << l1l2_add_gradient_dlpack(shared.get(), &tensor, 1.0, &written, &penalty) << ' '
           << to_bits(penalty);
    result << l1l2_prox_dlpack(shared.get(), &tensor, 0.5, &written)
           << l1l2_prox_step_dlpack(shared.get(), &tensor, &tensor, 0.5, nullptr, &written);
    result << l1l2_penalty_dlpack(shared.get(), &written, &penalty) << ' ' << to_bits(penalty);
#endif
    for (const l1l2_runner runner : {l1l2_runner(nullptr), of_threads}) {
        l1l2_term term = {};
        term.regularizer = shared.get();
        term.x = x.data();
        term.n = x.size();
        term.gradient = gradient.data();
        term.out = out.data();
        term.steps = steps.data();
        term.dtype = L1L2_FLOAT32;
        result << l1l2_add_gradient_terms(&term, sizeof term, 1, 0.5, runner, state, nullptr,
                                          &penalty, nullptr);
        result << l1l2_prox_terms(&term, sizeof term, 1, 0.5, runner, state, nullptr);
        result << l1l2_prox_step_terms(&term, sizeof term, 1, 0.5, runner, state, nullptr);
        result << l1l2_clip_by_norm_terms(&term, sizeof term, 1, 2.0, 1.0, runner, state, nullptr);
        std::int64_t sums_of_term[L1L2_EXACT_SUMS_LENGTH] = {};
        double norm = 0.0;
        result << l1l2_exact_sums_add_terms(sums_of_term, &term, sizeof term, 1, runner, state,
                                            nullptr)
               << l1l2_exact_sums_norm(sums_of_term, &norm) << ' ' << to_bits(norm)
               << l1l2_exact_sums_subtract(sums_of_term, sums_of_term);
        result << l1l2_penalty_terms(&term, sizeof term, 1, runner, state, nullptr, &penalty,
                                     nullptr)
               << ' ' << to_bits(penalty);
    }
    std::int64_t sums[L1L2_EXACT_SUMS_LENGTH] = {};
    std::int64_t count = 0;
    double numbers[] = {0.0, 0.0, 0.0};
    result << ' ' << l1l2_exact_sums_length()
           << l1l2_exact_sums_add(sums, L1L2_FLOAT32, x.data(), x.size())
           << l1l2_exact_sums_add(sums, L1L2_BFLOAT16, gradient.data(), x.size())
           << l1l2_exact_sums_merge(sums, sums) << l1l2_exact_sums_check(sums);
#ifdef L1L2_HAS_DLPACK
    result << l1l2_exact_sums_add_dlpack(sums, &tensor);
#endif
    result << l1l2_exact_sums_read(sums, &numbers[0], &numbers[1], &count)
           << l1l2_penalty_exact_sums(shared.get(), sums, &numbers[2]) << ' ' << count;
    for (const double& number : numbers) {
        result << ' ' << to_bits(number);
    }
    for (const std::vector<float>* written_array : {&gradient, &out}) {
        double sum = 0.0;
        l1l2_penalty(shared.get(), L1L2_FLOAT32, written_array->data(), written_array->size(),
                     &sum);
        result << ' ' << to_bits(sum);
    }
    l1l2_destroy(regularizer);
    return result.str();
}

} // namespace training
