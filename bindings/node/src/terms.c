/*
 * SPDX-FileCopyrightText: 2026 The l1l2 authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Lists of tensors for JavaScript: on the calling thread, or on several threads of Node's pool.
 */
#include "addon.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* What index.js says of each term, beside the code of its dtype plus 1. Values of N-API are costly:
   the flat array has only those that there are. */
enum { DTYPE = 7, HANDLE = 8, GRADIENT = 16, OUT = 32, STEPS = 64 };

typedef enum Kind { PENALTY, GRADIENT_AND_PENALTY, PROX, PROX_STEP, SUMS, CLIP } Kind;

typedef struct Terms {
    Kind kind;
    const Library* library;
    size_t count;
    l1l2_term* list;
    Handle** handles; /* NULL for the terms of SUMS and CLIP */
    double factor;    /* scale, step or norm */
    double max_norm;
    void* output; /* count penalties, or exact sums */
    double total;
    size_t faulty;
} Terms;

static const char* const factor_names[] = {NULL, "scale", "step", "step", NULL, "norm"};

/* The callbacks get their kind as a pointer into this. */
const int terms_kinds[] = {PENALTY, GRADIENT_AND_PENALTY, PROX, PROX_STEP, SUMS, CLIP};

static const char* noun_of(Kind kind) {
    return kind == SUMS || kind == CLIP ? "array" : "term";
}

typedef struct Reader {
    napi_env env;
    napi_value flat;
    uint32_t next;
    Handle* handle; /* of the term before, if a term has none of its own */
} Reader;

static napi_value next(Reader* reader) {
    napi_value value = NULL;
    napi_get_element(reader->env, reader->flat, reader->next++, &value);
    return value;
}

/* Whether an array beside x is not there, not used by the kind, or suitable. */
static bool get_field(Reader* reader, bool given, bool used, int32_t wanted, l1l2_dtype dtype,
                      const Elements* x, void** data) {
    const napi_value value = given ? next(reader) : NULL;
    return !given || !used || get_other(reader->env, value, wanted, dtype, x, data);
}

/* Of the fields beside x those that the kind uses; an out that is not given is x. */
static bool get_term(Reader* reader, Kind kind, int32_t code, l1l2_term* term) {
    const int32_t wanted = (code & DTYPE) - 1;
    const bool gradient = kind == GRADIENT_AND_PENALTY || kind == PROX_STEP;
    const bool out = kind == PROX || kind == PROX_STEP;
    Elements x;
    void* steps = NULL;
    if (code & HANDLE && (reader->handle = get_handle(reader->env, next(reader))) == NULL)
        return false;
    if (!get_elements(reader->env, next(reader), wanted, &x)) return false;
    term->regularizer = reader->handle != NULL ? reader->handle->regularizer : NULL;
    term->x = term->out = x.data;
    term->n = x.n;
    term->dtype = x.dtype;
    if (!get_field(reader, code & GRADIENT, gradient, wanted, x.dtype, &x, &term->gradient) ||
        !get_field(reader, code & OUT, out, wanted, x.dtype, &x, &term->out) ||
        !get_field(reader, code & STEPS, kind == PROX_STEP, 0, arithmetic_of(x.dtype), &x, &steps))
        return false;
    term->steps = steps;
    return true;
}

/* Throws the pending exception anew, with words that name the term. */
static void name_term(napi_env env, Kind kind, size_t i) {
    napi_value error = NULL, constructor = NULL, message = NULL;
    char reason[text_capacity] = "", sentence[text_capacity + 32];
    napi_get_and_clear_last_exception(env, &error);
    napi_get_named_property(env, error, "constructor", &constructor);
    napi_get_named_property(env, error, "message", &message);
    napi_get_value_string_utf8(env, message, reason, sizeof reason, NULL);
    snprintf(sentence, sizeof sentence, "%s %" PRIu64 ": %s", noun_of(kind), (uint64_t)i, reason);
    message = text(env, sentence);
    napi_new_instance(env, constructor, 1, &message, &error);
    napi_throw(env, error);
}

static void free_terms(Terms* terms) {
    free(terms->list);
    free(terms->handles);
}

/* Of (flat, output, factor, maxNorm); flat begins with an array of codes. What it fills is freed by
 * free_terms, also after a failure.
 */
