/* The public headers in C, by themselves, compiled as C99 and C11 without a warning. */
#include <l1l2.h>
#include <l1l2_threads.h>

typedef int header_defines_its_version[L1L2_VERSION_NUMBER >= 0 ? 1 : -1];

int use_header(void);

int use_header(void) {
    l1l2_regularizer* regularizer;
    l1l2_status status = l1l2_create(0.01, 0.02, &regularizer);
    l1l2_destroy(regularizer);
    return status == L1L2_OK ? L1L2_FLOAT32 : L1L2_JSON_CONFIG;
}
