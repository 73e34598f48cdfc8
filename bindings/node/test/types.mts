/** What compiles, and what must not, by index.d.mts. */
import { ExactSums, isa, L1L2Error, Regularizer, version } from "l1l2";

using regularizer = new Regularizer(0.01, 0.02);
const x = Float32Array.of(1, 2);
const penalty: number = regularizer.penalty(x);
const later: Promise<number> = regularizer.penaltyAsync(Uint16Array.of(1), { dtype: "bfloat16" });
const shrunk: Float32Array = regularizer.prox(x, 0.1, { out: new Float32Array(2) });
regularizer.addGradient(x, new Float32Array(2), { scale: -1 });
const sums = new ExactSums(new ExactSums().toNumbers());
const count: bigint = sums.count;
const text: string =
    regularizer.toJson("keras3") + version() + isa() + count + penalty + shrunk.length;
const status: number = new L1L2Error(11, text).status;
export { later, status };

// @ts-expect-error: not a typed array
regularizer.penalty([1, 2]);
// @ts-expect-error: a type that has no dtype
regularizer.penalty(new Int32Array(1));
// @ts-expect-error: arrays of two types
regularizer.addGradient(x, new Float64Array(2));
// @ts-expect-error: an unknown dtype
regularizer.penalty(x, { dtype: "float8" });
// @ts-expect-error: coefficients cannot be changed
regularizer.l1 = 1;
