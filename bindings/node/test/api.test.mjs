/** What the classes promise beside the numbers: arrays, lifetimes, errors, finding the library. */
import assert from "node:assert";
import { spawnSync } from "node:child_process";
import {
    copyFileSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    readlinkSync,
    writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { inspect } from "node:util";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { clipByNorm, clipByNormAsync, ExactSums, isa, L1L2Error, Regularizer } from "l1l2";
import { penaltiesOfTerms, penaltiesOfTermsAsync, version } from "l1l2";
import { collect, makeShared, root, temporaryFolder } from "./support.mjs";

const status = (number) => (error) => error instanceof L1L2Error && error.status === number;

const memory = (name) =>
    Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, "m").exec(readFileSync("/proc/self/status"))[1]);

test("no file that is looked at before it is loaded stays open", () => {
    const open = readdirSync("/proc/self/fd").flatMap((descriptor) => {
        try {
            return [path.basename(readlinkSync(`/proc/self/fd/${descriptor}`))];
        } catch {
            return []; // the folder itself, which is closed by now
        }
    });
    const own = path.basename(readlinkSync("/proc/self/exe"));
    assert.deepEqual(
        open.filter((name) => name === own || /^libl1l2|\.node$/.test(name)),
        [],
    );
});

test("import and require give the same classes", () => {
    assert.equal(createRequire(import.meta.url)("l1l2").Regularizer, Regularizer);
    assert.equal(version(), createRequire(import.meta.url)("l1l2/package.json").version);
    assert.match(isa(), /^\w+$/);
});

test("util.inspect shows coefficients and sums", () => {
    const regularizer = new Regularizer(0.01, 0.02);
    assert.equal(inspect(regularizer), "Regularizer { l1: 0.01, l2: 0.02 }");
    assert.equal(inspect(new Regularizer()), "Regularizer { l1: 0, l2: 0 }");
    assert.equal(inspect(new ExactSums()), "ExactSums { absolute: 0, square: 0, count: 0n }");
    regularizer[Symbol.dispose]();
    assert.equal(inspect(regularizer), "Regularizer (destroyed)");
});

test("an array counts for what it is, whatever it says of itself", async () => {
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
    assert.equal(regularizer.penalty(matrix), 2);
    regularizer.addGradient(Float32Array.of(1, 1), matrix);
    regularizer.prox(matrix, 1);
    assert.deepEqual([...elements], [1, 1, 1, 1]);
    regularizer.prox(matrix, 1);
    assert.deepEqual([...elements], [0, 0, 1, 1]);
    assert.throws(() => regularizer.prox(matrix, 1, { out: new Float32Array(4) }), RangeError);
    assert.equal(regularizer.penalty(runInNewContext("Float32Array.of(1, 2)")), 3);
    const shared = new Float32Array(new SharedArrayBuffer(8)).fill(2);
    assert.equal(regularizer.penalty(shared), 4);
    if (globalThis.Float16Array) assert.equal(regularizer.penalty(Float16Array.of(1, -2)), 3);

    const tag = { [Symbol.toStringTag]: "Float64Array", length: 1 };
    const others = [tag, [1], null, undefined, new DataView(new ArrayBuffer(8))];
    const integers = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array];
    const longer = [Int32Array, Uint32Array, BigInt64Array, BigUint64Array];
    const typed = [...integers, ...longer].map((Type) => new Type(4));
    const disguised = Object.defineProperties(
        new Uint8Array(4),
        Object.getOwnPropertyDescriptors(tag),
    );
    for (const array of [...others, ...typed, new Proxy(elements, {}), disguised]) {
        assert.throws(() => regularizer.penalty(array), TypeError);
        await assert.rejects(regularizer.penaltyAsync(array), TypeError);
    }
    const ones = { float32: Float32Array.of(1, 1), float64: Float64Array.of(1, 1) };
    for (const [own, x] of Object.entries(ones)) {
        for (const dtype of ["float32", "float64", "float16", "bfloat16", "toString"]) {
            if (dtype === own) {
                assert.equal(regularizer.penalty(x, { dtype }), 2);
                continue;
            }
            const wrong = dtype === "toString" ? "dtype is none of .*" : `not an array of ${dtype}`;
            const reason = new RegExp(`^TypeError: ${wrong}$`);
            assert.throws(() => regularizer.penalty(x, { dtype }), reason);
            assert.throws(() => regularizer.prox(x, 1, { dtype }), reason);
        }
        assert.deepEqual([...x], [1, 1]);
    }
    assert.throws(() => regularizer.prox(elements, 1, { out: new Float64Array(4) }), TypeError);
    assert.throws(
        () => regularizer.addGradient(elements, new Float32Array(4), { scale: "1" }),
        /^TypeError: scale is not a number$/,
    );
    assert.throws(() => regularizer.prox(elements, "1"), /^TypeError: step is not a number$/);
    assert.throws(() => new Regularizer("1"), TypeError);
    assert.throws(() => Regularizer.fromJson(1), /^TypeError: the JSON text is not a string$/);
});

