/* SPDX-FileCopyrightText: 2026 The l1l2 authors
   SPDX-License-Identifier: Apache-2.0 */
/* TensorFlow's ops of l1l2, on its C API for ops and kernels, which is the same in all of its
   versions.

   tf.load_op_library loads this; the ops are registered while it is loaded. The functions of
   TensorFlow are looked up in the library that the process has, so that none is needed to build
   this. Coefficients are attributes, as the bits of doubles: an attribute "float" of TensorFlow has
   32 bits. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "xla/ffi/api/c_api.h"

#define L1L2_NEEDED(X) X(create) X(destroy) X(penalty) X(add_gradient) X(prox) X(status_string)
#include "_functions.h"

/* What TensorFlow's headers c/ops.h, c/kernels.h, c/tf_tensor.h and c/tf_status.h declare. */
typedef struct TF_OpDefinitionBuilder TF_OpDefinitionBuilder;
typedef struct TF_KernelBuilder TF_KernelBuilder;
typedef struct TF_OpKernelConstruction TF_OpKernelConstruction;
typedef struct TF_OpKernelContext TF_OpKernelContext;
typedef struct TF_ShapeInferenceContext TF_ShapeInferenceContext;
typedef struct TF_ShapeHandle TF_ShapeHandle;
typedef struct TF_Status TF_Status;
typedef struct TF_Tensor TF_Tensor;
enum { TF_FLOAT = 1, TF_DOUBLE = 2, TF_BFLOAT16 = 14, TF_HALF = 19 };
enum { TF_OK = 0, TF_INVALID_ARGUMENT = 3, TF_FAILED_PRECONDITION = 9 };

typedef void (*shape_function)(TF_ShapeInferenceContext*, TF_Status*);
typedef void* (*create_function)(TF_OpKernelConstruction*);
typedef void (*compute_function)(void*, TF_OpKernelContext*);

#define TF_FUNCTIONS(X)                                                                            \
    X(TF_Status*, NewStatus, (void))                                                               \
    X(void, SetStatus, (TF_Status*, int, const char*))                                             \
    X(int, GetCode, (const TF_Status*))                                                            \
    X(void, DeleteStatus, (TF_Status*))                                                            \
    X(TF_OpDefinitionBuilder*, NewOpDefinitionBuilder, (const char*))                              \
    X(void, OpDefinitionBuilderAddAttr, (TF_OpDefinitionBuilder*, const char*))                    \
    X(void, OpDefinitionBuilderAddInput, (TF_OpDefinitionBuilder*, const char*))                   \
    X(void, OpDefinitionBuilderAddOutput, (TF_OpDefinitionBuilder*, const char*))                  \
    X(void, OpDefinitionBuilderSetShapeInferenceFunction,                                          \
      (TF_OpDefinitionBuilder*, shape_function))                                                   \
    X(void, RegisterOpDefinition, (TF_OpDefinitionBuilder*, TF_Status*))                           \
    X(TF_ShapeHandle*, NewShapeHandle, (void))                                                     \
    X(void, DeleteShapeHandle, (TF_ShapeHandle*))                                                  \
    X(int64_t, ShapeInferenceContextNumInputs, (TF_ShapeInferenceContext*))                        \
    X(void, ShapeInferenceContextGetInput,                                                         \
      (TF_ShapeInferenceContext*, int, TF_ShapeHandle*, TF_Status*))                               \
    X(void, ShapeInferenceContextSetOutput,                                                        \
      (TF_ShapeInferenceContext*, int, TF_ShapeHandle*, TF_Status*))                               \
    X(TF_ShapeHandle*, ShapeInferenceContextScalar, (TF_ShapeInferenceContext*))                   \
    X(TF_KernelBuilder*, NewKernelBuilder,                                                         \
      (const char*, const char*, create_function, compute_function, void (*)(void*)))              \
    X(void, RegisterKernelBuilder, (const char*, TF_KernelBuilder*, TF_Status*))                   \
    X(void, OpKernelConstruction_GetAttrSize,                                                      \
      (TF_OpKernelConstruction*, const char*, int32_t*, int32_t*, TF_Status*))                     \
    X(void, OpKernelConstruction_GetAttrInt64List,                                                 \
      (TF_OpKernelConstruction*, const char*, int64_t*, int, TF_Status*))                          \
    X(void, OpKernelConstruction_Failure, (TF_OpKernelConstruction*, TF_Status*))                  \
    X(void, OpKernelContext_Failure, (TF_OpKernelContext*, TF_Status*))                            \
    X(int, NumInputs, (TF_OpKernelContext*))                                                       \
    X(void, GetInput, (TF_OpKernelContext*, int, TF_Tensor**, TF_Status*))                         \
    X(int, ExpectedOutputDataType, (TF_OpKernelContext*, int))                                     \
    X(TF_Tensor*, AllocateOutput,                                                                  \
      (TF_OpKernelContext*, int, int, const int64_t*, int, size_t, TF_Status*))                    \
    X(int, TensorType, (const TF_Tensor*))                                                         \
    X(int, NumDims, (const TF_Tensor*))                                                            \
    X(int64_t, Dim, (const TF_Tensor*, int))                                                       \
    X(void*, TensorData, (const TF_Tensor*))                                                       \
    X(size_t, TensorByteSize, (const TF_Tensor*))                                                  \
    X(int64_t, TensorElementCount, (const TF_Tensor*))                                             \
    X(void, DeleteTensor, (TF_Tensor*))

