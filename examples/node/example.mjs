// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * The penalty, its gradient and its proximal operator of four weights.
 *
 *     npm install
 *     node example.mjs
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import * as l1l2 from "l1l2";

const weights = Float32Array.of(0.5, -1.25, 0, 2);
const regularizer = new l1l2.Regularizer(0.01, 0.02);
console.log("penalty", regularizer.penalty(weights));
console.log(`libl1l2 ${l1l2.version()}, ${l1l2.isa()}`);

const gradient = new Float32Array(4);
const penalty = regularizer.penaltyAndAddGradient(weights, gradient);
console.log("gradient", ...gradient, "and penalty", penalty);
const shrunk = regularizer.prox(weights, 0.1, { out: new Float32Array(4) });
console.log("prox", ...shrunk);
const bits = Uint16Array.of(0x3f00, 0xbfa0, 0x0000, 0x4000);
console.log("penalty in bfloat16", regularizer.penalty(bits, { dtype: "bfloat16" }));

// Of pieces, which may come from anywhere in any order.
const sums = new l1l2.ExactSums();
for (const piece of [weights.subarray(2), weights.subarray(0, 2)]) sums.add(piece);
console.log("penalty of two pieces", regularizer.penaltyOfSums(sums));

const json = regularizer.toJson("keras3");
const copy = l1l2.Regularizer.fromJson(json);
console.log(json);
console.log("read back: l1", copy.l1, "l2", copy.l2);
copy.destroy();

for (const mistake of [
    () => new l1l2.Regularizer(-1),
    () => l1l2.Regularizer.fromJson('{"l3": 0.01}'),
]) {
    try {
        mistake();
    } catch (error) {
        if (!(error instanceof l1l2.L1L2Error)) throw error;
        console.log(`${error.name} ${error.status}: ${error.message}`);
    }
}

// Workers share the elements and make regularizers of their own.
const shared = new Float32Array(new SharedArrayBuffer(weights.byteLength));
shared.set(weights);
const workers = Array.from({ length: 4 }, () => {
    const workerData = { l1: regularizer.l1, l2: regularizer.l2, weights: shared };
    return new Worker(new URL("penalty_worker.mjs", import.meta.url), { workerData });
});
const messages = await Promise.all(workers.map((worker) => once(worker, "message")));
console.log("from four workers", ...messages.flat());

// One thread of Node's pool for each call, while this one goes on.
const promises = Array.from({ length: 4 }, () => regularizer.penaltyAsync(weights));
console.log("from Node's pool", ...(await Promise.all(promises)));
regularizer.destroy();
