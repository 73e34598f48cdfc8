/** Lists of tensors. What is expected is computed here, of numbers whose sums are exact. */
import assert from "node:assert";
import { createHook } from "node:async_hooks";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import * as l1l2 from "l1l2";
import { ExactSums, L1L2Error, Regularizer } from "l1l2";
import { collect, makeShared, root, temporaryFolder } from "./support.mjs";

/** A function of lists, alone and on threads of the pool. */
function* waysOf(name) {
    yield async (...parameters) => l1l2[name](...parameters);
    for (const threads of [undefined, 1, 2, 4, 9]) {
        yield async (...parameters) => {
            const options = Object(parameters.at(-1)) === parameters.at(-1) && parameters.length > 1;
            const others = options ? parameters.pop() : {};
            return l1l2[`${name}Async`](...parameters, { ...others, threads });
        };
    }
}

const half = new Regularizer(0.5, 0.25);
const quarter = new Regularizer(0.25, 0);
const wave = (n) => Float64Array.from({ length: n }, (_, i) => (i % 97) - 48);
const penaltyOf = (x, l1, l2) => x.reduce((sum, x) => sum + l1 * Math.abs(x) + l2 * x * x, 0);

/** The large one is cut into several tasks; the small ones are one, or a part of one. */
function makeTerms() {
    const x = wave(300_000);
    return [
        { regularizer: half, x, gradient: wave(x.length).fill(1) },
        { regularizer: quarter, x: Float32Array.of(1, -2, 0), gradient: null },
        {
            regularizer: half,
            x: Uint16Array.of(0x3c00, 0xc200), // 1, -3
            gradient: Uint16Array.of(0x3c00, 0), // 1, 0
            dtype: "float16",
        },
        { regularizer: half, x: new Float64Array(0) },
        {
            regularizer: quarter,
            x: Uint16Array.of(0x3f80, 0xc040), // 1, -3
            gradient: Uint16Array.of(0x4000, 0), // 2, 0
            dtype: "bfloat16",
        },
        ...Array.from({ length: 1000 }, (_, i) => ({ regularizer: half, x: Float32Array.of(i) })),
    ];
}

const expectedPenalties = [
    penaltyOf(wave(300_000), 0.5, 0.25),
    0.75,
    4.5,
    0,
    1,
    ...Array.from({ length: 1000 }, (_, i) => 0.5 * i + 0.25 * i * i),
];
const expectedTotal = expectedPenalties.reduce((total, penalty) => total + penalty);

test("one thread of the pool is taken, unless more are wanted", async () => {
    let taken = 0;
    const init = (_, type) => (taken += type === "l1l2" ? 1 : 0);
    const hook = createHook({ init }).enable();
    const x = Float32Array.of(1);
    const terms = [{ regularizer: half, x, gradient: Float32Array.of(1) }];
    for (const call of [
        (options) => l1l2.penaltiesOfTermsAsync(terms, options),
        (options) => l1l2.addGradientOfTermsAsync(terms, options),
        (options) => l1l2.proxOfTermsAsync(terms, 1, options),
        (options) => l1l2.proxStepOfTermsAsync(terms, 1, options),
        (options) => l1l2.clipByNormAsync([x], 1, { ...options, norm: 1 }),
        (options) => new ExactSums().addAllAsync([x], options),
    ]) {
        for (const threads of [undefined, 3]) {
            taken = 0;
            await call({ threads });
            assert.equal(taken, threads ?? 1);
        }
    }
    hook.disable();
});

test("the penalties of terms are those of the formula", async () => {
    for (const penaltiesOfTerms of waysOf("penaltiesOfTerms")) {
        const { penalties, total } = await penaltiesOfTerms(makeTerms());
        assert.deepEqual(penalties, Float64Array.from(expectedPenalties));
        assert.equal(total, expectedTotal);
        const none = await penaltiesOfTerms(new Set());
        assert.deepEqual(none, { penalties: new Float64Array(0), total: 0 });
    }
});

