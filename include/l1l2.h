/*
 * l1l2: L1/L2 (elastic-net) regularization as tf.keras.regularizers.L1L2 defines it.
 *
 * This header is the manual of the library.
 *
 *     penalty(x)  = l1 * sum(|x|) + l2 * sum(x^2)           over all elements, whatever the shape
 *     gradient(x) = l1 * sign(x) + 2 * l2 * x               sign(0) = 0
 *     prox(x)     = sign(x) * max(|x| - step * l1, 0) / (1 + 2 * step * l2)
 *
 * The L2 term has no factor 1/2: a ridge penalty that is written lambda/2 * sum(x^2) elsewhere is
 * l2 = lambda/2 here.
 *
 * Each of the three comes in three forms: for a contiguous array (l1l2_penalty, l1l2_add_gradient,
 * l1l2_prox), for a tensor of any strides (..._dlpack), and for all tensors of a model in one call,
 * on the caller's threads if it brings some (..._terms). A penalty of parts, from files, threads or
 * machines, is made of exact sums (l1l2_exact_sums_add, l1l2_penalty_exact_sums).
 *
 * Sources: Keras, keras/src/regularizers/regularizers.py; Zou and Hastie, "Regularization and
 * variable selection via the elastic net", J. R. Statist. Soc. B 67 (2005); Parikh and Boyd,
 * "Proximal Algorithms", Foundations and Trends in Optimization 1 (2014), section 6.5.
 *
 *
 * Numbers
 * -------
 *
 * The sums are carried in double precision, whatever the element type. |x| is exact in double for
 * every element type, and so is x^2 for float16, bfloat16 and float32; x^2 rounds once for float64.
 *
 * Accuracy. Every term is nonnegative, so nothing cancels. With u = 2^-53, a finite penalty differs
 * from the true one by a factor within 1 +- 185 u, that is by less than 2.1e-14 of it, for any
 * number of elements (docs/numerics.md has the proof). Two things are outside of that bound, both
 * for float64 alone or for coefficients at the ends of the range: a square below 2^-1022 has an
 * absolute error of up to 2^-1075, and so has each product below 2^-1022; a square, a sum or a
 * product of 2^1024 or more is infinite.
 *
 * Reproducibility. The order of all additions is fixed by the number of elements alone. The same
 * elements in the same order give the same bits on every CPU, with every instruction set, at every
 * address, from every thread, on any number of threads, from every supported compiler at every
 * optimisation level. A penalty that is not a number is always the quiet NaN 0x7ff8000000000000; an
 * element of a gradient or a prox that is not is 0x7e00 in float16, 0x7fc0 in bfloat16, 0x7fc00000
 * in float32, 0x7ff8000000000000 in float64. Not promised: the same bits for another order of the
 * elements, or for the sum of the penalties of parts of an array; exact sums have both.
 *
 * Gradients and proxes are computed element by element in the arithmetic type: float32 for float16,
 * bfloat16 and float32, double for float64. Their descriptions name each operation, and each rounds
 * once, to nearest, ties to even; the last one is the conversion to the element type. What a type
 * cannot hold becomes infinite or subnormal as IEEE 754 has it. docs/numerics.md bounds the error:
 * half a unit in the last place of the result, and three or four roundings of what was added or
 * shrunk, where no factor or product is too small for a normal number of the arithmetic type.
 *
 * The floating-point environment of the calling thread (rounding mode, flush-to-zero,
 * denormals-are-zero, exceptions that feenableexcept has unmasked) changes no result and is as it
 * was after every call. The exception flags, which record that a past operation was inexact, for
 * instance, are unspecified after a call. Not covered: an exception that was unmasked in x86's
 * MXCSR register alone, past the C library, may trap in here.
 *
 *
 * Manners
 * -------
 *
 * Threads. A regularizer is immutable: any number of threads may use one at once. Only
 * l1l2_destroy needs it to be unused. The library starts no threads (a caller that has some lends
 * them through an l1l2_runner) and has no state but the choice of an instruction set. The first
 * call that computes, or asks for the instruction set, reads the environment, and l1l2_from_json
 * the locale's decimal point: as with C's own functions, no other thread may be in setenv or
 * setlocale meanwhile.
 *
 * Memory. What computes allocates nothing and takes less than 64 KiB of stack.
 *
 * Failure. A function that can fail returns an l1l2_status. When it is not L1L2_OK, every output is
 * as it was before the call, but for five that say so: a handle becomes NULL, l1l2_to_json sets
 * *length if the buffer is too small, l1l2_from_json the message, the functions of terms *faulty,
 * and where a runner failed the arrays that were to be written may be so in part. The library never
 * prints, never aborts, never throws through this interface. No result depends on the locale, and
 * the locale is never changed; errno is unspecified after a call.
 *
 * NULL. A pointer may be NULL only where its description says so. Outputs that are single numbers,
 * and the penalties of terms, must not lie within an array that is read or written.
 *
 * Signals. No function is async-signal-safe except l1l2_version_number, l1l2_version_string and
 * l1l2_status_string. A signal that interrupts a function changes nothing.
 *
 * Cancellation. No function is a cancellation point, so that a cancellation waits until it has
 * returned; a runner must see to it that none of the caller's own is one. Where cancellation is
 * asynchronous, no function may be called.
 *
 * Fork. A child process may use everything, also one that was forked while other threads were in
 * here: the library has no locks. What allocates (l1l2_create, l1l2_from_json) needs a malloc that
 * works in such a child, and l1l2_from_json, where it fails, a dynamic linker that does; those of
 * glibc 2.35 and later do.
 *
 *
 * Stability
 * ---------
 *
 * What a program was compiled against goes on working with every later library of the same name
 * (libl1l2.so.0): no function changes or goes, no constant changes its value, no field of l1l2_term
 * moves, no status comes where another one was promised. What comes new (functions, constants,
 * fields at the end of l1l2_term) says "Since" when. The bits of results are part of this. What
 * would break it gets another name, libl1l2.so.1, which can be in the same process. docs/abi.md
 * says how this is kept.
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

/** The version of this header. l1l2_version_number tells the version of the library that runs. */
#define L1L2_VERSION_MAJOR 0
#define L1L2_VERSION_MINOR 3
#define L1L2_VERSION_PATCH 0
#define L1L2_VERSION_NUMBER                                                                        \
    (10000 * L1L2_VERSION_MAJOR + 100 * L1L2_VERSION_MINOR + L1L2_VERSION_PATCH)

