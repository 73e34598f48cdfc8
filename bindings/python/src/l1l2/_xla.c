/*
 * SPDX-FileCopyrightText: 2026 The l1l2 authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Handlers of XLA's foreign function interface, for any framework that compiles by XLA for the CPU.
 *
 * They are written against version 0.1 of XLA's C interface alone, which later runtimes accept:
 * jaxlib since 0.5 and TensorFlow. A handler may be called from any thread.
 *
 *  - l1l2_xla_penalty takes tensors and has the result penalties.
 *
 *  - l1l2_xla_penalty_and_gradient takes tensors and has the results penalties, then the gradient
 *    of each tensor.
 *
 *  - l1l2_xla_gradient takes tensors and has the gradient of each.
 *
 *  - l1l2_xla_prox takes steps, then tensors, and has the result of each tensor, which may be the
 *    tensor itself.
 *
 *  - l1l2_xla_exact_sums takes tensors and has the result sums.
 *
 *  - l1l2_xla_penalty_exact_sums takes sums, any number of them, and has the result penalties.
 *
 * What these are:
 *
 *  - Tensors are F16, BF16, F32 or F64 in row-major order, any number of them. The gradient or the
 *    result of one has its dtype and its number of elements.
 *
 *  - Rows are what is computed by itself: a call has as many as `penalties` (or `steps`, or `sums`)
 *    has elements. Each tensor has the rows one after another, as a batch with leading axes has
 *    them. A call without rows has tensors without elements.
 *
 *  - Penalties are F32 or F64: for each row ((p0 + p1) + p2) + ... over the tensors, added in
 *    double.
 *
 *  - l1 and l2 are attributes of F64: a number, or an array of a number for each tensor (or for
 *    each of the sums). l1l2_xla_exact_sums has none.
 *
 *  - Steps are F32 or F64. With an attribute `step` of F64 there is no such operand, and one row.
 *
 *  - Sums are S32[..., 4, 207]: row k of four has the 16 bits from bit 16 k of each number of an
 *    accumulator (l1l2.h), so that an all-reduce adds up to 32768 of them without 64-bit integers.
 *
 * A call that is not so is an error of XLA.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xla/ffi/api/c_api.h"

#define L1L2_NEEDED(X)                                                                             \
    X(create)                                                                                      \
    X(destroy)                                                                                     \
    X(status_string)                                                                               \
    X(penalty_terms)                                                                               \
    X(add_gradient_terms)                                                                          \
    X(prox_terms)                                                                                  \
    X(exact_sums_add)                                                                              \
    X(exact_sums_merge)                                                                            \
    X(penalty_exact_sums)
#include "_functions.h"

enum {
    /* Fewer take less time than other threads need to wake up. */
    ELEMENTS_FOR_THREADS = 1 << 18,
    BYTES_FOR_THREADS = 1 << 20,
    /* What is written is still in the second-level cache after so many bytes. */
    BYTES_IN_CACHE = 1 << 18,
    PIECES = 4,
    BITS_OF_PIECE = 16,
    SUMS_LENGTH = PIECES * L1L2_EXACT_SUMS_LENGTH
};

/* ---- Errors ---- */

static XLA_FFI_Error* error_of(const XLA_FFI_CallFrame* frame, XLA_FFI_Error_Code code,
                               const char* message) {
    char text[256];
    snprintf(text, sizeof text, "l1l2: %s", message);
    XLA_FFI_Error_Create_Args args = {XLA_FFI_Error_Create_Args_STRUCT_SIZE, NULL, text, code};
    return frame->api->XLA_FFI_Error_Create(&args);
}

static XLA_FFI_Error* invalid(const XLA_FFI_CallFrame* frame, const char* message) {
    return error_of(frame, XLA_FFI_Error_Code_INVALID_ARGUMENT, message);
}

static XLA_FFI_Error* out_of_memory(const XLA_FFI_CallFrame* frame) {
    return error_of(frame, XLA_FFI_Error_Code_RESOURCE_EXHAUSTED, "out of memory");
}

