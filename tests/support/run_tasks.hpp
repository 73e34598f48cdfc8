/**
 * Runners for every test. They need only l1l2.h.
 */
#pragma once

#include "l1l2.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

/// Runs all tasks on the calling thread, in order.
inline std::int32_t run_in_a_row(void* /*state*/, l1l2_task task, void* work, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        task(work, i);
    }
    return 0;
}

/// `state` is a number of threads, a std::size_t. Each takes the next task that is left.
inline std::int32_t run_on_threads(void* state, l1l2_task task, void* work, std::size_t count) {
    const std::size_t threads = *static_cast<const std::size_t*>(state);
    std::atomic<std::size_t> next{0};
    std::vector<std::thread> running;
    for (std::size_t i = 0; i < threads; ++i) {
        running.emplace_back([&] {
            for (std::size_t index = next++; index < count; index = next++) {
                task(work, index);
            }
        });
    }
    for (std::thread& thread : running) {
        thread.join();
    }
    return 0;
}