/** A pair of coefficients. Opaque; made by l1l2_create or l1l2_from_json, ended by l1l2_destroy. */
typedef struct l1l2_regularizer l1l2_regularizer;

/** How a call went. Values are pinned; the gaps are for later statuses of the same kind. */
typedef int32_t l1l2_status;
enum {
    L1L2_OK = 0,
    /** NULL where it is not allowed, an unknown style, a term_size or a field of a term that this
        version does not know, or more than PTRDIFF_MAX bytes. */
    L1L2_ERROR_INVALID_ARGUMENT = 10,
    /** A coefficient that is negative, NaN, infinite or, in JSON, neither a number nor null. */
    L1L2_ERROR_INVALID_COEFFICIENT = 11,
    /** An element type that this version does not serve. */
    L1L2_ERROR_UNSUPPORTED_DTYPE = 12,
    /** A scale that is not finite, or so large that its product with a coefficient is not. Since
        0.2.0. */
    L1L2_ERROR_INVALID_SCALE = 13,
    /** A step that is negative or not finite, or so large that its products are not. Since
        0.2.0. */
    L1L2_ERROR_INVALID_STEP = 14,
    /** Two arrays share memory that must not. Since 0.2.0. */
    L1L2_ERROR_OVERLAP = 15,
    /** A DLTensor whose shape, strides or data make no tensor, or not one that fits the other.
        Since 0.2.0. */
    L1L2_ERROR_INVALID_TENSOR = 16,
    /** A DLTensor on a device whose memory the CPU cannot read. Since 0.2.0. */
    L1L2_ERROR_UNSUPPORTED_DEVICE = 17,
    /** A vector of exact sums that is damaged: a number out of its range, or a checksum of other
        numbers. Since 0.3.0. */
    L1L2_ERROR_INVALID_SUMS = 18,
    /** A vector of exact sums of another layout or byte order, or no such vector. Since 0.3.0. */
    L1L2_ERROR_UNKNOWN_LAYOUT = 19,
    /** The text does not fit the buffer. */
    L1L2_ERROR_BUFFER_TOO_SMALL = 20,
    /** Exact sums of more than 2^63 - 1 elements, or of more than 2^30 vectors that were added
        otherwise than by l1l2_exact_sums_merge. Since 0.3.0. */
    L1L2_ERROR_COUNT_OVERFLOW = 21,
    L1L2_ERROR_OUT_OF_MEMORY = 30,
    /** The text is not JSON (RFC 8259). */
    L1L2_ERROR_MALFORMED_JSON = 40,
    /** The text is JSON but describes no L1L2, L1 or L2: another class, an unknown key. */
    L1L2_ERROR_UNKNOWN_CONFIG = 41,
    /** A runner returned other than 0, or without having run each task. Since 0.2.0. */
    L1L2_ERROR_RUNNER_FAILED = 50
};

/** The type of an array's elements, in the machine's byte order. */
typedef int32_t l1l2_dtype;
enum {
    L1L2_FLOAT32 = 1, /**< IEEE 754 binary32, 4 bytes */
    L1L2_FLOAT64 = 2, /**< IEEE 754 binary64, 8 bytes */
    L1L2_FLOAT16 = 3, /**< IEEE 754 binary16, 2 bytes */
    L1L2_BFLOAT16 = 4 /**< the upper half of a binary32, 2 bytes */
};

/** The forms in which l1l2_to_json writes; shown for l1 = 0.01, l2 = 0.02. */
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

