/** Reads the fields of tests/conformance/vectors.txt, and compares statuses. */
import assert from "node:assert";
import { workerData } from "node:worker_threads";
import { ExactSums, L1L2Error } from "l1l2";

// Half of the threads use Float16Array where the runtime has it.
const Float16 = (workerData?.worker % 2 === 0 && globalThis.Float16Array) || Uint16Array;
const TYPES = {
    float32: [Float32Array, Uint32Array],
    float64: [Float64Array, BigUint64Array],
    float16: [Float16, Uint16Array],
    bfloat16: [Uint16Array, Uint16Array],
};

export const parseDouble = (hex) =>
    new Float64Array(BigUint64Array.of(BigInt(`0x${hex}`)).buffer)[0];
export const hexOf = (value) =>
    new BigUint64Array(Float64Array.of(value).buffer)[0].toString(16).padStart(16, "0");
export const bytesOf = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);

/** N:ELEMENTS, in the middle of an ArrayBuffer. */
export function parseArray(dtype, text) {
    const [Type, Word] = TYPES[dtype];
    const size = Type.BYTES_PER_ELEMENT;
    const [count, digits] = text.split(":");
    const pattern = digits.match(new RegExp(`.{${2 * size}}`, "g")) ?? [];
    const array = new Type(new ArrayBuffer((Number(count) + 2) * size), size, Number(count));
    const words = new Word(array.buffer, size, array.length);
    const bits = pattern.map((hex) => (size === 8 ? BigInt(`0x${hex}`) : parseInt(hex, 16)));
    for (let i = 0; i < words.length; ++i) words[i] = bits[i % bits.length];
    return array;
}

export function parseText(hex) {
    const bytes = Buffer.from(hex === "-" ? "" : hex, "hex");
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

export function parseSums(text) {
    const numbers = new ExactSums().toNumbers();
    for (const item of text === "-" ? [] : text.split(",")) {
        const [index, hex] = item.split(":");
        numbers[Number(index)] = BigInt(`0x${hex}`);
    }
    return numbers;
}

/** Calls, and expects the status. Returns the result, or undefined after a failure. */
export async function attempt(status, call) {
    let actual = 0;
    const result = await call().catch((error) => {
        if (!(error instanceof L1L2Error)) throw error;
        assert.notEqual(error.message, "");
        actual = error.status;
    });
    assert.equal(actual, status, "status");
    return result;
}

export const sameDouble = (value, hex, name) => assert.equal(hexOf(value), hex, name);
export const sameArray = (array, expected, name) =>
    assert(bytesOf(array).equals(bytesOf(expected)), `${name} differs`);
