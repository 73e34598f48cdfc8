/* SPDX-FileCopyrightText: 2026 The l1l2 authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens libl1l2 at run time and uses it from several threads.
 *
 *     cc dlopen.c $(pkg-config --cflags l1l2) -pthread -ldl -o dlopen
 *     ./dlopen [LIBRARY]
 */
#include "l1l2_api.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static l1l2_api l1l2;
static const float weights[] = {0.5f, -1.25f, 0.0f, 2.0f};

/* A regularizer never changes, so threads share it. */
static void* penalty_on_a_thread(void* regularizer) {
    double* const penalty = malloc(sizeof *penalty);
    if (penalty != NULL && l1l2.penalty(regularizer, L1L2_FLOAT32, weights, 4, penalty) == L1L2_OK)
        return penalty;
    free(penalty);
    return NULL;
}

int main(int argc, char** argv) {
    const char* const error = l1l2_api_open(&l1l2, argc > 1 ? argv[1] : "libl1l2.so.0");
    if (error != NULL) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    printf("libl1l2 %s, %s\n", l1l2.version_string(), l1l2.isa());

    l1l2_regularizer* regularizer;
    l1l2_status status = l1l2.create(-1.0, 0.02, &regularizer);
    printf("l1 = -1: %s\n", l1l2.status_string(status));

    const char json[] = "{\"class_name\": \"L1L2\", \"config\": {\"l1\": 0.01, \"l2\": 0.02}}";
    char message[256];
    status = l1l2.from_json(json, strlen(json), &regularizer, message, sizeof message);
    if (status != L1L2_OK) {
        fprintf(stderr, "%s\n", message);
        l1l2_api_close(&l1l2);
        return 1;
    }

    float gradient[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    float shrunk[4];
    double penalty;
    l1l2.add_gradient(regularizer, L1L2_FLOAT32, weights, 4, 1.0, gradient, &penalty);
    l1l2.prox(regularizer, L1L2_FLOAT32, weights, 4, 0.1, shrunk);
    printf("penalty %.17g\n", penalty);
    printf("gradient %g %g %g %g\n", gradient[0], gradient[1], gradient[2], gradient[3]);
    printf("prox %g %g %g %g\n", shrunk[0], shrunk[1], shrunk[2], shrunk[3]);

    pthread_t threads[4];
    size_t started = 0;
    while (started < 4 &&
           pthread_create(&threads[started], NULL, penalty_on_a_thread, regularizer) == 0)
        ++started;
    for (size_t i = 0; i < started; ++i) {
        void* result = NULL;
        pthread_join(threads[i], &result);
        if (result != NULL) printf("thread %zu: %.17g\n", i, *(double*)result);
        free(result);
    }

    l1l2.destroy(regularizer);
    l1l2_api_close(&l1l2);
}
