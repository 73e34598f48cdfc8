/**
 * L1/L2 (elastic-net) regularization as Keras defines it: libl1l2 for Node.js, by koffi.
 *
 *     const regularizer = new Regularizer(0.01, 0.02);
 *     const penalty = regularizer.penalty(weights); // a Float32Array, say
 *     regularizer.addGradient(weights, gradient);
 *     regularizer.prox(weights, step); // in place
 *
 * Copy this file and depend on koffi 2. The library is opened when this module is loaded, from the
 * path in the environment variable L1L2_LIBRARY or, without it, by its name, libl1l2.so.0.
 *
 * Arrays. A typed array of any length, anywhere in its ArrayBuffer or SharedArrayBuffer; it is
 * never copied. The elements of a Float32Array, a Float64Array and, where the runtime has it, a
 * Float16Array tell their dtype themselves; those of a Uint16Array are the bits of a float16 or a
 * bfloat16, which the option `dtype` tells. A tensor of any shape is the array of its elements.
 *
 * Errors. What the library refuses is an L1L2Error, and every array is then as it was. An array of
 * a type that has no dtype, or of another dtype than the option says, is a TypeError, and so is a
 * coefficient, scale or step that is no number; arrays of different lengths are a RangeError. So are
 * what should be the numbers of exact sums.
 *
 * Threads. A Regularizer belongs to the thread that made it: each worker loads this module, makes
 * regularizers of its own and shares arrays through a SharedArrayBuffer. The library itself starts
 * no threads; penaltyAsync takes one of Node's pool.
 *
 * The numbers and their bits are described in l1l2.h.
 *
 * @module l1l2
 */
import koffi from "koffi";

const library = koffi.load(process.env.L1L2_LIBRARY || "libl1l2.so.0");

// koffi passes a typed array for a void pointer as the address of its first element, and returns
// what is behind _Out_ in an array of one element, which takes longer. Handles are integers, which
// pass faster than koffi's pointers.
const native = {
    versionString: library.func("const char *l1l2_version_string()"),
    statusString: library.func("const char *l1l2_status_string(int32_t status)"),
    isa: library.func("const char *l1l2_isa()"),
    create: library.func("int32_t l1l2_create(double l1, double l2, _Out_ intptr_t *regularizer)"),
    destroy: library.func("void l1l2_destroy(intptr_t regularizer)"),
    getConfig: library.func("int32_t l1l2_get_config(intptr_t regularizer, void *l1, void *l2)"),
    penalty: library.func(
        "int32_t l1l2_penalty(intptr_t regularizer, int32_t dtype, " +
            "const void *x, size_t n, void *penalty)",
    ),
    addGradient: library.func(
        "int32_t l1l2_add_gradient(intptr_t regularizer, int32_t dtype, const void *x, " +
            "size_t n, double scale, void *gradient, void *penalty)",
    ),
    prox: library.func(
        "int32_t l1l2_prox(intptr_t regularizer, int32_t dtype, const void *x, " +
            "size_t n, double step, void *out)",
    ),
    exactSumsLength: library.func("size_t l1l2_exact_sums_length()"),
    exactSumsAdd: library.func(
        "int32_t l1l2_exact_sums_add(void *sums, int32_t dtype, const void *x, size_t n)",
    ),
    exactSumsMerge: library.func("int32_t l1l2_exact_sums_merge(void *sums, const void *other)"),
    exactSumsRead: library.func(
        "int32_t l1l2_exact_sums_read(const void *sums, void *absolute, void *square, void *count)",
    ),
    penaltyExactSums: library.func(
        "int32_t l1l2_penalty_exact_sums(intptr_t regularizer, const void *sums, void *penalty)",
    ),
    toJson: library.func(
        "int32_t l1l2_to_json(intptr_t regularizer, int32_t style, void *json, " +
            "size_t capacity, _Out_ size_t *length)",
    ),
    fromJson: library.func(
        "int32_t l1l2_from_json(const void *json, size_t length, " +
            "_Out_ intptr_t *regularizer, void *message, size_t message_capacity)",
    ),
};