test("an array that has lost its elements is not taken for an empty one", async () => {
    const [x, regularizer, sums] = [Float32Array.of(1, 2), new Regularizer(1, 0), new ExactSums()];
    const lost = [x];
    structuredClone(x, { transfer: [x.buffer] });
    const empty = [new Float32Array(0), new Float32Array(new SharedArrayBuffer(0))];
    if (ArrayBuffer.prototype.resize) {
        const buffer = new ArrayBuffer(8, { maxByteLength: 16 });
        const ones = new Float32Array(buffer).fill(1);
        assert.equal(regularizer.penalty(ones), 2);
        buffer.resize(16);
        assert.equal(regularizer.penalty(ones.fill(1)), 4);
        lost.push(new Float32Array(buffer, 0, 4), new Float32Array(buffer, 8));
        empty.push(new Float32Array(buffer, 0, 0), new Float32Array(buffer, 4));
        buffer.resize(4);
    }
    for (const x of lost) {
        const [terms, out, kept] = [[{ regularizer, x }], new Float32Array(0), Float32Array.of(30)];
        for (const call of [
            () => regularizer.penalty(x),
            () => regularizer.prox(out, 1, { out: x }),
            () => regularizer.proxStep(out, null, 1, { steps: x }),
            () => sums.add(x),
            () => sums.addAll([x]),
            () => clipByNorm([kept, x], 1, { norm: 2 }),
            () => penaltiesOfTerms(terms),
        ]) {
            assert.throws(call, /^TypeError: .*the buffer of the array was transferred or shrunk$/);
        }
        assert.equal(kept[0], 30);
        await assert.rejects(regularizer.penaltyAsync(x), TypeError);
        await assert.rejects(penaltiesOfTermsAsync(terms), TypeError);
    }
    for (const x of empty) {
        assert.equal(regularizer.penalty(x), 0);
        sums.addAll([x]);
    }
    assert.equal(sums.count, 0n);
});

test("exact sums take 207 numbers in a BigInt64Array, and copy them", () => {
    const sums = new ExactSums();
    sums.add(Float32Array.of(1.5, -2));
    const numbers = sums.toNumbers();
    numbers[0] = 0n;
    assert(new ExactSums(sums.toNumbers()).equals(sums));
    const more = new ExactSums(sums.toNumbers());
    more.add(Float32Array.of(0));
    assert(!more.equals(sums));
    for (const n of [0, numbers.length - 1, numbers.length + 1]) {
        assert.throws(() => new ExactSums(new BigInt64Array(n)), RangeError);
    }
    for (const wrong of [[...numbers], new BigUint64Array(numbers), new Float64Array(207), null]) {
        assert.throws(() => new ExactSums(wrong), TypeError);
        assert.throws(() => sums.merge(wrong), TypeError);
        assert.throws(() => sums.equals(wrong), TypeError);
    }
    assert.throws(() => sums.add(new Uint16Array(4)), TypeError);
});

async function forget(count, make) {
    for (let i = 0; i < count; ++i) {
        make(i);
        if (i % 5000 > 0) continue;
        collect();
        await setImmediate(); // for the finalizers
    }
}

// Before the next test, whose memory would hide a leak.
test("forgotten regularizers are freed, those of fromJson too", async () => {
    for (const make of [(i) => new Regularizer(i, i), (i) => Regularizer.fromJson(`{"l1": ${i}}`)]) {
        await forget(20_000, make);
        const before = memory("VmHWM");
        await forget(500_000, make);
        assert(memory("VmHWM") - before < 8192);
    }
});

