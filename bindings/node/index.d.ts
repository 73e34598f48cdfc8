// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

/**
 * L1/L2 (elastic-net) regularization as Keras defines it, computed by libl1l2.
 *
 *     const regularizer = new Regularizer(0.01, 0.02);
 *     const penalty = regularizer.penalty(weights); // a Float32Array, for example
 *     regularizer.addGradient(weights, gradient);
 *     regularizer.prox(weights, step); // in place
 *
 * All tensors of a model in one call, on several threads if wanted: penaltiesOfTerms and so on,
 * clipByNorm, and ExactSums.addAll take lists.
 *
 * Arrays are typed arrays of any length, anywhere in an ArrayBuffer or SharedArrayBuffer, and are
 * never copied. A tensor of any shape is the array of its elements.
 *
 * What the library refuses is an L1L2Error; all arrays are then unchanged. A TypeError means an
 * array without a dtype or of another dtype than the option says, one whose buffer was transferred
 * or shrunk below it, or a coefficient, scale, step or norm that is not a number; a RangeError means
 * arrays of different lengths, exact sums that are not 207 numbers, or threads that are not a whole
 * number from 1 to 1024. Of a list, the message begins with the first term or array at fault,
 * counted from 0: "term 3: the arrays have 4 and 5 elements".
 *
 * A Regularizer belongs to the thread that made it. Workers load this module, make regularizers of
 * their own, and share arrays through a SharedArrayBuffer. The ...Async methods run on Node's thread
 * pool. Until their promise is settled, do not write to, transfer or resize the arrays.
 */

/** The elements of a tensor of any shape. A Uint16Array holds the bits of float16 or bfloat16. */
export type Elements = Float32Array | Float64Array | Uint16Array | Float16Elements;

/** A Float16Array, where the runtime has it. */
export interface Float16Elements {
    readonly [Symbol.toStringTag]: "Float16Array";
    readonly length: number;
}

/** T, or another array of its type: one may be in an ArrayBuffer, the other in a SharedArrayBuffer. */
export type SameType<T extends Elements> =
    | T
    | (T extends Float32Array
          ? Float32Array
          : T extends Float64Array
            ? Float64Array
            : T extends Uint16Array
              ? Uint16Array
              : Float16Elements);

export type Dtype = "float32" | "float64" | "float16" | "bfloat16";

export interface DtypeOption {
    /** The type of the elements. Required for a Uint16Array; for other arrays it must be their own. */
    dtype?: Dtype;
}

export interface GradientOptions extends DtypeOption {
    /** A finite factor of either sign; 1 by default. */
    scale?: number;
}

export interface ProxOptions<T extends Elements> extends DtypeOption {
    /** Receives the result: x itself, the default, or an array that does not overlap it. */
    out?: T;
}

export interface ProxStepOptions<T extends Elements> extends ProxOptions<T> {
    /**
     * A factor of the step for each element, finite and >= 0: the preconditioner of proximal Adagrad or
     * Adam. A Float64Array for x of float64, else a Float32Array; without it, or if it is null, 1.
     */
    steps?: Float32Array | Float64Array | null;
    /** Receives the result: x itself, the default, the gradient, or an array that overlaps neither. */
    out?: T;
}

export interface ListOptions {
    /** The type of the elements of Uint16Arrays among the arrays. */
    dtype?: Dtype;
}

export interface ClipOptions extends ListOptions {
    /** The norm of all elements, those of other machines included; by default that of the arrays. */
    norm?: number;
}

export interface ThreadsOption {
    /**
     * How many threads of Node's pool work on the list, from 1, the default, to 1024. Fewer do if the
     * pool is smaller (UV_THREADPOOL_SIZE, 4 by default) or busy. Large tensors are cut, so that one
     * of them gains as much as many small ones. The results have the same bits on any number.
     */
    threads?: number;
}

/** One tensor of a list, whose arrays are of one type and length. */
export interface TermOf<T extends Elements> extends DtypeOption {
    /** Terms may share one. */
    regularizer: Regularizer;
    /** The elements. Several terms may have the same, if none is written to. */
    x: T;
    /**
     * What addGradientOfTerms adds to; without it only the penalty is computed. What proxStepOfTerms
     * reads; without it 0.
     */
    gradient?: T | null;
    /** What proxOfTerms and proxStepOfTerms write to: x by default, else as for a single array. */
    out?: T | null;
    /** The factors of the step of proxStepOfTerms, as ProxStepOptions has them. */
    steps?: Float32Array | Float64Array | null;
}

/**
 * One tensor of a list, of any type. No array that is written may overlap one of another term, which
 * is not checked.
 */
export type Term =
    | TermOf<Float32Array>
    | TermOf<Float64Array>
    | TermOf<Uint16Array>
    | TermOf<Float16Elements>;

export interface Penalties {
    /** One for each term: the bits of Regularizer.penalty. */
    penalties: Float64Array;
    /** Their sum, in their order. */
    total: number;
}