/** The longest text that l1l2_from_json accepts, in bytes. */
#define L1L2_JSON_MAX_LENGTH 65536

/**
 * Returns the version of the library: 10000 * major + 100 * minor + patch.
 */
L1L2_API uint32_t l1l2_version_number(void) L1L2_NOEXCEPT;

/**
 * Returns the version of the library as text, "major.minor.patch". Static; never NULL.
 */
L1L2_API const char* l1l2_version_string(void) L1L2_NOEXCEPT;

/**
 * Returns a sentence in English that says what a status means, without a full stop.
 *
 * status       any value; one that is no status gives "unknown status".
 *
 * The text is static and never NULL.
 */
L1L2_API const char* l1l2_status_string(l1l2_status status) L1L2_NOEXCEPT;

/**
 * Returns the name of the instruction set that the kernels use: "avx512bw", "avx2", "sse2",
 * "neon64" or "generic". Static; never NULL; the same for the life of the process.
 *
 * It is the best one of this CPU, unless the environment variable L1L2_ISA names another one that
 * this CPU also has; any other value of L1L2_ISA is ignored. The variable is read once, at the
 * first call of this function or of one that computes. All of them give the same results.
 */
L1L2_API const char* l1l2_isa(void) L1L2_NOEXCEPT;

/**
 * Makes a regularizer of two coefficients.
 *
 * l1, l2       finite and >= 0. -0.0 is taken as 0.0. Keras's defaults are 0.0 and 0.0.
 * regularizer  receives the handle, to be given to l1l2_destroy once; NULL on failure.
 *
 * Returns L1L2_OK; L1L2_ERROR_INVALID_COEFFICIENT; L1L2_ERROR_INVALID_ARGUMENT (regularizer is
 * NULL); L1L2_ERROR_OUT_OF_MEMORY.
 */
L1L2_API l1l2_status l1l2_create(double l1, double l2,
                                 l1l2_regularizer** regularizer) L1L2_NOEXCEPT;

/**
 * Ends a regularizer and frees its memory.
 *
 * regularizer  a live handle that no other call is using, or NULL, which does nothing.
 */
L1L2_API void l1l2_destroy(l1l2_regularizer* regularizer) L1L2_NOEXCEPT;

/**
 * Reads the coefficients of a regularizer.
 *
 * regularizer  a live handle.
 * l1, l2       receive the coefficients, the very doubles it was made of, but 0.0 for -0.0; each
 *              may be NULL.
 *
 * Returns L1L2_OK; L1L2_ERROR_INVALID_ARGUMENT (regularizer is NULL).
 */
L1L2_API l1l2_status l1l2_get_config(const l1l2_regularizer* regularizer, double* l1,
                                     double* l2) L1L2_NOEXCEPT;

/**
 * Computes the penalty  l1 * sum(|x[i]|) + l2 * sum(x[i]^2)  over n elements.
 *
 * The array is read once, and no memory is allocated. A term whose coefficient is 0 is left out, as
 * Keras does: it costs no time, and a NaN or an infinity that only it would see does not show.
 *
 * regularizer  a live handle; any number of threads may use it at once.
 * dtype        the type of the elements: L1L2_FLOAT16, L1L2_BFLOAT16, L1L2_FLOAT32 or L1L2_FLOAT64.
 * x            n contiguous elements at any address, aligned or not; may be NULL if n is 0.
 * n            the number of elements (not bytes). With 0 the penalty is 0.
 * penalty      receives the penalty: >= 0, +infinity, or NaN if x holds a NaN that a term sees. It
 *              is l1 * S1 + l2 * S2, each product and the sum rounded once, of the sums S1 and S2
 *              that "Numbers" above describes.
 *
 * Returns L1L2_OK; L1L2_ERROR_INVALID_ARGUMENT (regularizer or penalty is NULL, x is NULL with
 * n > 0, or n elements have more than PTRDIFF_MAX bytes); L1L2_ERROR_UNSUPPORTED_DTYPE (told
 * first, whatever else is wrong). On failure *penalty is untouched.
 */
L1L2_API l1l2_status l1l2_penalty(const l1l2_regularizer* regularizer, l1l2_dtype dtype,
                                  const void* x, size_t n, double* penalty) L1L2_NOEXCEPT;

