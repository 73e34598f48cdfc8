/*
 * SPDX-FileCopyrightText: 2026 The l1l2 authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The kernels of the ops that torch.py defines, for dense tensors of the CPU.
 *
 * They are registered through the C functions that PyTorch keeps stable since 2.10. torch.py hands
 * over their addresses, as _functions.h does with those of libl1l2, so that one binary serves every
 * later PyTorch and none is needed to build it.
 */
#include <fenv.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define L1L2_NEEDED(X)                                                                             \
    X(create)                                                                                      \
    X(destroy)                                                                                     \
    X(penalty_terms)                                                                               \
    X(add_gradient_terms)                                                                          \
    X(prox_terms)                                                                                  \
    X(add_gradient)                                                                                \
    X(penalty_dlpack)                                                                              \
    X(add_gradient_dlpack)                                                                         \
    X(prox_dlpack)                                                                                 \
    X(status_string)
#include "_functions.h"

/* An argument or a result of an op: a double, a handle of a tensor or of a list, which it owns. */
typedef uint64_t Value;
typedef struct TensorOpaque* Tensor;
typedef struct ListOpaque* List;
typedef struct LibraryOpaque* Library;
typedef void (*Kernel)(Value* stack, uint64_t inputs, uint64_t outputs);
typedef void (*Range)(int64_t begin, int64_t end, void* state);

/* Those of PyTorch: name, result, parameters. A result of int32_t is 0 unless the call failed, but
   for the codes of dtypes and devices. */
#define TORCH_NEEDED(X)                                                                            \
    X(aoti_torch_check, void, (bool, const char*, const char*, uint32_t, const char*))             \
    X(aoti_torch_library_init_impl, int32_t,                                                       \
      (const char*, const char*, const char*, uint32_t, Library*))                                 \
    X(torch_library_impl, int32_t, (Library, const char*, Kernel, uint64_t))                       \
    X(torch_call_dispatcher, int32_t, (const char*, const char*, Value*, uint64_t))                \
    X(torch_parallel_for, int32_t, (int64_t, int64_t, int64_t, Range, void*))                      \
    X(torch_new_list_reserve_size, int32_t, (size_t, List*))                                       \
    X(torch_list_size, int32_t, (List, size_t*))                                                   \
    X(torch_list_get_item, int32_t, (List, size_t, Value*))                                        \
    X(torch_list_push_back, int32_t, (List, Value))                                                \
    X(torch_delete_list, int32_t, (List))                                                          \
    X(torch_get_const_data_ptr, int32_t, (Tensor, const void**))                                   \
    X(torch_get_mutable_data_ptr, int32_t, (Tensor, void**))                                       \
    X(aoti_torch_get_dim, int32_t, (Tensor, int64_t*))                                             \
    X(aoti_torch_get_numel, int32_t, (Tensor, int64_t*))                                           \
    X(aoti_torch_get_sizes, int32_t, (Tensor, int64_t**))                                          \
    X(aoti_torch_get_strides, int32_t, (Tensor, int64_t**))                                        \
    X(aoti_torch_get_dtype, int32_t, (Tensor, int32_t*))                                           \
    X(aoti_torch_new_tensor_handle, int32_t, (Tensor, Tensor*))                                    \
    X(aoti_torch_delete_tensor_object, int32_t, (Tensor))                                          \
    X(aoti_torch_scalar_to_tensor_float64, int32_t, (double, Tensor*))                             \
    X(aoti_torch_empty_strided, int32_t,                                                           \
      (int64_t, const int64_t*, const int64_t*, int32_t, int32_t, int32_t, Tensor*))               \
    X(aoti_torch_device_type_cpu, int32_t, (void))                                                 \
    X(aoti_torch_dtype_float32, int32_t, (void))                                                   \
    X(aoti_torch_dtype_float64, int32_t, (void))                                                   \
    X(aoti_torch_dtype_float16, int32_t, (void))                                                   \
    X(aoti_torch_dtype_bfloat16, int32_t, (void))

static struct {
#define MEMBER(name, result, parameters) result(*name) parameters;
    TORCH_NEEDED(MEMBER)
#undef MEMBER
} torch;

