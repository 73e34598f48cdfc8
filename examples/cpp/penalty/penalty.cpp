// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * l1l2.hpp in use: a penalty, its gradient, a proximal step, JSON, errors and threads.
 *
 *     c++ -std=c++17 -pthread penalty.cpp $(pkg-config --cflags --libs l1l2) -o penalty
 */
#include <l1l2.hpp>

#include <exception>
#include <iostream>
#include <thread>
#include <vector>

namespace {

void print(const char* name, const std::vector<float>& values) {
    std::cout << name;
    for (const float value : values) {
        std::cout << ' ' << value;
    }
    std::cout << '\n';
}

} // namespace

int main() try {
    const l1l2::Regularizer regularizer(0.01, 0.02); // l1, l2
    const std::vector<float> weights = {0.5F, -1.25F, 0.0F, 2.0F};
    const double penalty = regularizer(weights);
    std::cout << "penalty " << penalty << ", computed by libl1l2 " << l1l2_version_string()
              << " with " << l1l2_isa() << '\n';

    // Added to what is there. penalty_and_add_gradient returns the penalty from the same pass.
    std::vector<float> gradient(weights.size());
    regularizer.add_gradient(weights, gradient);
    print("gradient", gradient);

    // Into another array; prox(weights, step) would be in place.
    std::vector<float> shrunk(weights.size());
    regularizer.prox(weights, 0.1, shrunk);
    print("prox", shrunk);

    using l1l2::JsonStyle;
    for (const JsonStyle style : {JsonStyle::config, JsonStyle::keras2, JsonStyle::keras3}) {
        std::cout << regularizer.to_json(style) << '\n';
    }
    const auto from_keras = l1l2::Regularizer::from_json(
        R"({"class_name": "L1L2", "config": {"l1": 0.01, "l2": 0.02}})");
    std::cout << "l1 " << from_keras.l1() << ", l2 " << from_keras.l2() << '\n';

    try {
        const l1l2::Regularizer negative(-1.0);
    } catch (const l1l2::Error& error) {
        std::cout << "status " << error.status() << ": " << error.what() << '\n';
    }
    try {
        l1l2::Regularizer::from_json(R"({"l1": 0.01, "l3": 0.02})");
    } catch (const l1l2::Error& error) {
        std::cout << "status " << error.status() << ": " << error.what() << '\n';
    }

    // One regularizer serves any number of threads at once.
    std::vector<double> penalties(4);
    std::vector<std::thread> threads;
    for (double& result : penalties) {
        threads.emplace_back([&] { result = regularizer(weights); });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (const double result : penalties) {
        std::cout << "from a thread " << result << '\n';
    }
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
