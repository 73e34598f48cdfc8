// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
"use strict";
// Makes what is to be published, after `npm run install` has built native/:
//     node stage.js OUT
// In OUT: l1l2-VERSION.tgz, the JavaScript, and l1l2-PLATFORM-VERSION.tgz, this platform's native files,
// which the former names among its optional dependencies.

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const PLATFORMS = [
    "linux-x64-gnu",
    "linux-x64-musl",
    "linux-arm64-gnu",
    "linux-arm64-musl",
    "darwin-x64",
    "darwin-arm64",
];
const out = path.resolve(process.argv[2]);
const { scripts, devDependencies, prettier, ...common } = require("./package.json");
const root = path.join(__dirname, "../..");

/** Packs a folder that has these files and a package.json. */
function pack(manifest, files) {
    const folder = path.join(out, manifest.name);
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(folder, { recursive: true });
    const licences = ["LICENSE", "NOTICE"].map((name) => path.join(root, name));
    for (const file of [...files, ...licences]) {
        fs.copyFileSync(file, path.join(folder, path.basename(file)));
    }
    fs.writeFileSync(path.join(folder, "package.json"), `${JSON.stringify(manifest, null, 4)}\n`);
    execFileSync("npm", ["pack", "--silent", "--pack-destination", out, folder], {
        stdio: "inherit",
    });
    fs.rmSync(folder, { recursive: true });
}

const { platform, arch } = process;
const glibc = process.report.getReport().header.glibcVersionRuntime !== undefined;
const libc = platform === "linux" ? { libc: [glibc ? "glibc" : "musl"] } : {};
const suffix = platform === "linux" ? (glibc ? "-gnu" : "-musl") : "";
const { version, description, license, engines } = common;
const files = ["l1l2.node", "libl1l2.so.0"];
pack(
    {
        name: `l1l2-${platform}-${arch}${suffix}`,
        ...{
            version,
            description,
            license,
            engines,
            files: [...files, "NOTICE"],
            os: [platform],
            cpu: [arch],
            ...libc,
        },
    },
    files.map((name) => path.join(__dirname, "native", name)),
);

const optionalDependencies = Object.fromEntries(PLATFORMS.map((name) => [`l1l2-${name}`, version]));
const own = ["index.js", "index.mjs", "index.d.ts", "index.d.mts", "README.md"];
pack(
    { ...common, optionalDependencies },
    own.map((name) => path.join(__dirname, name)),
);