test("gradients are added to the terms that have one", async () => {
    for (const addGradientOfTerms of waysOf("addGradientOfTerms")) {
        const terms = makeTerms();
        const { penalties, total } = await addGradientOfTerms(terms, { scale: -2 });
        assert.deepEqual(penalties, Float64Array.from(expectedPenalties));
        assert.equal(total, expectedTotal);
        const expected = wave(300_000).map((x) => 1 - 2 * (0.5 * Math.sign(x) + 0.5 * x));
        assert.deepEqual(terms[0].gradient, expected);
        assert.deepEqual([...terms[2].gradient], [0xbc00, 0x4400]); // 1 - 2, 0 + 4
        assert.deepEqual([...terms[4].gradient], [0x3fc0, 0x3f00]); // 2 - 0.5, 0 + 0.5
        await addGradientOfTerms(terms); // a scale of 1
        assert.deepEqual([...terms[4].gradient], [0x3fe0, 0x3e80]); // 1.75, 0.25
    }
});

test("proximal operators are written to out, or in place", async () => {
    for (const proxOfTerms of waysOf("proxOfTerms")) {
        const out = new Float64Array(300_000);
        const terms = makeTerms();
        terms[0] = { ...terms[0], out };
        terms.push({ ...terms[2], x: terms[2].x.slice(), out: new Uint16Array(2) });
        await proxOfTerms(terms, 2);
        const shrunk = (x) => (Math.sign(x) * Math.max(Math.abs(x) - 1, 0)) / 2;
        assert(out.every((out, i) => out === shrunk(terms[0].x[i])));
        assert.deepEqual(terms[0].x, wave(300_000));
        assert.deepEqual([...terms[1].x], [0.5, -1.5, 0]);
        assert.deepEqual([...terms[2].x], [0, 0xbc00]); // 0, -1
        assert.deepEqual([...terms[1005].out], [0, 0xbc00]);
        assert.deepEqual([...terms[4].x], [0x3f00, 0xc020]); // 0.5, -2.5
        assert.deepEqual([...terms[1004].x], [499]);
    }
});

test("proximal steps have a gradient, and a step for each element, where they are given", async () => {
    for (const proxStepOfTerms of waysOf("proxStepOfTerms")) {
        const terms = makeTerms();
        terms[0].steps = wave(300_000).map((_, i) => i % 3);
        terms[1].out = new Float32Array(3);
        terms[2].steps = Float32Array.of(0, 2);
        terms[4].steps = Float32Array.of(0.5, 1);
        await proxStepOfTerms(terms, 1);
        const expected = wave(300_000).map((x, i) => {
            const factor = i % 3;
            const v = x - factor;
            return (Math.sign(v) * Math.max(Math.abs(v) - factor * 0.5, 0)) / (1 + 0.5 * factor);
        });
        assert(terms[0].x.every((x, i) => x === expected[i]));
        assert.deepEqual([...terms[1].out], [0.75, -1.75, 0]);
        assert.deepEqual([...terms[1].x], [1, -2, 0]);
        assert.deepEqual([...terms[2].x], [0x3c00, 0xbc00]); // 1, -1
        // 1 - 0.5 * 2 is 0; -3 + 0.25 is -2.75.
        assert.deepEqual([...terms[4].x], [0, 0xc030]);
    }
});

