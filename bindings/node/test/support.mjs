/** What several files of tests use. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** The folder of the package. */
export const root = fileURLToPath(new URL("..", import.meta.url));

setFlagsFromString("--expose-gc");
/** Collects what nothing refers to. */
export const collect = runInNewContext("gc");

/** A new folder, which is removed after the test `t`. */
export function temporaryFolder(t) {
    const folder = mkdtempSync(path.join(tmpdir(), "l1l2-"));
    t.after(() => rmSync(folder, { recursive: true }));
    return folder;
}

/** Compiles C code to a shared library. */
export function makeShared(library, code) {
    writeFileSync(`${library}.c`, code);
    execFileSync("cc", ["-shared", "-fPIC", `${library}.c`, "-o", library]);
}