/**
 * The elements of a tensor of any shape.
 *
 * @typedef {Float32Array | Float64Array | Float16Array | Uint16Array} Elements
 */

/**
 * The type of an array's elements. To be told of a Uint16Array; if it is told of another array, it
 * must be that array's own.
 *
 * @typedef {"float32" | "float64" | "float16" | "bfloat16"} Dtype
 */

/** @type {Record<Dtype, number>} */
const DTYPES = { float32: 1, float64: 2, float16: 3, bfloat16: 4 };

/** @type {Record<string, Dtype>} */
const OWN_DTYPES = { Float32Array: "float32", Float64Array: "float64", Float16Array: "float16" };

/**
 * What a typed array is and how many elements it has, which a class derived from it may tell
 * otherwise. Both also serve an array of another realm; the tag of anything else is undefined.
 *
 * @param {string | symbol} property
 * @returns {(array: unknown) => any}
 */
function getterOf(property) {
    const prototype = Object.getPrototypeOf(Uint8Array.prototype);
    const { get } = Object.getOwnPropertyDescriptor(prototype, property) ?? {};
    return Function.prototype.call.bind(/** @type {() => any} */ (get));
}
const tagOf = getterOf(Symbol.toStringTag);
const lengthOf = getterOf("length");

/** The numbers of an ExactSums. */
const EXACT_SUMS_LENGTH = Number(native.exactSumsLength());

/** In the order of l1l2_json_style. */
const JSON_STYLES = ["config", "keras2", "keras3"];

/** What the library says is enough for every text of JSON, and for every message. */
const TEXT_CAPACITY = 256;

/** An output of synchronous calls; each worker has its own, as it has its own module. */
const result = new Float64Array(1);

/** Destroys what nobody has destroyed before it was collected. */
const forgotten = new FinalizationRegistry(native.destroy);

/**
 * An error of the library. Its message is l1l2_status_string's, or that of l1l2_from_json, which
 * names the key, the class or the byte at fault.
 */
export class L1L2Error extends Error {
    /**
     * @param {number} status  an l1l2_status that is not L1L2_OK
     * @param {string} message
     */
    constructor(status, message = native.statusString(status)) {
        super(message);
        /** The l1l2_status; l1l2.h has the list. */
        this.status = status;
    }
}
L1L2Error.prototype.name = "L1L2Error";

/** @param {number} status */
function check(status) {
    if (status !== 0) throw new L1L2Error(status);
}

/**
 * The l1l2_dtype of an array.
 *
 * @param {Elements} elements
 * @param {Dtype | undefined} dtype
 * @returns {number}
 */
function dtypeOf(elements, dtype) {
    const type = tagOf(elements);
    const own = OWN_DTYPES[type];
    if (own !== undefined && (dtype === undefined || dtype === own)) return DTYPES[own];
    if (type === "Uint16Array" && (dtype === "float16" || dtype === "bfloat16")) {
        return DTYPES[dtype];
    }
    const wanted = dtype ?? "a known dtype: it may need the option dtype";
    throw new TypeError(`${type ?? typeof elements} is no array of ${wanted}`);
}

/**
 * The l1l2_dtype of two arrays that must agree.
 *
 * @param {Elements} x
 * @param {Elements} other
 * @param {Dtype | undefined} dtype
 * @returns {number}
 */
function commonDtype(x, other, dtype) {
    const common = dtypeOf(x, dtype);
    if (dtypeOf(other, dtype) !== common) throw new TypeError("the arrays differ in their dtype");
    const [n, m] = [lengthOf(x), lengthOf(other)];
    if (n !== m) throw new RangeError(`the arrays have ${n} and ${m} elements`);
    return common;
}

/**
 * The numbers of sums themselves, for this module alone.
 *
 * @type {(sums: ExactSums) => BigInt64Array}
 */
let numbersOf;

