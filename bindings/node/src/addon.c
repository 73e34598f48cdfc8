/*
 * SPDX-FileCopyrightText: 2026 The l1l2 authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The functions of libl1l2 for JavaScript, in Node-API. index.js makes classes of them.
 *
 * libl1l2 is opened at run time, so that the one in this package and an installed one are called in
 * the same way. A function that fails throws: an L1L2Error, made by the constructor that open() was
 * given, or a TypeError or RangeError for arguments that never reach the library.
 */
#include "addon.h"
#include "dynamic.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum Kind { PENALTY, GRADIENT, GRADIENT_AND_PENALTY, PROX, PROX_STEP } Kind;

/* One penalty, gradient, prox or proximal step. */
typedef struct Operation {
    Kind kind;
    Handle* handle;
    l1l2_regularizer* regularizer;
    Elements x;
    double factor;  /* scale or step */
    void* other;    /* the gradient that is added to, or out */
    void* gradient; /* of a proximal step, and its steps; NULL if they are not given */
    void* steps;
    double penalty;
} Operation;

/* An operation on the thread pool. */
typedef struct Task {
    Operation operation;
    l1l2_status status;
    napi_async_work work;
    napi_deferred deferred;
    napi_ref arguments; /* keeps the handle and the arrays alive */
} Task;

const Instance* instance_of(napi_env env) {
    void* instance = NULL;
    napi_get_instance_data(env, &instance);
    return instance;
}

napi_value undefined(napi_env env) {
    napi_value value = NULL;
    napi_get_undefined(env, &value);
    return value;
}

napi_value number(napi_env env, double value) {
    napi_value result = NULL;
    napi_create_double(env, value, &result);
    return result;
}

napi_value text(napi_env env, const char* characters) {
    napi_value result = NULL;
    napi_create_string_latin1(env, characters, NAPI_AUTO_LENGTH, &result);
    return result;
}

napi_value array_of(napi_env env, uint32_t count, const napi_value* values) {
    napi_value array = NULL;
    napi_create_array_with_length(env, count, &array);
    for (uint32_t i = 0; i < count; ++i)
        if (napi_set_element(env, array, i, values[i]) != napi_ok) return NULL;
    return array;
}

napi_value make_error(napi_env env, l1l2_status status, const char* message) {
    const Instance* const instance = instance_of(env);
    napi_value constructor = NULL, arguments[2] = {NULL}, error = NULL;
    napi_get_reference_value(env, instance->error, &constructor);
    napi_create_int32(env, status, &arguments[0]);
    arguments[1] = text(env, message != NULL ? message : instance->library.status_string(status));
    napi_new_instance(env, constructor, 2, arguments, &error);
    return error;
}

bool succeeds(napi_env env, l1l2_status status) {
    if (status != L1L2_OK) napi_throw(env, make_error(env, status, NULL));
    return status == L1L2_OK;
}

void* get_arguments(napi_env env, napi_callback_info info, napi_value* arguments) {
    size_t count = max_arguments;
    void* data = NULL;
    napi_get_cb_info(env, info, &count, arguments, NULL, &data);
    return data;
}

bool get_number(napi_env env, napi_value value, const char* name, double* result) {
    if (napi_get_value_double(env, value, result) == napi_ok) return true;
    char message[64];
    snprintf(message, sizeof message, "%s is not a number", name);
    napi_throw_type_error(env, NULL, message);
    return false;
}

Handle* get_handle(napi_env env, napi_value value) {
    void* handle = NULL;
    if (napi_get_value_external(env, value, &handle) != napi_ok)
        napi_throw_type_error(env, NULL, "not a regularizer");
    return handle;
}

/* An array that has lost its buffer also seems to be empty, but its methods throw. */
static bool is_whole(napi_env env, napi_value array) {
    napi_value at = NULL, error;
    napi_get_reference_value(env, instance_of(env)->at, &at);
    if (napi_call_function(env, array, at, 0, NULL, NULL) == napi_ok) return true;
    napi_get_and_clear_last_exception(env, &error);
    napi_throw_type_error(env, NULL, "the buffer of the array was transferred or shrunk");
    return false;
}

