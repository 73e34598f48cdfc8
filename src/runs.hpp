// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * Tasks on the caller's threads, each exactly once, whatever a runner does.
 */
#pragma once

#include "float_environment.hpp"
#include "tasks.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace l1l2::core {

/// Calls task(work, i) once for each i < count; see l1l2_runner.
struct Runner {
    std::int32_t (*run)(void* state, void (*task)(void* work, std::size_t index), void* work,
                        std::size_t count);
    void* state;
};

/// One call of a runner: work.compute_task(i) for each i < tasks, in the default floating-point
/// environment. It is on the stack, so there are at most as many tasks as a plan has.
template <class Work>
class Run {
  public:
    Run(Work& work, std::size_t tasks) : work_(work), tasks_(tasks) {}

    /// False if the runner said so or has left out a task. In the caller's floating-point
    /// environment, and whatever the runner makes of it.
    bool by(const Runner& runner) {
        if (runner.run(runner.state, call_task, this, tasks_) != 0) {
            return false;
        }
        return std::all_of(state_, state_ + tasks_, [](const std::atomic<State>& state) {
            return state.load(std::memory_order_acquire) == State::done;
        });
    }

  private:
    // Of 32 bits: RISC-V exchanges nothing smaller without help of a library, libatomic.
    enum class State : std::uint32_t { waiting, taken, done };

    static void call_task(void* self, std::size_t index) {
        auto& run = *static_cast<Run*>(self);
        // A gradient that is added twice is wrong, whatever a runner believes.
        State waiting = State::waiting;
        if (index < run.tasks_ &&
            run.state_[index].compare_exchange_strong(waiting, State::taken)) {
            with_default_environment<&Work::compute_task>(&run.work_, index);
            run.state_[index].store(State::done, std::memory_order_release);
        }
    }

    Work& work_;
    std::size_t tasks_;
    std::atomic<State> state_[Plan::max_tasks] = {};
};

} // namespace l1l2::core
