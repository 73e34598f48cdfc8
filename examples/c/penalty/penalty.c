/* SPDX-FileCopyrightText: 2026 The l1l2 authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <l1l2.h>
#include <stdio.h>

int main(void) {
    const float weights[] = {0.5f, -1.25f, 0.0f, 2.0f};
    l1l2_regularizer* regularizer;
    double penalty;
    if (l1l2_create(0.01, 0.02, &regularizer) != L1L2_OK) return 1;
    l1l2_penalty(regularizer, L1L2_FLOAT32, weights, 4, &penalty);
    printf("penalty %.17g, computed with %s\n", penalty, l1l2_isa());
    l1l2_destroy(regularizer);
}