L1L2_EXPORT const char* l1l2_torch_names(void);
L1L2_EXPORT const char* l1l2_torch_names(void) {
#define NAME(name, result, parameters) #name ","
    return TORCH_NEEDED(NAME);
#undef NAME
}

L1L2_EXPORT void* l1l2_torch_functions(void);
L1L2_EXPORT void* l1l2_torch_functions(void) {
    return &torch;
}

/* The version of PyTorch whose conventions this file follows: 2.10. */
static const uint64_t TORCH_VERSION = (UINT64_C(2) << 56) | (UINT64_C(10) << 48);

/* DLTensor of dlpack.h. */
typedef struct {
    void* data;
    int32_t device_type;
    int32_t device_id;
    int32_t ndim;
    uint8_t dtype_code;
    uint8_t dtype_bits;
    uint16_t dtype_lanes;
    const int64_t* shape;
    const int64_t* strides;
    uint64_t byte_offset;
} DLTensor;

enum { CPU = 1, FLOAT = 2, BFLOAT = 4, MAX_NDIM = 64 };

/* The index of a tensor in an error that is none's. */
#define NO_TENSOR SIZE_MAX

/* A tensor, borrowed. */
typedef struct {
    DLTensor tensor;
    l1l2_dtype dtype;
    size_t n;
    bool is_dense; /* without gaps and overlaps, in whatever order of axes */
} View;

/* The lists that an op was given. A kernel returns by way of finish, which frees all of it. */
typedef struct {
    size_t count;
    Tensor* xs;
    Tensor* others; /* gradients, if the op has them */
    View* views;
    View* other_views;
    l1l2_term* terms; /* with the regularizers, of which neighbours may share one */
    double* penalties;
    char error[160];
} Call;

static double number_of(Value value) {
    double number;
    memcpy(&number, &value, sizeof number);
    return number;
}

/* Keeps the first error. Returns false, for its caller to do the same. */
static bool fail(Call* call, const char* what, size_t i) {
    if (call->error[0] == '\0' && i == NO_TENSOR) {
        snprintf(call->error, sizeof call->error, "l1l2: %s", what);
    } else if (call->error[0] == '\0') {
        snprintf(call->error, sizeof call->error, "l1l2: tensor %zu: %s", i, what);
    }
    return false;
}

static bool check(Call* call, l1l2_status status, size_t i) {
    return status == L1L2_OK || fail(call, functions.status_string(status), i);
}

/* Whether PyTorch succeeded, which otherwise has written the reason to stderr. */
static bool torch_did(Call* call, int32_t failed) {
    return !failed || fail(call, "PyTorch could not make it", NO_TENSOR);
}

static bool set_dtype(View* view, int32_t code) {
    DLTensor* tensor = &view->tensor;
    tensor->dtype_code = FLOAT;
    if (code == torch.aoti_torch_dtype_float32()) {
        view->dtype = L1L2_FLOAT32;
        tensor->dtype_bits = 32;
    } else if (code == torch.aoti_torch_dtype_float64()) {
        view->dtype = L1L2_FLOAT64;
        tensor->dtype_bits = 64;
    } else if (code == torch.aoti_torch_dtype_float16()) {
        view->dtype = L1L2_FLOAT16;
        tensor->dtype_bits = 16;
    } else if (code == torch.aoti_torch_dtype_bfloat16()) {
        view->dtype = L1L2_BFLOAT16;
        tensor->dtype_code = BFLOAT;
        tensor->dtype_bits = 16;
    } else {
        return false;
    }
    return true;
}

/* Whether the axes of more than one element, from the smallest stride on, fill the memory. */
static bool is_dense(const DLTensor* tensor) {
    int64_t reached = 1;
    bool seen[MAX_NDIM] = {false};
    for (int32_t step = 0; step < tensor->ndim; ++step) {
        int32_t next = -1;
        for (int32_t i = tensor->ndim - 1; i >= 0 && next < 0; --i) {
            if (!seen[i] && (tensor->shape[i] == 1 || tensor->strides[i] == reached)) {
                next = i;
            }
        }
        if (next < 0) {
            return false;
        }
        seen[next] = true;
        reached *= tensor->shape[next];
    }
    return true;
}

