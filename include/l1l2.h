/*
 * SPDX-FileCopyrightText: 2026 The l1l2 authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * l1l2: L1/L2 (elastic-net) regularization as tf.keras.regularizers.L1L2 defines it.
 *
 *     penalty(x)  = l1 * sum |x| + l2 * sum x^2        over all elements, whatever the shape
 *     gradient(x) = l1 * sign(x) + 2 * l2 * x          with sign(0) = 0
 *     prox(x)     = sign(x) * max(|x| - step * l1, 0) / (1 + 2 * step * l2)
 *
 * The L2 part has no factor 1/2: a ridge penalty written lambda/2 * sum x^2 is l2 = lambda/2 here.
 *
 *     #include <l1l2.h>
 *     #include <stdio.h>
 *
 *     int main(void) {
 *         const float weights[] = {0.5f, -1.25f, 0.0f, 2.0f};
 *         l1l2_regularizer* regularizer;
 *         double penalty;
 *         l1l2_status status = l1l2_create(0.01, 0.02, &regularizer);
 *         if (status != L1L2_OK) {
 *             puts(l1l2_status_string(status));
 *             return 1;
 *         }
 *         l1l2_penalty(regularizer, L1L2_FLOAT32, weights, 4, &penalty);
 *         printf("penalty %.17g\n", penalty);
 *         l1l2_destroy(regularizer);
 *     }
 *
 *     cc penalty.c $(pkg-config --cflags --libs l1l2) -o penalty
 *
 * Contents:
 *     Regularizers             l1l2_create, _destroy, _get_config
 *     Arrays                   l1l2_penalty, _add_gradient, _prox, _prox_step
 *     Tensors of any strides   the same four with _dlpack
 *     Lists, threads           the same four with _terms, l1l2_clip_by_norm_terms, l1l2_runner
 *     Data in parts, norms     l1l2_exact_sums_*, l1l2_penalty_exact_sums
 *     JSON of Keras            l1l2_to_json, l1l2_from_json
 */
#ifndef L1L2_H
#define L1L2_H

#include <stddef.h>
#include <stdint.h>

#if defined(L1L2_BUILDING) && (defined(_WIN32) || defined(__CYGWIN__))
#define L1L2_API __declspec(dllexport)
#elif defined(L1L2_BUILDING)
#define L1L2_API __attribute__((visibility("default")))
#else
#define L1L2_API
#endif

