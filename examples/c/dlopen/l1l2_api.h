/* SPDX-FileCopyrightText: 2026 The l1l2 authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libl1l2 opened at run time: for programs that must start without it, and for plug-ins.
 *
 *     l1l2_api l1l2;
 *     const char* error = l1l2_api_open(&l1l2, "libl1l2.so.0");
 *     if (error != NULL) { fprintf(stderr, "%s\n", error); ... }
 *     l1l2.penalty(regularizer, L1L2_FLOAT32, x, n, &penalty);
 *     l1l2_api_close(&l1l2);
 *
 * The types of the functions are those of l1l2.h, so the compiler checks every call. Take those
 * that you need into the list.
 */
#ifndef L1L2_API_H
#define L1L2_API_H

#include <dlfcn.h>
#include <l1l2.h>
#include <string.h>

#define L1L2_API_FUNCTIONS(FUNCTION)                                                               \
    FUNCTION(version_number)                                                                       \
    FUNCTION(version_string)                                                                       \
    FUNCTION(status_string)                                                                        \
    FUNCTION(isa)                                                                                  \
    FUNCTION(create)                                                                               \
    FUNCTION(destroy)                                                                              \
    FUNCTION(get_config)                                                                           \
    FUNCTION(penalty)                                                                              \
    FUNCTION(add_gradient)                                                                         \
    FUNCTION(prox)                                                                                 \
    FUNCTION(exact_sums_length)                                                                    \
    FUNCTION(exact_sums_add)                                                                       \
    FUNCTION(exact_sums_merge)                                                                     \
    FUNCTION(exact_sums_check)                                                                     \
    FUNCTION(exact_sums_read)                                                                      \
    FUNCTION(penalty_exact_sums)                                                                   \
    FUNCTION(to_json)                                                                              \
    FUNCTION(from_json)

typedef struct l1l2_api {
#define L1L2_API_MEMBER(name) __typeof__(&l1l2_##name) name;
    L1L2_API_FUNCTIONS(L1L2_API_MEMBER)
#undef L1L2_API_MEMBER
    void* library;
} l1l2_api;

/* NULL, or what is wrong: the text is dlerror's and lives until the next call of dl... . */
static inline const char* l1l2_api_open(l1l2_api* api, const char* path) {
    void* const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    api->library = NULL;
    if (library == NULL) return dlerror();
    void* function;
    /* POSIX has a function's address in a void*, ISO C only through a copy. */
#define L1L2_API_FIND(name)                                                                        \
    function = dlsym(library, "l1l2_" #name);                                                      \
    if (function == NULL) {                                                                        \
        dlclose(library);                                                                          \
        return "libl1l2 has no l1l2_" #name ": is it too old?";                                    \
    }                                                                                              \
    memcpy(&api->name, &function, sizeof function);
    L1L2_API_FUNCTIONS(L1L2_API_FIND)
#undef L1L2_API_FIND
    api->library = library;
    return NULL;
}

/* No regularizer may be alive, and no call be under way. Does nothing after a failure to open. */
static inline void l1l2_api_close(l1l2_api* api) {
    if (api->library != NULL) dlclose(api->library);
    api->library = NULL;
}

#endif