/**
 * Sums of |x| and x^2 without rounding, of elements that come in any number of pieces, from
 * anywhere; of no elements at first.
 *
 *     const sums = new ExactSums();
 *     for (const chunk of chunks) sums.add(chunk);
 *     const penalty = regularizer.penaltyOfSums(sums);
 *
 * Equal elements make equal sums, to the bit, in whatever pieces and order they were added. Their
 * numbers can be stored, posted to a worker and sent to any machine. Whoever adds up the numbers of
 * up to 2^30 sums, index by index, adds the sums.
 */
export class ExactSums {
    /** Always a vector that the library has written, or zeros. */
    #numbers = new BigInt64Array(EXACT_SUMS_LENGTH);

    static {
        numbersOf = (sums) => sums.#numbers;
    }

    /**
     * @param {BigInt64Array} [numbers]  of other sums; they are copied
     * @throws {L1L2Error} status 18 if the numbers are damaged, 19 if they are of another layout
     *     or byte order, 21 if they are of more elements or sums than can be counted
     * @throws {TypeError} if numbers is no BigInt64Array
     * @throws {RangeError} if it has another length
     */
    constructor(numbers) {
        if (numbers === undefined) return;
        if (tagOf(numbers) !== "BigInt64Array") throw new TypeError("numbers is no BigInt64Array");
        const n = lengthOf(numbers);
        if (n !== EXACT_SUMS_LENGTH) throw new RangeError(`exact sums of ${n} numbers`);
        check(native.exactSumsMerge(this.#numbers, numbers));
    }

    /**
     * Adds elements. Those of several dtypes may go to the same sums.
     *
     * @param {Elements} x  n elements
     * @param {{ dtype?: Dtype }} [options]
     * @throws {L1L2Error} status 21 if there were more than 2^63 - 1 elements
     * @throws {TypeError} if x has no dtype
     */
    add(x, { dtype } = {}) {
        check(native.exactSumsAdd(this.#numbers, dtypeOf(x, dtype), x, lengthOf(x)));
    }

    /**
     * Adds the elements of other sums.
     *
     * @param {ExactSums} other
     * @throws {L1L2Error} status 21 if there were more than 2^63 - 1 elements
     */
    merge(other) {
        check(native.exactSumsMerge(this.#numbers, other.#numbers));
    }

    /** The sum of |x|, rounded once. */
    get absolute() {
        check(native.exactSumsRead(this.#numbers, result, null, null));
        return result[0];
    }

    /** The sum of x^2, rounded once. */
    get square() {
        check(native.exactSumsRead(this.#numbers, null, result, null));
        return result[0];
    }

    /**
     * The number of elements, of infinite ones and NaNs too.
     *
     * @returns {bigint}
     */
    get count() {
        const count = new BigInt64Array(1);
        check(native.exactSumsRead(this.#numbers, null, null, count));
        return count[0];
    }

    /**
     * A copy of the numbers, of which the constructor makes the same sums.
     *
     * @returns {BigInt64Array}
     */
    toNumbers() {
        return this.#numbers.slice();
    }

    /**
     * Whether the sums are those of the same elements, as far as sums can tell.
     *
     * @param {ExactSums} other
     * @returns {boolean}
     */
    equals(other) {
        return this.#numbers.every((number, i) => number === other.#numbers[i]);
    }
}

/**
 * A pair of coefficients, which never changes.
 *
 * It holds a few bytes of the library's memory until destroy(), which `using` calls where the
 * runtime has it, or until it is collected; what a worker has not destroyed when it ends is lost
 * until the process ends. After destroy() every other method throws an L1L2Error of status 10.
 */
export class Regularizer {
    /** 0, which is NULL, once it is destroyed: every function of the library refuses that. */
    #handle = 0;
    /** The handle if it was destroyed while asynchronous calls were using it. */
    #retired = 0;
    #asyncCalls = 0;

    /**
     * @param {number} l1  finite and >= 0
     * @param {number} l2  finite and >= 0; there is no factor 1/2
     * @throws {L1L2Error} status 11 if a coefficient is negative, NaN or infinite
     */
    constructor(l1 = 0, l2 = 0) {
        const handle = [0];
        check(native.create(l1, l2, handle));
        this.#handle = handle[0];
        forgotten.register(this, this.#handle, this);
    }

    /**
     * Makes a regularizer of the JSON text that any version of Keras writes for an L1L2, L1 or L2.
     *
     * @param {string} text  at most 65536 bytes of UTF-8
     * @returns {Regularizer}
     * @throws {L1L2Error} status 40 if the text is not JSON, 41 if it describes no regularizer, 11
     *     for a coefficient that is none; the message tells what is at fault
     */
    static fromJson(text) {
        const json = new TextEncoder().encode(text);
        const handle = [0];
        const message = Buffer.alloc(TEXT_CAPACITY);
        const status = native.fromJson(json, json.length, handle, message, message.length);
        if (status !== 0) {
            throw new L1L2Error(status, message.toString("latin1", 0, message.indexOf(0)));
        }
        const config = new Float64Array(2);
        check(native.getConfig(handle[0], config, config.subarray(1)));
        native.destroy(handle[0]);
        return new Regularizer(config[0], config[1]);
    }

    /**
     * Writes the regularizer as Python's json.dumps would. (It is not named toJSON, which
     * JSON.stringify would call with a key and expect an object from.)
     *
     * @param {"config" | "keras2" | "keras3"} style  what get_config() returns in every version of
     *     Keras, or that in the form in which Keras 2 or Keras 3 serializes an object
     * @returns {string}
     * @throws {L1L2Error} status 10 for another style
     */
    toJson(style = "config") {
        const json = Buffer.alloc(TEXT_CAPACITY);
        const length = [0];
        check(native.toJson(this.#handle, JSON_STYLES.indexOf(style), json, json.length, length));
        return json.toString("latin1", 0, length[0]);
    }

    /** The coefficient of sum(|x|): the very number that it was made of. */
    get l1() {
        check(native.getConfig(this.#handle, result, null));
        return result[0];
    }

    /** The coefficient of sum(x^2): the very number that it was made of. */
    get l2() {
        check(native.getConfig(this.#handle, null, result));
        return result[0];
    }

    /**
     * Computes the penalty  l1 * sum(|x[i]|) + l2 * sum(x[i]^2)  in double precision.
     *
     * @param {Elements} x  n elements; with none the penalty is 0
     * @param {{ dtype?: Dtype }} [options]
     * @returns {number} >= 0, Infinity, or NaN if x holds a NaN that a term sees; a term whose
     *     coefficient is 0 sees none
     * @throws {TypeError} if x has no dtype
     */
    penalty(x, { dtype } = {}) {
        check(native.penalty(this.#handle, dtypeOf(x, dtype), x, lengthOf(x), result));
        return result[0];
    }

    /**
     * Computes the penalty of exact sums: the true value, rounded once.
     *
     * @param {ExactSums} sums
     * @returns {number}
     */
    penaltyOfSums(sums) {
        check(native.penaltyExactSums(this.#handle, numbersOf(sums), result));
        return result[0];
    }

    /**
     * Computes the penalty on a thread of Node's pool.
     *
     * Until the promise is settled, x must not be written, transferred or resized. destroy() may be
     * called; the library's memory is then released after the call. koffi has a limit of such calls
     * at one time, by default 256, and refuses those beyond it.
     *
     * @param {Elements} x  n elements
     * @param {{ dtype?: Dtype }} [options]
     * @returns {Promise<number>} what penalty() returns; rejected with what it throws
     */
    penaltyAsync(x, { dtype } = {}) {
        return new Promise((resolve, reject) => {
            // koffi keeps the callback, and nothing else, until the call is over: what the call
            // reads and writes must be reachable from the callback, or it would be collected.
            const call = { x, penalty: new Float64Array(1) };
            /** @type {(error: Error | null, status: number) => void} */
            const finish = (error, status) => {
                --this.#asyncCalls;
                this.#release();
                if (error !== null) reject(error);
                else if (status !== 0) reject(new L1L2Error(status));
                else resolve(call.penalty[0]);
            };
            const code = dtypeOf(x, dtype);
            native.penalty.async(this.#handle, code, call.x, lengthOf(x), call.penalty, finish);
            ++this.#asyncCalls;
        });
    }

    /**
     * Adds the gradient of the penalty:
     *     gradient[i] += scale * (l1 * sign(x[i]) + 2 * l2 * x[i]),  with sign(0) = 0
     *
     * @param {Elements} x  n elements
     * @param {Elements} gradient  n elements of the same dtype, which must not overlap x
     * @param {{ scale?: number, dtype?: Dtype }} [options]  scale is finite, of either sign, by
     *     default 1
     * @throws {L1L2Error} status 13 if the scale or its product with a coefficient is not finite,
     *     15 if the arrays overlap
     * @throws {TypeError} if an array has no dtype, or not that of the other
     * @throws {RangeError} if the arrays differ in length
     */
    addGradient(x, gradient, { scale = 1, dtype } = {}) {
        const code = commonDtype(x, gradient, dtype);
        check(native.addGradient(this.#handle, code, x, lengthOf(x), scale, gradient, null));
    }

    /**
     * Adds the gradient as addGradient() does and returns the penalty of x, in one pass.
     *
     * @param {Elements} x  n elements
     * @param {Elements} gradient  n elements of the same dtype, which must not overlap x
     * @param {{ scale?: number, dtype?: Dtype }} [options]  as for addGradient()
     * @returns {number} what penalty() gives, to the bit; it is not scaled
     * @throws as addGradient() does
     */
    penaltyAndAddGradient(x, gradient, { scale = 1, dtype } = {}) {
        const code = commonDtype(x, gradient, dtype);
        check(native.addGradient(this.#handle, code, x, lengthOf(x), scale, gradient, result));
        return result[0];
    }

    /**
     * Computes the proximal operator of step * penalty, the step that makes exact zeros:
     *     out[i] = sign(x[i]) * max(|x[i]| - step * l1, 0) / (1 + 2 * step * l2)
     *
     * @template {Elements} T
     * @param {T} x  n elements
     * @param {number} step  the step size, finite and >= 0
     * @param {{ out?: T, dtype?: Dtype }} [options]  out receives n elements of the same dtype: x
     *     itself, which is the default, or an array that does not overlap it
     * @returns {T} out
     * @throws {L1L2Error} status 14 if the step is negative or not finite, or its products are not,
     *     15 if the arrays overlap in part
     * @throws {TypeError} if an array has no dtype, or not that of the other
     * @throws {RangeError} if the arrays differ in length
     */
    prox(x, step, { out = x, dtype } = {}) {
        const code = commonDtype(x, out, dtype);
        check(native.prox(this.#handle, code, x, lengthOf(x), step, out));
        return out;
    }

    /** Releases the library's memory. A second call does nothing. */
    destroy() {
        forgotten.unregister(this);
        this.#retired ||= this.#handle;
        this.#handle = 0;
        this.#release();
    }

    #release() {
        if (this.#asyncCalls > 0) return;
        native.destroy(this.#retired);
        this.#retired = 0;
    }
}

// Node has it since 18.18; `using` itself is newer.
if (Symbol.dispose) {
    Object.defineProperty(Regularizer.prototype, Symbol.dispose, {
        value: Regularizer.prototype.destroy,
    });
}

/**
 * The version of the library that runs, "major.minor.patch".
 *
 * @returns {string}
 */
export function version() {
    return native.versionString();
}

/**
 * The instruction set that the library uses: "avx512bw", "avx2", "sse2", "neon64" or "generic". All
 * of them give the same bits.
 *
 * @returns {string}
 */
export function isa() {
    return native.isa();
}
