/*
 * SPDX-FileCopyrightText: 2026 The l1l2 authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Exact sums for JavaScript.
 */
#include "addon.h"

/* The 207 numbers of exact sums, or NULL with an error pending. */
static int64_t* get_sums(napi_env env, napi_value value) {
    napi_typedarray_type type = napi_int8_array;
    size_t n = 0;
    void* data = NULL;
    napi_get_typedarray_info(env, value, &type, &n, &data, NULL, NULL);
    if (type != napi_bigint64_array) {
        napi_throw_type_error(env, NULL, "exact sums are a BigInt64Array");
        return NULL;
    }
    if (n != L1L2_EXACT_SUMS_LENGTH) {
        napi_throw_range_error(env, NULL, "exact sums have 207 numbers");
        return NULL;
    }
    return data;
}

napi_value sums_add(napi_env env, napi_callback_info info) {
    napi_value arguments[max_arguments];
    get_arguments(env, info, arguments);
    Elements x;
    int32_t dtype = 0;
    int64_t* const sums = get_sums(env, arguments[0]);
    napi_get_value_int32(env, arguments[2], &dtype);
    if (sums == NULL || !get_elements(env, arguments[1], dtype, &x)) return NULL;
    succeeds(env, instance_of(env)->library.exact_sums_add(sums, x.dtype, x.data, x.n));
    return undefined(env);
}

typedef l1l2_status (*Combination)(int64_t* sums, const int64_t* other);

static napi_value combine(napi_env env, napi_callback_info info, Combination combination) {
    napi_value arguments[max_arguments];
    get_arguments(env, info, arguments);
    int64_t* const sums = get_sums(env, arguments[0]);
    const int64_t* const other = sums != NULL ? get_sums(env, arguments[1]) : NULL;
    if (other == NULL) return NULL;
    succeeds(env, combination(sums, other));
    return undefined(env);
}

napi_value sums_merge(napi_env env, napi_callback_info info) {
    return combine(env, info, instance_of(env)->library.exact_sums_merge);
}

napi_value sums_subtract(napi_env env, napi_callback_info info) {
    return combine(env, info, instance_of(env)->library.exact_sums_subtract);
}

/* [absolute, square, count], the last one a BigInt. */
napi_value sums_read(napi_env env, napi_callback_info info) {
    napi_value arguments[max_arguments], big = NULL;
    get_arguments(env, info, arguments);
    const int64_t* const sums = get_sums(env, arguments[0]);
    double absolute, square;
    int64_t count;
    if (sums == NULL) return NULL;
    const Library* const library = &instance_of(env)->library;
    if (!succeeds(env, library->exact_sums_read(sums, &absolute, &square, &count))) return NULL;
    napi_create_bigint_int64(env, count, &big);
    return array_of(env, 3, (napi_value[]){number(env, absolute), number(env, square), big});
}

napi_value sums_norm(napi_env env, napi_callback_info info) {
    napi_value arguments[max_arguments];
    get_arguments(env, info, arguments);
    const int64_t* const sums = get_sums(env, arguments[0]);
    double norm;
    if (sums == NULL) return NULL;
    const l1l2_status status = instance_of(env)->library.exact_sums_norm(sums, &norm);
    return succeeds(env, status) ? number(env, norm) : NULL;
}

napi_value sums_penalty(napi_env env, napi_callback_info info) {
    napi_value arguments[max_arguments];
    get_arguments(env, info, arguments);
    const Handle* const handle = get_handle(env, arguments[0]);
    const int64_t* const sums = handle != NULL ? get_sums(env, arguments[1]) : NULL;
    double penalty;
    if (sums == NULL) return NULL;
    const l1l2_status status =
        handle->instance->library.penalty_exact_sums(handle->regularizer, sums, &penalty);
    return succeeds(env, status) ? number(env, penalty) : NULL;
}
