/**
 * Every case of tests/conformance/vectors.txt through l1l2.mjs, to the bit.
 *
 *     node conformance.mjs vectors FILE     in four workers at once
 *     node conformance.mjs memory           that an array of 1 GiB is not copied
 *     node conformance.mjs lifetimes        that what is forgotten is released, and nothing earlier
 *     node conformance.mjs overhead         what a call costs
 */
import assert from "node:assert";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import koffi from "koffi";
import { ExactSums, L1L2Error, Regularizer } from "./l1l2.mjs";

/** @typedef {import("./l1l2.mjs").Elements} Elements */
/** @typedef {import("./l1l2.mjs").Dtype} Dtype */

const WORKERS = 4;

/**
 * The typed array of each dtype. Where the runtime has Float16Array, half of the workers take it.
 *
 * @type {Record<string, any>}
 */
const TYPES = {
    float32: Float32Array,
    float64: Float64Array,
    float16: (workerData?.worker % 2 === 0 && globalThis.Float16Array) || Uint16Array,
    bfloat16: Uint16Array,
};

/** @param {string} hex */
function parseDouble(hex) {
    assert(/^[0-9a-f]{16}$/.test(hex), "malformed number");
    return new Float64Array(BigUint64Array.of(BigInt(`0x${hex}`)).buffer)[0];
}

/** @param {number} value */
function hexOf(value) {
    return new BigUint64Array(Float64Array.of(value).buffer)[0].toString(16).padStart(16, "0");
}

/**
 * The array lies in the middle of its ArrayBuffer.
 *
 * @param {string} dtype
 * @param {string} text  N:ELEMENTS
 * @returns {any}
 */
function parseArray(dtype, text) {
    const Type = TYPES[dtype];
    assert(Type, `unknown dtype ${dtype}`);
    const size = Type.BYTES_PER_ELEMENT;
    const [, count, digits] = text.match(/^(\d+):((?:[0-9a-f]{4})*)$/) ?? assert.fail("no array");
    const n = Number(count);
    const given = digits.match(new RegExp(`.{${2 * size}}`, "g")) ?? [];
    assert(given.length * 2 * size === digits.length && given.length <= n, "malformed array");
    assert(given.length > 0 || n === 0, "an array without elements");

    const array = new Type(new ArrayBuffer((n + 2) * size), size, n);
    const Word = size === 8 ? BigUint64Array : size === 4 ? Uint32Array : Uint16Array;
    const words = new Word(array.buffer, array.byteOffset, n);
    const bits = given.map((hex) => (size === 8 ? BigInt(`0x${hex}`) : parseInt(hex, 16)));
    for (let i = 0; i < n; ++i) words[i] = bits[i % bits.length];
    return array;
}