test("arrays are added to exact sums, and clipped by their norm", async () => {
    const makeArrays = () => [wave(300_000), Float32Array.of(3), Uint16Array.of(0x4400)]; // 4
    const options = { dtype: "float16" };
    const square = penaltyOf(wave(300_000), 0, 1) + 25;
    const norm = Math.sqrt(square);
    const expected = wave(300_000).map((x) => x * (2 / norm));
    for (const threads of [0, 1, 3]) {
        const sums = new ExactSums();
        const arrays = makeArrays();
        if (threads === 0) sums.addAll(arrays, options);
        else {
            const added = sums.addAllAsync(new Set(arrays), { ...options, threads });
            sums.add(Float32Array.of(2)); // meanwhile
            await added;
            const other = new ExactSums();
            other.add(Float32Array.of(2));
            sums.subtract(other);
        }
        assert.equal(sums.square, square);
        assert.equal(sums.count, 300_002n);
        if (threads === 0) assert.equal(l1l2.clipByNorm(arrays, 2, options), norm);
        else assert.equal(await l1l2.clipByNormAsync(arrays, 2, { ...options, threads }), norm);
        assert(arrays[0].every((x, i) => x === expected[i]));
        assert.equal(arrays[1][0], Math.fround(3 * Math.fround(2 / norm)));
    }
    const given = Float64Array.of(3, 4);
    assert.equal(await l1l2.clipByNormAsync([given], 5, { norm: 10, threads: 2 }), 10);
    assert.deepEqual([...given], [1.5, 2]);
    const before = new ExactSums();
    assert.throws(() => before.addAll([Float32Array.of(1), [2]]), /^TypeError: array 1: not a typed/);
    await assert.rejects(before.addAllAsync([Float32Array.of(1), 2]), /^TypeError: array 1: /);
    assert.equal(before.count, 0n);
});

/** A list whose third term is changed: [what it is changed to, the error that this is]. */
const destroyed = new Regularizer(1, 1);
destroyed.destroy();
const status = (number) => (error) =>
    error instanceof L1L2Error && error.status === number && error.message.startsWith("term 2: ");
const refusals = {
    penaltiesOfTerms: [
        [{ x: [1] }, /^TypeError: term 2: not a typed array$/],
        [{ x: Uint16Array.of(1) }, /^TypeError: term 2: .* needs the option dtype$/],
        [{ dtype: "half" }, /^TypeError: term 2: dtype is none of/],
        [{ regularizer: null }, /^TypeError: term 2: regularizer is no Regularizer$/],
        [{ regularizer: { l1: 1 } }, /^TypeError: term 2: regularizer is no Regularizer$/],
        [{ regularizer: destroyed }, status(10)],
    ],
    addGradientOfTerms: [
        [{ gradient: 1 }, /^TypeError: term 2: not a typed array$/],
        [{ gradient: new Float32Array(1) }, /^RangeError: term 2: the arrays have 2 and 1 elements$/],
        [{ gradient: new Float64Array(2) }, /^TypeError: term 2: the arrays differ in their dtype$/],
        [{ regularizer: new Regularizer(1e308, 1e308), gradient: new Float32Array(2) }, status(13)],
    ],
    proxOfTerms: [
        [{ out: new Float32Array(3) }, /^RangeError: term 2: /],
        [{ out: 1 }, /^TypeError: term 2: not a typed array$/],
        [{ regularizer: new Regularizer(1e308, 0) }, status(14)],
    ],
    proxStepOfTerms: [
        [{ steps: new Float64Array(2) }, /^TypeError: term 2: the arrays differ in their dtype$/],
        [{ steps: new Float32Array(3) }, /^RangeError: term 2: /],
        [{ steps: Float32Array.of(1, -1) }, status(14)],
    ],
};

for (const [name, changes] of Object.entries(refusals)) {
    test(`a list with a term that is wrong changes nothing: ${name}`, async () => {
        const ones = () => Float32Array.of(1, 1);
        for (const call of waysOf(name)) {
            for (const [length, [change, error]] of changes.flatMap((each) => [[3, each], [4, each]])) {
                const terms = Array.from({ length }, () => ({
                    regularizer: half,
                    x: ones(),
                    gradient: ones(),
                }));
                const wrong = Object.assign(terms[2], change);
                const factor = name.startsWith("prox") ? 2 : { scale: 2 };
                await assert.rejects(call(terms, factor), error);
                for (const { x, gradient } of terms.filter((term) => term !== wrong)) {
                    assert.deepEqual([x, gradient], [ones(), ones()]);
                }
            }
            for (const wrong of [[null], [1], [undefined]]) {
                await assert.rejects(call(wrong, 1), /^TypeError: term 0: not an object$/);
            }
            await assert.rejects(call(null, 1), TypeError);
        }
    });
}

