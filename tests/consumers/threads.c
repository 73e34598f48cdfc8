/* What a consumer of l1l2_threads does: lends its threads to l1l2, and runs tasks of its own. */
#include <l1l2_threads.h>
#include <stdio.h>

enum { tasks = 100, elements = 300000 };

static float x[elements];

static void square(void* work, size_t i) {
    double* const results = (double*)work;
    results[i] = (double)i * (double)i;
}

int main(void) {
    static double results[tasks];
    const l1l2_runner runner = l1l2_threads_run;
    l1l2_threads* threads = NULL;
    l1l2_regularizer* regularizer = NULL;
    l1l2_term term = {0};
    double alone = 0.0;
    double together = 0.0;
    double sum = 0.0;
    size_t i;
    if (l1l2_create(0.01, 0.02, &regularizer) != L1L2_OK ||
        l1l2_threads_create(0, &threads) != L1L2_OK) {
        return 1;
    }
    for (i = 0; i < elements; ++i) {
        x[i] = (float)i / 1000.0f;
    }
    term.regularizer = regularizer;
    term.x = x;
    term.n = elements;
    term.dtype = L1L2_FLOAT32;
    if (l1l2_penalty(regularizer, L1L2_FLOAT32, x, elements, &alone) != L1L2_OK ||
        l1l2_penalty_terms(&term, sizeof term, 1, runner, threads, NULL, &together, NULL) !=
            L1L2_OK ||
        runner(threads, square, results, tasks) != 0) {
        return 1;
    }
    for (i = 0; i < tasks; ++i) {
        sum += results[i];
    }
    printf("penalty %.17g on %u threads\n", together, (unsigned)l1l2_threads_count(threads));
    l1l2_threads_destroy(threads);
    l1l2_destroy(regularizer);
    return together == alone && sum == 328350.0 ? 0 : 1; /* 0 + 1 + 4 + ... + 99^2 */
}