static bool view(Call* call, Tensor x, size_t i, bool written, View* result) {
    DLTensor* tensor = &result->tensor;
    int64_t ndim;
    int64_t n;
    int32_t code;
    int64_t* shape;
    int64_t* strides;
    const void* data;
    bool done = torch_did(call, torch.aoti_torch_get_dim(x, &ndim)) &&
                torch_did(call, torch.aoti_torch_get_numel(x, &n)) &&
                torch_did(call, torch.aoti_torch_get_dtype(x, &code)) &&
                torch_did(call, torch.aoti_torch_get_sizes(x, &shape)) &&
                torch_did(call, torch.aoti_torch_get_strides(x, &strides)) &&
                torch_did(call, written ? torch.torch_get_mutable_data_ptr(x, (void**)&data)
                                        : torch.torch_get_const_data_ptr(x, &data));
    if (!done) {
        return false;
    }
    if (!set_dtype(result, code)) {
        return fail(call, "it must be of float32, float64, float16 or bfloat16", i);
    }
    if (ndim > MAX_NDIM) {
        return fail(call, "it has more than 64 axes", i);
    }
    tensor->data = (void*)data;
    tensor->device_type = CPU;
    tensor->ndim = (int32_t)ndim;
    tensor->dtype_lanes = 1;
    tensor->shape = shape;
    tensor->strides = strides;
    result->n = (size_t)n;
    result->is_dense = n == 0 || is_dense(tensor);
    return true;
}

/* Takes the tensors out of a list into an array of call->count, and deletes the list. */
static bool take_tensors(Call* call, Value list, Tensor* tensors) {
    List handle = (List)(uintptr_t)list;
    bool done = true;
    for (size_t i = 0; done && i < call->count; ++i) {
        Value item;
        done = torch_did(call, torch.torch_list_get_item(handle, i, &item));
        tensors[i] = done ? (Tensor)(uintptr_t)item : NULL;
    }
    torch.torch_delete_list(handle);
    return done;
}

static bool has_length(Call* call, Value list, const char* error) {
    size_t length = 0;
    torch.torch_list_size((List)(uintptr_t)list, &length);
    return length == call->count || fail(call, error, length);
}

static bool create_regularizers(Call* call, Value l1s, Value l2s) {
    double l1 = 0.0;
    double l2 = 0.0;
    for (size_t i = 0; i < call->count; ++i) {
        Value values[2];
        if (!torch_did(call, torch.torch_list_get_item((List)(uintptr_t)l1s, i, &values[0])) ||
            !torch_did(call, torch.torch_list_get_item((List)(uintptr_t)l2s, i, &values[1]))) {
            return false;
        }
        const l1l2_regularizer** regularizer = &call->terms[i].regularizer;
        if (i > 0 && same_coefficient(number_of(values[0]), l1) &&
            same_coefficient(number_of(values[1]), l2)) {
            *regularizer = call->terms[i - 1].regularizer;
            continue;
        }
        l1 = number_of(values[0]);
        l2 = number_of(values[1]);
        if (!check(call, functions.create(l1, l2, (l1l2_regularizer**)regularizer), i)) {
            return false;
        }
    }
    return true;
}

/* Reads what all ops have: tensors, and the two coefficients of each. With others: a list of as
   many tensors more. Takes over all four. */
static bool begin(Call* call, Value xs, Value others, Value l1s, Value l2s, bool x_is_written) {
    memset(call, 0, sizeof *call);
    torch.torch_list_size((List)(uintptr_t)xs, &call->count);
    size_t count = call->count + 1; /* calloc of 0 may be NULL */
    call->xs = calloc(count, sizeof *call->xs);
    call->others = calloc(count, sizeof *call->others);
    call->views = calloc(count, sizeof *call->views);
    call->other_views = calloc(count, sizeof *call->other_views);
    call->terms = calloc(count, sizeof *call->terms);
    call->penalties = calloc(count, sizeof *call->penalties);
    bool done = (call->xs && call->others && call->views && call->other_views && call->terms &&
                 call->penalties) ||
                fail(call, "out of memory", NO_TENSOR);
    done = done && has_length(call, l1s, "there is no l1 for it") &&
           has_length(call, l2s, "there is no l2 for it") &&
           (!others || has_length(call, others, "there is no gradient for it")) &&
           create_regularizers(call, l1s, l2s);
    torch.torch_delete_list((List)(uintptr_t)l1s);
    torch.torch_delete_list((List)(uintptr_t)l2s);
    if (!done) {
        torch.torch_delete_list((List)(uintptr_t)xs);
        if (others) {
            torch.torch_delete_list((List)(uintptr_t)others);
        }
        return false;
    }
    done = take_tensors(call, xs, call->xs);
    if (others) {
        done = take_tensors(call, others, call->others) && done;
    }
    for (size_t i = 0; done && i < call->count; ++i) {
        done = view(call, call->xs[i], i, x_is_written, &call->views[i]) &&
               (!others || view(call, call->others[i], i, true, &call->other_views[i]));
        if (done && call->views[i].is_dense) {
            l1l2_term* term = &call->terms[i];
            term->x = call->views[i].tensor.data;
            term->n = call->views[i].n;
        }
        call->terms[i].dtype = call->views[i].dtype;
    }
    return done;
}

