// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
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
#include <mutex>
#include <utility>

namespace {

/// oneTBB's workers help at most this many runs at once. Further callers work alone, which loses
/// nothing: there are many of them. More places for callers would cost, since an idle worker looks
/// for work in each place of an arena.
constexpr std::size_t max_callers = 8;

/// An arena, where oneTBB's workers help the callers of one l1l2_threads.
struct Arena {
    const int places; ///< for callers
    const int workers;
    /// Callers enter through these alone, and so never wait for one another.
    std::atomic<int> free_places;
    tbb::task_arena arena;
    Arena* next = nullptr; ///< in Spare's list

    Arena(int caller_count, int worker_count)
        : places(caller_count), workers(worker_count), free_places(places),
          arena(places + workers, static_cast<unsigned>(places)) {
        arena.initialize();
    }
};

/// The arenas of l1l2_threads that were destroyed, for later ones of the same size. oneTBB before
/// 2021.11 never frees an arena that a worker was to join and did not (its issues 396 and 967).
class Spare {
  public:
    /// Returns one of that size, or nullptr.
    Arena* take(int places, int workers) {
        const std::lock_guard lock(mutex_);
        for (Arena** link = &first_; *link != nullptr; link = &(*link)->next) {
            if ((*link)->places == places && (*link)->workers == workers) {
                return std::exchange(*link, (*link)->next);
            }
        }
        return nullptr;
    }

    void put(Arena* arena) {
        const std::lock_guard lock(mutex_);
        arena->next = std::exchange(first_, arena);
    }

  private:
    std::mutex mutex_; ///< no forked process takes it: another thread may hold it forever
    Arena* first_ = nullptr;
};
Spare spare;

/// For std::unique_ptr.
struct PutBack {
    void operator()(Arena* arena) const { spare.put(arena); }
};

} // namespace

struct l1l2_threads {
    const std::size_t count;
    std::unique_ptr<Arena, PutBack> arena; ///< nullptr if there are no workers
};

namespace {

/// Whether this process is a fork of one that had an l1l2_threads. If so, it has no workers, but
/// perhaps locks of oneTBB that they held.
std::atomic<bool> forked{false};

/// False if there is no memory for it. Two calls do no harm.
bool watch_for_fork() {
    static std::atomic<bool> watching{false};
    if (!watching) {
        watching = pthread_atfork(nullptr, nullptr, [] { forked = true; }) == 0;
    }
    return watching;
}

/// A caller's place in an arena, or none if all are taken.
class Place {
  public:
    explicit Place(Arena& arena) : free_(arena.free_places), taken_(free_-- > 0) {
        if (!taken_) {
            ++free_;
        }
    }
    ~Place() {
        if (taken_) {
            ++free_;
        }
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    bool taken() const noexcept { return taken_; }

  private:
    std::atomic<int>& free_;
    const bool taken_;
};

/// The tasks of one run. Threads take them one by one; oneTBB splits no range. That costs one
/// addition a task and works on when oneTBB is out of memory.
class Run {
  public:
    Run(l1l2_task task, void* work, std::size_t count) : task_(task), work_(work), count_(count) {}

    /// Does tasks until all have begun.
    void work_off() noexcept {
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
    const l1l2_task task_;
    void* const work_;
    const std::size_t count_;
    std::atomic<std::size_t> next_{0};
    std::atomic<bool> threw_{false};
};

/// Does a run's tasks with the help of the arena's workers. May throw when oneTBB is out of memory;
/// then no thread works on the run any more, but tasks may be left.
void work_off_together(Run& run, tbb::task_arena& arena, std::size_t threads) {
    const auto work_off = [&] {
        tbb::parallel_for(
            std::size_t{0}, threads, [&run](std::size_t) { run.work_off(); },
            tbb::simple_partitioner{});
    };
    // Isolated: a thread that waits for the end of its run gets no task of another run, which may
    // take longer, or need a lock that this thread holds.
    arena.execute([&work_off] { tbb::this_task_arena::isolate(work_off); });
}

/// How many threads oneTBB can give a run, including the calling one. For a larger arena it would
/// print a warning.
std::size_t available_count() {
    if (forked) {
        return 1;
    }
    using tbb::global_control;
    const std::size_t count = global_control::active_value(global_control::max_allowed_parallelism);
    return std::clamp(count, std::size_t{1}, std::size_t{L1L2_THREADS_MAX_COUNT});
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
        const std::size_t available = count == 1 ? 1 : available_count();
        const std::size_t asked = count > 0 ? count : available;
        const auto workers = static_cast<int>(std::min(asked, available) - 1);
        std::unique_ptr<l1l2_threads> made(new l1l2_threads{asked, nullptr});
        // Also without workers: a child may have some if the parent's oneTBB was limited to one.
        if (asked > 1 && !watch_for_fork()) {
            return L1L2_ERROR_OUT_OF_MEMORY;
        }
        if (workers > 0) {
            const auto places = static_cast<int>(std::min(asked, max_callers));
            made->arena.reset(spare.take(places, workers));
            if (!made->arena) {
                made->arena.reset(new Arena(places, workers));
            }
        }
        *threads = made.release();
        return L1L2_OK;
    } catch (...) { // std::bad_alloc
        return L1L2_ERROR_OUT_OF_MEMORY;
    }
}

void l1l2_threads_destroy(l1l2_threads* threads) noexcept {
    // A forked process leaves what it inherited as it is: a lock that is needed to destroy it may
    // be held by a thread that is not there.
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
    Run run(task, work, count);
    if (self.arena && count > 1 && !forked) {
        const Place place(*self.arena);
        if (place.taken()) {
            try {
                const auto threads_at_most = static_cast<std::size_t>(self.arena->workers) + 1;
                work_off_together(run, self.arena->arena, std::min(threads_at_most, count));
            } catch (...) { // the rest is done below
            }
        }
    }
    run.work_off();
    return run.threw() ? L1L2_ERROR_RUNNER_FAILED : L1L2_OK;
}