bool get_elements(napi_env env, napi_value value, int32_t wanted, Elements* elements) {
    /* A type that this version of Node-API does not know is left as it is: that of a Float16Array.
     */
    napi_typedarray_type type = (napi_typedarray_type)-1;
    const bool is_array = napi_get_typedarray_info(env, value, &type, &elements->n, &elements->data,
                                                   NULL, NULL) == napi_ok;
    l1l2_dtype own = -1;
    if (is_array && type == napi_float32_array) own = L1L2_FLOAT32;
    if (is_array && type == napi_float64_array) own = L1L2_FLOAT64;
    if (is_array && (int)type == 11 /* napi_float16_array, which headers of today lack */)
        own = L1L2_FLOAT16;
    if (is_array && (int)type == -1) own = L1L2_FLOAT16;
    if (is_array && type == napi_uint16_array &&
        (wanted == L1L2_FLOAT16 || wanted == L1L2_BFLOAT16))
        own = wanted;
    elements->dtype = own;
    if (own != -1 && (wanted == 0 || wanted == own)) return elements->n > 0 || is_whole(env, value);
    static const char* const names[] = {"float32", "float64", "float16", "bfloat16"};
    char message[128];
    if (wanted < 0)
        snprintf(message, sizeof message, "dtype is none of float32, float64, float16, bfloat16");
    else if (!is_array)
        snprintf(message, sizeof message, "not a typed array");
    else if (wanted == 0)
        snprintf(message, sizeof message,
                 "not a Float32Array or Float64Array; a Uint16Array needs the option dtype");
    else
        snprintf(message, sizeof message, "not an array of %s", names[wanted - 1]);
    napi_throw_type_error(env, NULL, message);
    return false;
}

bool get_other(napi_env env, napi_value value, int32_t wanted, l1l2_dtype dtype, const Elements* x,
               void** data) {
    Elements other;
    if (!get_elements(env, value, wanted, &other)) return false;
    if (other.dtype != dtype) {
        napi_throw_type_error(env, NULL, "the arrays differ in their dtype");
        return false;
    }
    if (other.n != x->n) {
        char message[96];
        snprintf(message, sizeof message, "the arrays have %" PRIu64 " and %" PRIu64 " elements",
                 (uint64_t)x->n, (uint64_t)other.n);
        napi_throw_range_error(env, NULL, message);
        return false;
    }
    *data = other.data;
    return true;
}

l1l2_dtype arithmetic_of(l1l2_dtype dtype) {
    return dtype == L1L2_FLOAT64 ? L1L2_FLOAT64 : L1L2_FLOAT32;
}

/* The same, or null, which leaves `data` as it is. Undefined may be a name that is misspelled. */
static bool get_optional(napi_env env, napi_value value, int32_t wanted, l1l2_dtype dtype,
                         const Elements* x, void** data) {
    napi_valuetype type = napi_undefined;
    napi_typeof(env, value, &type);
    return type == napi_null || get_other(env, value, wanted, dtype, x, data);
}

/* Of (handle, x, dtype), followed by (other, factor) but for a penalty, and for a proximal step by
 * (gradient, steps). */
static bool get_operation(napi_env env, Kind kind, napi_value* arguments, Operation* operation) {
    int32_t dtype = 0;
    *operation = (Operation){.kind = kind, .handle = get_handle(env, arguments[0])};
    if (operation->handle == NULL) return false;
    operation->regularizer = operation->handle->regularizer;
    napi_get_value_int32(env, arguments[2], &dtype);
    if (!get_elements(env, arguments[1], dtype, &operation->x)) return false;
    if (kind == PENALTY) return true;
    const char* const factor = kind == PROX || kind == PROX_STEP ? "step" : "scale";
    const Elements* const x = &operation->x;
    if (!get_other(env, arguments[3], dtype, x->dtype, x, &operation->other) ||
        !get_number(env, arguments[4], factor, &operation->factor))
        return false;
    return kind != PROX_STEP ||
           (get_optional(env, arguments[5], dtype, x->dtype, x, &operation->gradient) &&
            get_optional(env, arguments[6], 0, arithmetic_of(x->dtype), x, &operation->steps));
}