static XLA_FFI_Error* error_of_status(const XLA_FFI_CallFrame* frame, l1l2_status status) {
    if (status == L1L2_OK) return NULL;
    if (status == L1L2_ERROR_OUT_OF_MEMORY) return out_of_memory(frame);
    return invalid(frame, functions.status_string(status));
}

/* ---- Threads ---- */

/* Tasks that the calling thread shares with XLA's pool. A helper that the pool starts late finds
 * none left. */
typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t all_done;
    l1l2_task task;
    void* work;
    size_t count, next, done;
    size_t holders; /* threads that may still touch this */
} Run;

static void work_through(Run* run) {
    pthread_mutex_lock(&run->mutex);
    while (run->next < run->count) {
        const size_t index = run->next++;
        pthread_mutex_unlock(&run->mutex);
        run->task(run->work, index);
        pthread_mutex_lock(&run->mutex);
        if (++run->done == run->count) pthread_cond_signal(&run->all_done);
    }
    pthread_mutex_unlock(&run->mutex);
}

static void let_go(Run* run) {
    pthread_mutex_lock(&run->mutex);
    const size_t left = --run->holders;
    pthread_mutex_unlock(&run->mutex);
    if (left == 0) {
        pthread_cond_destroy(&run->all_done);
        pthread_mutex_destroy(&run->mutex);
        free(run);
    }
}

static void help(void* data) {
    work_through(data);
    let_go(data);
}

/* Returns whether an XLA function succeeded. */
static int succeeded(const XLA_FFI_CallFrame* frame, XLA_FFI_Error* error) {
    if (error == NULL) return 1;
    XLA_FFI_Error_Destroy_Args args = {XLA_FFI_Error_Destroy_Args_STRUCT_SIZE, NULL, error};
    frame->api->XLA_FFI_Error_Destroy(&args);
    return 0;
}

/* Returns the number of threads of XLA's pool, or 1 if it has none. */
static size_t threads_of(const XLA_FFI_CallFrame* frame) {
    int64_t threads = 1;
    XLA_FFI_ThreadPool_NumThreads_Args args = {XLA_FFI_ThreadPool_NumThreads_Args_STRUCT_SIZE, NULL,
                                               frame->ctx, &threads};
    return succeeded(frame, frame->api->XLA_FFI_ThreadPool_NumThreads(&args)) && threads > 1
               ? (size_t)threads
               : 1;
}

/* An l1l2_runner on XLA's pool, whose state is the call frame. The calling thread takes tasks, too,
   and waits for none that has not begun: a busy pool delays nothing. */
static int32_t run_on_pool(void* state, l1l2_task task, void* work, size_t count) {
    const XLA_FFI_CallFrame* const frame = state;
    const size_t threads = threads_of(frame);
    const size_t helpers = (threads < count ? threads : count) - 1;
    Run* const run = helpers > 0 ? malloc(sizeof *run) : NULL;
    if (run == NULL) {
        for (size_t i = 0; i < count; ++i)
            task(work, i);
        return 0;
    }
    pthread_mutex_init(&run->mutex, NULL);
    pthread_cond_init(&run->all_done, NULL);
    run->task = task;
    run->work = work;
    run->count = count;
    run->next = run->done = 0;
    run->holders = 1 + helpers;
    for (size_t i = 0; i < helpers; ++i) {
        XLA_FFI_ThreadPool_Schedule_Args args = {XLA_FFI_ThreadPool_Schedule_Args_STRUCT_SIZE, NULL,
                                                 frame->ctx, help, run};
        if (!succeeded(frame, frame->api->XLA_FFI_ThreadPool_Schedule(&args))) let_go(run);
    }
    work_through(run);
    pthread_mutex_lock(&run->mutex);
    while (run->done < run->count)
        pthread_cond_wait(&run->all_done, &run->mutex);
    pthread_mutex_unlock(&run->mutex);
    let_go(run);
    return 0;
}

