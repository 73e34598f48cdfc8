/* SPDX-FileCopyrightText: 2026 The l1l2 authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <l1l2.h>
#include <stdio.h>

/* The regularization's part of a training step for all tensors of a model at once. */
int main(void) {
    float kernel[] = {0.5f, -1.25f, 0.0005f, 2.0f}, kernel_gradient[4] = {0};
    double gain[] = {1.5, -0.75}, gain_gradient[2] = {0};
    l1l2_regularizer* regularizer;
    double penalties[2], loss;
    size_t faulty;
    if (l1l2_create(0.01, 0.02, &regularizer) != L1L2_OK) return 1;

    const l1l2_term terms[] = {
        {.regularizer = regularizer,
         .dtype = L1L2_FLOAT32,
         .n = 4,
         .x = kernel,
         .gradient = kernel_gradient,
         .out = kernel},
        {.regularizer = regularizer,
         .dtype = L1L2_FLOAT64,
         .n = 2,
         .x = gain,
         .gradient = gain_gradient,
         .out = gain},
    };
    l1l2_status status = l1l2_add_gradient_terms(terms, sizeof terms[0], 2, 1.0, NULL, NULL,
                                                 penalties, &loss, &faulty);
    if (status != L1L2_OK) {
        fprintf(stderr, "tensor %zu: %s\n", faulty, l1l2_status_string(status));
        return 1;
    }
    printf("loss %.17g, of which the gain %.17g\n", loss, penalties[1]);
    printf("gradient of the kernel %g %g %g %g\n", kernel_gradient[0], kernel_gradient[1],
           kernel_gradient[2], kernel_gradient[3]);

    /* Or, after a gradient step on the rest of the loss, the step that makes exact zeros. */
    l1l2_prox_terms(terms, sizeof terms[0], 2, 0.1, NULL, NULL, NULL);
    printf("kernel after a proximal step %g %g %g %g\n", kernel[0], kernel[1], kernel[2],
           kernel[3]);
    l1l2_destroy(regularizer);
}
