/**
 * Many threads that make the process's first calls at once, on one regularizer. Built with the
 * thread sanitizer, which ends the program with an error if it sees a race.
 */
#include "l1l2.h"

#include <atomic>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

int main() {
    constexpr int thread_count = 16;
    constexpr std::size_t n = 3 * 4096 + 7;
    std::vector<float> x(n);
    for (std::size_t i = 0; i < n; ++i) {
        x[i] = 0.001F * static_cast<float>(i % 1009);
    }
    const char json[] = R"({"class_name": "L1L2", "config": {"l1": 0.01, "l2": 0.02}})";
    l1l2_regularizer* shared = nullptr;
    if (l1l2_create(0.01, 0.02, &shared) != L1L2_OK) {
        return 1;
    }
    std::atomic<int> waiting{0};
    std::vector<double> penalty(2 * thread_count, -1.0);
    std::vector<const char*> isa(thread_count, nullptr);
    std::vector<std::thread> threads;
    for (int t = 0; t < thread_count; ++t) {
        threads.emplace_back([&, t] {
            const auto i = static_cast<std::size_t>(t);
            ++waiting;
            while (waiting < thread_count) {
            }
            if (t % 2 == 0) {
                isa[i] = l1l2_isa();
            }
            l1l2_penalty(shared, L1L2_FLOAT32, x.data(), n, &penalty[2 * i]);
            l1l2_regularizer* own = nullptr;
            if (l1l2_from_json(json, sizeof json - 1, &own, nullptr, 0) == L1L2_OK) {
                l1l2_penalty(own, L1L2_FLOAT32, x.data(), n, &penalty[2 * i + 1]);
            }
            l1l2_destroy(own);
            isa[i] = l1l2_isa();
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    l1l2_destroy(shared);
    for (const double value : penalty) {
        if (std::memcmp(&value, &penalty[0], sizeof value) != 0 || value <= 0.0) {
            std::fputs("the threads' penalties differ\n", stderr);
            return 1;
        }
    }
    for (const char* name : isa) {
        if (name != isa[0]) {
            std::fputs("the threads saw different instruction sets\n", stderr);
            return 1;
        }
    }
    return 0;
}