/* ---- What XLA passes ---- */

static size_t elements_of(const XLA_FFI_Buffer* buffer) {
    size_t n = 1;
    for (int64_t i = 0; i < buffer->rank; ++i)
        n *= (size_t)buffer->dims[i];
    return n;
}

static l1l2_dtype dtype_of(const XLA_FFI_Buffer* buffer) {
    switch (buffer->dtype) {
    case XLA_FFI_DataType_F32: return L1L2_FLOAT32;
    case XLA_FFI_DataType_F64: return L1L2_FLOAT64;
    case XLA_FFI_DataType_F16: return L1L2_FLOAT16;
    case XLA_FFI_DataType_BF16: return L1L2_BFLOAT16;
    default: return 0; /* which the library refuses */
    }
}

static size_t size_of(l1l2_dtype dtype) {
    return dtype == L1L2_FLOAT64 ? 8 : dtype == L1L2_FLOAT32 ? 4 : 2;
}

/* Numbers of an attribute. */
typedef struct {
    const double* values; /* NULL if there is no such attribute of F64 */
    size_t count;
} Doubles;

static Doubles doubles_of(const XLA_FFI_Attrs* attributes, const char* name) {
    for (int64_t i = 0; i < attributes->size; ++i) {
        const XLA_FFI_ByteSpan* const span = attributes->names[i];
        if (span->len != strlen(name) || memcmp(span->ptr, name, span->len) != 0) continue;
        if (attributes->types[i] == XLA_FFI_AttrType_SCALAR) {
            const XLA_FFI_Scalar* const scalar = attributes->attrs[i];
            if (scalar->dtype == XLA_FFI_DataType_F64) return (Doubles){scalar->value, 1};
        } else if (attributes->types[i] == XLA_FFI_AttrType_ARRAY) {
            const XLA_FFI_Array* const array = attributes->attrs[i];
            if (array->dtype == XLA_FFI_DataType_F64) return (Doubles){array->data, array->size};
        }
    }
    return (Doubles){NULL, 0};
}

/* Answers XLA's question for which version of its interface a handler was compiled. Returns whether
 * it was asked. */
static int is_question(const XLA_FFI_CallFrame* frame) {
    if (frame->extension_start == NULL ||
        frame->extension_start->type != XLA_FFI_Extension_Metadata)
        return 0;
    XLA_FFI_Metadata* const metadata =
        ((XLA_FFI_Metadata_Extension*)frame->extension_start)->metadata;
    metadata->api_version.major_version = XLA_FFI_API_MAJOR;
    metadata->api_version.minor_version = XLA_FFI_API_MINOR;
    return 1;
}

/* ---- Lists of tensors ---- */

/* The terms of a call, all tensors of the first row before those of the second. */
typedef struct {
    XLA_FFI_CallFrame* frame;
    void* const* results; /* one for each tensor, or NULL */
    size_t tensors, rows;
    size_t count; /* tensors * rows */
    size_t elements;
    l1l2_term* terms;  /* those of the first row own the regularizers */
    double* penalties; /* count */
} List;

static double value_of(Doubles doubles, size_t i) {
    return doubles.values[doubles.count == 1 ? 0 : i];
}

/* Neighbours with the same coefficients share a regularizer. */
static XLA_FFI_Error* create_regularizers(const List* list) {
    const Doubles l1 = doubles_of(&list->frame->attrs, "l1"),
                  l2 = doubles_of(&list->frame->attrs, "l2");
    if ((l1.count != 1 && l1.count != list->tensors) ||
        (l2.count != 1 && l2.count != list->tensors)) {
        return invalid(list->frame,
                       "the attributes l1 and l2 must be F64, one number or one for each tensor");
    }
    for (size_t i = 0; i < list->tensors; ++i) {
        if (i > 0 && same_coefficient(value_of(l1, i), value_of(l1, i - 1)) &&
            same_coefficient(value_of(l2, i), value_of(l2, i - 1))) {
            list->terms[i].regularizer = list->terms[i - 1].regularizer;
            continue;
        }
        l1l2_regularizer* regularizer;
        const l1l2_status status = functions.create(value_of(l1, i), value_of(l2, i), &regularizer);
        if (status != L1L2_OK) return error_of_status(list->frame, status);
        list->terms[i].regularizer = regularizer;
    }
    return NULL;
}

