/** Allocation and locking, tested in an addon that is rebuilt with checked.h. */
import assert from "node:assert";
import { createHook } from "node:async_hooks";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { collect, root, temporaryFolder } from "./support.mjs";

const require = createRequire(import.meta.url);

function makeAddon(folder) {
    mkdirSync(path.join(folder, "native"));
    for (const file of ["index.js", "native/libl1l2.so.0"]) {
        copyFileSync(path.join(root, file), path.join(folder, file));
    }
    const headers = [path.join(root, "../../include"), require("../host.js").include];
    const options = ["-shared", "-fPIC", "-O1", "-include", path.join(root, "test/checked.h")];
    const bounds = ["-fsanitize=bounds", "-fsanitize-undefined-trap-on-error"];
    const sources = ["addon.c", "sums.c", "terms.c"].map((file) => path.join(root, "src", file));
    const output = ["-o", path.join(folder, "native/l1l2.node"), "-ldl", "-pthread"];
    const folders = headers.map((header) => `-I${header}`);
    execFileSync("cc", [...options, ...bounds, ...folders, ...sources, ...output]);
}

/** Calls again after each failure, which must be for want of memory. */
async function insist(call) {
    for (let tries = 1; ; ++tries) {
        try {
            return await call();
        } catch (error) {
            assert.equal(error.status, 30, error.stack);
            assert(tries < 10, "it fails each time");
        }
    }
}

/** Leaves nothing, once it is collected. */
async function use({ Regularizer, penaltiesOfTerms, penaltiesOfTermsAsync, isa }) {
    const x = Float32Array.of(1, 2);
    const regularizers = [];
    for (const l1 of [1, 2, 3]) {
        regularizers.push(await insist(() => Regularizer.fromJson(`{"l1": ${l1}}`)));
    }
    const terms = regularizers.map((regularizer) => ({ regularizer, x }));
    assert.equal(await insist(() => regularizers[0].penaltyAsync(x)), 3);
    assert.equal((await insist(() => penaltiesOfTerms(terms))).total, 18);
    assert.deepEqual([...penaltiesOfTerms([]).penalties], []);
    for (const threads of [1, 2, 3, 4]) {
        const { total } = await insist(() => penaltiesOfTermsAsync(terms, { threads }));
        assert.equal(total, 18);
    }
    const wrong = [terms[0], { ...terms[1], x: 1 }];
    assert.throws(() => penaltiesOfTerms(wrong), TypeError);
    await assert.rejects(penaltiesOfTermsAsync(wrong), TypeError);
    assert.throws(() => new Regularizer(-1), { status: 11 });
    assert.throws(() => Regularizer.fromJson("{"), { status: 40 });

    const [first] = regularizers;
    assert.deepEqual([first.l1, first.l2], [1, 0]);
    // Each is destroyed at once, or after the last call that uses it.
    assert.match(isa(), /, 3 regularizers$/);
    const calls = [first.penaltyAsync(x), penaltiesOfTermsAsync(terms.slice(1), { threads: 2 })];
    for (const regularizer of regularizers) regularizer.destroy();
    assert.match(isa(), /, 3 regularizers$/);
    await Promise.all(calls);
    assert.match(isa(), /, 0 regularizers$/);
    new Regularizer(4, 0).destroy();
    assert.match(isa(), /, 0 regularizers$/);
    new Regularizer(5, 0); // forgotten
}

function reasonToSkip() {
    if (process.platform !== "linux") return "checked.h is for Linux";
    return spawnSync("cc", ["--version"]).status === 0 ? false : "no cc";
}

const skip = reasonToSkip();
test("an allocation may fail, each is freed, and locks are held in turn", { skip }, async (t) => {
    const folder = temporaryFolder(t);
    makeAddon(folder);
    assert.throws(() => require(folder), /: out of memory; /);
    const l1l2 = require(folder);
    const works = new Set();
    const init = (id, type) => type === "l1l2" && works.add(id);
    const hook = createHook({ init, destroy: (id) => works.delete(id) }).enable();
    await use(l1l2);
    const all = "1 blocks, 0 regularizers"; // the functions of the library, until the end
    for (let i = 0; i < 100 && (l1l2.isa() !== all || works.size > 0); ++i) {
        collect();
        await setImmediate();
    }
    hook.disable();
    assert.equal(l1l2.isa(), all);
    assert.equal(works.size, 0);
});