#ifdef __cplusplus
#define L1L2_NOEXCEPT noexcept
extern "C" {
#else
#define L1L2_NOEXCEPT
#endif

/** The version of this header. */
#define L1L2_VERSION_MAJOR 0
#define L1L2_VERSION_MINOR 4
#define L1L2_VERSION_PATCH 2
#define L1L2_VERSION_NUMBER                                                                        \
    (10000 * L1L2_VERSION_MAJOR + 100 * L1L2_VERSION_MINOR + L1L2_VERSION_PATCH)

/** Returns the version of the loaded library: 10000 * major + 100 * minor + patch. */
L1L2_API uint32_t l1l2_version_number(void) L1L2_NOEXCEPT;

/** Returns the version of the library as text, "major.minor.patch". Static; never NULL. */
L1L2_API const char* l1l2_version_string(void) L1L2_NOEXCEPT;

/*
 * Rules for all functions
 * -----------------------
 *
 * Failure. A function that can fail returns an l1l2_status. If it is not L1L2_OK, all outputs are
 * unchanged unless the function says otherwise. The library never prints, aborts or throws.
 *
 * Pointers. A pointer may be NULL only where the function says so; any other NULL, and elements of
 * more than PTRDIFF_MAX bytes, are L1L2_ERROR_INVALID_ARGUMENT. A regularizer is a live handle. The
 * library keeps no pointer after a call. Only regularizers must be freed. Outputs must not lie
 * within an array of the same call, unless the function allows it.
 *
 * Threads. A regularizer is immutable: any number of threads may use one at once, except that
 * l1l2_destroy needs it unused. The library starts no threads. Its only state is what the first
 * call that computes, or l1l2_isa, asks for: L1L2_ISA in the environment, the CPU's instruction
 * sets and the size of its caches. The JSON functions may read the locale's decimal point. During
 * these calls no other thread may be in setenv or setlocale.
 *
 * Memory. Compute functions never allocate and use less than 64 KiB of stack.
 *
 * Numbers. Sums are carried in double, whatever the element type. In double |x| is exact, and so is
 * x^2, except that squares of float64 round once. All summands are >= 0, so nothing cancels: a
 * finite penalty has a relative error of at most 185 u, where u = 2^-53. That is below 2.1e-14 for
 * any number of elements. Two exceptions: a square or product below 2^-1022 has an absolute error
 * of up to 2^-1075; a square, product or sum of 2^1024 or more is infinite. Gradients and proxes
 * are computed element by element in the arithmetic type: double for float64, float32 for the
 * others. Each operation in their descriptions rounds once, to nearest, ties to even; the last one
 * is the conversion to the element type.
 *
 * Reproducibility. The number of elements alone fixes the order of all additions. The same elements
 * in the same order give the same bits on every CPU, with every instruction set and compiler, at
 * every address, on any number of threads. Computed NaNs are canonical: 0x7ff8000000000000 in
 * double, 0x7fc00000 in float32, 0x7e00 in float16, 0x7fc0 in bfloat16. Not guaranteed: the same
 * bits for another order, or penalties of parts that add up to the whole's; exact sums do both.
 *
 * Environment. The caller's rounding mode, flush-to-zero, denormals-are-zero and unmasked
 * exceptions change no result and are restored. No result depends on the locale. errno and the
 * exception flags are unspecified after a call.
 *
 * Programs compiled against this header keep working with later versions (docs/abi.md).
 * docs/numerics.md proves the bound and defines every bit. docs/guarantees.md is for unusual hosts:
 * signals, fork, cancellation, exceptions unmasked in x86's MXCSR alone.
 */

/** The result of a call. Values are fixed; the gaps are for later statuses of the same kind. */
typedef int32_t l1l2_status;
enum {
    L1L2_OK = 0,
    /** A NULL that is not allowed, an unknown style, a term_size or a field of a term that this
        version does not know, or more than PTRDIFF_MAX bytes. */
    L1L2_ERROR_INVALID_ARGUMENT = 10,
    L1L2_ERROR_INVALID_COEFFICIENT = 11, /**< negative, NaN, infinite; in JSON also not a number */
    L1L2_ERROR_UNSUPPORTED_DTYPE = 12,   /**< an element type that this version does not support */
    /** The scale, or its product with a coefficient, is not finite. Since 0.2.0. */
    L1L2_ERROR_INVALID_SCALE = 13,
    /** A step is negative, or it or its product with a coefficient is not finite. Since 0.2.0. */
    L1L2_ERROR_INVALID_STEP = 14,
    L1L2_ERROR_OVERLAP = 15, /**< two arrays overlap, but must not. Since 0.2.0. */
    /** A tensor's shape, strides or data are invalid, or two tensors differ in shape or dtype.
        Since 0.2.0. */
    L1L2_ERROR_INVALID_TENSOR = 16,
    L1L2_ERROR_UNSUPPORTED_DEVICE = 17, /**< memory that the CPU cannot read. Since 0.2.0. */
    L1L2_ERROR_INVALID_SUMS = 18,       /**< a damaged accumulator. Since 0.3.0. */
    /** Not an accumulator (an array that was never zeroed?), or one of another layout or byte
        order. Since 0.3.0. */
    L1L2_ERROR_UNKNOWN_LAYOUT = 19,
    L1L2_ERROR_BUFFER_TOO_SMALL = 20, /**< the text does not fit the buffer */
    /** Exact sums of more than 2^63 - 1 elements, or of more than 2^30 accumulators that were added
        by other means than l1l2_exact_sums_merge. Since 0.3.0. */
    L1L2_ERROR_COUNT_OVERFLOW = 21,
    /** The norm or the largest norm is negative, NaN or infinite. Since 0.4.0. */
    L1L2_ERROR_INVALID_NORM = 22,
    L1L2_ERROR_OUT_OF_MEMORY = 30,
    L1L2_ERROR_MALFORMED_JSON = 40, /**< not JSON (RFC 8259) */
    L1L2_ERROR_UNKNOWN_CONFIG = 41, /**< JSON, but of another class or with another key */
    /** The runner returned nonzero or left out a task. Since 0.2.0. */
    L1L2_ERROR_RUNNER_FAILED = 50
};

/**
 * Returns a sentence in English that describes a status, without a full stop.
 * @param status  any value; one that is no status gives "unknown status"
 * @return a static text, never NULL
 */
L1L2_API const char* l1l2_status_string(l1l2_status status) L1L2_NOEXCEPT;

/**
 * Returns the name of the instruction set in use: "avx512bw", "avx2", "sse2", "neon64" or
 * "generic". Static; never NULL; the same for the life of the process. It is the best one of this
 * CPU, unless the environment variable L1L2_ISA (read once) names another one that the CPU has.
 */
L1L2_API const char* l1l2_isa(void) L1L2_NOEXCEPT;

/** A pair of coefficients; opaque. */
typedef struct l1l2_regularizer l1l2_regularizer;

/**
 * Creates a regularizer.
 * @param l1,l2        finite and >= 0; -0.0 is taken as 0.0. Keras's defaults are 0.0 and 0.0
 * @param regularizer  receives the handle, to be freed once by l1l2_destroy; NULL on failure
 * @return L1L2_OK, L1L2_ERROR_INVALID_COEFFICIENT, ..._INVALID_ARGUMENT or ..._OUT_OF_MEMORY
 */
L1L2_API l1l2_status l1l2_create(double l1, double l2,
                                 l1l2_regularizer** regularizer) L1L2_NOEXCEPT;

/**
 * Frees a regularizer.
 * @param regularizer  a live handle that no other call is using, or NULL, which does nothing
 */
L1L2_API void l1l2_destroy(l1l2_regularizer* regularizer) L1L2_NOEXCEPT;

/**
 * Reads the coefficients of a regularizer: the doubles it was created with, with 0.0 for -0.0.
 * @param l1,l2  receive the coefficients; each may be NULL
 * @return L1L2_OK or L1L2_ERROR_INVALID_ARGUMENT
 */
L1L2_API l1l2_status l1l2_get_config(const l1l2_regularizer* regularizer, double* l1,
                                     double* l2) L1L2_NOEXCEPT;

/** The element type of an array, in the machine's byte order. */
typedef int32_t l1l2_dtype;
enum {
    L1L2_FLOAT32 = 1, /**< IEEE 754 binary32, 4 bytes */
    L1L2_FLOAT64 = 2, /**< IEEE 754 binary64, 8 bytes */
    L1L2_FLOAT16 = 3, /**< IEEE 754 binary16, 2 bytes */
    L1L2_BFLOAT16 = 4 /**< the upper half of a binary32, 2 bytes */
};

/**
 * Computes the penalty  l1 * sum |x[i]| + l2 * sum x[i]^2  of n elements.
 *
 * The array is read once. As in Keras, the part with a coefficient of 0 is left out: it takes no
 * time, and a NaN or infinity that only it would see has no effect.
 * @param dtype    the element type of x, any of the four
 * @param x,n      n contiguous elements (not bytes), any alignment; x may be NULL if n is 0
 * @param penalty  receives the penalty: >= 0, +infinity, or NaN if x holds a NaN and l1 or l2 is
 *                 not 0. It is (l1 * sum |x|) + (l2 * sum x^2), where both products and their sum
 *                 round once each
 * @return L1L2_OK, L1L2_ERROR_UNSUPPORTED_DTYPE (reported first) or ..._INVALID_ARGUMENT
 */
L1L2_API l1l2_status l1l2_penalty(const l1l2_regularizer* regularizer, l1l2_dtype dtype,
                                  const void* x, size_t n, double* penalty) L1L2_NOEXCEPT;

/**
 * Adds the gradient of the penalty to an array:
 *     gradient[i] += scale * (l1 * sign(x[i]) + 2 * l2 * x[i])
 *
 * sign(0) is 0, the subgradient that Keras's backends take, so zeros stay where they are. (Exact
 * zeros come from l1l2_prox.) The part with a coefficient of 0 is left out. If both coefficients
 * are 0, the gradient is neither read nor written; otherwise a NaN in x[i] or gradient[i] gives
 * NaN.
 *
 * Bits: a = scale * l1 and b = scale * (2 * l2) are computed in double and rounded to the
 * arithmetic type. In that type:  t = b * x[i] + s, where s is a, -a or 0 by the sign of x[i]; then
 * gradient[i] + t; then the conversion to dtype.
 * @param dtype     the element type of both arrays, any of the four
 * @param x,n       n contiguous elements (not bytes), any alignment; x may be NULL if n is 0
 * @param scale     a finite factor of the gradient: 1; the loss scale of mixed precision; or
 *                  minus a learning rate, with the next value of x as `gradient`
 * @param gradient  n elements that do not overlap x; may be NULL if n is 0
 * @param penalty   receives the bits of l1l2_penalty for x, from the same pass over memory; not
 *                  scaled. NULL if not wanted
 * @return L1L2_OK, L1L2_ERROR_UNSUPPORTED_DTYPE, ..._INVALID_ARGUMENT, ..._INVALID_SCALE (scale, a
 *         or b is not finite) or ..._OVERLAP
 * @since 0.2.0
 */
L1L2_API l1l2_status l1l2_add_gradient(const l1l2_regularizer* regularizer, l1l2_dtype dtype,
                                       const void* x, size_t n, double scale, void* gradient,
                                       double* penalty) L1L2_NOEXCEPT;

/**
 * Computes the proximal operator of step * penalty, which makes exact zeros:
 *     out[i] = sign(x[i]) * max(|x[i]| - step * l1, 0) / (1 + 2 * step * l2)
 *
 * This is the u that minimizes  penalty(u) + |u - x|^2 / (2 * step)  (Parikh and Boyd, "Proximal
 * Algorithms", 2014, section 6.5.3). Call it after a gradient step on the rest of the loss.
 *
 * Bits: the threshold t = step * l1 and the divisor d = 1 + 2 * (step * l2) are computed in double;
 * then t1 = t, t2 = t - t1 and m = 1 / d, each rounded to the arithmetic type. In that type:
 * max((|x[i]| - t1) - t2, 0) * m  with the sign of x[i]; then the conversion to dtype. Thanks to t2
 * the threshold is exact: |x[i]| <= t gives a zero, |x[i]| > t does not unless it underflows.
 * Zeros keep the sign of x[i], infinities stay, NaN gives NaN. With step 0, out is x with canonical
 * NaNs.
 * @param dtype  the element type of both arrays, any of the four
 * @param x,n    n contiguous elements (not bytes), any alignment; x may be NULL if n is 0
 * @param step   the step size, finite and >= 0
 * @param out    receives n elements: x itself or without overlap; may be NULL if n is 0
 * @return L1L2_OK, L1L2_ERROR_UNSUPPORTED_DTYPE, ..._INVALID_ARGUMENT, ..._INVALID_STEP (step is
 *         negative or not finite, or t or d is infinite in the arithmetic type) or ..._OVERLAP
 * @since 0.2.0
 */
L1L2_API l1l2_status l1l2_prox(const l1l2_regularizer* regularizer, l1l2_dtype dtype, const void* x,
                               size_t n, double step, void* out) L1L2_NOEXCEPT;

/**
 * Takes a step of proximal gradient descent in one pass over memory:
 *     v      = x[i] - s * gradient[i]
 *     out[i] = sign(v) * max(|v| - s * l1, 0) / (1 + 2 * s * l2)
 *
 * s is step, or step * steps[i]: methods with a step for each element (proximal Adagrad and Adam)
 * pass their preconditioner as steps and their direction as gradient. Without a gradient this is
 * the proximal operator with a step for each element, as the adaptive lasso needs it.
 *
 * Bits: step, t = step * l1 and e = 2 * (step * l2) are computed in double and rounded to the
 * arithmetic type. In that type, without steps: v = x[i] - step * gradient[i], then what l1l2_prox
 * computes of v, with its exact threshold. With w = steps[i]: v = x[i] - (step * w) * gradient[i],
 * then max(|v| - t * w, 0) / (1 + e * w) with the sign of v. Then the conversion to dtype. Without
 * a gradient v is x[i]. Zeros keep the sign of v, infinities stay, NaN gives NaN. Without gradient
 * and steps the bits are those of l1l2_prox; so they are with a gradient of +0.0. Where step or w
 * is 0 and the gradient finite, x[i] keeps its value.
 * @param dtype     the element type of x, gradient and out, any of the four
 * @param x,n       n contiguous elements (not bytes), any alignment; x may be NULL if n is 0
 * @param gradient  n elements, the gradient of the rest of the loss; NULL means 0
 * @param step      the step size, finite and >= 0; -0.0 is taken as 0.0
 * @param steps     n factors of step, finite and >= 0, in the arithmetic type: double if dtype is
 *                  L1L2_FLOAT64, else float. They are read once more beforehand. NULL: s is step
 * @param out       receives n elements: x or gradient itself, or without overlap with any array
 *                  that is read; may be NULL if n is 0
 * @return L1L2_OK, L1L2_ERROR_UNSUPPORTED_DTYPE, ..._INVALID_ARGUMENT, ..._INVALID_STEP (step or an
 *         element of steps is negative or not finite; or step, t or e, or the product of one of
 *         them with an element of steps, is infinite in the arithmetic type) or ..._OVERLAP
 * @since 0.4.0
 */
L1L2_API l1l2_status l1l2_prox_step(const l1l2_regularizer* regularizer, l1l2_dtype dtype,
                                    const void* x, size_t n, const void* gradient, double step,
                                    const void* steps, void* out) L1L2_NOEXCEPT;

/*
 * Tensors (since 0.2.0)
 * ---------------------
 *
 * The next four functions take tensors of any strides, each as a pointer to a const DLTensor
 * (dlpack.h of any version) that is borrowed for the call. From a DLManagedTensor or
 * DLManagedTensorVersioned pass the address of its dl_tensor. It, its shape and its strides are
 * read once, before anything is computed. This header needs no DLPack header.
 *
 *   device       kDLCPU, kDLCUDAHost, kDLROCMHost or kDLCUDAManaged, with any device_id. The caller
 *                synchronizes with the device first.
 *   dtype        kDLFloat with 16, 32 or 64 bits, or kDLBfloat with 16; lanes 1
 *   ndim, shape  0 to 64 axes of 0 or more elements; shape may be NULL if ndim is 0 (one element)
 *   strides      in elements, of either sign or 0; NULL means compact in row-major order
 *   byte_offset  any, also one that is no multiple of the element size
 *   data         may be NULL if there are no elements
 *
 * Order. Elements are visited in the order of memory: axes from the largest stride to the smallest,
 * each towards higher addresses (axes of stride 0, which repeat elements, come first; equal strides
 * keep their order). The penalty has the bits of l1l2_penalty for the elements in that order, so a
 * flipped view has the bits of the original, and so has a transposed one if no two strides but 0
 * are equal. A tensor that is not compact is copied block by block to the stack.
 *
 * Written tensors. gradient and out have the dtype and shape of x and strides of their own, none 0
 * along an axis of more than one element. They must not overlap themselves or x. Two rules decide.
 * Within a tensor, with axes sorted by stride, each stride must reach past all that the smaller
 * ones cover. Between the two, either the address ranges are disjoint, or, modulo the greatest
 * common divisor of all strides, the addresses are at least one element apart in both directions
 * (parameters and gradients stored in pairs). out may be x: the same data and strides. The
 * read-only flag of DLPack is not part of a DLTensor and is not seen.
 *
 * Each returns what the function for arrays returns, and L1L2_ERROR_INVALID_ARGUMENT (a tensor is
 * NULL), L1L2_ERROR_UNSUPPORTED_DEVICE, L1L2_ERROR_UNSUPPORTED_DTYPE (another code, size or lanes)
 * or L1L2_ERROR_INVALID_TENSOR (ndim out of range, shape NULL or negative, data NULL with elements,
 * sizes or strides beyond the address space, shapes or dtypes that differ). NULLs are reported
 * first, then errors of x (device, dtype, the rest), then those of the other tensor.
 */

/**
 * Computes the penalty of a tensor: l1l2_penalty for any strides.
 * @param x  a const DLTensor *
 * @return   see "Tensors"
 */
L1L2_API l1l2_status l1l2_penalty_dlpack(const l1l2_regularizer* regularizer, const void* x,
                                         double* penalty) L1L2_NOEXCEPT;

/**
 * Adds the gradient of the penalty of a tensor: l1l2_add_gradient for any strides.
 * @param x         a const DLTensor *
 * @param gradient  a const DLTensor * whose elements are added to
 * @param penalty   receives the bits of l1l2_penalty_dlpack for x; NULL if not wanted
 * @return          see "Tensors"
 */
L1L2_API l1l2_status l1l2_add_gradient_dlpack(const l1l2_regularizer* regularizer, const void* x,
                                              double scale, const void* gradient,
                                              double* penalty) L1L2_NOEXCEPT;

/**
 * Computes the proximal operator of a tensor: l1l2_prox for any strides.
 * @param x    a const DLTensor *
 * @param out  a const DLTensor * whose elements are written; may be x or the same memory
 * @return     see "Tensors"
 */
L1L2_API l1l2_status l1l2_prox_dlpack(const l1l2_regularizer* regularizer, const void* x,
                                      double step, const void* out) L1L2_NOEXCEPT;

/**
 * Takes a step of proximal gradient descent on a tensor: l1l2_prox_step for any strides. All
 * tensors have the shape of x; gradient and steps may have any strides.
 * @param x         a const DLTensor *
 * @param gradient  a const DLTensor * of the dtype of x; NULL means 0
 * @param steps     a const DLTensor * of the arithmetic type; NULL means 1
 * @param out       a const DLTensor * whose elements are written; may be x or the same memory
 * @return          see "Tensors"; errors of gradient, then of steps, come after those of x
 * @since 0.4.0
 */
L1L2_API l1l2_status l1l2_prox_step_dlpack(const l1l2_regularizer* regularizer, const void* x,
                                           const void* gradient, double step, const void* steps,
                                           const void* out) L1L2_NOEXCEPT;

/**
 * A task of a runner, to be called with the runner's `work` and an index. The tasks of one run may
 * run at the same time, in any order. A task never fails and never throws. Since 0.2.0.
 */
typedef void (*l1l2_task)(void* work, size_t index);

/**
 * A function by which the caller lends threads (after libjxl's JxlParallelRunner).
 *
 * It calls task(work, i) exactly once for each i in 0 .. count - 1, on any threads in any order,
 * and returns 0, or nonzero if it could not. It returns after all these calls have returned and
 * makes none later, because `work` is then gone. The tasks must see what the caller wrote before
 * the run, and the caller what they wrote. It must not throw, longjmp out or be cancelled. count is
 * at least 1; a task takes some ten microseconds, or less if it is of 64 small tensors.
 *
 * A function that takes a runner calls it any number of times, one run after another, on the
 * calling thread, in the caller's floating-point environment; the tasks set their own. A NULL
 * runner means: on the calling thread. l1l2_threads.h has a runner on oneTBB. Since 0.2.0.
 * @param state  what the caller passed along with the runner
 */
typedef int32_t (*l1l2_runner)(void* state, l1l2_task task, void* work, size_t count);

/**
 * One tensor of a list. Zero the whole struct, then set what is needed: later versions add fields
 * at the end, and zero there means today's behaviour. Since 0.2.0.
 */
typedef struct l1l2_term {
    const l1l2_regularizer* regularizer; /**< a live handle; terms may share one; NULL where the
                                              function says so */
    const void* x;                       /**< n contiguous elements; may be NULL if n is 0 */
    size_t n;                            /**< the number of elements (not bytes) */
    void* gradient;    /**< for l1l2_add_gradient_terms and l1l2_prox_step_terms, which only reads
                            it; NULL if not wanted for this tensor */
    void* out;         /**< for the functions that write it; may be x; may be NULL if n is 0 */
    l1l2_dtype dtype;  /**< the element type of x, gradient and out */
    int32_t reserved;  /**< 0 */
    const void* steps; /**< for l1l2_prox_step_terms; NULL means 1. Since 0.4.0 */
} l1l2_term;

/*
 * Terms (since 0.2.0)
 * -------------------
 *
 * The next functions do for a list of tensors what those for arrays do for one: thousands of
 * small tensors in one call, at little more than the cost of their elements.
 *
 *   terms         count terms, term_size bytes apart; only read. May be NULL if count is 0
 *   term_size     sizeof(l1l2_term), by which the library knows the fields of the caller's header.
 *                 Fields that the library does not know must be zero
 *   runner        runs the tasks; NULL: the calling thread. Large tensors are cut between blocks of
 *                 4096 elements, small ones grouped. The bits are the same with every runner
 *   runner_state  passed to the runner
 *   penalties     receives count penalties, each with the bits of l1l2_penalty; NULL if not wanted
 *   total         receives ((p0 + p1) + p2) + ..., each addition rounded to double (one more u of
 *                 error for each term but the first); 0 without terms; NULL if not wanted
 *   faulty        receives the index of the first invalid term, or count if none is (also on
 *                 success); NULL if not wanted
 *
 * All terms are checked first: if one is invalid, nothing is written but *faulty. Within a term the
 * rules for overlap are those of one array. The caller guarantees that no array that is written
 * overlaps an array of another term; this is not checked. Any number of terms may read the same x.
 *
 * Each returns what the function for arrays returns for the first invalid term, and
 * L1L2_ERROR_INVALID_ARGUMENT (terms is NULL with count > 0; term_size is too small, not a multiple
 * of the struct's alignment, or count of them exceed the address space; `reserved` or an unknown
 * field is not zero) or L1L2_ERROR_RUNNER_FAILED (then *total is unchanged and *faulty is count,
 * but penalties, gradient and out may be partly written). A task that is called twice, or with an
 * index out of range, does nothing. An invalid scale or step is reported before terms, even if
 * there are none, with *faulty = count. A scale must be valid also for terms without a gradient.
 */

/**
 * Computes the penalties of terms and their total. Ignores the fields gradient and out.
 * @return see "Terms" for the result and all parameters
 */
L1L2_API l1l2_status l1l2_penalty_terms(const l1l2_term* terms, size_t term_size, size_t count,
                                        l1l2_runner runner, void* runner_state, double* penalties,
                                        double* total, size_t* faulty) L1L2_NOEXCEPT;

/**
 * Adds the gradient of each term to its field gradient, if that is not NULL. In the same pass it
 * computes all penalties, if penalties or total is not NULL. Ignores the field out.
 * @param scale  a finite factor of all gradients, not of the penalties
 * @return see "Terms" for the result and the other parameters
 */
L1L2_API l1l2_status l1l2_add_gradient_terms(const l1l2_term* terms, size_t term_size, size_t count,
                                             double scale, l1l2_runner runner, void* runner_state,
                                             double* penalties, double* total,
                                             size_t* faulty) L1L2_NOEXCEPT;

/**
 * Computes the proximal operator of each term into its field out. Ignores the field gradient. An
 * out of NULL with n > 0 is L1L2_ERROR_INVALID_ARGUMENT.
 * @param step  the step size of all terms, finite and >= 0
 * @return see "Terms" for the result and the other parameters
 */
L1L2_API l1l2_status l1l2_prox_terms(const l1l2_term* terms, size_t term_size, size_t count,
                                     double step, l1l2_runner runner, void* runner_state,
                                     size_t* faulty) L1L2_NOEXCEPT;

/**
 * Takes a step of proximal gradient descent on each term: l1l2_prox_step of the fields x, gradient,
 * steps and out. An out of NULL with n > 0 is L1L2_ERROR_INVALID_ARGUMENT.
 * @param step  the step size of all terms, finite and >= 0
 * @return see "Terms" for the result and the other parameters
 * @since 0.4.0
 */
L1L2_API l1l2_status l1l2_prox_step_terms(const l1l2_term* terms, size_t term_size, size_t count,
                                          double step, l1l2_runner runner, void* runner_state,
                                          size_t* faulty) L1L2_NOEXCEPT;

/**
 * Clips terms, as a rule the gradients of a model, by the norm of all of them together:
 *     out[i] = x[i] * min(1, max_norm / norm)
 *
 * The norm comes from l1l2_exact_sums_norm: then the result is the same on any number of threads
 * and machines. Ignores the fields regularizer, gradient and steps. An out of NULL with n > 0 is
 * L1L2_ERROR_INVALID_ARGUMENT.
 *
 * Bits: if norm <= max_norm, every element keeps its bits. Otherwise q = max_norm / norm is rounded
 * to double and to the arithmetic type, then x[i] * q to the arithmetic type and to dtype. If q is
 * below the smallest normal number of the arithmetic type (2^-1022 or 2^-126) and max_norm is not
 * 0, q and x[i] * q are rounded to 53 bits, with any exponent, then to double, to the arithmetic
 * type and to dtype. So nothing finite becomes infinite, and nothing but a product below the
 * smallest subnormal number becomes 0. NaN gives NaN, zeros keep their sign, an infinity times 0 is
 * NaN.
 * @param norm      the norm of all elements of all terms, of all machines: finite and >= 0
 * @param max_norm  the largest norm that is left as it is: finite and >= 0
 * @return see "Terms" for the result and the other parameters, and L1L2_ERROR_INVALID_NORM, which
 *         is reported even without terms, with *faulty = count
 * @since 0.4.0
 */
L1L2_API l1l2_status l1l2_clip_by_norm_terms(const l1l2_term* terms, size_t term_size, size_t count,
                                             double norm, double max_norm, l1l2_runner runner,
                                             void* runner_state, size_t* faulty) L1L2_NOEXCEPT;

/*
 * Exact sums (since 0.3.0)
 * ------------------------
 *
 * The penalty of data that comes in parts: chunks of a file, shards of a tensor on many machines.
 * An accumulator holds sum |x|, sum x^2 and the number of elements without any rounding. However
 * the elements were split and ordered, the result has the same bits: the true value, rounded once.
 *
 *     int64_t sums[L1L2_EXACT_SUMS_LENGTH] = {0};
 *     l1l2_exact_sums_add(sums, L1L2_FLOAT32, x, n);                 for each chunk
 *     MPI_Allreduce(MPI_IN_PLACE, sums, L1L2_EXACT_SUMS_LENGTH, MPI_INT64_T, MPI_SUM, comm);
 *     l1l2_penalty_exact_sums(regularizer, sums, &penalty);
 *
 * An accumulator is an array of L1L2_EXACT_SUMS_LENGTH int64_t (1656 bytes) that the caller owns;
 * all zeros is the empty sum. Adding accumulators element by element adds their sums: whatever adds
 * int64_t can reduce up to 2^30 of them at a time, each all zeros or written by a function below.
 * Plain subtraction and averages are not supported (l1l2_exact_sums_subtract is). Accumulators can
 * be stored and sent; their layout (docs/distributed.md) is the same on every machine.
 *
 * Each function checks the accumulators it reads and writes one that depends only on the elements.
 * On failure it leaves them unchanged and returns L1L2_ERROR_INVALID_ARGUMENT or
 *   L1L2_ERROR_UNKNOWN_LAYOUT  another layout, another byte order, or not an accumulator
 *   L1L2_ERROR_INVALID_SUMS    a damaged one; or sums that n finite elements cannot have: sum |x|
 *                              is not below n * 2^1024 or sum x^2 not below n * 2^2048, or not
 *                              sum x^2 <= (sum |x|)^2 <= n * sum x^2
 *   L1L2_ERROR_COUNT_OVERFLOW  more than 2^63 - 1 elements, or a sum of over 2^30 accumulators. Of
 *                              sums by other means than l1l2_exact_sums_merge, those of 2^64
 *                              elements and more are this or L1L2_ERROR_INVALID_SUMS, and of 2^40
 *                              accumulators and more any of the three; 2^64 can go unnoticed
 * One of these three reports every flipped bit, and the checksum nearly every other change.
 *
 * Infinities and NaNs are counted, not added. The sums read as NaN if there was a NaN, else as
 * infinity if there was an infinity. At any time one thread may write an accumulator, or any number
 * may read it. It must not lie within an array that is added.
 *
 * Cost. From DRAM an element costs up to twice what it does in l1l2_penalty, in cache two to five
 * times as much; in blocks with an infinity, a NaN or a very wide range of exponents, and in all
 * of the generic kernels, four to eight times as much again. Each call costs 0.6 us more.
 */

/** The length of an accumulator, in int64_t. Since 0.3.0. */
#define L1L2_EXACT_SUMS_LENGTH 207

/** Returns L1L2_EXACT_SUMS_LENGTH, for callers without a C preprocessor. Since 0.3.0. */
L1L2_API size_t l1l2_exact_sums_length(void) L1L2_NOEXCEPT;

/**
 * Adds the elements of an array to exact sums.
 * @param sums   an accumulator; all zeros to begin with
 * @param dtype  the element type of x, any of the four; one accumulator may add several
 * @param x,n    n contiguous elements (not bytes), any alignment; x may be NULL if n is 0
 * @return as l1l2_penalty, then see "Exact sums"
 */
L1L2_API l1l2_status l1l2_exact_sums_add(int64_t* sums, l1l2_dtype dtype, const void* x,
                                         size_t n) L1L2_NOEXCEPT;

/**
 * Adds the elements of a tensor of any strides to exact sums.
 * @param sums  an accumulator; all zeros to begin with
 * @param x     a const DLTensor *, see "Tensors"
 * @return see "Tensors" (NULLs first, then errors of x), then "Exact sums"
 */
L1L2_API l1l2_status l1l2_exact_sums_add_dlpack(int64_t* sums, const void* x) L1L2_NOEXCEPT;

/**
 * Adds an accumulator to another. Only the number of elements is limited, not that of merges.
 * @param sums   the accumulator that is added to
 * @param other  another one, or the same
 * @return see "Exact sums", errors of sums first
 */
L1L2_API l1l2_status l1l2_exact_sums_merge(int64_t* sums, const int64_t* other) L1L2_NOEXCEPT;

/**
 * Adds the elements of terms to exact sums. Of a term it uses x, n and dtype: the regularizer may
 * be NULL, and gradient, out and steps are ignored.
 * @param sums  an accumulator; all zeros to begin with
 * @return a NULL sums is L1L2_ERROR_INVALID_ARGUMENT with *faulty = count; then see "Terms" for the
 *         result and the other parameters, then "Exact sums", errors of sums before a number of
 *         elements that is too large. sums is unchanged also if the runner failed
 * @since 0.4.0
 */
L1L2_API l1l2_status l1l2_exact_sums_add_terms(int64_t* sums, const l1l2_term* terms,
                                               size_t term_size, size_t count, l1l2_runner runner,
                                               void* runner_state, size_t* faulty) L1L2_NOEXCEPT;

/**
 * Takes elements out of exact sums that were added before: the inverse of l1l2_exact_sums_merge.
 * @param sums   the accumulator that is subtracted from
 * @param other  the sums of the elements that leave; may be the same, which leaves all zeros
 * @return see "Exact sums", errors of sums first. L1L2_ERROR_INVALID_SUMS also if other has more
 *         elements, infinities or NaNs than sums, a greater sum, or if what is left is not found to
 *         be the sums of so many elements. What was never added may go unnoticed
 * @since 0.4.0
 */
L1L2_API l1l2_status l1l2_exact_sums_subtract(int64_t* sums, const int64_t* other) L1L2_NOEXCEPT;

/**
 * Checks whether numbers from a file or a network are an accumulator.
 * @return see "Exact sums"
 */
L1L2_API l1l2_status l1l2_exact_sums_check(const int64_t* sums) L1L2_NOEXCEPT;

/**
 * Reads exact sums. Without elements all are 0. A sum of 2^1024 - 2^970 or more reads as infinity.
 * @param absolute  receives sum |x|, rounded once to nearest, ties to even; NULL if not wanted
 * @param square    receives sum x^2, likewise
 * @param count     receives the number of elements, infinities and NaNs included, likewise
 * @return see "Exact sums"
 */
L1L2_API l1l2_status l1l2_exact_sums_read(const int64_t* sums, double* absolute, double* square,
                                          int64_t* count) L1L2_NOEXCEPT;

/**
 * Reads the Euclidean norm, the square root of sum x^2, rounded once to nearest, ties to even. It
 * is right also where sum x^2 is beyond the range of double. The same on any number of ranks.
 * @param norm  receives the norm: >= 0; NaN if there was a NaN; else +infinity if there was an
 *              infinity, or from 2^1024 - 2^970 on
 * @return see "Exact sums"
 * @since 0.4.0
 */
L1L2_API l1l2_status l1l2_exact_sums_norm(const int64_t* sums, double* norm) L1L2_NOEXCEPT;

/**
 * Computes the penalty of exact sums: the true value of  l1 * sum |x| + l2 * sum x^2,  rounded once
 * to nearest, ties to even.
 *
 * l1l2_penalty rounds more often, so its last bits may differ. If a sum overflows double but the
 * penalty does not, the result is still finite. A part with the coefficient 0 is left out.
 * @param penalty  receives the penalty: >= 0, +infinity or NaN
 * @return see "Exact sums"
 */
L1L2_API l1l2_status l1l2_penalty_exact_sums(const l1l2_regularizer* regularizer,
                                             const int64_t* sums, double* penalty) L1L2_NOEXCEPT;

/** The forms that l1l2_to_json writes; shown for l1 = 0.01, l2 = 0.02. */
typedef int32_t l1l2_json_style;
enum {
    /** {"l1": 0.01, "l2": 0.02}: what get_config() returns in every version of Keras. */
    L1L2_JSON_CONFIG = 0,
    /** {"class_name": "L1L2", "config": {"l1": 0.01, "l2": 0.02}} */
    L1L2_JSON_KERAS2 = 1,
    /** {"module": "keras.regularizers", "class_name": "L1L2",
         "config": {"l1": 0.01, "l2": 0.02}, "registered_name": null}, on one line */
    L1L2_JSON_KERAS3 = 2
};

/**
 * Writes a regularizer as JSON: the bytes of Python's json.dumps for the same dictionary, numbers
 * with the fewest digits that read back to the same double. Never allocates.
 * @param json      receives the text and a NUL; may be NULL if capacity is 0
 * @param capacity  the size of json in bytes, including the NUL; 256 is always enough
 * @param length    receives the length of the text in bytes without the NUL, also if the buffer
 *                  is too small: a call with capacity 0 asks for the size
 * @return L1L2_OK, L1L2_ERROR_BUFFER_TOO_SMALL (only *length is set) or ..._INVALID_ARGUMENT
 */
L1L2_API l1l2_status l1l2_to_json(const l1l2_regularizer* regularizer, l1l2_json_style style,
                                  char* json, size_t capacity, size_t* length) L1L2_NOEXCEPT;

/** The longest text that l1l2_from_json accepts, in bytes. */
#define L1L2_JSON_MAX_LENGTH 65536

/**
 * Creates a regularizer from the JSON that any version of Keras writes for an L1L2, L1 or L2; but a
 * negative coefficient, which Keras 2 and TensorFlow.js write too, is invalid:
 *   {"l1": 0.01, "l2": 0.02}, a configuration alone;
 *   {"class_name": C, "config": {...}}, where C is "L1L2", "L1", "L2" or a function name: "l1_l2",
 *       "l1l2", "l1", "l2". With a "module", C is Keras's own if that is the package
 *       keras, tf_keras, keras_core, tensorflow.keras, tensorflow.python.keras or builtins, or in
 *       one, and if "registered_name" has no ">"; else it is a custom class and refused, whatever
 *       its name. Other keys are ignored, as Keras does;
 *   {"name": C, "l1": 0.0, "l2": 0.0005} of Keras 1, where C is "WeightRegularizer" or
 *       "L1L2Regularizer";
 *   a string: "l1" and "L1" mean l1 = 0.01, "l2" and "L2" mean l2 = 0.01, "l1_l2" means both 0.01,
 *       "L1L2" and "l1l2" mean both 0.
 * The configuration of L1 has the key "l1", that of L2 "l2"; both also take the old key "l", which
 * wins. What is missing, empty or null takes the default of Keras 3 (TensorFlow.js has others):
 * 0.01 for the coefficient of L1 or L2, else 0.0. Any other key there, or in Keras 1's object, is
 * an error. A repeated key takes its last value. Any number too large for double, or longer than
 * 300 characters, is an invalid coefficient, wherever it stands. An unpaired surrogate escape is
 * malformed. Only white space may follow. Linear time.
 * @param json,length       at most L1L2_JSON_MAX_LENGTH bytes of UTF-8, nested to any depth, not
 *                          necessarily NUL-terminated; may be NULL if length is 0 (malformed)
 * @param regularizer       receives the handle, to be freed once by l1l2_destroy; NULL on failure
 * @param message           receives an ASCII sentence that names the error and its key, class or
 *                          byte offset (from 0), NUL-terminated and cut to fit; "" on success. May
 *                          be NULL if message_capacity is 0
 * @param message_capacity  the size of message in bytes, including the NUL; 256 is always enough
 * @return L1L2_OK, L1L2_ERROR_MALFORMED_JSON, ..._UNKNOWN_CONFIG (also for a longer text),
 *         ..._INVALID_COEFFICIENT, ..._INVALID_ARGUMENT or ..._OUT_OF_MEMORY
 */
L1L2_API l1l2_status l1l2_from_json(const char* json, size_t length, l1l2_regularizer** regularizer,
                                    char* message, size_t message_capacity) L1L2_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* L1L2_H */