/**
 * Adds the gradient of the penalty to a gradient that the caller has:
 *     gradient[i] += scale * (l1 * sign(x[i]) + 2 * l2 * x[i])
 *
 * sign(0) is 0, so that 0 stays where it is: of the subgradients of |x| at 0 the one that Keras's
 * backends take. (Exact zeros come from l1l2_prox, not from here.) A term whose coefficient is 0 is
 * left out and sees no NaN; with both 0 the gradient is neither read nor written.
 *
 * Bits: a = scale * l1 and b = scale * (2 * l2) are computed in double and rounded to the
 * arithmetic type; in that,  t = b * x[i] + s  where s is a, -a or 0 as the sign of x[i] is, then
 * gradient[i] + t, then the conversion to dtype. A NaN in x[i] or gradient[i] gives a NaN, unless
 * both coefficients are 0.
 *
 * regularizer  a live handle; any number of threads may use it at once.
 * dtype        the type of both arrays: any of the four.
 * x            n contiguous elements at any address; may be NULL if n is 0.
 * n            the number of elements (not bytes).
 * scale        a factor of the gradient, finite, of either sign: 1; the loss scale of mixed
 *              precision; or minus a learning rate, where `gradient` is the next value of x.
 * gradient     n contiguous elements at any address, which must not overlap x; may be NULL if n
 *              is 0.
 * penalty      receives what l1l2_penalty gives for x, to the bit, from the same pass over memory;
 *              it is not scaled. NULL if it is not wanted.
 *
 * Returns L1L2_OK; L1L2_ERROR_UNSUPPORTED_DTYPE; L1L2_ERROR_INVALID_ARGUMENT (regularizer is NULL,
 * x or gradient is NULL with n > 0, or n elements have more than PTRDIFF_MAX bytes);
 * L1L2_ERROR_INVALID_SCALE (scale, a or b is not finite); L1L2_ERROR_OVERLAP. Since 0.2.0.
 */
L1L2_API l1l2_status l1l2_add_gradient(const l1l2_regularizer* regularizer, l1l2_dtype dtype,
                                       const void* x, size_t n, double scale, void* gradient,
                                       double* penalty) L1L2_NOEXCEPT;

/**
 * Computes the proximal operator of step * penalty, the step that makes exact zeros:
 *     out[i] = sign(x[i]) * max(|x[i]| - step * l1, 0) / (1 + 2 * step * l2)
 *
 * which is the u that minimizes  penalty(u) + |u - x|^2 / (2 * step)  (Parikh and Boyd, section
 * 6.5.3). To follow a step of gradient descent on the rest of the loss, with the same step.
 *
 * Bits: the threshold t = step * l1 and the divisor d = 1 + 2 * (step * l2) are computed in double,
 * then t1 = t, t2 = t - t1 and m = 1 / d (computed in double, too), each rounded to the arithmetic
 * type; in that,
 * max((|x[i]| - t1) - t2, 0) * m  with the sign of x[i], then the conversion to dtype. Thanks to
 * t2, the digits of t that t1 cannot hold, |x[i]| <= t gives a zero and |x[i]| > t does not, unless
 * the result is too small for the type. A zero has the sign of x[i], as every result has. An
 * infinity stays one, a NaN gives a NaN. With step 0 nothing changes but the bits of NaNs.
 *
 * regularizer  a live handle; any number of threads may use it at once.
 * dtype        the type of both arrays: any of the four.
 * x            n contiguous elements at any address; may be NULL if n is 0.
 * n            the number of elements (not bytes).
 * step         the step size, finite and >= 0.
 * out          receives n elements, at any address. Either x itself or without any overlap with it;
 *              may be NULL if n is 0.
 *
 * Returns L1L2_OK; L1L2_ERROR_UNSUPPORTED_DTYPE; L1L2_ERROR_INVALID_ARGUMENT (regularizer is NULL,
 * x or out is NULL with n > 0, or n elements have more than PTRDIFF_MAX bytes);
 * L1L2_ERROR_INVALID_STEP (step is negative, NaN or infinite, or t or d is infinite in the
 * arithmetic type); L1L2_ERROR_OVERLAP. Since 0.2.0.
 */
L1L2_API l1l2_status l1l2_prox(const l1l2_regularizer* regularizer, l1l2_dtype dtype, const void* x,
                               size_t n, double step, void* out) L1L2_NOEXCEPT;

