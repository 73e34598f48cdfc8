/** Proximal steps, norms, differences of sums, and clipping. */
import assert from "node:assert";
import { test } from "node:test";
import { clipByNorm, ExactSums, L1L2Error, Regularizer } from "l1l2";

const status = (number) => (error) => error instanceof L1L2Error && error.status === number;
const regularizer = new Regularizer(0.01, 0.02);
const wave = (n, f) => Float64Array.from({ length: n }, (_, i) => f(i));

function sumsOf(...elements) {
    const sums = new ExactSums();
    sums.add(Float64Array.from(elements));
    return sums;
}

/** What l1l2.h says of the step 0.7 with a factor for each element, in double. */
function stepped(x, gradient, factor) {
    const v = x - 0.7 * factor * gradient;
    const shrunk =
        Math.max(Math.abs(v) - 0.7 * 0.01 * factor, 0) / (1 + 2 * (0.7 * 0.02) * factor);
    return v < 0 || Object.is(v, -0) ? -shrunk : shrunk;
}

test("a proximal step follows the formula", async () => {
    const [x, gradient] = [wave(300, Math.sin), wave(300, Math.cos)];
    const steps = wave(300, (i) => (i % 7) / 4);
    const expected = x.map((x, i) => stepped(x, gradient[i], steps[i]));
    const before = x.slice();
    const out = new Float64Array(300);
    assert.equal(regularizer.proxStep(x, gradient, 0.7, { steps, out }), out);
    assert.deepEqual(out, expected);
    assert.deepEqual(x, before);
    const later = x.slice();
    assert.equal(await regularizer.proxStepAsync(later, gradient, 0.7, { steps }), later);
    assert.deepEqual(later, expected);
    regularizer.proxStep(x, gradient, 0.7, { steps, out: gradient });
    assert.deepEqual(gradient, expected);
    assert.equal(regularizer.proxStep(x, wave(300, Math.cos), 0.7, { steps }), x);
    assert.deepEqual(x, expected);
});

test("without a gradient and steps it is the proximal operator", () => {
    for (const absent of [null, undefined]) {
        const [x, y] = [wave(300, Math.sin), wave(300, Math.sin)];
        regularizer.prox(x, 0.7);
        regularizer.proxStep(y, null, 0.7, { steps: absent });
        assert.deepEqual(y, x);
    }
    // A name that is misspelled is no wish for no gradient.
    assert.throws(() => regularizer.proxStep(wave(300, Math.sin), undefined, 0.7), TypeError);
});

test("steps of half precisions are float32", () => {
    const x = Uint16Array.of(0x3f80, 0xc040); // 1, -3
    const gradient = Uint16Array.of(0x4000, 0x4000); // 2, 2
    const l1 = new Regularizer(1, 0);
    const steps = Float32Array.of(1, 0.5);
    l1.proxStep(x, gradient, 0.5, { steps, dtype: "bfloat16" });
    assert.deepEqual([...x], [0, 0xc050]); // 0, -3.25
    l1.proxStep(x, gradient, 0.5, { dtype: "bfloat16" });
    assert.deepEqual([...x], [0xbf00, 0xc070]); // -0.5, -3.75
    const options = { dtype: "bfloat16", steps: Float64Array.of(1, 1) };
    assert.throws(() => l1.proxStep(x, gradient, 1, options), TypeError);
});

test("what a step reads must fit, and nothing is written", async () => {
    const x = Float32Array.of(1, 2, 3);
    const out = new Float32Array(3);
    const step = (gradient, step, options) => () => regularizer.proxStep(x, gradient, step, options);
    const ones = new Float32Array(3).fill(1);
    for (const [error, call] of [
        [TypeError, step(new Float64Array(3), 1)],
        [TypeError, step([1, 2, 3], 1)],
        [/^TypeError: step is not a number$/, step(ones, "1", { out })],
        [TypeError, step(ones, 1, { steps: new Float64Array(3) })],
        [TypeError, step(ones, 1, { steps: 1 })],
        [RangeError, step(new Float32Array(2), 1)],
        [RangeError, step(ones, 1, { steps: new Float32Array(4) })],
        [RangeError, step(ones, 1, { out: new Float32Array(4) })],
        [status(14), step(ones, -1)],
        [status(14), step(ones, 1, { steps: Float32Array.of(1, 1, NaN) })],
        [status(15), step(ones, 1, { out: ones, steps: ones })],
    ]) {
        assert.throws(call, error);
    }
    const call = regularizer.proxStepAsync(x, ones, 1, { steps: Float32Array.of(1, 1, -1) });
    await assert.rejects(call, status(14));
    assert.deepEqual([...x], [1, 2, 3]);
    assert.deepEqual([...out], [0, 0, 0]);
});