static bool get_terms(napi_env env, Kind kind, napi_value* arguments, Terms* terms) {
    const int32_t* codes;
    Reader reader = {.env = env, .flat = arguments[0]};
    *terms = (Terms){.kind = kind, .library = &instance_of(env)->library};
    if ((factor_names[kind] != NULL &&
         !get_number(env, arguments[2], factor_names[kind], &terms->factor)) ||
        (kind == CLIP && !get_number(env, arguments[3], "maxNorm", &terms->max_norm)))
        return false;
    napi_get_typedarray_info(env, arguments[1], NULL, NULL, &terms->output, NULL, NULL);
    if (napi_get_typedarray_info(env, next(&reader), NULL, &terms->count, (void**)&codes, NULL,
                                 NULL) != napi_ok)
        return false;
    terms->list = calloc(terms->count + 1, sizeof *terms->list);
    terms->handles = calloc(terms->count + 1, sizeof *terms->handles);
    if (terms->list == NULL || terms->handles == NULL)
        return succeeds(env, L1L2_ERROR_OUT_OF_MEMORY);
    for (uint32_t i = 0; i < terms->count; ++i) {
        if (!get_term(&reader, kind, codes[i], &terms->list[i])) {
            name_term(env, kind, i);
            return false;
        }
        terms->handles[i] = reader.handle;
    }
    return true;
}

static l1l2_status run(Terms* terms, l1l2_runner runner, void* state) {
    const Library* const library = terms->library;
    const l1l2_term* const list = terms->list;
    const size_t size = sizeof *list, count = terms->count;
    size_t* const faulty = &terms->faulty;
    switch (terms->kind) {
    case PENALTY:
        return library->penalty_terms(list, size, count, runner, state, terms->output,
                                      &terms->total, faulty);
    case GRADIENT_AND_PENALTY:
        return library->add_gradient_terms(list, size, count, terms->factor, runner, state,
                                           terms->output, &terms->total, faulty);
    case PROX: return library->prox_terms(list, size, count, terms->factor, runner, state, faulty);
    case PROX_STEP:
        return library->prox_step_terms(list, size, count, terms->factor, runner, state, faulty);
    case SUMS:
        return library->exact_sums_add_terms(terms->output, list, size, count, runner, state,
                                             faulty);
    case CLIP: break;
    }
    return library->clip_by_norm_terms(list, size, count, terms->factor, terms->max_norm, runner,
                                       state, faulty);
}

static napi_value result_of(napi_env env, const Terms* terms) {
    const bool has_total = terms->kind == PENALTY || terms->kind == GRADIENT_AND_PENALTY;
    return has_total ? number(env, terms->total) : undefined(env);
}

static napi_value error_of(napi_env env, const Terms* terms, l1l2_status status) {
    if (terms->faulty == terms->count) return make_error(env, status, NULL);
    char sentence[text_capacity];
    snprintf(sentence, sizeof sentence, "%s %" PRIu64 ": %s", noun_of(terms->kind),
             (uint64_t)terms->faulty, terms->library->status_string(status));
    return make_error(env, status, sentence);
}

napi_value compute_terms(napi_env env, napi_callback_info info) {
    napi_value arguments[max_arguments], result = NULL;
    const int* const kind = get_arguments(env, info, arguments);
    Terms terms;
    if (get_terms(env, (Kind)*kind, arguments, &terms)) {
        const l1l2_status status = run(&terms, NULL, NULL);
        if (status == L1L2_OK)
            result = result_of(env, &terms);
        else
            napi_throw(env, error_of(env, &terms, status));
    }
    free_terms(&terms);
    return result;
}

/* A call on the thread pool, and the works of the pool that share it. Whichever begins first leads:
 * it calls the library. Those that begin meanwhile help with the library's tasks; those that begin
 * later, as the pool was busy, find nothing to do. So none waits for one that has not begun. */
typedef struct Call {
    Terms terms;
    l1l2_status status;
    pthread_mutex_t mutex; /* of all up to `done` */
    pthread_cond_t changed;
    l1l2_task task;
    void* work;
    size_t next, count; /* of the tasks of this run */
    size_t running;
    bool led, done;
    /* Of the thread of JavaScript. */
    bool settled;
    napi_deferred deferred;
    napi_ref arguments; /* keeps the handles and the arrays alive */
    uint32_t left;      /* works that have not ended */
    uint32_t threads;
    napi_async_work works[];
} Call;

