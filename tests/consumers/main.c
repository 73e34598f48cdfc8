/* What a consumer does first: checks the version it runs with and computes penalties. */
#include <l1l2.h>
#include <stdio.h>

int main(void) {
    const float x[] = {1.0f, -2.0f, 3.0f};
    static float many[5000];
    double penalty = 0.0;
    double of_many = 0.0;
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
    l1l2_destroy(regularizer);
    printf("penalty %g, %a\n", penalty, of_many);
    /* The bits of the second depend on the order of the additions, and so on the flags that the
       library, not its consumer, was compiled with. */
    return penalty == 54.0 && of_many == 0x1.0bc6e89a06b5p+19 ? 0 : 1;
}