test("the norm is rounded once, also beyond the range of squares", () => {
    assert.equal(new ExactSums().norm, 0);
    assert.equal(sumsOf(3, -4).norm, 5);
    assert.equal(sumsOf(1e200, 1, 1).norm, 1e200);
    // The double next to sqrt(3) times the double that 1e-200 is.
    assert.equal(sumsOf(1e-200, 1e-200, 1e-200).norm, 1.7320508075688772e-200);
    assert.equal(sumsOf(1.7e308, 1.7e308).norm, Infinity);
    assert.equal(sumsOf(1, -Infinity).norm, Infinity);
    assert.equal(sumsOf(1, NaN).norm, NaN);
});

test("what was added can be subtracted, and nothing else", () => {
    const sums = sumsOf(1.5, -2, Infinity);
    sums.subtract(sumsOf(Infinity, 1.5));
    assert(sums.equals(sumsOf(-2)));
    for (const other of [sumsOf(3), sumsOf(1, 1), sumsOf(NaN)]) {
        assert.throws(() => sums.subtract(other), status(18));
    }
    for (const wrong of [null, 1, sums.toNumbers()]) {
        assert.throws(() => sums.subtract(wrong), TypeError);
    }
    assert(sums.equals(sumsOf(-2)));
    sums.subtract(sums);
    assert(sums.equals(new ExactSums()));
});

test("arrays are clipped by the norm of all", () => {
    const before = wave(70_000, (i) => (i % 97) - 48);
    const square = before.reduce((sum, x) => sum + x * x, 0); // of integers: exact
    const norm = Math.sqrt(square + 9);
    const [x, y] = [before.slice(), Float32Array.of(3)];
    for (const maxNorm of [1e9, norm]) {
        assert.equal(clipByNorm([x, y], maxNorm), norm);
        assert.deepEqual(x, before);
    }
    assert.equal(clipByNorm(new Set([x, y]), 1.5), norm);
    assert.deepEqual(
        x,
        before.map((x) => x * (1.5 / norm)),
    );
    assert.equal(y[0], Math.fround(3 * Math.fround(1.5 / norm)));
    assert.equal(clipByNorm([], 1), 0);

    const given = Float64Array.of(3, 4);
    assert.equal(clipByNorm([given], 5, { norm: 10 }), 10);
    assert.deepEqual([...given], [1.5, 2]);

    // 300 in float16, beside another type, neither overflows nor vanishes.
    const [half, single] = [Uint16Array.of(0x5cb0), Float32Array.of(0)];
    assert.equal(clipByNorm([half, single], 1, { dtype: "float16" }), 300);
    assert.equal(half[0], 0x3c00);
});

test("a norm that is not finite, or an array that is none, clips nothing", () => {
    const [x, bad] = [Float32Array.of(30), Float64Array.of(1, NaN)];
    assert.throws(() => clipByNorm([x, bad], 1), status(22));
    for (const wrong of [-1, NaN, Infinity]) {
        assert.throws(() => clipByNorm([x], 1, { norm: wrong }), status(22));
        assert.throws(() => clipByNorm([x], wrong, { norm: 2 }), status(22));
        assert.throws(() => clipByNorm([], wrong), status(22));
    }
    for (const array of [[1], null, new Uint16Array(1), new Int8Array(1)]) {
        assert.throws(() => clipByNorm([x, array], 1), TypeError);
        assert.throws(() => clipByNorm([x, array], 1, { norm: 2 }), TypeError);
    }
    assert.throws(() => clipByNorm([x], 1, { norm: "2" }), TypeError);
    assert.throws(() => clipByNorm([x], "1"), TypeError);
    for (const norm of [undefined, 2]) {
        assert.throws(() => clipByNorm([x], 1, { norm, dtype: "half" }), /dtype is none of/);
    }
    assert.equal(x[0], 30);
});