test("an array of 1 GiB is not copied", async () => {
    const big = new Float32Array(2 ** 28).fill(1);
    const regularizer = new Regularizer(0.01, 0.02);
    const sums = new ExactSums();
    const terms = (x) => [{ regularizer, x }];
    const calls = [
        (x) => regularizer.penalty(x),
        (x) => regularizer.prox(x, 1e-3),
        (x) => regularizer.proxStep(x, null, 1e-3),
        (x) => sums.add(x),
        (x) => sums.addAll([x]),
        (x) => penaltiesOfTerms(terms(x)),
        (x) => clipByNorm([x], 1),
        (x) => regularizer.penaltyAsync(x),
        (x) => regularizer.proxAsync(x, 1e-3),
        (x) => regularizer.proxStepAsync(x, null, 1e-3),
        (x) => sums.addAllAsync([x], { threads: 2 }),
        (x) => penaltiesOfTermsAsync(terms(x), { threads: 2 }),
        (x) => clipByNormAsync([x], 1e-3, { threads: 2 }),
    ];
    for (const call of calls) await call(Float32Array.of(1)); // what a first call needs
    collect();
    const before = memory("VmHWM");
    for (const call of calls) {
        await call(big);
        const grown = memory("VmHWM") - before;
        assert(grown < 2048, `${call} needs ${grown} kB`);
    }
    assert(big[0] < 1 && big.at(-1) < 1);
    assert.equal(sums.count, BigInt(3 * (big.length + 1)));
});

test("a destroyed regularizer refuses every call, and is destroyed once", async () => {
    const x = Float32Array.of(1);
    const unchanged = new Float32Array(1);
    const regularizer = new Regularizer(0.01, 0.02);
    // Two of these would take the same memory if it were freed twice.
    regularizer.destroy();
    regularizer.destroy();
    const others = [new Regularizer(1, 2), new Regularizer(3, 4)];
    regularizer[Symbol.dispose]();
    others.push(new Regularizer(5, 6), new Regularizer(7, 8));
    for (const call of [
        () => regularizer.penalty(x),
        () => regularizer.penaltyOfSums(new ExactSums()),
        () => regularizer.addGradient(x, unchanged),
        () => regularizer.penaltyAndAddGradient(x, unchanged),
        () => regularizer.prox(x, 1, { out: unchanged }),
        () => regularizer.proxStep(x, x, 1, { out: unchanged }),
        () => regularizer.toJson(),
        () => regularizer.l1,
        () => regularizer.l2,
    ]) {
        assert.throws(call, status(10));
    }
    await assert.rejects(regularizer.penaltyAsync(x), status(10));
    await assert.rejects(regularizer.proxAsync(x, 1, { out: unchanged }), status(10));
    assert.equal(unchanged[0], 0);
    assert.deepEqual(
        others.map((r) => r.l1 + r.l2),
        [3, 7, 11, 15],
    );
    const clone = structuredClone(others[0]);
    assert.throws(() => Regularizer.prototype.penalty.call(clone, x), TypeError);
    assert.throws(() => Regularizer.prototype.destroy.call(clone), TypeError);
});

test("a call on the thread pool keeps its arrays and its regularizer", async () => {
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
    // These take the place of what is freed too early.
    for (let i = 0; i < 3; ++i) {
        collect();
        await setImmediate();
        for (let j = 0; j < 64; ++j) new Regularizer(0.5, 0.5).penalty(ones().fill(2));
    }
    assert.deepEqual(await Promise.all(forgotten), expected);
    assert.deepEqual(await Promise.all(destroyed), expected);
    await Promise.all(busy);
});

test("a call that waits for the pool keeps each of its arrays", async () => {
    // Of the native function itself, as the engine may keep what this package's functions had.
    const native = createRequire(import.meta.url)("../native/l1l2.node");
    const handle = native.create(1, 1);
    const long = new Float32Array(2 ** 25);
    const busy = Array.from({ length: 16 }, () => native.penaltyAsync(handle, long, 0));
    const start = () => {
        const arrays = Array.from({ length: 4 }, () => Float32Array.of(1));
        const [x, out, gradient, steps] = arrays;
        const call = native.proxStepAsync(handle, x, 0, out, 1, gradient, steps);
        return [call, arrays.map((array) => new WeakRef(array))];
    };
    const [call, arrays] = start();
    let waits = true;
    call.then(() => (waits = false));
    await setImmediate();
    collect();
    assert(!waits || arrays.every((array) => array.deref()));
    await Promise.all([...busy, call]);
});