/* Frees a call. Raises RuntimeError if it failed: throws through this function and the kernel. */
static void finish(Call* call) {
    for (size_t i = 0; i < call->count; ++i) {
        if (call->terms &&
            (i == 0 || call->terms[i].regularizer != call->terms[i - 1].regularizer)) {
            functions.destroy((l1l2_regularizer*)call->terms[i].regularizer);
        }
        if (call->xs && call->xs[i]) torch.aoti_torch_delete_tensor_object(call->xs[i]);
        if (call->others && call->others[i]) torch.aoti_torch_delete_tensor_object(call->others[i]);
    }
    free(call->xs);
    free(call->others);
    free(call->views);
    free(call->other_views);
    free(call->terms);
    free(call->penalties);
    if (call->error[0] != '\0') {
        torch.aoti_torch_check(false, "l1l2", "_torch.c", 0, call->error);
    }
}

typedef struct {
    l1l2_task task;
    void* work;
} Tasks;

static void run_range(int64_t begin, int64_t end, void* state) {
    const Tasks* tasks = state;
    for (int64_t i = begin; i < end; ++i) {
        tasks->task(tasks->work, (size_t)i);
    }
}

/* An l1l2_runner on the threads of PyTorch. */
static int32_t run(void* state, l1l2_task task, void* work, size_t count) {
    (void)state;
    Tasks tasks = {task, work};
    return torch.torch_parallel_for(0, (int64_t)count, 1, run_range, &tasks);
}

/* The status is that of a call that has written the index of the faulty term. */
static bool check_terms(Call* call, l1l2_status status, const size_t* faulty) {
    return check(call, status, *faulty < call->count ? *faulty : NO_TENSOR);
}

/* Makes a tensor of the dtype that penalties have: of those of each tensor or of their total. */
static bool new_penalties(Call* call, bool is_total, Value* result) {
    static const int64_t one = 1;
    int64_t length = (int64_t)call->count;
    bool is_double = false;
    for (size_t i = 0; i < call->count; ++i) {
        is_double = is_double || call->views[i].dtype == L1L2_FLOAT64;
    }
    int32_t code = is_double ? torch.aoti_torch_dtype_float64() : torch.aoti_torch_dtype_float32();
    Tensor tensor;
    void* data;
    if (!torch_did(call, torch.aoti_torch_empty_strided(is_total ? 0 : 1, &length, &one, code,
                                                        torch.aoti_torch_device_type_cpu(), 0,
                                                        &tensor))) {
        return false;
    }
    *result = (uintptr_t)tensor;
    if (!torch_did(call, torch.torch_get_mutable_data_ptr(tensor, &data))) {
        return false;
    }
    write_totals(call->penalties, is_total ? 1 : call->count, is_total ? call->count : 1, is_double,
                 data);
    return true;
}

/* penalties(Tensor[] xs, float[] l1, float[] l2) -> (Tensor penalties, Tensor total) */
static void penalties(Value* stack, uint64_t inputs, uint64_t outputs) {
    (void)inputs;
    (void)outputs;
    Call call;
    if (begin(&call, stack[0], 0, stack[1], stack[2], false)) {
        size_t faulty = 0;
        bool done = check_terms(&call,
                                functions.penalty_terms(call.terms, sizeof *call.terms, call.count,
                                                        run, NULL, call.penalties, NULL, &faulty),
                                &faulty);
        for (size_t i = 0; done && i < call.count; ++i) {
            done = call.views[i].is_dense ||
                   check(&call,
                         functions.penalty_dlpack(call.terms[i].regularizer, &call.views[i].tensor,
                                                  &call.penalties[i]),
                         i);
        }
        (void)(done && new_penalties(&call, false, &stack[0]) &&
               new_penalties(&call, true, &stack[1]));
    }
    finish(&call);
}

