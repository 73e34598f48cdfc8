/* What a consumer of l1l2_threads does: runs tasks of its own that compute penalties. */
#include <l1l2_threads.h>
#include <stdio.h>

enum { tasks = 100 };

struct work {
    l1l2_regularizer* regularizer;
    float x[tasks];
    double penalties[tasks];
};

static void compute(void* work, size_t i) {
    struct work* const all = (struct work*)work;
    l1l2_penalty(all->regularizer, L1L2_FLOAT32, &all->x[i], 1, &all->penalties[i]);
}

int main(void) {
    static struct work work;
    const l1l2_runner runner = l1l2_threads_run;
    l1l2_threads* threads = NULL;
    double total = 0.0;
    int32_t status;
    size_t i;
    if (l1l2_create(2.0, 3.0, &work.regularizer) != L1L2_OK ||
        l1l2_threads_create(0, &threads) != L1L2_OK) {
        return 1;
    }
    for (i = 0; i < tasks; ++i) {
        work.x[i] = (float)i;
    }
    status = runner(threads, compute, &work, tasks);
    for (i = 0; i < tasks; ++i) {
        total += work.penalties[i];
    }
    printf("total %g on %u threads\n", total, (unsigned)l1l2_threads_count(threads));
    l1l2_threads_destroy(threads);
    l1l2_destroy(work.regularizer);
    /* 2 * (0 + ... + 99) + 3 * (0 + ... + 99^2) */
    return status == 0 && total == 994950.0 ? 0 : 1;
}
