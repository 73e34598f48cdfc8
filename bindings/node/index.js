// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
"use strict";
// The classes of this package over the native functions in src. index.d.ts documents them.

const fs = require("node:fs");
const path = require("node:path");
const { inspect, types } = require("node:util");

const OLDEST = 400; // the version of libl1l2 that this package needs, as l1l2_version_number has it
const LIBRARIES = { __proto__: null, darwin: "libl1l2.0.dylib", win32: "libl1l2-0.dll" };
const EXACT_SUMS_LENGTH = 207;
const [HANDLE, GRADIENT, OUT, STEPS] = [8, 16, 32, 64]; // as src/terms.c has them
const MAX_THREADS = 1024; // as many as Node's pool can have
const JSON_STYLES = ["config", "keras2", "keras3"]; // in the order of l1l2_json_style
const DTYPES = { __proto__: null, float32: 1, float64: 2, float16: 3, bfloat16: 4 };

class L1L2Error extends Error {
    constructor(status, message) {
        super(message);
        this.status = status;
    }
}
L1L2Error.prototype.name = "L1L2Error";

const native = load();

/** The packages that may hold this platform's files; npm installs the one that fits. */
function platformPackages() {
    const name = `l1l2-${process.platform}-${process.arch}`;
    return process.platform === "linux" ? [`${name}-gnu`, `${name}-musl`] : [name];
}

/** The native functions, after libl1l2 has been opened. */
function load() {
    const names = platformPackages();
    const built = path.join(__dirname, "native"); // by a checkout
    const found = [];
    for (const name of [built, ...names]) {
        let file;
        let addon;
        try {
            file = require.resolve(path.join(name, "l1l2.node"));
            expectSuitable(file);
            addon = require(file);
        } catch (error) {
            if (error.code !== "MODULE_NOT_FOUND") found.push(`${file}: ${error.message}`);
            continue;
        }
        return openLibrary(addon, path.dirname(file));
    }
    throw libraryError(
        `cannot load l1l2.node: looked for the package ${names.join(" or ")} and in ${built}: ` +
            `${found.join(", ") || "found neither"}; install l1l2 again with its optional ` +
            "dependencies, or run `npm run install` in a checkout",
    );
}

function openLibrary(addon, folder) {
    const chosen = process.env.L1L2_LIBRARY;
    const library = chosen || path.join(folder, LIBRARIES[process.platform] ?? "libl1l2.so.0");
    let wrong;
    try {
        if (fs.existsSync(library)) expectSuitable(library);
        wrong = addon.open(library, OLDEST, L1L2Error, Uint8Array.prototype.at);
    } catch (error) {
        wrong = error.message;
    }
    if (wrong === undefined) return addon;
    const [where, remedy] = chosen
        ? ["which L1L2_LIBRARY names", ""]
        : ["part of this package", "install l1l2 again, or "];
    const reason =
        typeof wrong === "number" ? `found ${versionOf(wrong)}, need ${versionOf(OLDEST)}` : wrong;
    throw libraryError(
        `cannot load libl1l2: looked for ${library} (${where}): ${reason}; ${remedy}set ` +
            `L1L2_LIBRARY to the path of libl1l2 ${versionOf(OLDEST)} or later`,
    );
}

/** The first bytes of a file, as many as an ELF file has in its header, and the file's size. */
function headOf(file) {
    const head = Buffer.alloc(64);
    const descriptor = fs.openSync(file);
    fs.readSync(descriptor, head);
    const { size } = fs.fstatSync(descriptor);
    fs.closeSync(descriptor);
    return { head, size };
}

/** Throws for an ELF file that the loader would crash on, or call missing. */
function expectSuitable(file) {
    const { head, size } = headOf(file);
    const { head: own } = headOf(process.execPath);
    if (size < 64 || head.toString("latin1", 0, 4) !== "\x7fELF" || process.platform !== "linux")
        return;
    for (const i of [4, 5, 18, 19]) {
        if (head[i] !== own[i]) throw new Error("the file is for another kind of processor");
    }
    if (head[4] !== 2 || head[5] !== 1) return; // 64 bits, little-endian
    // The table of sections comes last.
    const sections = head.readUInt16LE(58) * head.readUInt16LE(60);
    if (Number(head.readBigUInt64LE(40)) + sections > size) {
        throw new Error(`the file is cut off after ${size} bytes`);
    }
}

function libraryError(message) {
    return Object.assign(new Error(message), { code: "ERR_L1L2_LIBRARY" });
}

/** As text, without a patch level of 0. */
function versionOf(number) {
    const parts = [number / 10000, (number / 100) % 100, number % 100].map(Math.trunc);
    return parts.join(".").replace(/\.0$/, "");
}

/** The l1l2_dtype of a name; 0 for the array's own, -1 for a name that is none. */
function codeOf(dtype) {
    return dtype === undefined ? 0 : (DTYPES[dtype] ?? -1);
}

/** The numbers of sums themselves, for this module alone. */
let numbersOf;