/*
 * Tensors
 * -------
 *
 * The next three take tensors as DLPack describes them (dlpack.h, any version: the struct DLTensor
 * has not changed since 2017), each as a pointer to a const DLTensor that is borrowed for the call.
 * From a DLManagedTensor or a DLManagedTensorVersioned pass the address of its dl_tensor. This
 * header needs none of DLPack's.
 *
 *   device       kDLCPU, or memory that the CPU can read as well: kDLCUDAHost, kDLROCMHost,
 *                kDLCUDAManaged. Any device_id. That the device has finished with it is the
 *                caller's matter.
 *   dtype        kDLFloat with 16, 32 or 64 bits or kDLBfloat with 16; lanes 1.
 *   ndim, shape  0 to 64 axes, each of 0 or more elements. shape may be NULL if ndim is 0, which is
 *                one element.
 *   strides      in elements, of either sign or 0; NULL means compact in row-major order.
 *   byte_offset  any, also one that is no multiple of the element's size.
 *   data         may be NULL if there is no element.
 *
 * Order. The elements are walked in the order of memory: the axes from the largest stride to the
 * smallest (those of stride 0, which repeat their elements, come first; equals in their order),
 * each towards higher addresses. The penalty has the bits of l1l2_penalty for the elements in that
 * order. So a tensor that is compact in any order of its axes, flipped or not, has the bits of its
 * memory read as one array, and a transposed or flipped view those of the original. For a tensor
 * that is not compact, the elements are copied together block by block on the stack.
 *
 * The tensor that is written (gradient, out) has the dtype and shape of x and strides of its own,
 * of which none may be 0 where the axis has more than one element. It must not overlap itself or
 * x, which is L1L2_ERROR_OVERLAP: its axes must be nested, each stride reaching beyond all that the
 * smaller ones cover; and either the address ranges of the two are apart, or their elements never
 * meet because all strides and the distance of the two have a common divisor that keeps them apart
 * (parameters and gradients stored in pairs). For prox it may be x itself, the same data with the
 * same strides. (That DLPack marks a tensor as read-only stands outside of the DLTensor and is not
 * seen.)
 *
 * Each returns what its namesake for arrays does, but tells NULLs first, then what is wrong with x
 * (its device, its dtype, the rest), then the same of the other tensor; and besides
 * L1L2_ERROR_INVALID_ARGUMENT (a tensor is NULL), L1L2_ERROR_UNSUPPORTED_DEVICE,
 * L1L2_ERROR_UNSUPPORTED_DTYPE (another code, size or number of lanes), L1L2_ERROR_INVALID_TENSOR
 * (ndim out of range, shape NULL or negative, data NULL with elements, sizes or strides that leave
 * the address space, shapes or dtypes that differ). Any failure leaves all outputs as they were.
 */

/**
 * Computes the penalty of a tensor: l1l2_penalty for any strides.
 *
 * regularizer  a live handle.
 * x            a const DLTensor *.
 * penalty      receives the penalty.
 *
 * Returns as "Tensors" says. Since 0.2.0.
 */
L1L2_API l1l2_status l1l2_penalty_dlpack(const l1l2_regularizer* regularizer, const void* x,
                                         double* penalty) L1L2_NOEXCEPT;

/**
 * Adds the gradient of the penalty of a tensor: l1l2_add_gradient for any strides.
 *
 * regularizer  a live handle.
 * x            a const DLTensor *.
 * scale        a factor of the gradient; finite.
 * gradient     a const DLTensor * whose elements are added to.
 * penalty      receives what l1l2_penalty_dlpack gives for x; NULL if it is not wanted.
 *
 * Returns as "Tensors" says. Since 0.2.0.
 */
L1L2_API l1l2_status l1l2_add_gradient_dlpack(const l1l2_regularizer* regularizer, const void* x,
                                              double scale, const void* gradient,
                                              double* penalty) L1L2_NOEXCEPT;

/**
 * Computes the proximal operator of a tensor: l1l2_prox for any strides.
 *
 * regularizer  a live handle.
 * x            a const DLTensor *.
 * step         the step size, finite and >= 0.
 * out          a const DLTensor * whose elements are written; may be x or describe the same memory.
 *
 * Returns as "Tensors" says. Since 0.2.0.
 */
L1L2_API l1l2_status l1l2_prox_dlpack(const l1l2_regularizer* regularizer, const void* x,
                                      double step, const void* out) L1L2_NOEXCEPT;

/**
 * One piece of work of a runner: to be called with the `work` that the runner was given and an
 * index. Tasks of one run may run at once, in any order. Never fails, never throws. Since 0.2.0.
 */
typedef void (*l1l2_task)(void* work, size_t index);

/**
 * How a caller lends its threads, in the manner of libjxl's JxlParallelRunner. A runner calls
 * task(work, i) exactly once for each i of 0 .. count - 1, on any threads in any order, and returns
 * 0; or another number if it could not do so. It returns, either way, when all of these calls have
 * returned and none will follow: `work` lives until then and no longer. What the caller wrote
 * before the run must be visible to the tasks, and what they write to the caller after it. A runner
 * must not throw, be left by longjmp, or be cancelled. count is at least 1; a task is at least some
 * microseconds of work, unless there is less in all.
 *
 * A function that is given a runner calls it any number of times, one after another, each time with
 * tasks of its own, from the calling thread and in the floating-point environment that the caller
 * has; the tasks set theirs.
 *
 * A NULL runner stands for one that calls all tasks in a row. l1l2_threads.h has one on oneTBB.
 * Since 0.2.0.
 *
 * state  what the caller passed beside the runner.
 */
typedef int32_t (*l1l2_runner)(void* state, l1l2_task task, void* work, size_t count);

/**
 * One tensor of a model. Set all of it to zero, then what is needed: later versions will add fields
 * at the end, of which zero means the behaviour of today. Since 0.2.0.
 */
typedef struct l1l2_term {
    const l1l2_regularizer* regularizer; /**< a live handle; terms may share one */
    const void* x;                       /**< n contiguous elements; may be NULL if n is 0 */
    size_t n;                            /**< the number of elements (not bytes) */
    void* gradient;   /**< for l1l2_add_gradient_terms; NULL if this tensor's is not wanted */
    void* out;        /**< for l1l2_prox_terms; may be x; may be NULL if n is 0 */
    l1l2_dtype dtype; /**< the type of x, gradient and out */
    int32_t reserved; /**< 0 */
} l1l2_term;