static struct {
#define MEMBER(result, name, arguments) result(*name) arguments;
    TF_FUNCTIONS(MEMBER)
#undef MEMBER
} tf;

#ifdef __APPLE__
#define LIBRARY(name) "@rpath/libtensorflow_" name ".2.dylib"
#else
#define LIBRARY(name) "libtensorflow_" name ".so.2"
#endif

/* Looks up a function in a library that the process has loaded. Returns NULL if there is none. */
static void* find(const char* library, const char* name) {
    void* handle = dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
    if (!handle) {
        return NULL;
    }
    void* function = dlsym(handle, name);
    dlclose(handle); /* which leaves it loaded */
    return function;
}

/* Returns whether all functions were found. */
static int find_tensorflow(void) {
#define FIND(result, name, arguments)                                                              \
    *(void**)(&tf.name) = find(LIBRARY("framework"), "TF_" #name);                                 \
    if (!tf.name) {                                                                                \
        return 0;                                                                                  \
    }
    TF_FUNCTIONS(FIND)
#undef FIND
    return 1;
}

/* Returns the functions of TensorFlow's XLA, or NULL. */
static const XLA_FFI_Api* find_xla(void) {
    const XLA_FFI_Api* (*get_api)(void);
    *(void**)&get_api = find(LIBRARY("framework"), "XLA_FFI_GetApi");
    if (!get_api) { /* before TensorFlow 2.21: xla::ffi::GetXlaFfiApi(), which returns the same */
        *(void**)&get_api = find(LIBRARY("cc"), "_ZN3xla3ffi12GetXlaFfiApiEv");
    }
    return get_api ? get_api() : NULL;
}

/* Gives a handler of _xla.c to TensorFlow's XLA for the CPU. Returns whether it was taken. */
L1L2_EXPORT int l1l2_tensorflow_register_handler(const char* name, XLA_FFI_Handler* handler);
L1L2_EXPORT int l1l2_tensorflow_register_handler(const char* name, XLA_FFI_Handler* handler) {
    const XLA_FFI_Api* api = find_xla();
    if (!api) {
        return 0;
    }
    XLA_FFI_Handler_Register_Args args = {
        .struct_size = XLA_FFI_Handler_Register_Args_STRUCT_SIZE,
        .name = {name, strlen(name)},
        .platform = {"Host", strlen("Host")},
        .bundle = {.execute = handler},
    };
    XLA_FFI_Error* error = api->XLA_FFI_Handler_Register(&args);
    if (error) {
        XLA_FFI_Error_Destroy_Args destroy = {.struct_size = XLA_FFI_Error_Destroy_Args_STRUCT_SIZE,
                                              .error = error};
        api->XLA_FFI_Error_Destroy(&destroy);
    }
    return !error;
}

static l1l2_dtype dtype_of(const TF_Tensor* tensor) {
    switch (tf.TensorType(tensor)) {
    case TF_FLOAT: return L1L2_FLOAT32;
    case TF_DOUBLE: return L1L2_FLOAT64;
    case TF_HALF: return L1L2_FLOAT16;
    case TF_BFLOAT16: return L1L2_BFLOAT16;
    default: return 0;
    }
}

/* Sets the status by that of a call of l1l2; returns whether it was L1L2_OK. */
static int succeeded(l1l2_status result, TF_Status* status) {
    if (result != L1L2_OK) {
        char message[256] = "l1l2: ";
        strncat(message, functions.status_string(result), sizeof message - strlen(message) - 1);
        tf.SetStatus(status, TF_INVALID_ARGUMENT, message);
    }
    return result == L1L2_OK;
}

/* What a kernel keeps: a regularizer for each tensor. */
struct kernel {
    int count;
    l1l2_regularizer* regularizers[];
};

static void delete_kernel(void* state) {
    struct kernel* kernel = state;
    for (int i = 0; kernel && i < kernel->count; ++i) {
        functions.destroy(kernel->regularizers[i]);
    }
    free(kernel);
}

static struct kernel* try_create(TF_OpKernelConstruction* construction, TF_Status* status) {
    int32_t size, total;
    if (!functions.create) {
        tf.SetStatus(status, TF_FAILED_PRECONDITION,
                     "the ops of l1l2 have no library: import l1l2.tensorflow first");
        return NULL;
    }
    tf.OpKernelConstruction_GetAttrSize(construction, "coefficients", &size, &total, status);
    if (tf.GetCode(status) != TF_OK) {
        return NULL;
    }
    const size_t count = (size_t)size / 2;
    struct kernel* kernel = calloc(1, sizeof *kernel + count * sizeof kernel->regularizers[0]);
    int64_t* bits = malloc((size_t)size * sizeof *bits + 1);
    if (!kernel || !bits) {
        succeeded(L1L2_ERROR_OUT_OF_MEMORY, status);
    } else {
        tf.OpKernelConstruction_GetAttrInt64List(construction, "coefficients", bits, size, status);
    }
    for (size_t i = 0; tf.GetCode(status) == TF_OK && i < count; ++i) {
        double coefficients[2];
        memcpy(coefficients, bits + 2 * i, sizeof coefficients);
        if (succeeded(functions.create(coefficients[0], coefficients[1], &kernel->regularizers[i]),
                      status)) {
            ++kernel->count;
        }
    }
    free(bits);
    return kernel;
}

static void* create_kernel(TF_OpKernelConstruction* construction) {
    TF_Status* status = tf.NewStatus();
    struct kernel* kernel = try_create(construction, status);
    if (tf.GetCode(status) != TF_OK) {
        tf.OpKernelConstruction_Failure(construction, status);
    }
    tf.DeleteStatus(status);
    return kernel;
}

/* Returns the input i, to be deleted, or NULL. */
static TF_Tensor* input(TF_OpKernelContext* context, int i, TF_Status* status) {
    TF_Tensor* tensor = NULL;
    tf.GetInput(context, i, &tensor, status);
    return tf.GetCode(status) == TF_OK ? tensor : NULL;
}

/* Returns an output of the shape and type of x, to be deleted, or NULL. */
static TF_Tensor* output_like(TF_OpKernelContext* context, int i, const TF_Tensor* x,
                              TF_Status* status) {
    int64_t shape[254]; /* no tensor has more axes */
    const int ndim = tf.NumDims(x);
    for (int axis = 0; axis < ndim; ++axis) {
        shape[axis] = tf.Dim(x, axis);
    }
    return tf.AllocateOutput(context, i, tf.TensorType(x), shape, ndim, tf.TensorByteSize(x),
                             status);
}

/* Returns whether all penalties were computed. */
static int compute_penalties(const struct kernel* kernel, TF_OpKernelContext* context,
                             double* penalties, TF_Status* status) {
    for (int i = 0; i < kernel->count; ++i) {
        TF_Tensor* x = input(context, i, status);
        if (!x) {
            return 0;
        }
        const l1l2_status result =
            functions.penalty(kernel->regularizers[i], dtype_of(x), tf.TensorData(x),
                              (size_t)tf.TensorElementCount(x), &penalties[i]);
        tf.DeleteTensor(x);
        if (!succeeded(result, status)) {
            return 0;
        }
    }
    return 1;
}

static void try_penalty(const struct kernel* kernel, TF_OpKernelContext* context,
                        TF_Status* status) {
    const size_t count = (size_t)kernel->count;
    double* penalties = malloc((count + 1) * sizeof *penalties);
    if (!penalties) {
        succeeded(L1L2_ERROR_OUT_OF_MEMORY, status);
    } else if (compute_penalties(kernel, context, penalties, status)) {
        const int type = tf.ExpectedOutputDataType(context, 0);
        const size_t size = type == TF_DOUBLE ? sizeof(double) : sizeof(float);
        TF_Tensor* y = tf.AllocateOutput(context, 0, type, NULL, 0, size, status);
        if (y) {
            write_totals(penalties, 1, count, type == TF_DOUBLE, tf.TensorData(y));
            tf.DeleteTensor(y);
        }
    }
    free(penalties);
}

/* Every element becomes NaN: for a cotangent that is not finite, as an overflow of a scaled loss
 * makes it. */
static void fill_nan(l1l2_dtype dtype, char* elements, size_t n, size_t element_size) {
    const uint64_t double_bits = 0x7ff8000000000000u;
    const uint32_t float_bits = 0x7fc00000u;
    const uint16_t narrow_bits = dtype == L1L2_FLOAT16 ? 0x7e00u : 0x7fc0u;
    const void* element = dtype == L1L2_FLOAT64   ? (const void*)&double_bits
                          : dtype == L1L2_FLOAT32 ? (const void*)&float_bits
                                                  : (const void*)&narrow_bits;
    for (size_t i = 0; i < n; ++i) {
        memcpy(elements + i * element_size, element, element_size);
    }
}

static l1l2_status write_gradient(const l1l2_regularizer* regularizer, l1l2_dtype dtype,
                                  const char* x, size_t n, size_t element_size, double scale,
                                  char* gradient) {
    const size_t block = 4096; /* zeros that the next call finds in the first cache */
    for (size_t done = 0; done < n; done += block) {
        const size_t count = n - done < block ? n - done : block;
        char* part = gradient + done * element_size;
        memset(part, 0, count * element_size);
        const l1l2_status result = functions.add_gradient(
            regularizer, dtype, x + done * element_size, count, scale, part, NULL);
        if (result == L1L2_ERROR_INVALID_SCALE) {
            fill_nan(dtype, gradient, n, element_size);
            return L1L2_OK;
        }
        if (result != L1L2_OK) {
            return result;
        }
    }
    return L1L2_OK;
}

static l1l2_status write_prox(const l1l2_regularizer* regularizer, l1l2_dtype dtype, const char* x,
                              size_t n, size_t element_size, double step, char* out) {
    (void)element_size;
    return functions.prox(regularizer, dtype, x, n, step, out);
}

/* Writes an output for each tensor. The factor is the last input, a scalar of double. */
static void try_elements(const struct kernel* kernel, TF_OpKernelContext* context,
                         TF_Status* status,
                         l1l2_status (*write)(const l1l2_regularizer*, l1l2_dtype, const char*,
                                              size_t, size_t, double, char*)) {
    TF_Tensor* factor = input(context, kernel->count, status);
    if (factor && tf.TensorElementCount(factor) != 1) {
        tf.SetStatus(status, TF_INVALID_ARGUMENT,
                     "l1l2: a step, or the factor of a gradient, must be a scalar");
    }
    for (int i = 0; i < kernel->count && tf.GetCode(status) == TF_OK; ++i) {
        TF_Tensor* x = input(context, i, status);
        TF_Tensor* y = x ? output_like(context, i, x, status) : NULL;
        if (y) {
            const size_t n = (size_t)tf.TensorElementCount(x);
            succeeded(write(kernel->regularizers[i], dtype_of(x), tf.TensorData(x), n,
                            n ? tf.TensorByteSize(x) / n : 0, *(const double*)tf.TensorData(factor),
                            tf.TensorData(y)),
                      status);
            tf.DeleteTensor(y);
        }
        if (x) {
            tf.DeleteTensor(x);
        }
    }
    if (factor) {
        tf.DeleteTensor(factor);
    }
}

static void try_gradient(const struct kernel* kernel, TF_OpKernelContext* context,
                         TF_Status* status) {
    try_elements(kernel, context, status, write_gradient);
}

static void try_prox(const struct kernel* kernel, TF_OpKernelContext* context, TF_Status* status) {
    try_elements(kernel, context, status, write_prox);
}

/* Runs a kernel that has `extra` inputs beside its tensors. */
static void run(void* state, TF_OpKernelContext* context, int extra,
                void (*compute)(const struct kernel*, TF_OpKernelContext*, TF_Status*)) {
    const struct kernel* kernel = state;
    TF_Status* status = tf.NewStatus();
    if (tf.NumInputs(context) != kernel->count + extra) {
        tf.SetStatus(status, TF_INVALID_ARGUMENT,
                     "l1l2: two coefficients are needed for each tensor");
    } else {
        compute(kernel, context, status);
    }
    if (tf.GetCode(status) != TF_OK) {
        tf.OpKernelContext_Failure(context, status);
    }
    tf.DeleteStatus(status);
}

static void compute_penalty(void* kernel, TF_OpKernelContext* context) {
    run(kernel, context, 0, try_penalty);
}

static void compute_gradient(void* kernel, TF_OpKernelContext* context) {
    run(kernel, context, 1, try_gradient);
}

static void compute_prox(void* kernel, TF_OpKernelContext* context) {
    run(kernel, context, 1, try_prox);
}

static void shape_of_penalty(TF_ShapeInferenceContext* context, TF_Status* status) {
    TF_ShapeHandle* scalar = tf.ShapeInferenceContextScalar(context);
    tf.ShapeInferenceContextSetOutput(context, 0, scalar, status);
    tf.DeleteShapeHandle(scalar);
}

/* Output i has the shape of input i; the last input has no output. */
static void shapes_of_elements(TF_ShapeInferenceContext* context, TF_Status* status) {
    const int count = (int)tf.ShapeInferenceContextNumInputs(context) - 1;
    TF_ShapeHandle* shape = tf.NewShapeHandle();
    for (int i = 0; i < count && tf.GetCode(status) == TF_OK; ++i) {
        tf.ShapeInferenceContextGetInput(context, i, shape, status);
        if (tf.GetCode(status) == TF_OK) {
            tf.ShapeInferenceContextSetOutput(context, i, shape, status);
        }
    }
    tf.DeleteShapeHandle(shape);
}

static void register_op(const char* name, const char* const inputs[], const char* output,
                        const char* const attributes[], shape_function shape,
                        compute_function compute) {
    TF_Status* status = tf.NewStatus();
    TF_OpDefinitionBuilder* op = tf.NewOpDefinitionBuilder(name);
    for (; *attributes; ++attributes) {
        tf.OpDefinitionBuilderAddAttr(op, *attributes);
    }
    for (; *inputs; ++inputs) {
        tf.OpDefinitionBuilderAddInput(op, *inputs);
    }
    tf.OpDefinitionBuilderAddOutput(op, output);
    tf.OpDefinitionBuilderSetShapeInferenceFunction(op, shape);
    tf.RegisterOpDefinition(op, status);
    tf.RegisterKernelBuilder(
        name, tf.NewKernelBuilder(name, "CPU", create_kernel, compute, delete_kernel), status);
    tf.DeleteStatus(status);
}

/* An op that could not be registered is one that tf.load_op_library does not list: l1l2.tensorflow
 * says so. */
__attribute__((constructor)) static void register_ops(void) {
    if (!find_tensorflow()) {
        return;
    }
#define ELEMENT_TYPES "{half, bfloat16, float, double}"
    register_op("L1l2Penalty", (const char*[]){"x: T", NULL}, "penalty: result_type",
                (const char*[]){"T: list(" ELEMENT_TYPES ") >= 1", "result_type: {float, double}",
                                "coefficients: list(int)", NULL},
                shape_of_penalty, compute_penalty);
    register_op("L1l2Gradient", (const char*[]){"x: T", "scale: double", NULL}, "gradient: T",
                (const char*[]){"T: list(" ELEMENT_TYPES ") >= 1", "coefficients: list(int)", NULL},
                shapes_of_elements, compute_gradient);
    register_op("L1l2Prox", (const char*[]){"x: T", "step: double", NULL}, "out: T",
                (const char*[]){"T: list(" ELEMENT_TYPES ") >= 1", "coefficients: list(int)", NULL},
                shapes_of_elements, compute_prox);
}