/** @param {string} hex */
function parseText(hex) {
    assert(/^(-|([0-9a-f]{2})+)$/.test(hex), "malformed text");
    const bytes = Buffer.from(hex === "-" ? "" : hex, "hex");
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** @param {string} text */
function parseSums(text) {
    const numbers = new ExactSums().toNumbers();
    assert(/^(-|(\d+:[0-9a-f]{1,16},?)+)$/.test(text), "malformed sums");
    for (const item of text === "-" ? [] : text.split(",")) {
        const [index, hex] = item.split(":");
        assert(Number(index) < numbers.length, "another number of sums");
        numbers[Number(index)] = BigInt(`0x${hex}`); // of which the lowest 64 bits are kept
    }
    return numbers;
}

/**
 * One of the parts of exact sums: how it is added, and the vector that it is or makes.
 *
 * @typedef {{ addTo: (sums: ExactSums) => void, numbers: () => BigInt64Array }} Part
 * @param {string} text  DTYPE:N:ELEMENTS or sums:SUMS
 * @returns {Part}
 */
function parsePart(text) {
    const [, name, content] = text.match(/^(\w+):(.*)$/) ?? assert.fail("malformed part");
    if (name === "sums") {
        const numbers = parseSums(content);
        return { addTo: (sums) => sums.merge(new ExactSums(numbers)), numbers: () => numbers };
    }
    const x = parseArray(name, content);
    /** @param {ExactSums} sums */
    const addTo = (sums) => sums.add(x, { dtype: /** @type {Dtype} */ (name) });
    return { addTo, numbers: () => sumsOf([{ addTo }]).toNumbers() };
}

/**
 * Adds parts to one vector, which stays as it is if one cannot be added.
 *
 * @param {Pick<Part, "addTo">[]} parts
 */
function sumsOf(parts) {
    const sums = new ExactSums();
    for (const part of parts) {
        const before = sums.toNumbers();
        try {
            part.addTo(sums);
        } catch (error) {
            assert.deepEqual(sums.toNumbers(), before, "sums that fail have changed");
            throw error;
        }
    }
    return sums;
}

/**
 * Adds each part to a vector of its own, and merges these, the last one first.
 *
 * @param {Part[]} parts
 */
function mergedBackwards(parts) {
    const sums = new ExactSums();
    for (const part of [...parts].reverse()) sums.merge(sumsOf([part]));
    return sums;
}

/**
 * Adds the numbers of all parts, as they are, index by index.
 *
 * @param {Part[]} parts
 */
function sumsOfNumbers(parts) {
    const total = new ExactSums().toNumbers();
    for (const part of parts) {
        for (const [i, number] of part.numbers().entries()) total[i] += number;
    }
    return new ExactSums(total);
}

/** @param {Elements} array */
function bytesOf(array) {
    return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}

/**
 * Calls, and expects the status. Returns what the call does, or undefined after a failure.
 *
 * @param {number} status
 * @param {() => any} call
 */
async function expectStatus(status, call) {
    let actual = 0;
    let result;
    try {
        result = await call();
    } catch (error) {
        if (!(error instanceof L1L2Error)) throw error;
        assert(error.message !== "", "an error without a message");
        actual = error.status;
    }
    assert(actual === status, `status ${actual}`);
    return result;
}

/**
 * @param {number} value
 * @param {string} expected
 * @param {string} name
 */
function expectDouble(value, expected, name) {
    assert(typeof value === "number", `${name} is no number`);
    assert(hexOf(value) === expected, `${name} ${hexOf(value)}`);
}

/**
 * @param {Elements} array
 * @param {Elements} expected
 * @param {string} name
 */
function expectArray(array, expected, name) {
    assert(bytesOf(array).equals(bytesOf(expected)), `another ${name}`);
}

/**
 * @param {Regularizer | undefined} regularizer
 * @param {string[]} expected
 */
function expectConfig(regularizer, [l1, l2]) {
    if (regularizer === undefined) return;
    expectDouble(regularizer.l1, l1, "l1");
    expectDouble(regularizer.l2, l2, "l2");
    regularizer.destroy();
}

/**
 * What each operation has for inputs and outputs, and its check, which throws what is wrong. After
 * a failure there are no outputs.
 *
 * @typedef {{
 *     inputs: number,
 *     outputs: number,
 *     check: (inputs: string[], status: number, outputs: string[]) => Promise<void>,
 * }} Operation
 * @type {Record<string, Operation>}
 */
const OPERATIONS = {
    create: {
        inputs: 2,
        outputs: 2,
        async check(inputs, status, outputs) {
            const [l1, l2] = inputs.map(parseDouble);
            expectConfig(await expectStatus(status, () => new Regularizer(l1, l2)), outputs);
        },
    },

    penalty: {
        inputs: 4,
        outputs: 1,
        async check([name, l1, l2, elements], status, [expected]) {
            const regularizer = new Regularizer(parseDouble(l1), parseDouble(l2));
            const options = { dtype: /** @type {Dtype} */ (name) };
            const x = parseArray(name, elements);
            for (const call of [
                () => regularizer.penalty(x, options),
                () => regularizer.penaltyAsync(x, options),
            ]) {
                const penalty = await expectStatus(status, call);
                if (status === 0) expectDouble(penalty, expected, "penalty");
            }
            regularizer.destroy();
        },
    },

    add_gradient: {
        inputs: 6,
        outputs: 2,
        async check([name, l1, l2, factor, elements, before], status, [after, expected]) {
            const regularizer = new Regularizer(parseDouble(l1), parseDouble(l2));
            const options = { dtype: /** @type {Dtype} */ (name), scale: parseDouble(factor) };
            const x = parseArray(name, elements);
            const gradient = parseArray(name, before);
            const alone = parseArray(name, before);
            const penalty = await expectStatus(status, () =>
                regularizer.penaltyAndAddGradient(x, gradient, options),
            );
            if (status === 0) expectDouble(penalty, expected, "penalty");
            await expectStatus(status, () => regularizer.addGradient(x, alone, options));
            expectArray(gradient, parseArray(name, after ?? before), "gradient");
            expectArray(alone, gradient, "gradient without the penalty");
            expectArray(x, parseArray(name, elements), "x");
            regularizer.destroy();
        },
    },

    prox: {
        inputs: 5,
        outputs: 1,
        async check([name, l1, l2, size, elements], status, [expected]) {
            const regularizer = new Regularizer(parseDouble(l1), parseDouble(l2));
            const dtype = /** @type {Dtype} */ (name);
            const step = parseDouble(size);
            const x = parseArray(name, elements);
            const out = parseArray(name, elements);
            bytesOf(out).fill(0xa5);
            const untouched = out.slice();
            await expectStatus(status, () => regularizer.prox(x, step, { out, dtype }));
            expectArray(out, status === 0 ? parseArray(name, expected) : untouched, "out");
            expectArray(x, parseArray(name, elements), "x");
            await expectStatus(status, () => regularizer.prox(x, step, { dtype }));
            expectArray(x, parseArray(name, expected ?? elements), "result in place");
            regularizer.destroy();
        },
    },

    to_json: {
        inputs: 3,
        outputs: 1,
        async check([number, l1, l2], status, [expected]) {
            const regularizer = new Regularizer(parseDouble(l1), parseDouble(l2));
            const style = /** @type {const} */ (["config", "keras2", "keras3"])[Number(number)];
            const text = await expectStatus(status, () => regularizer.toJson(style));
            if (status === 0) assert(text === parseText(expected), `text ${text}`);
            regularizer.destroy();
        },
    },

    from_json: {
        inputs: 1,
        outputs: 2,
        async check([hex], status, outputs) {
            const text = parseText(hex);
            expectConfig(await expectStatus(status, () => Regularizer.fromJson(text)), outputs);
        },
    },

    exact_sums: {
        inputs: 3,
        outputs: 5,
        async check([l1, l2, texts], status, [penalty, absolute, square, count, numbers]) {
            const regularizer = new Regularizer(parseDouble(l1), parseDouble(l2));
            const parts = texts.split("+").map(parsePart);
            for (const make of [sumsOf, mergedBackwards, sumsOfNumbers]) {
                const sums = await expectStatus(status, () => make(parts));
                if (status !== 0) continue;
                expectDouble(regularizer.penaltyOfSums(sums), penalty, "penalty");
                expectDouble(sums.absolute, absolute, "absolute");
                expectDouble(sums.square, square, "square");
                assert(sums.count === BigInt(count), `count ${sums.count}`);
                const expected = parseSums(numbers);
                assert.deepEqual(sums.toNumbers(), expected, `other sums by ${make.name}`);
                assert(sums.equals(new ExactSums(expected)), "equal sums differ");
            }
            regularizer.destroy();
        },
    },
};

/** @param {string} line */
async function checkLine(line) {
    const [name, ...fields] = line.split(" ");
    const operation = OPERATIONS[name];
    assert(operation, `unknown operation ${name}`);
    const { inputs, outputs } = operation;
    assert(fields[inputs] === "->" && /^\d+$/.test(fields[inputs + 1]), "malformed line");
    const status = Number(fields[inputs + 1]);
    const rest = fields.slice(inputs + 2);
    assert(rest.length === (status === 0 ? outputs : 0), "malformed line");
    await operation.check(fields.slice(0, inputs), status, rest);
}

/**
 * Returns the number of cases, and what differs.
 *
 * @param {string} path
 * @param {string} text
 */
async function checkText(path, text) {
    const lines = text.replace(/\n$/, "").split("\n");
    let cases = 0;
    const differences = [];
    for (const [i, line] of lines.entries()) {
        if (line.startsWith("#")) continue;
        ++cases;
        try {
            await checkLine(line);
        } catch (error) {
            differences.push(`${path}:${i + 1}: ${/** @type {Error} */ (error).message}`);
        }
    }
    return { cases, differences };
}

/** An array is taken for what it is, whatever it says of itself, and refused if it has no dtype. */
function checkArrays() {
    class Matrix extends Float32Array {
        get length() {
            return 4;
        }
        get [Symbol.toStringTag]() {
            return "Float64Array";
        }
    }
    const regularizer = new Regularizer(1, 0);
    const elements = Float32Array.of(1, 1, 1, 1);
    const matrix = new Matrix(elements.buffer, 0, 2);
    assert(regularizer.penalty(matrix) === 2, "an array is taken for as long as it says");
    regularizer.addGradient(Float32Array.of(1, 1), matrix);
    regularizer.prox(matrix, 1);
    assert.deepEqual([...elements], [1, 1, 1, 1]);
    regularizer.prox(matrix, 1);
    assert.deepEqual([...elements], [0, 0, 1, 1]);
    assert.throws(() => regularizer.prox(matrix, 1, { out: new Float32Array(4) }), RangeError);
    assert(regularizer.penalty(runInNewContext("Float32Array.of(1, 2)")) === 3, "another realm");

    const tag = { [Symbol.toStringTag]: "Float64Array", length: 1 };
    for (const array of [
        Object.defineProperties(new Uint8Array(4), Object.getOwnPropertyDescriptors(tag)),
        new Uint8Array(8),
        new Uint16Array(4),
        new DataView(new ArrayBuffer(8)),
        new Proxy(elements, {}),
        tag,
        [1],
        null,
        undefined,
    ]) {
        assert.throws(() => regularizer.penalty(/** @type {any} */ (array)), TypeError);
    }
    assert.throws(() => regularizer.penalty(elements, { dtype: "bfloat16" }), TypeError);
    assert.throws(() => regularizer.prox(elements, 1, { out: matrix }), RangeError);
    regularizer.destroy();
}

/** Numbers are taken for what they are, and sums are equal only if all of them are. */
function checkNumbers() {
    const sums = new ExactSums();
    sums.add(Float32Array.of(1.5, -2));
    const numbers = sums.toNumbers();
    numbers[0] = 0n;
    assert(new ExactSums(sums.toNumbers()).equals(sums), "what toNumbers returns was the original");
    const more = new ExactSums(sums.toNumbers());
    more.add(Float32Array.of(0));
    assert(!more.equals(sums), "other sums are equal");

    for (const length of [0, numbers.length - 1, numbers.length + 1]) {
        assert.throws(() => new ExactSums(new BigInt64Array(length)), RangeError);
    }
    for (const wrong of [[...numbers], new BigUint64Array(numbers), new Float64Array(207), null]) {
        assert.throws(() => new ExactSums(/** @type {any} */ (wrong)), TypeError);
        assert.throws(() => sums.merge(/** @type {any} */ (wrong)), TypeError);
        assert.throws(() => sums.equals(/** @type {any} */ (wrong)), TypeError);
    }
    assert.throws(() => sums.add(new Uint16Array(4)), TypeError);
}

/** @param {string} path */
async function checkVectors(path) {
    checkArrays();
    checkNumbers();
    const text = readFileSync(path, "utf8");
    const workers = Array.from({ length: WORKERS }, (_, worker) => {
        return new Worker(new URL(import.meta.url), { workerData: { path, text, worker } });
    });
    const results = (await Promise.all(workers.map((worker) => once(worker, "message")))).flat();
    const differences = new Set(results.flatMap((result) => result.differences));
    for (const difference of differences) console.error(difference);
    if (differences.size > 0) process.exitCode = 1;
    else console.log(`${results[0].cases} cases, all bits equal`);
}

function peakMemory() {
    const status = readFileSync("/proc/self/status", "utf8");
    return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]);
}

