/**
 * Threads, and runs on them. oneTBB may use more threads than the machine has, so that no test
 * depends on their number.
 */
#pragma once

#include "l1l2_threads.h"

#include <oneapi/tbb/global_control.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace threads_tests {

using ThreadsOfTbb = std::unique_ptr<tbb::global_control>;

/// Allows oneTBB so many threads in all.
inline ThreadsOfTbb allow(std::size_t threads) {
    return std::make_unique<tbb::global_control>(tbb::global_control::max_allowed_parallelism,
                                                 threads);
}

inline constexpr const char* fresh = "L1L2_TEST_FRESH"; ///< set for a process of its own
inline const ThreadsOfTbb more_threads = std::getenv(fresh) == nullptr ? allow(8) : nullptr;

struct Destroy {
    void operator()(l1l2_threads* threads) const { l1l2_threads_destroy(threads); }
};
using Threads = std::unique_ptr<l1l2_threads, Destroy>;

inline Threads make_threads(std::size_t count) {
    l1l2_threads* threads = nullptr;
    if (l1l2_threads_create(count, &threads) != L1L2_OK) {
        throw std::runtime_error("no threads");
    }
    return Threads(threads);
}

using Sizes = std::initializer_list<std::size_t>;
using Task = std::function<void(std::size_t)>;

inline int32_t run(const Threads& threads, std::size_t count, Task task) {
    const auto call = [](void* work, std::size_t i) { (*static_cast<Task*>(work))(i); };
    const l1l2_runner runner = l1l2_threads_run;
    return runner(threads.get(), call, &task, count);
}

/// A barrier for a number of threads. Returns false if they do not arrive within a minute.
class Gate {
  public:
    explicit Gate(int expected) : missing_(expected) {}

    bool pass() {
        --missing_;
        const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
        while (missing_ > 0) {
            if (std::chrono::steady_clock::now() > end) {
                return false;
            }
            std::this_thread::sleep_for(std::chrono::microseconds(50));
        }
        return true;
    }

  private:
    std::atomic<int> missing_;
};

inline bool each_once(const std::vector<std::atomic<int>>& calls) {
    return std::all_of(calls.begin(), calls.end(), [](const auto& n) { return n == 1; });
}

} // namespace threads_tests
