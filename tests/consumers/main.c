/* A consumer that checks the version of the library and computes penalties. */
#include <l1l2.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    const float x[] = {1.0f, -2.0f, 3.0f};
    static float many[5000];
    double penalty = 0.0;
    double of_many = 0.0;
    double of_nan = 0.0;
    const uint32_t nan_with_payload = 0xffc00001;
    uint64_t of_nan_bits = 0;
    int i;
    l1l2_regularizer* regularizer = NULL;
    if (l1l2_version_number() != L1L2_VERSION_NUMBER ||
        l1l2_create(2.0, 3.0, &regularizer) != L1L2_OK ||
        l1l2_penalty(regularizer, L1L2_FLOAT32, x, 3, &penalty) != L1L2_OK) {
        return 1;
    }
    for (i = 0; i < 5000; ++i) {
        many[i] = (float)(i % 101) * 0.1f;
    }
    l1l2_penalty(regularizer, L1L2_FLOAT32, many, 5000, &of_many);
    memcpy(&many[7], &nan_with_payload, sizeof nan_with_payload);
    l1l2_penalty(regularizer, L1L2_FLOAT32, many, 5000, &of_nan);
    memcpy(&of_nan_bits, &of_nan, sizeof of_nan);
    l1l2_destroy(regularizer);
    printf("penalty %g, %a, %llx\n", penalty, of_many, (unsigned long long)of_nan_bits);
    /* The bits of the second and the third depend on the flags of the library, not of its consumer:
     * on the order of additions, and on NaNs. */
    return of_nan_bits == 0x7ff8000000000000 && penalty == 54.0 && of_many == 0x1.0bc6e89a06b5p+19
               ? 0
               : 1;
}
