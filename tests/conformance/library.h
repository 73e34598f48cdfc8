/* CALL(NAME) is the function l1l2_NAME, linked or opened at run time. */
#ifndef L1L2_LIBRARY_H
#define L1L2_LIBRARY_H

#ifdef L1L2_CONFORMANCE_DLOPEN
#include "../../examples/c/dlopen/l1l2_api.h"
static l1l2_api api;
#define CALL(name) api.name
#else
#include <l1l2.h>
#define CALL(name) l1l2_##name
#endif

#endif