static l1l2_status run(Operation* operation) {
    const Library* const library = &operation->handle->instance->library;
    const Elements* const x = &operation->x;
    switch (operation->kind) {
    case PENALTY:
        return library->penalty(operation->regularizer, x->dtype, x->data, x->n,
                                &operation->penalty);
    case GRADIENT:
    case GRADIENT_AND_PENALTY:
        return library->add_gradient(
            operation->regularizer, x->dtype, x->data, x->n, operation->factor, operation->other,
            operation->kind == GRADIENT_AND_PENALTY ? &operation->penalty : NULL);
    case PROX_STEP:
        return library->prox_step(operation->regularizer, x->dtype, x->data, x->n,
                                  operation->gradient, operation->factor, operation->steps,
                                  operation->other);
    case PROX: break;
    }
    return library->prox(operation->regularizer, x->dtype, x->data, x->n, operation->factor,
                         operation->other);
}

static napi_value result_of(napi_env env, const Operation* operation) {
    const bool has_penalty = operation->kind == PENALTY || operation->kind == GRADIENT_AND_PENALTY;
    return has_penalty ? number(env, operation->penalty) : undefined(env);
}

/* The callbacks get their kind as a pointer into this. */
static const Kind kinds[] = {PENALTY, GRADIENT, GRADIENT_AND_PENALTY, PROX, PROX_STEP};

static napi_value compute(napi_env env, napi_callback_info info) {
    napi_value arguments[max_arguments];
    const Kind* const kind = get_arguments(env, info, arguments);
    Operation operation;
    if (!get_operation(env, *kind, arguments, &operation)) return NULL;
    return succeeds(env, run(&operation)) ? result_of(env, &operation) : NULL;
}

static void release(Handle* handle) {
    if (handle->calls > 0) return;
    handle->instance->library.destroy(handle->retired);
    handle->retired = NULL;
}

void return_handle(Handle* handle) {
    --handle->calls;
    release(handle);
}

static void run_task(napi_env env, void* data) {
    (void)env;
    Task* const task = data;
    task->status = run(&task->operation);
}

static void free_task(napi_env env, Task* task) {
    napi_delete_reference(env, task->arguments);
    napi_delete_async_work(env, task->work);
    free(task);
}

static void finish_task(napi_env env, napi_status ran, void* data) {
    Task* const task = data;
    return_handle(task->operation.handle);
    if (ran == napi_ok && task->status == L1L2_OK)
        napi_resolve_deferred(env, task->deferred, result_of(env, &task->operation));
    else if (ran == napi_ok)
        napi_reject_deferred(env, task->deferred, make_error(env, task->status, NULL));
    free_task(env, task);
}

/* The same on Node's thread pool; returns a promise. */
static napi_value compute_async(napi_env env, napi_callback_info info) {
    napi_value arguments[max_arguments], promise = NULL;
    const Kind* const kind = get_arguments(env, info, arguments);
    Operation operation;
    if (!get_operation(env, *kind, arguments, &operation)) return NULL;
    Task* const task = calloc(1, sizeof *task);
    if (task == NULL) return succeeds(env, L1L2_ERROR_OUT_OF_MEMORY), NULL;
    task->operation = operation;
    const napi_value kept = array_of(env, max_arguments, arguments);
    if (napi_create_reference(env, kept, 1, &task->arguments) != napi_ok ||
        napi_create_async_work(env, NULL, text(env, "l1l2"), run_task, finish_task, task,
                               &task->work) != napi_ok ||
        napi_create_promise(env, &task->deferred, &promise) != napi_ok ||
        napi_queue_async_work(env, task->work) != napi_ok)
        return free_task(env, task), NULL;
    ++operation.handle->calls;
    return promise;
}

static void finalize(napi_env env, void* data, void* hint) {
    (void)env;
    (void)hint;
    Handle* const handle = data;
    handle->instance->library.destroy(handle->regularizer);
    handle->instance->library.destroy(handle->retired);
    free(handle);
}