/*
 * Terms
 * -----
 *
 * The next three compute for an array of terms what their namesakes do for one tensor each, at
 * little more than the cost of the elements: thousands of small tensors in one call.
 *
 *   terms         `count` terms, each term_size bytes after the one before; read only. May be NULL
 *                 if count is 0.
 *   term_size     sizeof(l1l2_term), by which the library knows the fields of the caller's header.
 *                 Fields of a later header than the library's must be zero.
 *   runner        who runs the tasks; NULL: the calling thread. Large tensors are cut between
 *                 blocks of 4096 elements, small ones are put together, so one large tensor
 *                 gains as much as many small ones. With or without a runner, and whatever it does,
 *                 the results are the same bits.
 *   runner_state  is given to the runner.
 *   penalties     receives `count` penalties, each as l1l2_penalty gives it, so that the one tensor
 *                 that went NaN can be named; NULL if they are not wanted.
 *   total         receives the sum ((p0 + p1) + p2) + ... of the penalties in their order, each
 *                 addition rounded to double, which costs at most another u for each term but
 *                 the first; 0 without terms; NULL if it is not wanted.
 *   faulty        receives the index of the first term that is at fault, or `count` if none is
 *                 (on success too); NULL if it is not wanted.
 *
 * All terms are looked at before anything is computed: if one is at fault, nothing has been
 * written. Within a term, x must not overlap what is written as for one tensor. That no array that
 * is written overlaps an array of another term is the caller's promise, which is not checked. Any
 * number of terms may read the same x.
 *
 * Each returns what its namesake does for the first term at fault, and besides
 * L1L2_ERROR_INVALID_ARGUMENT (terms is NULL with count > 0, a term_size too small, no multiple of
 * the struct's alignment or so large that `count` of it leave the address space, `reserved` or an
 * unknown field not zero) and L1L2_ERROR_RUNNER_FAILED (the runner returned other than 0, or did
 * not run each task: *total is untouched and *faulty is `count`, but penalties, gradient and out
 * may be written in part). A task that is called a second time during a run, or with an index that
 * is none, does nothing. The scale or the step must be finite, and the step >= 0, also without
 * terms: if not, *faulty is `count`. A scale must suit the terms without a gradient, too.
 */

/**
 * Computes the penalties of an array of terms and their total.
 *
 * The fields gradient and out are not looked at. For the rest, and what is returned, see "Terms".
 * Since 0.2.0.
 */
L1L2_API l1l2_status l1l2_penalty_terms(const l1l2_term* terms, size_t term_size, size_t count,
                                        l1l2_runner runner, void* runner_state, double* penalties,
                                        double* total, size_t* faulty) L1L2_NOEXCEPT;

/**
 * Adds the gradients of an array of terms, each to its field `gradient` if that is not NULL, and
 * computes the penalties of all of them in the same pass if penalties or total is not NULL.
 *
 * scale  a factor of all gradients, not of the penalties; finite.
 *
 * The field out is not looked at. For the rest, and what is returned, see "Terms". Since 0.2.0.
 */
L1L2_API l1l2_status l1l2_add_gradient_terms(const l1l2_term* terms, size_t term_size, size_t count,
                                             double scale, l1l2_runner runner, void* runner_state,
                                             double* penalties, double* total,
                                             size_t* faulty) L1L2_NOEXCEPT;

/**
 * Computes the proximal operators of an array of terms, each into its field `out`.
 *
 * step  the step size of all of them, finite and >= 0.
 *
 * The field gradient is not looked at; an out that is NULL with n > 0 is an
 * L1L2_ERROR_INVALID_ARGUMENT. For the rest, and what is returned, see "Terms". Since 0.2.0.
 */
L1L2_API l1l2_status l1l2_prox_terms(const l1l2_term* terms, size_t term_size, size_t count,
                                     double step, l1l2_runner runner, void* runner_state,
                                     size_t* faulty) L1L2_NOEXCEPT;