static void close_list(const List* list) {
    for (size_t i = list->tensors; i-- > 0;) {
        if (i == 0 || list->terms[i].regularizer != list->terms[i - 1].regularizer) {
            functions.destroy((l1l2_regularizer*)list->terms[i].regularizer);
        }
    }
    free(list->terms);
}

/* Returns what is wrong with a tensor or its result, if it has one, or NULL. */
static const char* fault_of(const XLA_FFI_Buffer* x, const XLA_FFI_Buffer* result, size_t rows) {
    const size_t n = elements_of(x);
    if (rows > 0 ? n % rows != 0 : n != 0) return "a tensor must have as many elements in each row";
    if (result == NULL) return NULL;
    if (dtype_of(x) == 0) return "tensors must be F16, BF16, F32 or F64";
    if (result->dtype != x->dtype || elements_of(result) != n)
        return "the result of a tensor must have its dtype and its number of elements";
    return NULL;
}

/* Opens the list of all operands from `first` on, to be closed if there is no error. */
static XLA_FFI_Error* open_list(XLA_FFI_CallFrame* frame, size_t first, size_t rows,
                                void* const* results, List* list) {
    *list = (List){frame, results, (size_t)frame->args.size - first, rows, 0, 0, NULL, NULL};
    for (size_t i = 0; i < list->tensors; ++i) {
        const char* const fault =
            fault_of(frame->args.args[first + i], results != NULL ? results[i] : NULL, rows);
        if (fault != NULL) return invalid(frame, fault);
    }
    list->count = list->tensors * rows;
    /* Both arrays in one piece; a call without rows needs a place for its regularizers. */
    const size_t places = list->tensors * (rows > 0 ? rows : 1);
    list->terms = calloc(places + 1, sizeof *list->terms + sizeof *list->penalties);
    if (list->terms == NULL) return out_of_memory(frame);
    list->penalties = (double*)(list->terms + places);
    for (size_t i = 0; i < list->tensors; ++i) {
        const XLA_FFI_Buffer* const x = frame->args.args[first + i];
        const size_t n = rows > 0 ? elements_of(x) / rows : 0;
        list->elements += n * rows;
        list->terms[i] = (l1l2_term){.x = x->data, .n = n, .dtype = dtype_of(x)};
    }
    XLA_FFI_Error* const error = create_regularizers(list);
    if (error != NULL) {
        close_list(list);
        return error;
    }
    for (size_t i = list->tensors; i < list->count; ++i) {
        l1l2_term* const term = &list->terms[i];
        *term = list->terms[i - list->tensors];
        term->x = (const char*)term->x + term->n * size_of(term->dtype);
    }
    return NULL;
}

/* Returns the result of a tensor in the row of a term. */
static void* result_of(const List* list, size_t term) {
    const XLA_FFI_Buffer* const result = list->results[term % list->tensors];
    const size_t row = term / list->tensors;
    return (char*)result->data + row * list->terms[term].n * size_of(list->terms[term].dtype);
}

static l1l2_runner runner_for(size_t elements) {
    return elements >= ELEMENTS_FOR_THREADS ? run_on_pool : NULL;
}

static XLA_FFI_Error* error_of_list(const List* list, l1l2_status status) {
    close_list(list);
    return error_of_status(list->frame, status);
}

/* ---- Results ---- */

static int is_scalar_type(const XLA_FFI_Buffer* buffer) {
    return buffer->dtype == XLA_FFI_DataType_F32 || buffer->dtype == XLA_FFI_DataType_F64;
}