/* With the mutex held. */
static void work_through(Call* call) {
    while (call->next < call->count) {
        const size_t index = call->next++;
        ++call->running;
        pthread_mutex_unlock(&call->mutex);
        call->task(call->work, index);
        pthread_mutex_lock(&call->mutex);
        if (--call->running == 0) pthread_cond_broadcast(&call->changed);
    }
}

/* The l1l2_runner. */
static int32_t run_tasks(void* state, l1l2_task task, void* work, size_t count) {
    Call* const call = state;
    pthread_mutex_lock(&call->mutex);
    call->task = task;
    call->work = work;
    call->next = 0;
    call->count = count;
    pthread_cond_broadcast(&call->changed);
    work_through(call);
    while (call->running > 0)
        pthread_cond_wait(&call->changed, &call->mutex);
    pthread_mutex_unlock(&call->mutex);
    return 0;
}

static void run_call(napi_env env, void* data) {
    (void)env;
    Call* const call = data;
    pthread_mutex_lock(&call->mutex);
    if (!call->led) {
        call->led = true;
        pthread_mutex_unlock(&call->mutex);
        call->status = run(&call->terms, call->threads > 1 ? run_tasks : NULL, call);
        pthread_mutex_lock(&call->mutex);
        call->done = true;
        pthread_cond_broadcast(&call->changed);
    }
    while (!call->done) {
        work_through(call);
        if (!call->done) pthread_cond_wait(&call->changed, &call->mutex);
    }
    pthread_mutex_unlock(&call->mutex);
}

static void settle(napi_env env, napi_status ran, Call* call) {
    call->settled = true;
    for (size_t i = 0; i < call->terms.count; ++i)
        if (call->terms.handles[i] != NULL) return_handle(call->terms.handles[i]);
    if (ran == napi_ok && call->status == L1L2_OK)
        napi_resolve_deferred(env, call->deferred, result_of(env, &call->terms));
    else if (ran == napi_ok)
        napi_reject_deferred(env, call->deferred, error_of(env, &call->terms, call->status));
    napi_delete_reference(env, call->arguments);
}

static void free_call(napi_env env, Call* call) {
    for (uint32_t i = 0; i < call->threads; ++i)
        napi_delete_async_work(env, call->works[i]);
    pthread_cond_destroy(&call->changed);
    pthread_mutex_destroy(&call->mutex);
    free_terms(&call->terms);
    free(call);
}

static void finish_call(napi_env env, napi_status ran, void* data) {
    Call* const call = data;
    pthread_mutex_lock(&call->mutex);
    const bool done = call->done;
    pthread_mutex_unlock(&call->mutex);
    --call->left;
    if (!call->settled && (done || call->left == 0)) settle(env, ran, call);
    if (call->left == 0) free_call(env, call);
}

/* The same with the number of threads as one more argument; returns a promise. */
napi_value compute_terms_async(napi_env env, napi_callback_info info) {
    napi_value arguments[max_arguments], promise = NULL;
    const int* const kind = get_arguments(env, info, arguments);
    uint32_t threads = 0;
    Terms terms;
    napi_get_value_uint32(env, arguments[4], &threads);
    if (!get_terms(env, (Kind)*kind, arguments, &terms)) return free_terms(&terms), NULL;
    Call* const call = calloc(1, sizeof *call + threads * sizeof call->works[0]);
    if (call == NULL) {
        free_terms(&terms);
        return succeeds(env, L1L2_ERROR_OUT_OF_MEMORY), NULL;
    }
    call->terms = terms;
    call->threads = threads;
    pthread_mutex_init(&call->mutex, NULL);
    pthread_cond_init(&call->changed, NULL);
    const napi_value kept = array_of(env, 2, arguments), name = text(env, "l1l2");
    bool whole = napi_create_reference(env, kept, 1, &call->arguments) == napi_ok;
    for (uint32_t i = 0; i < threads; ++i)
        whole = whole && napi_create_async_work(env, NULL, name, run_call, finish_call, call,
                                                &call->works[i]) == napi_ok;
    if (whole && napi_create_promise(env, &call->deferred, &promise) == napi_ok)
        for (uint32_t i = 0; i < threads; ++i)
            call->left += napi_queue_async_work(env, call->works[i]) == napi_ok;
    if (call->left == 0) {
        napi_delete_reference(env, call->arguments);
        return free_call(env, call), NULL;
    }
    for (size_t i = 0; i < terms.count; ++i)
        if (terms.handles[i] != NULL) ++terms.handles[i]->calls;
    return promise;
}