static napi_value create(napi_env env, napi_callback_info info) {
    napi_value arguments[max_arguments], external = NULL;
    get_arguments(env, info, arguments);
    double l1, l2;
    if (!get_number(env, arguments[0], "l1", &l1) || !get_number(env, arguments[1], "l2", &l2))
        return NULL;
    Handle* const handle = calloc(1, sizeof *handle);
    if (handle == NULL) return succeeds(env, L1L2_ERROR_OUT_OF_MEMORY), NULL;
    handle->instance = instance_of(env);
    const l1l2_status status = handle->instance->library.create(l1, l2, &handle->regularizer);
    if (!succeeds(env, status) ||
        napi_create_external(env, handle, finalize, NULL, &external) != napi_ok)
        finalize(env, handle, NULL);
    return external;
}

static napi_value destroy(napi_env env, napi_callback_info info) {
    napi_value arguments[max_arguments];
    get_arguments(env, info, arguments);
    Handle* const handle = get_handle(env, arguments[0]);
    if (handle == NULL) return NULL;
    if (handle->regularizer != NULL) handle->retired = handle->regularizer;
    handle->regularizer = NULL;
    release(handle);
    return undefined(env);
}

/* The coefficient l1 or l2, as the second argument says. */
static napi_value coefficient(napi_env env, napi_callback_info info) {
    napi_value arguments[max_arguments];
    get_arguments(env, info, arguments);
    const Handle* const handle = get_handle(env, arguments[0]);
    if (handle == NULL) return NULL;
    double values[2];
    int32_t index = 0;
    napi_get_value_int32(env, arguments[1], &index);
    const l1l2_status status =
        handle->instance->library.get_config(handle->regularizer, &values[0], &values[1]);
    return succeeds(env, status) ? number(env, values[index - 1]) : NULL;
}

static napi_value to_json(napi_env env, napi_callback_info info) {
    napi_value arguments[max_arguments];
    get_arguments(env, info, arguments);
    const Handle* const handle = get_handle(env, arguments[0]);
    if (handle == NULL) return NULL;
    char json[text_capacity];
    size_t length = 0;
    int32_t style = 0;
    napi_get_value_int32(env, arguments[1], &style);
    const l1l2_status status =
        handle->instance->library.to_json(handle->regularizer, style, json, sizeof json, &length);
    return succeeds(env, status) ? text(env, json) : NULL;
}

/* The coefficients [l1, l2] that a text describes. */
static napi_value from_json(napi_env env, napi_callback_info info) {
    const Library* const library = &instance_of(env)->library;
    napi_value arguments[max_arguments];
    get_arguments(env, info, arguments);
    size_t length = 0;
    if (napi_get_value_string_utf8(env, arguments[0], NULL, 0, &length) != napi_ok) {
        napi_throw_type_error(env, NULL, "the JSON text is not a string");
        return NULL;
    }
    char* const json = malloc(length + 1);
    if (json == NULL) return succeeds(env, L1L2_ERROR_OUT_OF_MEMORY), NULL;
    napi_get_value_string_utf8(env, arguments[0], json, length + 1, &length);
    char message[text_capacity];
    l1l2_regularizer* regularizer;
    const l1l2_status status =
        library->from_json(json, length, &regularizer, message, sizeof message);
    free(json);
    if (status != L1L2_OK) {
        napi_throw(env, make_error(env, status, message));
        return NULL;
    }
    double l1 = 0.0, l2 = 0.0;
    library->get_config(regularizer, &l1, &l2);
    library->destroy(regularizer);
    return array_of(env, 2, (napi_value[]){number(env, l1), number(env, l2)});
}

static napi_value version(napi_env env, napi_callback_info info) {
    (void)info;
    return text(env, instance_of(env)->library.version_string());
}

static napi_value version_number(napi_env env, napi_callback_info info) {
    (void)info;
    return number(env, instance_of(env)->library.version_number());
}

static napi_value isa(napi_env env, napi_callback_info info) {
    (void)info;
    return text(env, instance_of(env)->library.isa());
}

/*
 * open(path, oldest, L1L2Error, at) opens libl1l2. Returns undefined; or what is wrong: the version
 * that was found, a number below oldest, or a text. Neither the library nor the instance is
 * released: at the end of a thread of JavaScript, handles are finalized after instances.
 */
