// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
"use strict";
// npm runs this when the package is installed from a checkout: builds libl1l2 and the addon from the
// C++ sources into native/. A published package has no such script, but the files themselves.

const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const { include } = require("./host.js");

const build = path.join(__dirname, "build");

function fail(message) {
    console.error(`l1l2 cannot be built: ${message}`);
    process.exit(1);
}

function run(...command) {
    const { status, error } = spawnSync(command[0], command.slice(1), { stdio: "inherit" });
    if (error) fail(`${command[0]} was not found. Install CMake and a C++17 compiler`);
    if (status !== 0) fail(`\`${command.join(" ")}\` failed`);
}

if (!fs.existsSync(path.join(include, "node_api.h"))) {
    fail(
        `looked for node_api.h in ${include}, found none. Install Node's headers (on Debian libnode-dev) or set NODE_INCLUDE_DIR to their folder`,
    );
}
run("cmake", "-S", __dirname, "-B", build, `-DNODE_INCLUDE_DIR=${include}`);
run("cmake", "--build", build, "--parallel", String(require("node:os").availableParallelism()));
run("cmake", "--install", build, "--strip", "--prefix", path.join(__dirname, "native"));
