/* A consumer of libl1l2_threads that computes terms on its threads and runs tasks of its own. */
#include <l1l2_threads.h>
#include <stdio.h>
#include <string.h>

enum { tasks = 100, elements = 300000, terms = 20 };

static float x[elements];
static float gradients[elements];
static float outs[elements];
static float expected_gradients[elements];
static float expected_outs[elements];

static void square(void* work, size_t i) {
    double* const results = (double*)work;
    results[i] = (double)i * (double)i;
}

/* Computes penalties, gradients and proxes of x, in terms of no elements to half of them. */
static double compute(const l1l2_regularizer* regularizer, l1l2_runner runner, void* threads) {
    l1l2_term term[terms];
    double total = -1.0;
    size_t first = 0;
    size_t i;
    memset(term, 0, sizeof term);
    memset(gradients, 0, sizeof gradients);
    memset(outs, 0xff, sizeof outs);
    for (i = 0; i < terms; ++i) {
        term[i].regularizer = regularizer;
        term[i].x = x + first;
        term[i].gradient = gradients + first;
        term[i].out = outs + first;
        term[i].n = ((size_t)elements >> (terms - i)); /* 0, 0, 1, 2, 4, ... */
        term[i].dtype = L1L2_FLOAT32;
        first += term[i].n;
    }
    if (l1l2_add_gradient_terms(term, sizeof term[0], terms, 0.5, runner, threads, NULL, &total,
                                NULL) != L1L2_OK ||
        l1l2_prox_terms(term, sizeof term[0], terms, 0.5, runner, threads, NULL) != L1L2_OK) {
        return -1.0;
    }
    return total;
}

int main(void) {
    static const size_t counts[] = {0, 1, 2, 3, 8, L1L2_THREADS_MAX_COUNT};
    static double results[tasks];
    const l1l2_runner runner = l1l2_threads_run;
    l1l2_threads* threads = NULL;
    l1l2_regularizer* regularizer = NULL;
    l1l2_term term = {0};
    double alone = 0.0;
    double together = 0.0;
    double total = 0.0;
    double sum = 0.0;
    size_t i;
    if (l1l2_create(0.01, 0.02, &regularizer) != L1L2_OK) {
        return 1;
    }
    for (i = 0; i < elements; ++i) {
        x[i] = (float)i / 1000.0f;
    }
    term.regularizer = regularizer;
    term.x = x;
    term.n = elements;
    term.dtype = L1L2_FLOAT32;
    total = compute(regularizer, NULL, NULL);
    memcpy(expected_gradients, gradients, sizeof gradients);
    memcpy(expected_outs, outs, sizeof outs);
    if (l1l2_penalty(regularizer, L1L2_FLOAT32, x, elements, &alone) != L1L2_OK || !(total > 0.0)) {
        return 1;
    }
    /* The bits are the same with any number of threads. */
    for (i = 0; i < sizeof counts / sizeof counts[0]; ++i) {
        if (l1l2_threads_create(counts[i], &threads) != L1L2_OK ||
            l1l2_penalty_terms(&term, sizeof term, 1, runner, threads, NULL, &together, NULL) !=
                L1L2_OK ||
            together != alone || compute(regularizer, runner, threads) != total ||
            memcmp(gradients, expected_gradients, sizeof gradients) != 0 ||
            memcmp(outs, expected_outs, sizeof outs) != 0) {
            return 1;
        }
        printf("penalty %.17g on %u threads\n", together, (unsigned)l1l2_threads_count(threads));
        l1l2_threads_destroy(threads);
    }
    if (l1l2_threads_create(0, &threads) != L1L2_OK ||
        runner(threads, square, results, tasks) != 0) {
        return 1;
    }
    for (i = 0; i < tasks; ++i) {
        sum += results[i];
    }
    l1l2_threads_destroy(threads);
    l1l2_destroy(regularizer);
    return sum == 328350.0 ? 0 : 1; /* 0 + 1 + 4 + ... + 99^2 */
}
