/*
 * SPDX-FileCopyrightText: 2026 The l1l2 authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the addon share: the functions of libl1l2, and values on their way from and to
 * JavaScript. A function that returns false, or NULL for a pointer, has thrown.
 *
 * While a worker is being stopped, functions of Node-API that may run JavaScript fail, from one
 * call to the next: no list can be read, and nothing can be made or thrown. So a napi_value is NULL
 * until it is set, which all of them refuse, and what is queued was made as a whole.
 */
#ifndef L1L2_ADDON_H
#define L1L2_ADDON_H

#define NAPI_VERSION 8
#include <l1l2.h>
#include <node_api.h>
#include <stdbool.h>

#define FUNCTIONS(FUNCTION)                                                                        \
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
    FUNCTION(prox_step)                                                                            \
    FUNCTION(penalty_terms)                                                                        \
    FUNCTION(add_gradient_terms)                                                                   \
    FUNCTION(prox_terms)                                                                           \
    FUNCTION(prox_step_terms)                                                                      \
    FUNCTION(clip_by_norm_terms)                                                                   \
    FUNCTION(exact_sums_length)                                                                    \
    FUNCTION(exact_sums_add)                                                                       \
    FUNCTION(exact_sums_add_terms)                                                                 \
    FUNCTION(exact_sums_merge)                                                                     \
    FUNCTION(exact_sums_subtract)                                                                  \
    FUNCTION(exact_sums_read)                                                                      \
    FUNCTION(exact_sums_norm)                                                                      \
    FUNCTION(penalty_exact_sums)                                                                   \
    FUNCTION(to_json)                                                                              \
    FUNCTION(from_json)

typedef struct Library {
#define MEMBER(name) __typeof__(&l1l2_##name) name;
    FUNCTIONS(MEMBER)
} Library;

/* Each thread of JavaScript has its own. */
typedef struct Instance {
    Library library;
    napi_ref error; /* the constructor of L1L2Error */
    napi_ref at;    /* the method of typed arrays */
} Instance;

/* What a regularizer of JavaScript holds. It is destroyed once no call of the thread pool uses it.
 */
typedef struct Handle {
    const Instance* instance;
    l1l2_regularizer* regularizer; /* NULL, which every function refuses, once it is destroyed */
    l1l2_regularizer* retired;
    int calls;
} Handle;

typedef struct Elements {
    l1l2_dtype dtype;
    void* data;
    size_t n;
} Elements;

enum { max_arguments = 7, text_capacity = 256 /* enough for all, says l1l2.h */ };

const Instance* instance_of(napi_env env);
napi_value undefined(napi_env env);
napi_value number(napi_env env, double value);
napi_value text(napi_env env, const char* characters);

/* An array of JavaScript. */
napi_value array_of(napi_env env, uint32_t count, const napi_value* values);

/* With the library's words, if there is no message. */
napi_value make_error(napi_env env, l1l2_status status, const char* message);

/* True if the status is L1L2_OK. */
bool succeeds(napi_env env, l1l2_status status);

/* Fills max_arguments, with undefined for those that are not given; returns the data of the method.
 */
void* get_arguments(napi_env env, napi_callback_info info, napi_value* arguments);

bool get_number(napi_env env, napi_value value, const char* name, double* result);

Handle* get_handle(napi_env env, napi_value value);

/* Ends a call of the thread pool, for which `calls` was increased. */
void return_handle(Handle* handle);

/* The elements of a typed array. `wanted` is a dtype, 0 for the array's own, or -1 for a wrong
 * name. */
bool get_elements(napi_env env, napi_value value, int32_t wanted, Elements* elements);

/* The type in which gradients and proximal operators are computed, and that steps have. */
l1l2_dtype arithmetic_of(l1l2_dtype dtype);

/* Another array, of a dtype and as many elements as x. */
bool get_other(napi_env env, napi_value value, int32_t wanted, l1l2_dtype dtype, const Elements* x,
               void** data);

/* The methods of sums.c and terms.c, which index.js calls. */
napi_value sums_add(napi_env env, napi_callback_info info);
napi_value sums_merge(napi_env env, napi_callback_info info);
napi_value sums_subtract(napi_env env, napi_callback_info info);
napi_value sums_read(napi_env env, napi_callback_info info);
napi_value sums_norm(napi_env env, napi_callback_info info);
napi_value sums_penalty(napi_env env, napi_callback_info info);
extern const int terms_kinds[];
napi_value compute_terms(napi_env env, napi_callback_info info);
napi_value compute_terms_async(napi_env env, napi_callback_info info);

#endif