test("a factor that is wrong is refused, even without terms", async () => {
    for (const call of waysOf("addGradientOfTerms")) {
        await assert.rejects(call([], { scale: NaN }), { status: 13, message: /^the scale/ });
        await assert.rejects(call([], { scale: "1" }), /^TypeError: scale is not a number$/);
    }
    for (const name of ["proxOfTerms", "proxStepOfTerms"]) {
        for (const call of waysOf(name)) {
            await assert.rejects(call([], -1), { status: 14 });
            await assert.rejects(call([], "1"), /^TypeError: step is not a number$/);
        }
    }
    await assert.rejects(l1l2.clipByNormAsync([], -1), { status: 22 });
    await assert.rejects(l1l2.clipByNormAsync([Float32Array.of(NaN)], 1), { status: 22 });
    await l1l2.penaltiesOfTermsAsync([], { threads: 1024 });
    for (const threads of [0, 1025, 1.5, "2", null]) {
        await assert.rejects(l1l2.penaltiesOfTermsAsync([], { threads }), RangeError);
    }
});

test("a scale that is not given is 1", async () => {
    const [x, regularizer] = [Float32Array.of(2), new Regularizer(0.5, 0)];
    for (const add of [
        (gradient) => regularizer.addGradient(x, gradient),
        (gradient) => regularizer.addGradientAsync(x, gradient),
        (gradient) => regularizer.penaltyAndAddGradient(x, gradient),
        (gradient) => regularizer.penaltyAndAddGradientAsync(x, gradient),
        (gradient) => l1l2.addGradientOfTerms([{ regularizer, x, gradient }]),
        (gradient) => l1l2.addGradientOfTermsAsync([{ regularizer, x, gradient }]),
    ]) {
        const gradient = Float32Array.of(1);
        await add(gradient);
        assert.equal(gradient[0], 1.5);
    }
});

test("a call on the pool keeps its arrays and regularizers", async () => {
    const n = 2 ** 16;
    const long = new Float32Array(2 ** 25);
    const busy = Array.from({ length: 32 }, () => half.penaltyAsync(long));
    const regularizers = Array.from({ length: 16 }, (_, i) => new Regularizer(i, 0));
    const destroyed = regularizers.map((regularizer) => {
        const x = new Float32Array(n).fill(1);
        const call = l1l2.penaltiesOfTermsAsync([{ regularizer, x }], { threads: 2 });
        regularizer.destroy();
        return call;
    });
    // Of the native function itself, as the engine may keep what this package's functions had.
    const native = createRequire(import.meta.url)("../native/l1l2.node");
    const handle = native.create(1, 0);
    const outs = regularizers.map(() => new Float32Array(n));
    const shrunk = outs.map((out) => {
        const codes = Int32Array.of(1 + 8 + 32); // its own dtype, with a handle and an out
        const term = [codes, handle, new Float32Array(n).fill(4), out];
        return native.proxTermsAsync(term, undefined, 2, undefined, 2);
    });
    // These take the place of what is freed too early.
    for (let i = 0; i < 3; ++i) {
        collect();
        await setImmediate();
        for (let j = 0; j < 64; ++j) new Regularizer(9, 9).penalty(new Float32Array(n).fill(9));
    }
    const totals = (await Promise.all(destroyed)).map(({ total }) => total);
    assert.deepEqual(
        totals,
        totals.map((_, i) => n * i),
    );
    await Promise.all(shrunk);
    assert(outs.every((out) => out.every((value) => value === 2)));
    await Promise.all(busy);
});

test("a call ends after the last of its tasks", async () => {
    const x = new Float32Array(2 ** 24).fill(4);
    const terms = [{ regularizer: quarter, x, gradient: new Float32Array(x.length) }];
    for (let i = 1; i <= 20; ++i) {
        const { total } = await l1l2.addGradientOfTermsAsync(terms, { threads: 4 });
        assert.equal(total, x.length);
        assert.equal(terms[0].gradient.at(-1), i / 4);
    }
    assert(terms[0].gradient.every((gradient) => gradient === 5));
});

