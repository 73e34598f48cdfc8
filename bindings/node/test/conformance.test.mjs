/** Each case of L1L2_VECTORS to the bit; tests/conformance/changes.sh says what this prints. */
import assert from "node:assert";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { ExactSums, Regularizer } from "l1l2";
import {
    attempt,
    bytesOf,
    parseArray,
    parseDouble,
    parseSums,
    parseText,
    sameArray,
    sameDouble,
} from "./vectors.mjs";

const path =
    process.env.L1L2_VECTORS ?? new URL("../../../tests/conformance/vectors.txt", import.meta.url);

const make = (l1, l2) => new Regularizer(parseDouble(l1), parseDouble(l2));

/** A part of exact sums, added to sums, which stay as they are if that fails. */
function addPart(sums, part) {
    const [, kind, content] = part.match(/^(\w+):(.*)$/);
    const before = sums.toNumbers();
    try {
        if (kind === "sums") sums.merge(new ExactSums(parseSums(content)));
        else sums.add(parseArray(kind, content), { dtype: kind });
    } catch (error) {
        assert.deepEqual(sums.toNumbers(), before, "sums that fail have changed");
        throw error;
    }
    return sums;
}

const inOrder = (parts) => parts.reduce(addPart, new ExactSums());

const mergedBackwards = (parts) =>
    parts.map((part) => inOrder([part])).reduceRight((sums, one) => (sums.merge(one), sums));

function sumsOfNumbers(parts) {
    const total = new ExactSums().toNumbers();
    for (const part of parts) {
        const isSums = part.startsWith("sums:");
        const numbers = isSums ? parseSums(part.slice(5)) : inOrder([part]).toNumbers();
        for (const [i, number] of numbers.entries()) total[i] += number;
    }
    return new ExactSums(total);
}

function checkConfig(regularizer, [l1, l2]) {
    if (regularizer !== undefined) sameDouble(regularizer.l1, l1, "l1");
    if (regularizer !== undefined) sameDouble(regularizer.l2, l2, "l2");
}

const OPERATIONS = {
    async create(status, [l1, l2], outputs) {
        checkConfig(await attempt(status, async () => make(l1, l2)), outputs);
    },
    async from_json(status, [text], outputs) {
        const read = async () => Regularizer.fromJson(parseText(text));
        checkConfig(await attempt(status, read), outputs);
    },
    async to_json(status, [style, l1, l2], [text]) {
        const write = async () => make(l1, l2).toJson(["config", "keras2", "keras3"][style]);
        assert.equal(await attempt(status, write), parseText(text));
    },
    async penalty(status, [dtype, l1, l2, x], [penalty]) {
        for (const method of ["penalty", "penaltyAsync"]) {
            const call = async () => make(l1, l2)[method](parseArray(dtype, x), { dtype });
            sameDouble(await attempt(status, call), penalty, method);
        }
    },
    async add_gradient(status, [dtype, l1, l2, hex, x, before], [after = before, penalty]) {
        const options = { dtype, scale: parseDouble(hex) };
        for (const method of ["addGradient", "penaltyAndAddGradient"]) {
            for (const name of [method, `${method}Async`]) {
                const [array, gradient] = [parseArray(dtype, x), parseArray(dtype, before)];
                const call = async () => make(l1, l2)[name](array, gradient, options);
                const result = await attempt(status, call);
                sameArray(gradient, parseArray(dtype, after), name);
                sameArray(array, parseArray(dtype, x), "x");
                if (status === 0 && method !== "addGradient") sameDouble(result, penalty, name);
                else assert.equal(result, undefined);
            }
        }
    },
    async prox(status, [dtype, l1, l2, step, x], [expected]) {
        for (const name of ["prox", "proxAsync"]) {
            const array = parseArray(dtype, x);
            const before = parseArray(dtype, x);
            bytesOf(before).fill(0xa5);
            const out = before.slice();
            const regularizer = make(l1, l2);
            const call = async (out) => regularizer[name](array, parseDouble(step), { out, dtype });
            await attempt(status, () => call(out));
            sameArray(out, expected ? parseArray(dtype, expected) : before, name);
            sameArray(array, parseArray(dtype, x), "x");
            await attempt(status, () => call(undefined));
            sameArray(array, parseArray(dtype, expected ?? x), `${name} in place`);
        }
    },
    async exact_sums(status, [l1, l2, texts], [penalty, absolute, square, count, numbers]) {
        const parts = texts.split("+");
        for (const add of [inOrder, mergedBackwards, sumsOfNumbers]) {
            const sums = await attempt(status, async () => add(parts));
            if (sums === undefined) continue;
            sameDouble(make(l1, l2).penaltyOfSums(sums), penalty, "penalty");
            sameDouble(sums.absolute, absolute, "absolute");
            sameDouble(sums.square, square, "square");
            assert.equal(sums.count, BigInt(count));
            assert.deepEqual(sums.toNumbers(), parseSums(numbers), add.name);
            assert(sums.equals(new ExactSums(parseSums(numbers))), "equal sums differ");
        }
    },
};

/** What differs, a line each. */
async function check(lines) {
    const differences = [];
    for (const [i, line] of lines.entries()) {
        if (line.startsWith("#")) continue;
        const [operation, ...fields] = line.split(" ");
        const arrow = fields.indexOf("->");
        const status = Number(fields[arrow + 1]);
        const inputs = fields.slice(0, arrow);
        await OPERATIONS[operation](status, inputs, fields.slice(arrow + 2)).catch((error) =>
            differences.push(`${path}:${i + 1}: ${error.message}`),
        );
    }
    return differences;
}

if (isMainThread) {
    test("every vector, in four threads at once", async () => {
        const lines = readFileSync(path, "utf8").trimEnd().split("\n");
        const start = (worker) =>
            once(
                new Worker(new URL(import.meta.url), { workerData: { lines, worker } }),
                "message",
            );
        const differences = new Set((await Promise.all([0, 1, 2, 3].map(start))).flat(2));
        assert.equal(differences.size, 0, [...differences].join("\n"));
    });
} else {
    parentPort.postMessage(await check(workerData.lines));
}
