/* SPDX-FileCopyrightText: 2026 The l1l2 authors
   SPDX-License-Identifier: Apache-2.0 */
/* The functions of libl1l2 for a compiled module of a framework. _extensions.py fills them in from
   the library that the package has loaded, so that the module is not linked against one and
   L1L2_LIBRARY holds for it, too. A source file defines L1L2_NEEDED(X) as X(create) X(penalty) ...,
   and includes this once. */
#pragma once
#include "l1l2.h"

#include <fenv.h>
#include <stdbool.h>
#include <string.h>

#if defined(__GNUC__)
#define L1L2_EXPORT __attribute__((visibility("default")))
#else
#define L1L2_EXPORT
#endif

/* A call is functions.penalty(...). */
struct functions {
#define L1L2_MEMBER(name) __typeof__(&l1l2_##name) name;
    L1L2_NEEDED(L1L2_MEMBER)
#undef L1L2_MEMBER
};
static struct functions functions;

/* Their names in the order of the members, with commas between them. */
L1L2_EXPORT const char* l1l2_extension_names(void);
L1L2_EXPORT const char* l1l2_extension_names(void) {
#define L1L2_NAME(name) "l1l2_" #name ","
    return L1L2_NEEDED(L1L2_NAME);
#undef L1L2_NAME
}

/* Where their addresses are to be written, in the same order. */
L1L2_EXPORT void* l1l2_extension_functions(void);
L1L2_EXPORT void* l1l2_extension_functions(void) {
    return &functions;
}

/* Whether two coefficients are the same. On a thread that takes subnormals for zero, == says so of
 * all of them. */
static inline bool same_coefficient(double a, double b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

/* Writes ((p0 + p1) + p2) + ... of each row of penalties, added in double and then rounded to the
 * type of the totals, double or float. A framework's threads may take subnormal numbers for zero,
 * which must not change a bit: this takes the default environment. */
static inline void write_totals(const double* penalties, size_t rows, size_t columns,
                                bool is_double, void* totals) {
    fenv_t environment;
    fegetenv(&environment);
    fesetenv(FE_DFL_ENV);
    for (size_t row = 0; row < rows; ++row) {
        double total = 0.0;
        for (size_t i = 0; i < columns; ++i)
            total += penalties[row * columns + i];
        if (is_double) {
            ((double*)totals)[row] = total;
        } else {
            ((float*)totals)[row] = (float)total;
        }
    }
    fesetenv(&environment);
}