function checkMemory() {
    const x = new Float32Array(2 ** 28).fill(1);
    const regularizer = new Regularizer(0.01, 0.02);
    const before = peakMemory();
    const penalty = regularizer.penalty(x);
    const sums = new ExactSums();
    sums.add(x);
    regularizer.prox(x, 1);
    const rise = peakMemory() - before;
    regularizer.destroy();
    assert(penalty === (0.01 + 0.02) * x.length, `penalty ${penalty}`);
    assert(sums.absolute === x.length, `absolute ${sums.absolute}`);
    assert(x[0] < 1 && x[x.length - 1] < 1, "prox has left an element");
    console.log(`an array of 1024 MiB: peak memory rose by ${rise} KiB`);
}

setFlagsFromString("--expose-gc");
/** @type {() => void} */
const collect = runInNewContext("gc");

/** @param {number} count */
async function forget(count) {
    const batch = 5000;
    for (let i = 0; i < count; i += batch) {
        for (let j = 0; j < batch; ++j) new Regularizer(i, j);
        collect();
        await setImmediate(); // for the finalizers
    }
}

async function checkForgotten() {
    await forget(20_000);
    const before = peakMemory();
    await forget(500_000);
    const rise = peakMemory() - before;
    assert(rise < 8192, `forgotten regularizers: peak memory rose by ${rise} KiB`);
}

