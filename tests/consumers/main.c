/* What a consumer does first: checks the version it runs with and computes a penalty. */
#include <l1l2.h>
#include <stdio.h>

int main(void) {
    const float x[] = {1.0f, -2.0f, 3.0f};
    double penalty = 0.0;
    l1l2_regularizer* regularizer = NULL;
    if (l1l2_version_number() != L1L2_VERSION_NUMBER ||
        l1l2_create(2.0, 3.0, &regularizer) != L1L2_OK ||
        l1l2_penalty(regularizer, L1L2_FLOAT32, x, 3, &penalty) != L1L2_OK) {
        return 1;
    }
    l1l2_destroy(regularizer);
    printf("penalty %g\n", penalty);
    return penalty == 54.0 ? 0 : 1;
}