/**
 * Stands in for libl1l2. Each of two tasks waits for the other, at most 20 s; the total is how often
 * they and no other met, in ten runs. Before all runs but the first the second thread has time to
 * fall asleep.
 */
const meetings = `
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

static atomic_int arrivals;
static atomic_bool met;

static void meet(void* work, size_t index) {
    (void)work;
    ++arrivals;
    for (int i = 0; i < 2000 && arrivals < 2; ++i) usleep(10000);
    if (arrivals < 2 || index > 1) met = false;
}

int l1l2_penalty_terms(const void* terms, size_t size, size_t count,
                       int (*runner)(void*, void (*)(void*, size_t), void*, size_t), void* state,
                       double* penalties, double* total, size_t* faulty) {
    (void)terms, (void)size, (void)count, (void)penalties, (void)faulty;
    *total = 0;
    for (met = runner != NULL; met && *total < 10; *total += met) {
        arrivals = 0;
        if (*total > 0) usleep(20000);
        runner(state, meet, NULL, 2);
    }
    return 0;
}

int l1l2_version_number(void) {
    return 400;
}
`;

test("tasks of a list are done by several threads at the same time", (t) => {
    const library = path.join(temporaryFolder(t), "stub.so");
    const header = readFileSync(path.join(root, "src/addon.h"), "latin1");
    const names = header.matchAll(/FUNCTION\((\w+)\)/g);
    const others = [...names].filter(([, name]) => !/^(version_number|penalty_terms)$/.test(name));
    const stubs = others.map(([, name]) => `int l1l2_${name}(void) { return 0; }\n`);
    makeShared(library, meetings + stubs.join(""));
    const code = `const { penaltiesOfTermsAsync } = require(${JSON.stringify(root)});
        penaltiesOfTermsAsync([], { threads: 2 }).then(({ total }) => console.log(total));`;
    const env = { ...process.env, L1L2_LIBRARY: library, UV_THREADPOOL_SIZE: "2" };
    assert.equal(execFileSync(process.execPath, ["-e", code], { env, encoding: "utf8" }), "10\n");
});

test("a worker that ends during a call on several threads harms nothing", async () => {
    const code = `const { penaltiesOfTermsAsync, Regularizer } = require(${JSON.stringify(root)});
        const regularizer = new Regularizer(1, 1);
        const terms = [{ regularizer, x: new Float32Array(2 ** 24) }];
        for (let i = 0; i < 4; ++i) penaltiesOfTermsAsync(terms, { threads: 3 });
        process.exit(0);`;
    for (let i = 0; i < 4; ++i) {
        const worker = new Worker(code, { eval: true });
        await new Promise((resolve, reject) => worker.on("exit", resolve).on("error", reject));
    }
});

test("a worker that is terminated during a call harms nothing", () => {
    for (const call of ["l.penaltiesOfTerms(t)", "r[0].addGradientAsync(x, g)"]) {
        const worker = `const l = require(${JSON.stringify(root)});
            const { parentPort } = require("node:worker_threads");
            const [x, g] = [new Float32Array(1), new Float32Array(1)];
            const r = [new l.Regularizer(1), new l.Regularizer(2)];
            const t = Array.from({ length: 3000 }, (_, i) => ({ regularizer: r[i % 2], x }));
            parentPort.postMessage(1);
            for (;;) ${call};`;
        const code = `const { once } = require("node:events");
            const { setTimeout } = require("node:timers/promises");
            const { Worker } = require("node:worker_threads");
            (async () => {
                for (let i = 0; i < 30; ++i) {
                    const worker = new Worker(${JSON.stringify(worker)}, { eval: true });
                    await once(worker, "message");
                    await setTimeout(5 + i);
                    await worker.terminate();
                }
            })();`;
        execFileSync(process.execPath, ["-e", code]); // a process of its own, as it may crash
    }
});