/** @param {Regularizer} regularizer */
async function checkDestroyed(regularizer) {
    const x = Float32Array.of(1);
    const unchanged = new Float32Array(1);
    for (const call of [
        () => regularizer.penalty(x),
        () => regularizer.penaltyAsync(x),
        () => regularizer.penaltyOfSums(new ExactSums()),
        () => regularizer.addGradient(x, unchanged),
        () => regularizer.penaltyAndAddGradient(x, unchanged),
        () => regularizer.prox(x, 1, { out: unchanged }),
        () => regularizer.toJson(),
        () => regularizer.l1,
        () => regularizer.l2,
    ]) {
        await expectStatus(10, call);
    }
    assert(unchanged[0] === 0, "a destroyed regularizer has written");
}

async function checkDestroy() {
    const regularizer = new Regularizer(0.01, 0.02);
    // Two at once take the same memory if the first is destroyed twice.
    regularizer.destroy();
    regularizer.destroy();
    const others = [new Regularizer(1, 2), new Regularizer(3, 4)];
    regularizer.destroy();
    if (Symbol.dispose) regularizer[Symbol.dispose]();
    others.push(new Regularizer(5, 6), new Regularizer(7, 8));
    await checkDestroyed(regularizer);
    assert.deepEqual(
        others.map((other) => [other.l1, other.l2]),
        [
            [1, 2],
            [3, 4],
            [5, 6],
            [7, 8],
        ],
    );

    // A clone has no handle, and so does nothing.
    const clone = structuredClone(others[0]);
    assert.throws(() => Regularizer.prototype.penalty.call(clone, new Float32Array(1)), TypeError);
    assert.throws(() => Regularizer.prototype.destroy.call(clone), TypeError);
    for (const other of others) other.destroy();
}