static double read_number(const XLA_FFI_Buffer* buffer, size_t i) {
    return buffer->dtype == XLA_FFI_DataType_F64 ? ((const double*)buffer->data)[i]
                                                 : ((const float*)buffer->data)[i];
}

static void write_penalties(const List* list, const XLA_FFI_Buffer* buffer) {
    write_totals(list->penalties, list->rows, list->tensors, buffer->dtype == XLA_FFI_DataType_F64,
                 buffer->data);
}

/* ---- Handlers ---- */

#define HANDLER(name)                                                                              \
    L1L2_EXPORT XLA_FFI_Error* name(XLA_FFI_CallFrame* frame);                                     \
    L1L2_EXPORT XLA_FFI_Error* name(XLA_FFI_CallFrame* frame)

static int has_shape(const XLA_FFI_CallFrame* frame, int64_t operands, int64_t results) {
    return frame->args.size >= operands && frame->rets.size == results;
}

HANDLER(l1l2_xla_penalty) {
    if (is_question(frame)) return NULL;
    if (!has_shape(frame, 0, 1)) return invalid(frame, "a penalty has one result");
    const XLA_FFI_Buffer* const penalties = frame->rets.rets[0];
    if (!is_scalar_type(penalties)) return invalid(frame, "penalties must be F32 or F64");
    List list;
    XLA_FFI_Error* const error = open_list(frame, 0, elements_of(penalties), NULL, &list);
    if (error != NULL) return error;
    const l1l2_status status =
        functions.penalty_terms(list.terms, sizeof *list.terms, list.count,
                                runner_for(list.elements), frame, list.penalties, NULL, NULL);
    if (status == L1L2_OK) write_penalties(&list, penalties);
    return error_of_list(&list, status);
}

/* Memory to be zeroed by any threads, in parts. */
typedef struct {
    char* memory;
    size_t bytes;
} Zeros;

static void zero_part(void* work, size_t index) {
    const Zeros* const zeros = work;
    const size_t begin = index * BYTES_IN_CACHE, left = zeros->bytes - begin;
    memset(zeros->memory + begin, 0, left < BYTES_IN_CACHE ? left : BYTES_IN_CACHE);
}

static void zero(XLA_FFI_CallFrame* frame, void* memory, size_t bytes) {
    Zeros zeros = {memory, bytes};
    if (bytes < BYTES_FOR_THREADS) {
        memset(memory, 0, bytes);
    } else {
        run_on_pool(frame, zero_part, &zeros, (bytes - 1) / BYTES_IN_CACHE + 1);
    }
}

/* The library adds to gradients, which are zeroed for it. Small ones are taken so many at a time
   that their zeros are still in the cache. */
static l1l2_status write_gradients(const List* list, double* penalties) {
    for (size_t begin = 0, end; begin < list->count; begin = end) {
        size_t bytes = 0, elements = 0;
        for (end = begin; end < list->count && (end == begin || bytes < BYTES_IN_CACHE); ++end) {
            l1l2_term* const term = &list->terms[end];
            term->gradient = result_of(list, end);
            zero(list->frame, term->gradient, term->n * size_of(term->dtype));
            bytes += term->n * size_of(term->dtype);
            elements += term->n;
        }
        const l1l2_status status = functions.add_gradient_terms(
            list->terms + begin, sizeof *list->terms, end - begin, 1.0, runner_for(elements),
            list->frame, penalties == NULL ? NULL : penalties + begin, NULL, NULL);
        if (status != L1L2_OK) return status;
    }
    return L1L2_OK;
}