test("a worker that ends during a call harms nothing", async () => {
    const code = `const { Regularizer } = require(${JSON.stringify(root)});
        new Regularizer(1, 1).penaltyAsync(new Float32Array(2 ** 24)); process.exit(0);`;
    for (let i = 0; i < 4; ++i) {
        const worker = new Worker(code, { eval: true });
        await new Promise((resolve, reject) => worker.on("exit", resolve).on("error", reject));
    }
});

/** The message of the error with which a process that loads the package in `folder` ends. */
function loadError(folder, environment) {
    const code = `try { require(${JSON.stringify(folder)}); } catch (error) {
        if (error.code === "ERR_L1L2_LIBRARY") console.log(error.message); else throw error; }`;
    const env = { ...process.env, ...environment };
    const { stdout, stderr } = spawnSync(process.execPath, ["-e", code], { env, encoding: "utf8" });
    assert.equal(stderr, "");
    return stdout.trim();
}

test("a library that is missing, too old or damaged is named in one sentence", (t) => {
    const work = temporaryFolder(t);
    const file = (name) => path.join(work, name);
    const load = (library) => loadError(root, { L1L2_LIBRARY: library });
    /** A path of n bytes. */
    const slashes = (n, name) =>
        `${work}${"/".repeat(n - Buffer.byteLength(work) - Buffer.byteLength(name))}${name}`;

    const set = "set L1L2_LIBRARY to the path of libl1l2 0.4 or later";
    const expectSentence = (name, reason) =>
        assert.equal(
            load(file(name)),
            `cannot load libl1l2: looked for ${file(name)} (which L1L2_LIBRARY names): ${reason}; ${set}`,
        );
    const missing = `${file("none.so")}: cannot open shared object file: No such file or directory`;
    expectSentence("none.so", missing);
    const version = (number) => `unsigned l1l2_version_number(void) { return ${number}; }`;
    for (const [name, code] of [
        ["older", version(300)],
        ["old", version(399)],
        ["lacking", version(400)],
        ["other", "int other;"],
    ]) {
        makeShared(file(`${name}.so`), code);
    }
    expectSentence("older.so", "found 0.3, need 0.4");
    assert.match(load(slashes(4095, "older.so")), /: found 0\.3, need 0\.4; /);
    // No path is longer. Cut to this length, each of these would name a library.
    for (const more of ["x", "é", "x".repeat(5000)]) {
        assert.match(load(slashes(4095, "older.so") + more), /names\): File name too long; set /);
    }
    expectSentence("old.so", "found 0.3.99, need 0.4");
    assert.match(load(file("lacking.so")), /: it is not libl1l2: l1l2_\w+ is missing; /);
    expectSentence("other.so", "it is not libl1l2: l1l2_version_number is missing");
    const whole = readFileSync(file("old.so"));
    for (const size of [10, 63, 64, 100, 4097, 12000, whole.length - 1]) {
        writeFileSync(file("cut.so"), whole.subarray(0, size));
        const reason =
            size < 64
                ? `${file("cut.so")}: file too short`
                : `the file is cut off after ${size} bytes`;
        expectSentence("cut.so", reason);
    }

    writeFileSync(file("text.so"), "text".repeat(64));
    expectSentence("text.so", `${file("text.so")}: invalid ELF header`);
    for (const i of [4, 5, 18, 19]) { // class, byte order, processor
        const foreign = Buffer.from(whole);
        foreign[i] ^= 0xff;
        writeFileSync(file("foreign.so"), foreign);
        expectSentence("foreign.so", "the file is for another kind of processor");
    }

    // The package itself, without its native files, and with damaged ones.
    copyFileSync(path.join(root, "index.js"), file("index.js"));
    assert.match(
        loadError(work, {}),
        /^cannot load l1l2\.node: looked for the package l1l2-linux-\w+-gnu or l1l2-linux-\w+-musl and in .*: found neither; install/,
    );
    mkdirSync(file("native"));
    writeFileSync(file("native/l1l2.node"), "damaged");
    assert.match(loadError(work, {}), /native\/l1l2\.node: .*file too short; install l1l2 again/);
    const addon = readFileSync(path.join(root, "native/l1l2.node"));
    writeFileSync(file("native/l1l2.node"), addon.subarray(0, 4097));
    assert.match(loadError(work, {}), /native\/l1l2\.node: the file is cut off after 4097 bytes; /);
    writeFileSync(file("native/l1l2.node"), addon);
    assert.match(
        loadError(work, { L1L2_LIBRARY: "" }),
        /looked for .*native\/libl1l2\.so\.0 \(part of this package\): .*; install l1l2 again, or set/,
    );
});
