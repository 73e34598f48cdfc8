/**
 * Runners that call tasks in any order, on any number of threads, more than once, and with indices
 * that do not exist.
 */
#pragma once

#include "run_tasks.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace terms_tests {

/// A runner as a lambda, and the numbers of tasks that it was called with.
class Runner {
  public:
    using Function = std::function<std::int32_t(l1l2_task, void*, std::size_t)>;

    Runner(std::string name, Function function)
        : name_(std::move(name)), function_(std::move(function)) {}

    const std::string& name() const { return name_; }
    l1l2_runner function() const { return function_ ? run : nullptr; }
    void* state() { return this; }

    std::size_t calls = 0;
    std::size_t least_count = SIZE_MAX;
    std::size_t last_count = 0;

  private:
    static std::int32_t run(void* state, l1l2_task task, void* work, std::size_t count) {
        Runner& self = *static_cast<Runner*>(state);
        ++self.calls;
        self.least_count = std::min(self.least_count, count);
        self.last_count = count;
        return self.function_(task, work, count);
    }

    std::string name_;
    Function function_;
};

inline std::int32_t in_a_row(l1l2_task task, void* work, std::size_t count) {
    return run_in_a_row(nullptr, task, work, count);
}

inline std::int32_t backwards(l1l2_task task, void* work, std::size_t count) {
    for (std::size_t i = count; i-- > 0;) {
        task(work, i);
    }
    return 0;
}

inline Runner::Function on_threads(std::size_t threads) {
    return [threads](l1l2_task task, void* work, std::size_t count) mutable {
        return run_on_threads(&threads, task, work, count);
    };
}

inline std::int32_t beyond(l1l2_task task, void* work, std::size_t count) {
    for (const std::size_t i : {count, count + 1, SIZE_MAX}) {
        task(work, i);
    }
    return in_a_row(task, work, count);
}

inline std::int32_t twice(l1l2_task task, void* work, std::size_t count) {
    in_a_row(task, work, count);
    return backwards(task, work, count);
}

/// Two threads, each of which calls all tasks.
inline std::int32_t twice_at_once(l1l2_task task, void* work, std::size_t count) {
    std::thread other([&] { in_a_row(task, work, count); });
    in_a_row(task, work, count);
    other.join();
    return 0;
}

/// Runners that run all tasks. The first one is NULL.
inline std::deque<Runner> willing_runners() {
    return {{"none", nullptr},
            {"in a row", in_a_row},
            {"backwards", backwards},
            {"1 thread", on_threads(1)},
            {"2 threads", on_threads(2)},
            {"3 threads", on_threads(3)},
            {"7 threads", on_threads(7)},
            {"twice", twice},
            {"and some that are not there", beyond},
            {"twice at once", twice_at_once}};
}

} // namespace terms_tests