HANDLER(l1l2_xla_penalty_and_gradient) {
    if (is_question(frame)) return NULL;
    if (!has_shape(frame, 0, 1 + frame->args.size))
        return invalid(frame, "each tensor has a gradient");
    const XLA_FFI_Buffer* const penalties = frame->rets.rets[0];
    if (!is_scalar_type(penalties)) return invalid(frame, "penalties must be F32 or F64");
    List list;
    XLA_FFI_Error* const error =
        open_list(frame, 0, elements_of(penalties), frame->rets.rets + 1, &list);
    if (error != NULL) return error;
    const l1l2_status status = write_gradients(&list, list.penalties);
    if (status == L1L2_OK) write_penalties(&list, penalties);
    return error_of_list(&list, status);
}

HANDLER(l1l2_xla_gradient) {
    if (is_question(frame)) return NULL;
    if (!has_shape(frame, 0, frame->args.size)) return invalid(frame, "each tensor has a gradient");
    List list;
    XLA_FFI_Error* const error = open_list(frame, 0, 1, frame->rets.rets, &list);
    if (error != NULL) return error;
    return error_of_list(&list, write_gradients(&list, NULL));
}

HANDLER(l1l2_xla_prox) {
    if (is_question(frame)) return NULL;
    const Doubles step = doubles_of(&frame->attrs, "step");
    const int64_t first = step.count == 1 ? 0 : 1;
    if (!has_shape(frame, first, frame->args.size - first)) {
        return invalid(frame, "a step is needed, and each tensor has a result");
    }
    const XLA_FFI_Buffer* const steps = first == 1 ? frame->args.args[0] : NULL;
    if (steps != NULL && !is_scalar_type(steps)) return invalid(frame, "steps must be F32 or F64");
    List list;
    XLA_FFI_Error* const error = open_list(
        frame, (size_t)first, steps != NULL ? elements_of(steps) : 1, frame->rets.rets, &list);
    if (error != NULL) return error;
    for (size_t i = 0; i < list.count; ++i)
        list.terms[i].out = result_of(&list, i);
    l1l2_status status = L1L2_OK;
    for (size_t row = 0; row < list.rows && status == L1L2_OK; ++row) {
        status =
            functions.prox_terms(list.terms + row * list.tensors, sizeof *list.terms, list.tensors,
                                 steps != NULL ? read_number(steps, row) : *step.values,
                                 runner_for(list.elements), frame, NULL);
    }
    return error_of_list(&list, status);
}

/* ---- Exact sums ---- */

static void write_pieces(const int64_t* sums, int32_t* pieces) {
    for (size_t k = 0; k < PIECES; ++k) {
        for (size_t i = 0; i < L1L2_EXACT_SUMS_LENGTH; ++i) {
            *pieces++ = (int32_t)((uint64_t)sums[i] >> (BITS_OF_PIECE * k) & 0xFFFF);
        }
    }
}

/* Modulo 2^64: sums that overflow are no accumulator, which the library finds out. */
static void read_pieces(const int32_t* pieces, int64_t* sums) {
    uint64_t numbers[L1L2_EXACT_SUMS_LENGTH] = {0};
    for (size_t k = 0; k < PIECES; ++k) {
        for (size_t i = 0; i < L1L2_EXACT_SUMS_LENGTH; ++i) {
            numbers[i] += (uint64_t)(int64_t)*pieces++ << (BITS_OF_PIECE * k);
        }
    }
    memcpy(sums, numbers, sizeof numbers);
}

/* Elements of a tensor that are added on any threads, in parts. */
typedef struct {
    const char* x;
    size_t n;
    l1l2_dtype dtype;
    l1l2_status status;
    int64_t* sums;
    pthread_mutex_t mutex;
} Addition;

static void add_part(void* work, size_t index) {
    Addition* const addition = work;
    const size_t begin = index * ELEMENTS_FOR_THREADS, left = addition->n - begin;
    int64_t part[L1L2_EXACT_SUMS_LENGTH] = {0};
    l1l2_status status = functions.exact_sums_add(
        part, addition->dtype, addition->x + begin * size_of(addition->dtype),
        left < ELEMENTS_FOR_THREADS ? left : ELEMENTS_FOR_THREADS);
    pthread_mutex_lock(&addition->mutex);
    if (status == L1L2_OK) status = functions.exact_sums_merge(addition->sums, part);
    if (status != L1L2_OK) addition->status = status;
    pthread_mutex_unlock(&addition->mutex);
}

