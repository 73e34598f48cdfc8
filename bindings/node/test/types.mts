/** What compiles, and what must not, by index.d.mts. */
import { clipByNorm, clipByNormAsync, ExactSums, isa, L1L2Error, Regularizer, version } from "l1l2";
import { addGradientOfTerms, penaltiesOfTermsAsync, proxOfTerms, proxStepOfTermsAsync } from "l1l2";
import type { Elements, Penalties, Term } from "l1l2";

using regularizer = new Regularizer(0.01, 0.02);
const x = Float32Array.of(1, 2);
const penalty: number = regularizer.penalty(x);
const later: Promise<number> = regularizer.penaltyAsync(Uint16Array.of(1), { dtype: "bfloat16" });
const shrunk: Float32Array = regularizer.prox(x, 0.1, { out: new Float32Array(2) });
regularizer.addGradient(x, new Float32Array(2), { scale: -1 });
const stepped: Float32Array = regularizer.proxStep(x, null, 0.1, { steps: x });
const shared = new Float32Array(new SharedArrayBuffer(8)); // beside x, which is not
regularizer.addGradient(shared, x);
regularizer.penaltyAndAddGradient(x, shared);
const out: typeof shared = regularizer.prox(x, 0.1, { out: shared });
const own: typeof x = regularizer.proxStep(shared, x, 0.1, { steps: shared, out: x });
const sharedLater: Promise<number> = regularizer.penaltyAndAddGradientAsync(shared, x);
const outLater: Promise<typeof shared> = regularizer.proxAsync(x, 0.1, { out: shared });
const ownLater: Promise<typeof x> = regularizer.proxStepAsync(x, shared, 0.1);
export const generic = <T extends Elements>(x: T, out?: T): T => regularizer.prox(x, 0.1, { out });
regularizer.proxStep(x, null, 0.1, { steps: null });
const norm: number = clipByNorm([x, new Float64Array(2)], 1, { norm: 2 });
const terms: Term[] = [
    { regularizer, x, gradient: new Float32Array(2), out: x, steps: x },
    { regularizer, x: Uint16Array.of(1), dtype: "float16" },
];
const penalties: Float64Array = addGradientOfTerms(terms, { scale: 2 }).penalties;
const all: Promise<Penalties> = penaltiesOfTermsAsync(new Set(terms), { threads: 2 });
const done: Promise<void> = proxStepOfTermsAsync(terms, 0.1);
proxOfTerms(terms, penalties.length);
const clipped: Promise<number> = clipByNormAsync([x], 1, { norm: 2, threads: 2 });
new ExactSums().addAll([x, new Uint16Array(1)], { dtype: "float16" });
const sums = new ExactSums(new ExactSums().toNumbers());
const count: bigint = sums.count;
const text: string =
    regularizer.toJson("keras3") + version() + isa() + count + penalty + shrunk.length + stepped.length + norm;
const status: number = new L1L2Error(11, text).status;
export { all, clipped, done, later, out, outLater, own, ownLater, sharedLater, status };

// @ts-expect-error: not a typed array
regularizer.penalty([1, 2]);
// @ts-expect-error: a type that has no dtype
regularizer.penalty(new Int32Array(1));
// @ts-expect-error: arrays of two types
regularizer.addGradient(x, new Float64Array(2));
// @ts-expect-error: an out of another type
regularizer.prox(x, 1, { out: new Float64Array(2) });
// @ts-expect-error: a gradient of another type
regularizer.proxStep(x, new Float64Array(2), 1);
// @ts-expect-error: steps are floating-point numbers
regularizer.proxStep(x, null, 1, { steps: new Uint16Array(2) });
// @ts-expect-error: an array, not a list of arrays
clipByNorm(x, 1);
// @ts-expect-error: an unknown dtype
regularizer.penalty(x, { dtype: "float8" });
// @ts-expect-error: a term whose arrays are of two types
proxOfTerms([{ regularizer, x, out: new Float64Array(2) }], 1);
// @ts-expect-error: a name that is misspelled
addGradientOfTerms([{ regularizer, x, gradients: x }]);
// @ts-expect-error: one term, not a list of terms
proxOfTerms({ regularizer, x }, 1);
// @ts-expect-error: coefficients cannot be changed
regularizer.l1 = 1;
