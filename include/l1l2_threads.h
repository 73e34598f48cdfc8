/*
 * SPDX-FileCopyrightText: 2026 The l1l2 authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * l1l2_threads: an l1l2_runner on oneTBB, for the functions of l1l2.h that take one.
 *
 * This header is the manual of the companion library libl1l2_threads, which needs oneTBB. libl1l2
 * does not; neither library calls the other.
 *
 *     l1l2_threads* threads;
 *     if (l1l2_threads_create(0, &threads) == L1L2_OK) {
 *         l1l2_penalty_terms(terms, sizeof terms[0], count, l1l2_threads_run, threads,
 *                            penalties, &total, NULL);
 *         l1l2_threads_destroy(threads);
 *     }
 *
 * Create one for the life of the program, not one for each call. Results have the same bits with
 * any number of threads and without a runner.
 *
 * Threads. Any number of application threads may run on one l1l2_threads at once. Each works on its
 * own run with the help of oneTBB's workers. It never executes a task of another run meanwhile and
 * never waits for another run. At most 8 runs at once on one l1l2_threads get help, and no more
 * than it has threads; the callers of further ones work alone. oneTBB shares its workers with the
 * whole process: one fewer than the CPUs that the process may use, unless a tbb::global_control
 * says otherwise. It starts them when they are first needed and keeps them.
 *
 * Nesting. A task may run tasks itself, on any l1l2_threads. Nested runs cannot deadlock, on one
 * l1l2_threads or crosswise on several.
 *
 * Fork. In a child that was forked after the first l1l2_threads of more than one thread was
 * created, the calling thread does each run alone, since oneTBB's threads do not exist there.
 * Everything else works as in the parent, except that l1l2_threads_destroy does not free what the
 * parent created.
 *
 * Memory. A run may allocate a little in oneTBB; if that fails, the calling thread works alone. If
 * the system refuses a new thread, oneTBB may print a message and end the process. The oneTBB arena
 * of a destroyed l1l2_threads is kept for the next one of the same size, so that memory grows with
 * the number of l1l2_threads that exist at once, not with the number ever created. tbb::finalize
 * fails while there is an arena.
 *
 * Unloading. The shared library stays in the process after dlclose, since oneTBB's workers may
 * still be leaving a finished run.
 *
 * A pointer may be NULL only where the function says so. No function is async-signal-safe.
 */
#ifndef L1L2_THREADS_H
#define L1L2_THREADS_H

#include "l1l2.h"

#if defined(L1L2_THREADS_BUILDING) && (defined(_WIN32) || defined(__CYGWIN__))
#define L1L2_THREADS_API __declspec(dllexport)
#elif defined(L1L2_THREADS_BUILDING)
#define L1L2_THREADS_API __attribute__((visibility("default")))
#else
#define L1L2_THREADS_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** A number of threads to run tasks on; opaque. */
typedef struct l1l2_threads l1l2_threads;

/** The largest number of threads of one run. */
#define L1L2_THREADS_MAX_COUNT 1024

/**
 * Creates an l1l2_threads. Starts no thread before the first run.
 * @param count    the largest number of threads of one run, the calling one included, at most
 *                 L1L2_THREADS_MAX_COUNT. 1: the calling thread alone, without oneTBB. 0: as many
 *                 as oneTBB may use in this process, by CPU affinity, tbb::global_control and, in
 *                 later versions of oneTBB, a container's CPU quota
 * @param threads  receives the handle, to be freed once by l1l2_threads_destroy; NULL on failure
 * @return L1L2_OK, L1L2_ERROR_INVALID_ARGUMENT (threads is NULL or count too large) or
 *         L1L2_ERROR_OUT_OF_MEMORY
 * @since 0.2.0
 */
L1L2_THREADS_API l1l2_status l1l2_threads_create(size_t count,
                                                 l1l2_threads** threads) L1L2_NOEXCEPT;

/**
 * Frees an l1l2_threads, except for its arena (see "Memory" above). oneTBB keeps the threads that
 * it started.
 * @param threads  a live handle without a run in progress, or NULL, which does nothing
 * @since 0.2.0
 */
L1L2_THREADS_API void l1l2_threads_destroy(l1l2_threads* threads) L1L2_NOEXCEPT;

/**
 * Returns the largest number of threads of one run: the count of l1l2_threads_create, or what 0
 * meant then (at least 1). Fewer work on a run with fewer tasks, when oneTBB has no worker free or
 * could not provide so many, and where "Threads" and "Fork" above say so.
 * @param threads  a live handle, or NULL, which has 0
 * @since 0.2.0
 */
L1L2_THREADS_API size_t l1l2_threads_count(const l1l2_threads* threads) L1L2_NOEXCEPT;

/**
 * Calls task(work, i) exactly once for each i in 0 .. count - 1 and returns after all calls have
 * returned. This is an l1l2_runner whose state is the l1l2_threads.
 *
 * A thread that finishes a task takes the lowest index that is left. The tasks see what the caller
 * wrote before the call, and the caller sees what they wrote. The floating-point environment of a
 * task is unspecified (libl1l2's tasks set their own). The caller's is unchanged if every task
 * restores its own.
 * @param threads  a live l1l2_threads *; any number of threads may run on it at once
 * @param task     the function to call
 * @param work     passed to the task; may be NULL
 * @param count    the number of tasks; may be 0
 * @return 0, L1L2_ERROR_INVALID_ARGUMENT (threads or task is NULL; no task was run) or
 *         L1L2_ERROR_RUNNER_FAILED (a C++ task threw, which l1l2_task forbids; every task was run
 *         and the exception is lost). Never throws
 * @since 0.2.0
 */
L1L2_THREADS_API int32_t l1l2_threads_run(void* threads, l1l2_task task, void* work,
                                          size_t count) L1L2_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* L1L2_THREADS_H */