/* Adds elements to sums whose bits do not depend on the parts. */
static l1l2_status add_elements(XLA_FFI_CallFrame* frame, int64_t* sums, l1l2_dtype dtype,
                                const char* x, size_t n) {
    if (n <= ELEMENTS_FOR_THREADS) return functions.exact_sums_add(sums, dtype, x, n);
    Addition addition = {x, n, dtype, L1L2_OK, sums, PTHREAD_MUTEX_INITIALIZER};
    run_on_pool(frame, add_part, &addition, (n - 1) / ELEMENTS_FOR_THREADS + 1);
    pthread_mutex_destroy(&addition.mutex);
    return addition.status;
}

HANDLER(l1l2_xla_exact_sums) {
    if (is_question(frame)) return NULL;
    const XLA_FFI_Buffer* const result = frame->rets.size == 1 ? frame->rets.rets[0] : NULL;
    if (result == NULL || result->dtype != XLA_FFI_DataType_S32 ||
        elements_of(result) % SUMS_LENGTH != 0) {
        return invalid(frame, "exact sums are one result of S32[4, 207]");
    }
    const size_t rows = elements_of(result) / SUMS_LENGTH;
    for (int64_t i = 0; i < frame->args.size; ++i) {
        const char* const fault = fault_of(frame->args.args[i], NULL, rows);
        if (fault != NULL) return invalid(frame, fault);
    }
    for (size_t row = 0; row < rows; ++row) {
        int64_t sums[L1L2_EXACT_SUMS_LENGTH] = {0};
        for (int64_t i = 0; i < frame->args.size; ++i) {
            const XLA_FFI_Buffer* const x = frame->args.args[i];
            const l1l2_dtype dtype = dtype_of(x);
            const size_t n = elements_of(x) / rows;
            const l1l2_status status = add_elements(
                frame, sums, dtype, (const char*)x->data + row * n * size_of(dtype), n);
            if (status != L1L2_OK) return error_of_status(frame, status);
        }
        write_pieces(sums, (int32_t*)result->data + row * SUMS_LENGTH);
    }
    return NULL;
}

HANDLER(l1l2_xla_penalty_exact_sums) {
    if (is_question(frame)) return NULL;
    if (!has_shape(frame, 0, 1)) return invalid(frame, "a penalty has one result");
    const XLA_FFI_Buffer* const penalties = frame->rets.rets[0];
    if (!is_scalar_type(penalties)) return invalid(frame, "penalties must be F32 or F64");
    const size_t rows = elements_of(penalties);
    for (int64_t i = 0; i < frame->args.size; ++i) {
        const XLA_FFI_Buffer* const pieces = frame->args.args[i];
        if (pieces->dtype != XLA_FFI_DataType_S32 || elements_of(pieces) != rows * SUMS_LENGTH) {
            return invalid(frame, "exact sums are S32[4, 207]");
        }
    }
    List list;
    XLA_FFI_Error* const error = open_list(frame, 0, rows, NULL, &list);
    if (error != NULL) return error;
    l1l2_status status = L1L2_OK;
    for (size_t i = 0; i < list.count && status == L1L2_OK; ++i) {
        const XLA_FFI_Buffer* const pieces = frame->args.args[i % list.tensors];
        int64_t sums[L1L2_EXACT_SUMS_LENGTH];
        read_pieces((const int32_t*)pieces->data + i / list.tensors * SUMS_LENGTH, sums);
        status = functions.penalty_exact_sums(list.terms[i].regularizer, sums, &list.penalties[i]);
    }
    if (status == L1L2_OK) write_penalties(&list, penalties);
    return error_of_list(&list, status);
}
