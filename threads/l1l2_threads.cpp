/**
 * A runner on oneTBB. include/l1l2_threads.h says what each function promises.
 */
#include "l1l2_threads.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>

struct l1l2_threads {
    std::size_t count;
    /// Where oneTBB's workers come to help; none if there is nobody to help.
    std::optional<tbb::task_arena> arena;
};

namespace {

/// Places in an arena that no worker takes: so many callers enter it without waiting for one. Each
/// takes a few hundred bytes.
constexpr unsigned caller_slots = 64;

/// Whether this process is a fork of one that had made an l1l2_threads, and so has no workers, but
/// perhaps locks of oneTBB that they held.
std::atomic<bool> forked{false};

/// False if there is no memory to do so. Twice does no harm.
bool watch_for_fork() {
    static std::atomic<bool> watching{false};
    if (!watching) {
        watching = pthread_atfork(nullptr, nullptr, [] { forked = true; }) == 0;
    }
    return watching;
}

/// The l1l2_threads whose task this thread is in, innermost first; NULL outside of all.
thread_local const l1l2_threads* current = nullptr;

class CurrentThreads {
  public:
    explicit CurrentThreads(const l1l2_threads& threads) : before_(current) { current = &threads; }
    ~CurrentThreads() { current = before_; }
    CurrentThreads(const CurrentThreads&) = delete;
    CurrentThreads& operator=(const CurrentThreads&) = delete;

  private:
    const l1l2_threads* before_;
};

/// The tasks of one run. They are handed out one by one rather than as a range that oneTBB splits:
/// that costs an addition each, and goes on as it should when oneTBB is out of memory.
class Run {
  public:
    Run(const l1l2_threads& threads, l1l2_task task, void* work, std::size_t count)
        : threads_(threads), task_(task), work_(work), count_(count) {}

    /// Does tasks until none is left to begin.
    void work_off() noexcept {
        const CurrentThreads here(threads_);
        for (std::size_t i = next_++; i < count_; i = next_++) {
            try {
                task_(work_, i);
            } catch (...) {
                threw_ = true;
            }
        }
    }

    bool threw() const noexcept { return threw_; }

  private:
    const l1l2_threads& threads_;
    const l1l2_task task_;
    void* const work_;
    const std::size_t count_;
    std::atomic<std::size_t> next_{0};
    std::atomic<bool> threw_{false};
};

/// Works a run off with the help of the arena's workers. May throw when oneTBB is out of memory;
/// then nobody works on the run any more, but tasks may be left.
void work_off_together(Run& run, tbb::task_arena& arena, std::size_t workers) {
    const auto work_off = [&] {
        tbb::parallel_for(
            std::size_t{0}, workers, [&run](std::size_t) { run.work_off(); },
            tbb::simple_partitioner{});
    };
    // Isolated: a thread that waits for its run to end is given no task of another run, for which
    // it may hold a lock, or which takes longer.
    arena.execute([&work_off] { tbb::this_task_arena::isolate(work_off); });
}

std::size_t default_count() {
    if (forked) {
        return 1;
    }
    using tbb::global_control;
    const std::size_t allowed =
        global_control::active_value(global_control::max_allowed_parallelism);
    return std::clamp(allowed, std::size_t{1}, std::size_t{L1L2_THREADS_MAX_COUNT});
}

} // namespace

l1l2_status l1l2_threads_create(size_t count, l1l2_threads** threads) noexcept {
    if (threads == nullptr) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    *threads = nullptr;
    if (count > L1L2_THREADS_MAX_COUNT) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    try {
        // Freed again if what follows throws.
        std::unique_ptr<l1l2_threads> made(new l1l2_threads);
        made->count = count > 0 ? count : default_count();
        if (made->count > 1 && !forked) {
            if (!watch_for_fork()) {
                return L1L2_ERROR_OUT_OF_MEMORY;
            }
            const auto workers = static_cast<int>(made->count) - 1;
            made->arena.emplace(workers + static_cast<int>(caller_slots), caller_slots);
            made->arena->initialize();
        }
        *threads = made.release();
        return L1L2_OK;
    } catch (...) { // what is thrown here is std::bad_alloc
        return L1L2_ERROR_OUT_OF_MEMORY;
    }
}

void l1l2_threads_destroy(l1l2_threads* threads) noexcept {
    // What a forked process has got from its parent stays as it is: a lock that it takes to take
    // it apart may be held by a thread that is not there.
    const bool inherited = threads != nullptr && threads->arena && forked;
    if (!inherited) {
        delete threads;
    }
}

size_t l1l2_threads_count(const l1l2_threads* threads) noexcept {
    return threads != nullptr ? threads->count : 0;
}

int32_t l1l2_threads_run(void* threads, l1l2_task task, void* work, size_t count) noexcept {
    if (threads == nullptr || task == nullptr) {
        return L1L2_ERROR_INVALID_ARGUMENT;
    }
    l1l2_threads& self = *static_cast<l1l2_threads*>(threads);
    Run run(self, task, work, count);
    const bool crosswise = current != nullptr && current != &self;
    if (self.arena && count > 1 && !forked && !crosswise) {
        try {
            work_off_together(run, *self.arena, std::min(self.count, count));
        } catch (...) { // what is left is done below
        }
    }
    run.work_off();
    return run.threw() ? L1L2_ERROR_RUNNER_FAILED : L1L2_OK;
}