static napi_value open(napi_env env, napi_callback_info info) {
    napi_value arguments[max_arguments], reason = NULL;
    get_arguments(env, info, arguments);
    double oldest = 0.0;
    napi_get_value_double(env, arguments[1], &oldest);
    void* const opened = open_library(env, arguments[0], &reason);
    if (opened == NULL) return reason;
    Instance* const instance = calloc(1, sizeof *instance);
    if (instance == NULL) return text(env, "out of memory");
    void* function;
    /* version_number is the first of them. POSIX has a function's address in a void*, ISO C only
       through a copy. */
#define FIND(name)                                                                                 \
    function = find_function(opened, "l1l2_" #name);                                               \
    if (function == NULL) {                                                                        \
        free(instance);                                                                            \
        return text(env, "it is not libl1l2: l1l2_" #name " is missing");                          \
    }                                                                                              \
    memcpy(&instance->library.name, &function, sizeof function);                                   \
    if (instance->library.version_number() < oldest) {                                             \
        const uint32_t found = instance->library.version_number();                                 \
        free(instance);                                                                            \
        return number(env, found);                                                                 \
    }
    FUNCTIONS(FIND)
    napi_create_reference(env, arguments[2], 1, &instance->error);
    napi_create_reference(env, arguments[3], 1, &instance->at);
    napi_set_instance_data(env, instance, NULL, NULL);
    return undefined(env);
}

NAPI_MODULE_INIT() {
#define METHOD(name, function, data)                                                               \
    { name, NULL, function, NULL, NULL, NULL, napi_default, (void*)(data) }
    const napi_property_descriptor methods[] = {
        METHOD("open", open, NULL),
        METHOD("create", create, NULL),
        METHOD("destroy", destroy, NULL),
        METHOD("coefficient", coefficient, NULL),
        METHOD("penalty", compute, &kinds[0]),
        METHOD("addGradient", compute, &kinds[1]),
        METHOD("penaltyAndAddGradient", compute, &kinds[2]),
        METHOD("prox", compute, &kinds[3]),
        METHOD("proxStep", compute, &kinds[4]),
        METHOD("penaltyAsync", compute_async, &kinds[0]),
        METHOD("addGradientAsync", compute_async, &kinds[1]),
        METHOD("penaltyAndAddGradientAsync", compute_async, &kinds[2]),
        METHOD("proxAsync", compute_async, &kinds[3]),
        METHOD("proxStepAsync", compute_async, &kinds[4]),
        METHOD("toJson", to_json, NULL),
        METHOD("fromJson", from_json, NULL),
        METHOD("sumsAdd", sums_add, NULL),
        METHOD("sumsMerge", sums_merge, NULL),
        METHOD("sumsSubtract", sums_subtract, NULL),
        METHOD("sumsRead", sums_read, NULL),
        METHOD("sumsNorm", sums_norm, NULL),
        METHOD("sumsPenalty", sums_penalty, NULL),
        METHOD("penaltyTerms", compute_terms, &terms_kinds[0]),
        METHOD("addGradientTerms", compute_terms, &terms_kinds[1]),
        METHOD("proxTerms", compute_terms, &terms_kinds[2]),
        METHOD("proxStepTerms", compute_terms, &terms_kinds[3]),
        METHOD("sumsAddTerms", compute_terms, &terms_kinds[4]),
        METHOD("clipByNormTerms", compute_terms, &terms_kinds[5]),
        METHOD("penaltyTermsAsync", compute_terms_async, &terms_kinds[0]),
        METHOD("addGradientTermsAsync", compute_terms_async, &terms_kinds[1]),
        METHOD("proxTermsAsync", compute_terms_async, &terms_kinds[2]),
        METHOD("proxStepTermsAsync", compute_terms_async, &terms_kinds[3]),
        METHOD("sumsAddTermsAsync", compute_terms_async, &terms_kinds[4]),
        METHOD("clipByNormTermsAsync", compute_terms_async, &terms_kinds[5]),
        METHOD("version", version, NULL),
        METHOD("versionNumber", version_number, NULL),
        METHOD("isa", isa, NULL),
    };
    napi_define_properties(env, exports, sizeof methods / sizeof *methods, methods);
    return exports;
}