/** A failure that the library reports. */
export class L1L2Error extends Error {
    constructor(status: number, message: string);
    /** The l1l2_status; l1l2.h lists them. */
    readonly status: number;
}

/**
 * The sums of |x| and x^2 without rounding, of elements that come in any number of pieces.
 *
 *     const sums = new ExactSums();
 *     for (const chunk of chunks) sums.add(chunk);
 *     const penalty = regularizer.penaltyOfSums(sums);
 *
 * The same elements give the same sums, to the bit, in whatever pieces and order they were added.
 * The numbers can be stored, posted to a worker and sent to any machine. To add up to 2^30 sums, add
 * their numbers index by index.
 */
export class ExactSums {
    /**
     * Makes sums of no elements, or a copy of others from their numbers.
     *
     * @throws {L1L2Error} status 18 if the numbers are damaged, 19 if they have another layout or
     *     byte order, 21 if they count too many elements or sums
     * @throws {TypeError} if numbers is not a BigInt64Array
     * @throws {RangeError} if it does not have 207 numbers
     */
    constructor(numbers?: BigInt64Array);

    /** Adds elements. Elements of different dtypes may go to the same sums. */
    add(x: Elements, options?: DtypeOption): void;

    /** Adds the elements of all arrays, or of none if one is refused. */
    addAll(arrays: Iterable<Elements>, options?: ListOptions): void;

    /** The same on Node's thread pool. The sums may be used meanwhile; they change at the end. */
    addAllAsync(arrays: Iterable<Elements>, options?: ListOptions & ThreadsOption): Promise<void>;

    /** Adds the elements of other sums. */
    merge(other: ExactSums): void;

    /**
     * Takes the elements of other sums out, which were added before. What was never added may go
     * unnoticed.
     *
     * @throws {L1L2Error} status 18 if the other sums have more elements or are greater, or if what
     *     would be left cannot be the sums of so many elements
     */
    subtract(other: ExactSums): void;

    /** The sum of |x|, rounded once. */
    readonly absolute: number;

    /** The sum of x^2, rounded once. */
    readonly square: number;

    /**
     * The Euclidean norm, the square root of the sum of x^2, rounded once: right also where that sum is
     * beyond the range of a number. NaN or Infinity if an element is.
     */
    readonly norm: number;

    /** The number of elements, including infinities and NaNs. */
    readonly count: bigint;

    /** A copy of the numbers. The constructor makes the same sums of it. */
    toNumbers(): BigInt64Array;

    /** Whether both hold the same sums and counts. */
    equals(other: ExactSums): boolean;
}

/**
 * A pair of coefficients, which never changes.
 *
 * destroy(), which `using` calls, frees its few bytes of memory at once; otherwise they are freed
 * when it is collected. After destroy() all other methods throw an L1L2Error of status 10.
 */
export class Regularizer {
    /**
     * @param l1  coefficient of sum(|x|), finite and >= 0; 0 by default
     * @param l2  coefficient of sum(x^2), finite and >= 0; 0 by default. There is no factor 1/2
     * @throws {L1L2Error} status 11 if a coefficient is negative, NaN or infinite
     */
    constructor(l1?: number, l2?: number);

    /**
     * Reads the JSON text that any version of Keras writes for an L1L2, L1 or L2.
     *
     * @throws {L1L2Error} status 40 if the text is not JSON, 41 if it describes no regularizer, 11
     *     for a wrong coefficient; the message names the key, the class or the byte
     */
    static fromJson(text: string): Regularizer;

    /**
     * Writes the regularizer as Python's json.dumps would: "config" is what get_config() returns,
     * "keras2" and "keras3" are the forms in which these versions serialize an object.
     */
    toJson(style?: "config" | "keras2" | "keras3"): string;

    readonly l1: number;
    readonly l2: number;

    /**
     * Returns the penalty l1 * sum(|x[i]|) + l2 * sum(x[i]^2), computed in double precision: >= 0,
     * Infinity, or NaN if x holds a NaN. A part whose coefficient is 0 is left out.
     */
    penalty(x: Elements, options?: DtypeOption): number;

    /** Returns the penalty of exact sums, rounded once. */
    penaltyOfSums(sums: ExactSums): number;

    /**
     * Adds the gradient of the penalty:
     *     gradient[i] += scale * (l1 * sign(x[i]) + 2 * l2 * x[i]),  with sign(0) = 0
     *
     * gradient has the length and dtype of x and does not overlap it.
     *
     * @throws {L1L2Error} status 13 if the scale or its product with a coefficient is not finite,
     *     15 if the arrays overlap
     */
    addGradient<T extends Elements>(x: T, gradient: SameType<T>, options?: GradientOptions): void;

    /** Adds the gradient and returns the penalty of x, unscaled, from the same pass over memory. */
    penaltyAndAddGradient<T extends Elements>(
        x: T,
        gradient: SameType<T>,
        options?: GradientOptions,
    ): number;

