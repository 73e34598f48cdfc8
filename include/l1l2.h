/*
 * l1l2: L1/L2 (elastic-net) regularization as tf.keras.regularizers.L1L2 defines it.
 *
 * This header is the manual of the library.
 *
 *     penalty(x) = l1 * sum(|x|) + l2 * sum(x^2)
 *
 * over all elements of x, whatever its shape. The L2 term has no factor 1/2: a weight decay or a
 * ridge penalty that is written lambda/2 * sum(x^2) elsewhere is l2 = lambda/2 here.
 *
 * Sources: Keras, keras/src/regularizers/regularizers.py; Zou and Hastie, "Regularization and
 * variable selection via the elastic net", J. R. Statist. Soc. B 67 (2005).
 *
 *
 * Numbers
 * -------
 *
 * The sums are carried in double precision, whatever the element type. |x| is exact in double for
 * every element type, and so is x^2 for float32; x^2 rounds once for float64.
 *
 * Accuracy. Every term is nonnegative, so nothing cancels. With u = 2^-53, a finite penalty differs
 * from the true one by a factor within 1 +- 184 u, that is by less than 2.1e-14 of it, for any
 * number of elements (docs/numerics.md has the proof). Two things are outside of that bound, both
 * for float64 alone or for coefficients at the ends of the range: a square below 2^-1022 has an
 * absolute error of up to 2^-1075, and so has each product below 2^-1022; a square, a sum or a
 * product of 2^1024 or more is infinite.
 *
 * Reproducibility. The order of all additions is fixed by the number of elements alone. The same
 * elements in the same order give the same bits on every CPU, with every instruction set, at every
 * address, from every thread, from every supported compiler at every optimisation level. A result
 * that is not a number is always the quiet NaN 0x7ff8000000000000. Not promised: the same bits for
 * another order of the elements, or for the sum of the penalties of parts of an array.
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
 * l1l2_destroy needs it to be unused. The library starts no threads and has no state but the choice
 * of an instruction set. The first call that computes, or asks for the instruction set, reads the
 * environment, and l1l2_from_json the locale's decimal point: as with C's own functions, no other
 * thread may be in setenv or setlocale meanwhile.
 *
 * Failure. A function that can fail returns an l1l2_status. When it is not L1L2_OK, every output is
 * as it was before the call, but for three that say so: a handle becomes NULL, l1l2_to_json sets
 * *length, l1l2_from_json sets the message. The library never prints, never aborts, never throws
 * through this interface. No result depends on the locale, and the locale is never changed; errno
 * is unspecified after a call.
 *
 * NULL. A pointer may be NULL only where its description says so.
 *
 * Signals. No function is async-signal-safe except l1l2_version_number, l1l2_version_string and
 * l1l2_status_string.
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
#define L1L2_VERSION_MINOR 1
#define L1L2_VERSION_PATCH 0
#define L1L2_VERSION_NUMBER                                                                        \
    (10000 * L1L2_VERSION_MAJOR + 100 * L1L2_VERSION_MINOR + L1L2_VERSION_PATCH)

/** A pair of coefficients. Opaque; made by l1l2_create or l1l2_from_json, ended by l1l2_destroy. */
typedef struct l1l2_regularizer l1l2_regularizer;

/** How a call went. Values are pinned; the gaps are for later statuses of the same kind. */
typedef int32_t l1l2_status;
enum {
    L1L2_OK = 0,
    /** NULL where it is not allowed, an unknown style, or more bytes than an address space has. */
    L1L2_ERROR_INVALID_ARGUMENT = 10,
    /** A coefficient that is negative, NaN, infinite or, in JSON, no number at all. */
    L1L2_ERROR_INVALID_COEFFICIENT = 11,
    /** An element type that this version does not serve. */
    L1L2_ERROR_UNSUPPORTED_DTYPE = 12,
    /** The text does not fit the buffer. */
    L1L2_ERROR_BUFFER_TOO_SMALL = 20,
    L1L2_ERROR_OUT_OF_MEMORY = 30,
    /** The text is not JSON (RFC 8259). */
    L1L2_ERROR_MALFORMED_JSON = 40,
    /** The text is JSON but describes no L1L2, L1 or L2: another class, an unknown key. */
    L1L2_ERROR_UNKNOWN_CONFIG = 41
};

/** The type of an array's elements, in the machine's byte order. */
typedef int32_t l1l2_dtype;
enum {
    L1L2_FLOAT32 = 1, /**< IEEE 754 binary32, 4 bytes */
    L1L2_FLOAT64 = 2, /**< IEEE 754 binary64, 8 bytes */
    L1L2_FLOAT16 = 3, /**< IEEE 754 binary16, 2 bytes; not served by this version */
    L1L2_BFLOAT16 = 4 /**< the upper half of a binary32, 2 bytes; not served by this version */
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
 * first call of this function or of l1l2_penalty. All of them give the same results.
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
 * l1, l2       receive the coefficients, the very doubles it was made of; each may be NULL.
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
 * dtype        the type of the elements: L1L2_FLOAT32 or L1L2_FLOAT64.
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
 * is given twice the last counts. Any other key is an error. Only white space may follow.
 *
 * json              length bytes of UTF-8, with or without a NUL after them; may be NULL if
 *                   length is 0 (which is malformed).
 * length            bytes, at most L1L2_JSON_MAX_LENGTH. Nesting may be as deep as that allows.
 * regularizer       receives the handle, to be given to l1l2_destroy once; NULL on failure.
 * message           receives a sentence in ASCII that names the key, the class or the byte offset
 *                   (from 0) at fault, NUL-terminated and cut to fit; the empty string on success.
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