/* Blocks of this many elements of x and of the gradient are in the first-level cache at once, so
   that the zeros that the gradient is added to never go to memory. */
enum { BLOCK = 4096, BLOCKS_OF_A_THREAD = 8 };

typedef struct {
    const Call* call;
    const double* scales;
    const size_t* ends; /* the number of blocks of each tensor and of those before it */
} Blocks;

static void fill_blocks(int64_t begin, int64_t end, void* state) {
    const Blocks* blocks = state;
    const Call* call = blocks->call;
    size_t i = 0;
    for (size_t block = (size_t)begin; block < (size_t)end; ++block) {
        while (block >= blocks->ends[i]) {
            ++i;
        }
        const View* x = &call->views[i];
        const View* gradient = &call->other_views[i];
        size_t size = x->tensor.dtype_bits / 8;
        size_t first = (block - (i > 0 ? blocks->ends[i - 1] : 0)) * BLOCK;
        size_t n = x->n - first < BLOCK ? x->n - first : BLOCK;
        char* to = (char*)gradient->tensor.data + first * size;
        memset(to, 0, n * size);
        functions.add_gradient(call->terms[i].regularizer, x->dtype,
                               (const char*)x->tensor.data + first * size, n, blocks->scales[i], to,
                               NULL);
    }
}

/* A new tensor of the shape and dtype of x: of its strides, if it is dense. */
static bool new_like(Call* call, Tensor x, Tensor* result) {
    Tensor handle;
    if (!torch_did(call, torch.aoti_torch_new_tensor_handle(x, &handle))) {
        return false;
    }
    Value stack[6] = {(uintptr_t)handle};
    if (!torch_did(call,
                   torch.torch_call_dispatcher("aten::empty_like", "", stack, TORCH_VERSION))) {
        return false;
    }
    *result = (Tensor)(uintptr_t)stack[0];
    return true;
}

/* Multiplies a gradient by what the library refuses as a scale: an infinity, a NaN, or a number
   whose product with a coefficient is infinite. */
static bool multiply(Call* call, Tensor gradient, double scale) {
    Tensor handle;
    Tensor factor;
    if (!torch_did(call, torch.aoti_torch_new_tensor_handle(gradient, &handle)) ||
        !torch_did(call, torch.aoti_torch_scalar_to_tensor_float64(scale, &factor))) {
        return false;
    }
    Value stack[2] = {(uintptr_t)handle, (uintptr_t)factor};
    return torch_did(call,
                     torch.torch_call_dispatcher("aten::mul_", "Tensor", stack, TORCH_VERSION)) &&
           torch_did(call, torch.aoti_torch_delete_tensor_object((Tensor)(uintptr_t)stack[0]));
}

static bool read_scales(Call* call, Tensor tensor, double* scales) {
    View result = {0};
    if (!view(call, tensor, 0, false, &result)) {
        return false;
    }
    bool is_one_for_all = result.tensor.ndim == 0;
    bool is_one_for_each = result.tensor.ndim == 1 && result.n == call->count;
    if ((!is_one_for_all && !is_one_for_each) || result.tensor.dtype_bits < 32) {
        return fail(call, "the scales must be of float32 or float64, one for each or for all",
                    NO_TENSOR);
    }
    fenv_t environment; /* in which a scale of float that is subnormal may be taken for zero */
    fegetenv(&environment);
    fesetenv(FE_DFL_ENV);
    for (size_t i = 0; i < call->count; ++i) {
        int64_t at = is_one_for_all ? 0 : (int64_t)i * result.tensor.strides[0];
        scales[i] = result.dtype == L1L2_FLOAT64 ? ((const double*)result.tensor.data)[at]
                                                 : ((const float*)result.tensor.data)[at];
    }
    fesetenv(&environment);
    return true;
}