/*
 * Exact sums
 * ----------
 *
 * The penalty of what does not come as one array: chunks of a file, shards of a tensor on many
 * hosts, whatever threads have at hand. A vector of exact sums holds sum |x|, sum x^2 and the
 * number of elements without any rounding, so that the same elements end in the same bits however
 * they were split and in whatever order: those of the true value, rounded once.
 *
 *     int64_t sums[L1L2_EXACT_SUMS_LENGTH] = {0};
 *     l1l2_exact_sums_add(sums, L1L2_FLOAT32, x, n);                 for each chunk
 *     MPI_Allreduce(MPI_IN_PLACE, sums, L1L2_EXACT_SUMS_LENGTH, MPI_INT64_T, MPI_SUM, comm);
 *     l1l2_penalty_exact_sums(regularizer, sums, &penalty);
 *
 * A vector is L1L2_EXACT_SUMS_LENGTH numbers of the caller's, 1656 bytes. All zeros is the sum of
 * no elements. **Adding vectors element by element adds the sums**: every all-reduce, aggregation
 * or query that can add int64_t is a reduction of exact sums, up to 2^30 vectors at a time, each of
 * which was zero or written by a function below. Vectors can be stored and sent; the numbers mean
 * the same on every machine, and docs/distributed.md says what. Subtraction and averages are not
 * allowed.
 *
 * The functions below take a vector that was added up elsewhere as well as one of their own, check
 * it, and write one that depends on nothing but the elements, to the bit. What they refuse stays as
 * it was:
 *
 *   L1L2_ERROR_UNKNOWN_LAYOUT  another layout, another byte order, or no vector of exact sums
 *   L1L2_ERROR_INVALID_SUMS    a damaged one: a checksum finds each flipped bit and nearly every
 *                              other change; and sums that so many elements cannot have
 *   L1L2_ERROR_COUNT_OVERFLOW  more than 2^63 - 1 elements in all, or a sum of over 2^30 vectors
 *
 * Infinite elements and NaNs are counted and not added. Whoever reads the sums gets a NaN if there
 * was one, else infinity if there was one.
 *
 * A vector may be written by one thread or read by any number at a time, and must not lie within an
 * array that is added. Nothing is allocated.
 *
 * Costs. From memory an element takes little more than in l1l2_penalty, in cache two to five times
 * as long. Blocks with an infinity, a NaN or a very wide range of exponents, and all with the
 * generic kernels, are added one element at a time, which is some ten times slower. A call costs
 * half a microsecond besides, with float64 up to one and a half.
 */

/** The length of a vector of exact sums, in int64_t. Since 0.3.0. */
#define L1L2_EXACT_SUMS_LENGTH 207

/**
 * Returns L1L2_EXACT_SUMS_LENGTH, for callers who have no C preprocessor. Since 0.3.0.
 */
L1L2_API size_t l1l2_exact_sums_length(void) L1L2_NOEXCEPT;

/**
 * Adds the elements of an array to exact sums.
 *
 * sums   a vector of exact sums, zeros at first.
 * dtype  the type of the elements, any of the four; sums may have elements of several.
 * x      n contiguous elements at any address, aligned or not; may be NULL if n is 0.
 * n      the number of elements (not bytes).
 *
 * Returns L1L2_OK; L1L2_ERROR_UNSUPPORTED_DTYPE (told first); L1L2_ERROR_INVALID_ARGUMENT (sums is
 * NULL, x is NULL with n > 0, or n elements have more than PTRDIFF_MAX bytes); and as "Exact sums"
 * says. Since 0.3.0.
 */
L1L2_API l1l2_status l1l2_exact_sums_add(int64_t* sums, l1l2_dtype dtype, const void* x,
                                         size_t n) L1L2_NOEXCEPT;

/**
 * Adds the elements of a tensor of any strides to exact sums.
 *
 * sums  a vector of exact sums, zeros at first.
 * x     a const DLTensor *, as "Tensors" describes it.
 *
 * Returns as "Tensors" says (NULLs first, then what is wrong with x), then as "Exact sums" says.
 * Since 0.3.0.
 */
L1L2_API l1l2_status l1l2_exact_sums_add_dlpack(int64_t* sums, const void* x) L1L2_NOEXCEPT;

/**
 * Adds a vector of exact sums to another one. Any number may be merged; only that of their elements
 * is limited.
 *
 * sums   a vector of exact sums.
 * other  another one, or the same.
 *
 * Returns L1L2_OK; L1L2_ERROR_INVALID_ARGUMENT (one is NULL); and as "Exact sums" says of sums,
 * then of other. Since 0.3.0.
 */
L1L2_API l1l2_status l1l2_exact_sums_merge(int64_t* sums, const int64_t* other) L1L2_NOEXCEPT;

/**
 * Tells whether a vector, from a file or a network, is one of exact sums.
 *
 * sums  L1L2_EXACT_SUMS_LENGTH numbers.
 *
 * Returns L1L2_OK; L1L2_ERROR_INVALID_ARGUMENT (sums is NULL); and as "Exact sums" says. Since
 * 0.3.0.
 */
L1L2_API l1l2_status l1l2_exact_sums_check(const int64_t* sums) L1L2_NOEXCEPT;

/**
 * Reads exact sums.
 *
 * sums      a vector of exact sums.
 * absolute  receives sum |x|, rounded once to nearest, ties to even; NULL if it is not wanted.
 * square    receives sum x^2, likewise.
 * count     receives the number of elements, infinite ones and NaNs among them, likewise.
 *
 * Without elements all are 0. A sum of 2^1024 - 2^970 or more is infinite. Returns L1L2_OK;
 * L1L2_ERROR_INVALID_ARGUMENT (sums is NULL); and as "Exact sums" says. Since 0.3.0.
 */