/** Collects while nothing but a waiting call has its regularizer and its array. */
async function checkAsyncCalls() {
    const n = 2 ** 16;
    const expected = Array.from({ length: 32 }, (_, i) => i * n);
    const ones = () => new Float32Array(n).fill(1);
    const regularizer = new Regularizer(1, 1);
    const long = new Float32Array(2 ** 25);
    const busy = Array.from({ length: 16 }, () => regularizer.penaltyAsync(long));
    const forgotten = expected.map((_, i) => new Regularizer(i, 0).penaltyAsync(ones()));
    const x = ones();
    const destroyed = expected.map((_, i) => {
        const other = new Regularizer(i, 0);
        const promise = other.penaltyAsync(x);
        other.destroy();
        other.destroy();
        return promise;
    });
    // They take the place of what is released too early.
    for (let i = 0; i < 3; ++i) {
        collect();
        await setImmediate();
        for (let j = 0; j < 64; ++j) new Regularizer(0.5, 0.5).penalty(ones().fill(2));
    }
    assert.deepEqual(await Promise.all(forgotten), expected);
    assert.deepEqual(await Promise.all(destroyed), expected);
    await Promise.all(busy);
    regularizer.destroy();
}

async function checkLifetimes() {
    await checkForgotten();
    await checkDestroy();
    await checkAsyncCalls();
    console.log("handles are released");
}

/**
 * Returns the nanoseconds that each call takes.
 *
 * @param {() => void} call
 */
function measure(call) {
    const calls = 20000;
    const start = process.hrtime.bigint();
    for (let i = 0; i < calls; ++i) call();
    return Number(process.hrtime.bigint() - start) / calls;
}

/** @param {number[]} values */
function median(values) {
    return values.sort((a, b) => a - b)[values.length >> 1];
}

function measureOverhead() {
    const library = koffi.load(process.env.L1L2_LIBRARY || "libl1l2.so.0");
    const empty = library.func("uint32_t l1l2_version_number()");
    const regularizer = new Regularizer(0.01, 0.02);
    const x = Float32Array.from({ length: 16 }, (_, i) => i);
    const times = Array.from({ length: 31 }, () => [
        measure(() => empty()),
        measure(() => regularizer.penalty(x)),
    ]);
    regularizer.destroy();
    const [a, b] = [0, 1].map((i) => median(times.map((pair) => pair[i])).toFixed(1));
    console.log(`empty call ${a} ns, penalty of 16 elements ${b} ns`);
}

const [command, ...operands] = process.argv.slice(2);
if (!isMainThread) parentPort?.postMessage(await checkText(workerData.path, workerData.text));
else if (command === "vectors" && operands.length === 1) await checkVectors(operands[0]);
else if (command === "memory" && operands.length === 0) checkMemory();
else if (command === "lifetimes" && operands.length === 0) await checkLifetimes();
else if (command === "overhead" && operands.length === 0) measureOverhead();
else {
    console.error("usage: conformance vectors FILE | memory | lifetimes | overhead");
    process.exitCode = 2;
}
