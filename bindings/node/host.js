// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
"use strict";
// What the scripts beside this file have to know of the Node that runs them:
//     node -p 'require("./host.js").include'

const path = require("node:path");

const { arch, env, execPath, platform, report } = process;

/** The folder of its headers. */
exports.include = env.NODE_INCLUDE_DIR || path.resolve(execPath, "../../include/node");

/** Its platform, as the packages of native files are named. */
exports.platform = `${platform}-${arch}`;
if (platform === "linux") {
    const glibc = report.getReport().header.glibcVersionRuntime !== undefined;
    exports.platform += glibc ? "-gnu" : "-musl";
}