/* Makes gradients with scales that the library accepts, and remembers the others in factors. */
static bool fill_gradients(Call* call, double* scales, double* factors, size_t* ends) {
    bool done = true;
    size_t blocks = 0;
    for (size_t i = 0; done && i < call->count; ++i) {
        const l1l2_term* term = &call->terms[i];
        done = new_like(call, call->xs[i], &call->others[i]) &&
               view(call, call->others[i], i, true, &call->other_views[i]);
        factors[i] = 1.0;
        if (functions.add_gradient(term->regularizer, term->dtype, NULL, 0, scales[i], NULL,
                                   NULL) == L1L2_ERROR_INVALID_SCALE) {
            factors[i] = scales[i];
            scales[i] = 1.0;
        }
        blocks += (term->n + BLOCK - 1) / BLOCK;
        ends[i] = blocks;
    }
    Blocks all = {call, scales, ends};
    done = done && torch_did(call, torch.torch_parallel_for(0, (int64_t)blocks, BLOCKS_OF_A_THREAD,
                                                            fill_blocks, &all));
    for (size_t i = 0; done && i < call->count; ++i) {
        const View* gradient = &call->other_views[i];
        if (!call->views[i].is_dense) {
            memset(gradient->tensor.data, 0, gradient->n * (gradient->tensor.dtype_bits / 8));
            done = check(call,
                         functions.add_gradient_dlpack(call->terms[i].regularizer,
                                                       &call->views[i].tensor, scales[i],
                                                       &gradient->tensor, NULL),
                         i);
        }
        if (done && factors[i] != 1.0) {
            done = multiply(call, call->others[i], factors[i]);
        }
    }
    return done;
}

/* gradients(Tensor[] xs, float[] l1, float[] l2, Tensor scales) -> Tensor[] */
static void gradients(Value* stack, uint64_t inputs, uint64_t outputs) {
    (void)inputs;
    (void)outputs;
    Call call;
    Tensor scales_tensor = (Tensor)(uintptr_t)stack[3];
    double* numbers = NULL;
    size_t* ends = NULL;
    bool done = begin(&call, stack[0], 0, stack[1], stack[2], false);
    if (done) {
        numbers = calloc(2 * call.count + 1, sizeof *numbers);
        ends = calloc(call.count + 1, sizeof *ends);
        done = ((numbers && ends) || fail(&call, "out of memory", NO_TENSOR)) &&
               read_scales(&call, scales_tensor, numbers) &&
               fill_gradients(&call, numbers, numbers + call.count, ends);
    }
    torch.aoti_torch_delete_tensor_object(scales_tensor);
    free(numbers);
    free(ends);
    List list;
    if (done && torch_did(&call, torch.torch_new_list_reserve_size(call.count, &list))) {
        for (size_t i = 0; i < call.count; ++i) {
            (void)torch_did(&call, torch.torch_list_push_back(list, (uintptr_t)call.others[i]));
            call.others[i] = NULL; /* the list owns it */
        }
        stack[0] = (uintptr_t)list;
    }
    finish(&call);
}

/* Whether both have the same elements in the same places of memory. */
static bool are_alike(const View* x, const View* y) {
    bool alike = x->is_dense && y->is_dense;
    for (int32_t i = 0; alike && i < x->tensor.ndim; ++i) {
        alike = x->tensor.shape[i] == 1 || x->tensor.strides[i] == y->tensor.strides[i];
    }
    return alike;
}

/* Whether a gradient is one that no term can have. */
static bool is_apart(const Call* call, size_t i) {
    return call->other_views[i].n > 0 && !are_alike(&call->views[i], &call->other_views[i]);
}