    /**
     * Writes the proximal operator of step * penalty to out, which it returns:
     *     out[i] = sign(x[i]) * max(|x[i]| - step * l1, 0) / (1 + 2 * step * l2)
     *
     * @throws {L1L2Error} status 14 if the step is negative or not finite, or its products are not,
     *     15 if the arrays overlap in part
     */
    prox<T extends Elements, Out extends SameType<T> = T>(
        x: T,
        step: number,
        options?: ProxOptions<Out>,
    ): Out;

    /**
     * Takes a step of proximal gradient descent in one pass over memory, and returns out, to which it
     * writes. With s = step * steps[i] and v = x[i] - s * gradient[i]:
     *     out[i] = sign(v) * max(|v| - s * l1, 0) / (1 + 2 * s * l2)
     *
     * gradient has the length and dtype of x; null means 0.
     *
     * @throws {L1L2Error} status 14 if a step is negative or not finite, or its products are not, 15
     *     if out overlaps steps, or another array in part
     */
    proxStep<T extends Elements, Out extends SameType<T> = T>(
        x: T,
        gradient: SameType<T> | null,
        step: number,
        options?: ProxStepOptions<Out>,
    ): Out;

    /** The same on Node's thread pool. What the methods above throw rejects the promise. */
    penaltyAsync(x: Elements, options?: DtypeOption): Promise<number>;
    addGradientAsync<T extends Elements>(
        x: T,
        gradient: SameType<T>,
        options?: GradientOptions,
    ): Promise<void>;
    penaltyAndAddGradientAsync<T extends Elements>(
        x: T,
        gradient: SameType<T>,
        options?: GradientOptions,
    ): Promise<number>;
    proxAsync<T extends Elements, Out extends SameType<T> = T>(
        x: T,
        step: number,
        options?: ProxOptions<Out>,
    ): Promise<Out>;

    proxStepAsync<T extends Elements, Out extends SameType<T> = T>(
        x: T,
        gradient: SameType<T> | null,
        step: number,
        options?: ProxStepOptions<Out>,
    ): Promise<Out>;

    /** Frees the memory. A second call does nothing; async calls under way finish. */
    destroy(): void;
    [Symbol.dispose](): void;
}

/**
 * Returns the penalties of all terms.
 *
 * @throws {L1L2Error} status 10 if a regularizer is destroyed
 */
export function penaltiesOfTerms(terms: Iterable<Term>): Penalties;

/**
 * Adds the gradients of all terms that have one, times scale, and returns all penalties, unscaled, from
 * the same pass over memory.
 *
 * @throws {L1L2Error} as Regularizer.addGradient; all arrays are then unchanged
 */
export function addGradientOfTerms(terms: Iterable<Term>, options?: { scale?: number }): Penalties;

/**
 * Writes the proximal operators of all terms.
 *
 * @throws {L1L2Error} as Regularizer.prox; all arrays are then unchanged
 */
export function proxOfTerms(terms: Iterable<Term>, step: number): void;

/**
 * Takes a step of proximal gradient descent on all terms.
 *
 * @throws {L1L2Error} as Regularizer.proxStep; all arrays are then unchanged
 */
export function proxStepOfTerms(terms: Iterable<Term>, step: number): void;

/**
 * The same on Node's thread pool, on several threads of it if they are wanted. What the functions above
 * throw rejects the promise.
 */
export function penaltiesOfTermsAsync(
    terms: Iterable<Term>,
    options?: ThreadsOption,
): Promise<Penalties>;
export function addGradientOfTermsAsync(
    terms: Iterable<Term>,
    options?: { scale?: number } & ThreadsOption,
): Promise<Penalties>;
export function proxOfTermsAsync(
    terms: Iterable<Term>,
    step: number,
    options?: ThreadsOption,
): Promise<void>;
export function proxStepOfTermsAsync(
    terms: Iterable<Term>,
    step: number,
    options?: ThreadsOption,
): Promise<void>;

/**
 * Clips arrays, the gradients of a model as a rule, by the norm of all of them together, which it
 * returns: multiplies every element by min(1, maxNorm / norm), in place. If the norm is at most maxNorm,
 * every element keeps its bits. The arrays do not overlap.
 *
 * @throws {L1L2Error} status 22 if maxNorm or the norm is negative, infinite or NaN, as the norm is if
 *     an element is; all arrays are then unchanged
 */
export function clipByNorm(
    arrays: Iterable<Elements>,
    maxNorm: number,
    options?: ClipOptions,
): number;

/** The same on Node's thread pool. What clipByNorm throws rejects the promise. */
export function clipByNormAsync(
    arrays: Iterable<Elements>,
    maxNorm: number,
    options?: ClipOptions & ThreadsOption,
): Promise<number>;

/** The version of the library in use, "major.minor.patch". */
export function version(): string;

/** The instruction set that the library uses, "avx2" for example. All give the same bits. */
export function isa(): string;

declare global {
    /** As esnext.disposable declares it, which `using` needs and the rest of this package does not. */
    interface SymbolConstructor {
        readonly dispose: unique symbol;
    }
}
