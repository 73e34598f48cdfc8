// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
"use strict";
// Makes what is to be published:
//     node stage.js OUT [NATIVE]
// In OUT: l1l2-VERSION.tgz, the JavaScript, and l1l2-PLATFORM-VERSION.tgz, the native files of each platform,
// which the former names among its optional dependencies. NATIVE has a folder for each, as platform.sh
// makes it; without it the only ones are those in native/, which `npm run install` has built for this platform.

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const host = require("./host.js");

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

const { version, description, license, engines } = common;

/** Packs the native files of a platform, which are in a folder. */
function packPlatform(name, folder) {
    const files = fs.readdirSync(folder);
    const [os, cpu, libc] = name.split("-");
    const suitable = { os: [os], cpu: [cpu] };
    if (libc) suitable.libc = [libc === "gnu" ? "glibc" : libc];
    pack(
        {
            name: `l1l2-${name}`,
            ...{ version, description, license, engines, files: [...files, "NOTICE"], ...suitable },
        },
        files.map((file) => path.join(folder, file)),
    );
}

const natives = process.argv[3];
const folders = natives
    ? fs.readdirSync(natives).map((name) => [name, path.join(natives, name)])
    : [[host.platform, path.join(__dirname, "native")]];
for (const [name, folder] of folders) packPlatform(name, folder);
const optionalDependencies = Object.fromEntries(folders.map(([name]) => [`l1l2-${name}`, version]));
const own = ["index.js", "index.mjs", "index.d.ts", "index.d.mts", "README.md"];
pack(
    { ...common, optionalDependencies },
    own.map((name) => path.join(__dirname, name)),
);
