/*
 * l1l2_threads: threads for the functions of l1l2.h that take an l1l2_runner, from oneTBB.
 *
 * This header is the manual of the companion library libl1l2_threads. It is separate because it
 * needs oneTBB, which libl1l2 does without; neither library calls the other.
 *
 *     l1l2_threads* threads;
 *     if (l1l2_threads_create(0, &threads) == L1L2_OK) {
 *         l1l2_penalty_terms(terms, sizeof terms[0], count, l1l2_threads_run, threads,
 *                            penalties, &total, NULL);
 *         l1l2_threads_destroy(threads);
 *     }
 *
 * Make one for the life of the program rather than one for each call. The results are the same bits
 * with any number of threads and without a runner.
 *
 * Threads. Any number of application threads may run on one l1l2_threads at once. Each works on its
 * own run, with the help of oneTBB's worker threads, never does a task of another run meanwhile and
 * never waits for another run. (At most 8 runs at once on one l1l2_threads are helped, and no more
 * than it has threads; the callers of further ones work alone.) oneTBB has its workers in common
 * for the whole process, one fewer than the CPUs that the process may use unless a
 * tbb::global_control says otherwise, and whatever else uses oneTBB shares them. It starts them
 * when they are first needed and keeps them.
 *
 * Nesting. A task may itself run tasks, on any l1l2_threads. Runs that nest cannot deadlock, on the
 * same l1l2_threads or crosswise on several.
 *
 * Fork. In a child process that fork makes after the first l1l2_threads of more than one thread was
 * created, each run is done by its calling thread alone, as oneTBB's threads are not there.
 * Everything else works as in the parent, but l1l2_threads_destroy does not free the memory of what
 * the parent has made.
 *
 * Memory. A run may allocate a little in oneTBB; without it the calling thread does the work alone.
 * If the system refuses it a new thread, oneTBB may print a message and end the process.
 *
 * Unloading. The shared library stays in the process after dlclose, as oneTBB's workers may still
 * be leaving a run that has ended.
 *
 * NULL. A pointer may be NULL only where its description says so. Signals. No function is
 * async-signal-safe.
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

/** A number of threads to run tasks on. Opaque; made by l1l2_threads_create, ended by
    l1l2_threads_destroy. */
typedef struct l1l2_threads l1l2_threads;

/** The most threads that one run may have. */
#define L1L2_THREADS_MAX_COUNT 1024

/**
 * Makes an l1l2_threads. No thread is started before the first run.
 *
 * count    the number of threads that work on one run at most, the calling one among them; at most
 *          L1L2_THREADS_MAX_COUNT. With 1 the calling thread does all and oneTBB is not used. 0
 *          means as many as oneTBB can have in this process: by its CPU affinity, by a
 *          tbb::global_control and, from later versions of oneTBB, by a container's CPU quota.
 * threads  receives the handle, to be given to l1l2_threads_destroy once; NULL on failure.
 *
 * Returns L1L2_OK; L1L2_ERROR_INVALID_ARGUMENT (threads is NULL, or count is beyond the maximum);
 * L1L2_ERROR_OUT_OF_MEMORY. Since 0.2.0.
 */
L1L2_THREADS_API l1l2_status l1l2_threads_create(size_t count,
                                                 l1l2_threads** threads) L1L2_NOEXCEPT;

/**
 * Ends an l1l2_threads and frees its memory. Threads that oneTBB has started stay with oneTBB.
 *
 * threads  a live handle on which no run is going on, or NULL, which does nothing.
 *
 * Since 0.2.0.
 */
L1L2_THREADS_API void l1l2_threads_destroy(l1l2_threads* threads) L1L2_NOEXCEPT;

/**
 * Returns the number of threads that work on one run at most: the count that the handle was made
 * with, or what 0 stood for then, at least 1.
 *
 * threads  a live handle, or NULL, which has 0.
 *
 * Fewer work on a run that has fewer tasks, when oneTBB has no worker free or could not have so
 * many threads when the handle was made, and where "Threads" and "Fork" above say so. Since 0.2.0.
 */
L1L2_THREADS_API size_t l1l2_threads_count(const l1l2_threads* threads) L1L2_NOEXCEPT;

/**
 * Calls task(work, i) exactly once for each i of 0 .. count - 1 and returns when all of these calls
 * have returned. This is an l1l2_runner, whose state is the l1l2_threads.
 *
 * Each thread takes the lowest index that none has taken yet, when it is done with the one before.
 * What the caller has written before the call the tasks see, and what they have written the caller
 * sees after it. In which floating-point environment a task is called is unspecified (the tasks of
 * libl1l2 set their own); if each leaves it as it was, the caller's is as it was.
 *
 * threads  a live handle, an l1l2_threads *; any number of threads may run on it at once.
 * task     what to call.
 * work     is given to the task; may be NULL.
 * count    the number of tasks; with 0 there is nothing to do.
 *
 * Returns 0; L1L2_ERROR_INVALID_ARGUMENT (threads or task is NULL; no task has been run);
 * L1L2_ERROR_RUNNER_FAILED (a task in C++ has thrown, which l1l2_task forbids; each task has been
 * run, and what was thrown is lost). Never throws. Since 0.2.0.
 */
L1L2_THREADS_API int32_t l1l2_threads_run(void* threads, l1l2_task task, void* work,
                                          size_t count) L1L2_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* L1L2_THREADS_H */