/* Gives the terms their gradients, and checks those that no term can have. Writes nothing. */
static bool set_gradients(Call* call) {
    for (size_t i = 0; i < call->count; ++i) {
        const View* x = &call->views[i];
        const View* gradient = &call->other_views[i];
        l1l2_term* term = &call->terms[i];
        if (gradient->n == 0) {
            continue; /* it is not wanted, or has nothing to be added to */
        }
        if (gradient->dtype != x->dtype || gradient->tensor.ndim != x->tensor.ndim ||
            (x->tensor.ndim > 0 && memcmp(gradient->tensor.shape, x->tensor.shape,
                                          (size_t)x->tensor.ndim * sizeof(int64_t)) != 0)) {
            return fail(call, "its gradient has another shape or dtype", i);
        }
        if (!is_apart(call, i)) {
            term->gradient = gradient->tensor.data;
            continue;
        }
        /* The tensors are checked before the scale. */
        l1l2_status status = functions.add_gradient_dlpack(term->regularizer, &x->tensor, NAN,
                                                           &gradient->tensor, NULL);
        if (status != L1L2_ERROR_INVALID_SCALE && !check(call, status, i)) {
            return false;
        }
    }
    return true;
}

/* add_gradients_(Tensor[] xs, Tensor(a!)[] gradients, float[] l1, float[] l2, float scale)
       -> Tensor total.  A gradient of no elements stands for: not wanted.

   The call for all terms comes first, even for those without elements: it checks the scale with
   every regularizer before anything is written. So does that of prox_. */
static void add_gradients(Value* stack, uint64_t inputs, uint64_t outputs) {
    (void)inputs;
    (void)outputs;
    Call call;
    double scale = number_of(stack[4]);
    if (begin(&call, stack[0], stack[1], stack[2], stack[3], false)) {
        size_t faulty = 0;
        bool done = set_gradients(&call) &&
                    check_terms(&call,
                                functions.add_gradient_terms(call.terms, sizeof *call.terms,
                                                             call.count, scale, run, NULL,
                                                             call.penalties, NULL, &faulty),
                                &faulty);
        for (size_t i = 0; done && i < call.count; ++i) {
            const l1l2_regularizer* regularizer = call.terms[i].regularizer;
            const DLTensor* x = &call.views[i].tensor;
            if (is_apart(&call, i)) {
                done = check(&call,
                             functions.add_gradient_dlpack(regularizer, x, scale,
                                                           &call.other_views[i].tensor,
                                                           &call.penalties[i]),
                             i);
            } else if (!call.views[i].is_dense) {
                done =
                    check(&call, functions.penalty_dlpack(regularizer, x, &call.penalties[i]), i);
            }
        }
        (void)(done && new_penalties(&call, true, &stack[0]));
    }
    finish(&call);
}

/* prox_(Tensor(a!)[] xs, float[] l1, float[] l2, float step) -> () */
static void prox(Value* stack, uint64_t inputs, uint64_t outputs) {
    (void)inputs;
    (void)outputs;
    Call call;
    double step = number_of(stack[3]);
    bool done = begin(&call, stack[0], 0, stack[1], stack[2], true);
    for (size_t i = 0; done && i < call.count; ++i) {
        const DLTensor* x = &call.views[i].tensor;
        call.terms[i].out = x->data;
        if (!call.views[i].is_dense) { /* it is checked before the step */
            l1l2_status status = functions.prox_dlpack(call.terms[i].regularizer, x, NAN, x);
            done = status == L1L2_ERROR_INVALID_STEP || check(&call, status, i);
        }
    }
    if (done) {
        size_t faulty = 0;
        done = check_terms(&call,
                           functions.prox_terms(call.terms, sizeof *call.terms, call.count, step,
                                                run, NULL, &faulty),
                           &faulty);
    }
    for (size_t i = 0; done && i < call.count; ++i) {
        const DLTensor* x = &call.views[i].tensor;
        done = call.views[i].is_dense ||
               check(&call, functions.prox_dlpack(call.terms[i].regularizer, x, step, x), i);
    }
    finish(&call);
}

/* Registers the kernels of ops that are defined. Returns 0 unless PyTorch refuses. */
L1L2_EXPORT int32_t l1l2_torch_register(void);
L1L2_EXPORT int32_t l1l2_torch_register(void) {
    Library library; /* deleting it would take the kernels away */
    return torch.aoti_torch_library_init_impl("l1l2", "CPU", "_torch.c", 0, &library) ||
           torch.torch_library_impl(library, "penalties", penalties, TORCH_VERSION) ||
           torch.torch_library_impl(library, "gradients", gradients, TORCH_VERSION) ||
           torch.torch_library_impl(library, "add_gradients_", add_gradients, TORCH_VERSION) ||
           torch.torch_library_impl(library, "prox_", prox, TORCH_VERSION);
}