class ExactSums {
    /** Always an accumulator that the library has written, or zeros. */
    #numbers = new BigInt64Array(EXACT_SUMS_LENGTH);

    constructor(numbers) {
        if (numbers !== undefined) native.sumsMerge(this.#numbers, numbers);
    }

    static {
        numbersOf = (sums) => sums.#numbers;
    }

    add(x, { dtype } = {}) {
        native.sumsAdd(this.#numbers, x, codeOf(dtype));
    }

    addAll(arrays, { dtype } = {}) {
        native.sumsAddTerms(flatOfArrays(arrays, dtype), this.#numbers);
    }

    async addAllAsync(arrays, { dtype, threads = 1 } = {}) {
        const part = new BigInt64Array(EXACT_SUMS_LENGTH); // so that others may go on adding
        await onPool(native.sumsAddTermsAsync, threads, flatOfArrays(arrays, dtype), part);
        native.sumsMerge(this.#numbers, part);
    }

    merge(other) {
        native.sumsMerge(this.#numbers, other.#numbers);
    }

    subtract(other) {
        native.sumsSubtract(this.#numbers, other.#numbers);
    }

    get absolute() {
        return native.sumsRead(this.#numbers)[0];
    }

    get square() {
        return native.sumsRead(this.#numbers)[1];
    }

    get norm() {
        return native.sumsNorm(this.#numbers);
    }

    get count() {
        return native.sumsRead(this.#numbers)[2];
    }

    toNumbers() {
        return this.#numbers.slice();
    }

    equals(other) {
        return this.#numbers.every((number, i) => number === other.#numbers[i]);
    }

    [inspect.custom](depth, options) {
        const { absolute, square, count } = this;
        return `ExactSums ${inspect({ absolute, square, count }, options)}`;
    }
}

/** The native handle of a regularizer, for this module alone; undefined of anything else. */
let handleOf;

class Regularizer {
    #handle;
    #destroyed = false;

    static {
        handleOf = (value) => (isObject(value) && #handle in value ? value.#handle : undefined);
    }

    constructor(l1 = 0, l2 = 0) {
        this.#handle = native.create(l1, l2);
    }

    static fromJson(text) {
        return new Regularizer(...native.fromJson(text));
    }

    toJson(style = "config") {
        return native.toJson(this.#handle, JSON_STYLES.indexOf(style));
    }

    get l1() {
        return native.coefficient(this.#handle, 1);
    }

    get l2() {
        return native.coefficient(this.#handle, 2);
    }

    penalty(x, { dtype } = {}) {
        return native.penalty(this.#handle, x, codeOf(dtype));
    }

    penaltyOfSums(sums) {
        return native.sumsPenalty(this.#handle, numbersOf(sums));
    }

    addGradient(x, gradient, { scale = 1, dtype } = {}) {
        native.addGradient(this.#handle, x, codeOf(dtype), gradient, scale);
    }

    penaltyAndAddGradient(x, gradient, { scale = 1, dtype } = {}) {
        return native.penaltyAndAddGradient(this.#handle, x, codeOf(dtype), gradient, scale);
    }

    prox(x, step, { out = x, dtype } = {}) {
        native.prox(this.#handle, x, codeOf(dtype), out, step);
        return out;
    }

    proxStep(x, gradient, step, { steps = null, out = x, dtype } = {}) {
        native.proxStep(this.#handle, x, codeOf(dtype), out, step, gradient, steps);
        return out;
    }

    async penaltyAsync(x, { dtype } = {}) {
        return native.penaltyAsync(this.#handle, x, codeOf(dtype));
    }

    async addGradientAsync(x, gradient, { scale = 1, dtype } = {}) {
        return native.addGradientAsync(this.#handle, x, codeOf(dtype), gradient, scale);
    }

    async penaltyAndAddGradientAsync(x, gradient, { scale = 1, dtype } = {}) {
        return native.penaltyAndAddGradientAsync(this.#handle, x, codeOf(dtype), gradient, scale);
    }

    async proxAsync(x, step, { out = x, dtype } = {}) {
        await native.proxAsync(this.#handle, x, codeOf(dtype), out, step);
        return out;
    }

    async proxStepAsync(x, gradient, step, { steps = null, out = x, dtype } = {}) {
        await native.proxStepAsync(this.#handle, x, codeOf(dtype), out, step, gradient, steps);
        return out;
    }

    destroy() {
        native.destroy(this.#handle);
        this.#destroyed = true;
    }

    [Symbol.dispose]() {
        this.destroy();
    }

    [inspect.custom](depth, options) {
        if (this.#destroyed) return "Regularizer (destroyed)";
        return `Regularizer ${inspect({ l1: this.l1, l2: this.l2 }, options)}`;
    }
}

function isObject(value) {
    return typeof value === "object" && value !== null;
}

/** Calls a native function on so many threads of Node's pool. */
function onPool(method, threads, flat, output, factor, maxNorm) {
    if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) {
        throw new RangeError(`threads is no whole number from 1 to ${MAX_THREADS}: ${threads}`);
    }
    return method(flat, output, factor, maxNorm, threads);
}

/**
 * Terms as the native functions take them: first a code for each, then of each the handle, if it is another
 * one than before, x, and those of gradient, out and steps that there are.
 */
function flatOfTerms(terms) {
    const codes = [];
    const flat = [null];
    let last;
    for (const term of terms) {
        const i = codes.length;
        if (!isObject(term)) throw new TypeError(`term ${i}: not an object`);
        const { regularizer, x, gradient = null, out = null, steps = null, dtype } = term;
        const handle = handleOf(regularizer);
        if (handle === undefined) throw new TypeError(`term ${i}: regularizer is no Regularizer`);
        let code = codeOf(dtype) + 1;
        if (handle !== last) {
            code |= HANDLE;
            flat.push(handle);
            last = handle;
        }
        flat.push(x);
        if (gradient !== null) {
            code |= GRADIENT;
            flat.push(gradient);
        }
        if (out !== null) {
            code |= OUT;
            flat.push(out);
        }
        if (steps !== null) {
            code |= STEPS;
            flat.push(steps);
        }
        codes.push(code);
    }
    flat[0] = new Int32Array(codes);
    return flat;
}

/** The same of arrays without a regularizer, which are written in place. */
function flatOfArrays(arrays, dtype) {
    const code = codeOf(dtype); // negative if it is none, which no array may hide
    const all = [...arrays];
    const codes = all.map((x) => (types.isUint16Array(x) || code < 0 ? code : 0) + 1);
    return [new Int32Array(codes), ...all];
}

/** Penalties, one for each of the terms. */
function penaltiesFor(flat) {
    return new Float64Array(flat[0].length);
}

function penaltiesOfTerms(terms) {
    const flat = flatOfTerms(terms);
    const penalties = penaltiesFor(flat);
    return { penalties, total: native.penaltyTerms(flat, penalties) };
}

async function penaltiesOfTermsAsync(terms, { threads = 1 } = {}) {
    const flat = flatOfTerms(terms);
    const penalties = penaltiesFor(flat);
    const total = await onPool(native.penaltyTermsAsync, threads, flat, penalties);
    return { penalties, total };
}

function addGradientOfTerms(terms, { scale = 1 } = {}) {
    const flat = flatOfTerms(terms);
    const penalties = penaltiesFor(flat);
    return { penalties, total: native.addGradientTerms(flat, penalties, scale) };
}

async function addGradientOfTermsAsync(terms, { scale = 1, threads = 1 } = {}) {
    const flat = flatOfTerms(terms);
    const penalties = penaltiesFor(flat);
    const total = await onPool(native.addGradientTermsAsync, threads, flat, penalties, scale);
    return { penalties, total };
}

function proxOfTerms(terms, step) {
    native.proxTerms(flatOfTerms(terms), undefined, step);
}

async function proxOfTermsAsync(terms, step, { threads = 1 } = {}) {
    await onPool(native.proxTermsAsync, threads, flatOfTerms(terms), undefined, step);
}

function proxStepOfTerms(terms, step) {
    native.proxStepTerms(flatOfTerms(terms), undefined, step);
}

async function proxStepOfTermsAsync(terms, step, { threads = 1 } = {}) {
    await onPool(native.proxStepTermsAsync, threads, flatOfTerms(terms), undefined, step);
}

function clipByNorm(arrays, maxNorm, { norm, dtype } = {}) {
    const flat = flatOfArrays(arrays, dtype);
    if (norm === undefined) {
        const sums = new ExactSums();
        native.sumsAddTerms(flat, numbersOf(sums));
        norm = sums.norm;
    }
    native.clipByNormTerms(flat, undefined, norm, maxNorm);
    return norm;
}

async function clipByNormAsync(arrays, maxNorm, { norm, dtype, threads = 1 } = {}) {
    const flat = flatOfArrays(arrays, dtype);
    if (norm === undefined) {
        const sums = new ExactSums();
        await onPool(native.sumsAddTermsAsync, threads, flat, numbersOf(sums));
        norm = sums.norm;
    }
    await onPool(native.clipByNormTermsAsync, threads, flat, undefined, norm, maxNorm);
    return norm;
}

exports.penaltiesOfTerms = penaltiesOfTerms;
exports.penaltiesOfTermsAsync = penaltiesOfTermsAsync;
exports.addGradientOfTerms = addGradientOfTerms;
exports.addGradientOfTermsAsync = addGradientOfTermsAsync;
exports.proxOfTerms = proxOfTerms;
exports.proxOfTermsAsync = proxOfTermsAsync;
exports.proxStepOfTerms = proxStepOfTerms;
exports.proxStepOfTermsAsync = proxStepOfTermsAsync;
exports.clipByNorm = clipByNorm;
exports.clipByNormAsync = clipByNormAsync;
exports.Regularizer = Regularizer;
exports.ExactSums = ExactSums;
exports.L1L2Error = L1L2Error;
exports.version = () => native.version();
exports.isa = () => native.isa();