L1L2_API l1l2_status l1l2_exact_sums_read(const int64_t* sums, double* absolute, double* square,
                                          int64_t* count) L1L2_NOEXCEPT;

/**
 * Computes the penalty of exact sums,  l1 * sum |x| + l2 * sum x^2,  of which the true value is
 * rounded once, to nearest, ties to even.
 *
 * It may differ from l1l2_penalty in the last bits, as that one rounds more often, and where sum
 * |x| or sum x^2 leaves the range of double although the penalty does not: that is no matter here.
 *
 * A term whose coefficient is 0 is left out: with both 0 the penalty is 0, even of NaNs.
 *
 * regularizer  a live handle; any number of threads may use it at once.
 * sums         a vector of exact sums.
 * penalty      receives the penalty: >= 0, +infinity, or the NaN 0x7ff8000000000000.
 *
 * Returns L1L2_OK; L1L2_ERROR_INVALID_ARGUMENT (a pointer is NULL); and as "Exact sums" says. Since
 * 0.3.0.
 */
L1L2_API l1l2_status l1l2_penalty_exact_sums(const l1l2_regularizer* regularizer,
                                             const int64_t* sums, double* penalty) L1L2_NOEXCEPT;

/**
 * Writes a regularizer as JSON: the bytes that Python's json.dumps gives for the same dictionary,
 * each number in the shortest digits that read back to the same double.
 *
 * regularizer  a live handle.
 * style        L1L2_JSON_CONFIG, L1L2_JSON_KERAS2 or L1L2_JSON_KERAS3.
 * json         receives the text and a NUL; may be NULL if capacity is 0.
 * capacity     the size of json in bytes, the NUL included. 256 is enough for every text.
 * length       receives the length of the text in bytes without the NUL, also when the buffer is
 *              too small, so that a call with capacity 0 asks for the size.
 *
 * Allocates nothing. Returns L1L2_OK; L1L2_ERROR_BUFFER_TOO_SMALL (json is untouched, *length is
 * set); L1L2_ERROR_INVALID_ARGUMENT (regularizer or length is NULL, json is NULL with
 * capacity > 0, or an unknown style; everything is untouched).
 */
L1L2_API l1l2_status l1l2_to_json(const l1l2_regularizer* regularizer, l1l2_json_style style,
                                  char* json, size_t capacity, size_t* length) L1L2_NOEXCEPT;

/**
 * Makes a regularizer of the JSON text that any version of Keras writes for an L1L2, L1 or L2.
 *
 * It reads
 *   {"l1": 0.01, "l2": 0.02}, the configuration by itself;
 *   {"class_name": C, "config": {...}}, with or without "module", "registered_name",
 *       "shared_object_id" or any other key beside these two, which are ignored as Keras ignores
 *       them; C is "L1L2", "L1", "L2" or one of the function names "l1_l2", "l1l2", "l1", "l2";
 *   {"name": C, "l1": 0.0, "l2": 0.0005} of Keras 1; C is "WeightRegularizer" or
 *       "L1L2Regularizer";
 *   a string: "l1" and "L1" are l1 = 0.01, "l2" and "L2" are l2 = 0.01, "l1_l2" is both 0.01,
 *       "L1L2" and "l1l2" are both 0.
 * The configuration of L1 has the key "l1", that of L2 "l2"; each also takes the old key "l", which
 * wins over the new one. A coefficient that is missing or null, and a configuration that is
 * missing, empty or null, take the default: 0.01 for the one of L1 or L2, else 0.0. Of a key that
 * is given twice the last counts. Any other key of a configuration, or of Keras 1's object, is an
 * error. Only white space may follow. An escaped surrogate without its other half is malformed.
 *
 * json              length bytes of UTF-8, with or without a NUL after them; may be NULL if
 *                   length is 0 (which is malformed).
 * length            bytes, at most L1L2_JSON_MAX_LENGTH. Nesting may be as deep as that allows.
 * regularizer       receives the handle, to be given to l1l2_destroy once; NULL on failure.
 * message           receives a sentence in ASCII that says what is at fault, and names the key, the
 *                   class or the byte offset (from 0) if it is one, NUL-terminated and cut to fit;
 *                   the empty string on success.
 *                   May be NULL if message_capacity is 0.
 * message_capacity  the size of message in bytes, the NUL included. 256 is enough for all.
 *
 * Returns L1L2_OK; L1L2_ERROR_MALFORMED_JSON; L1L2_ERROR_UNKNOWN_CONFIG (also for a text longer
 * than the limit); L1L2_ERROR_INVALID_COEFFICIENT; L1L2_ERROR_INVALID_ARGUMENT (regularizer is
 * NULL, json is NULL with length > 0, or message is NULL with message_capacity > 0);
 * L1L2_ERROR_OUT_OF_MEMORY.
 */
L1L2_API l1l2_status l1l2_from_json(const char* json, size_t length, l1l2_regularizer** regularizer,
                                    char* message, size_t message_capacity) L1L2_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* L1L2_H */
