// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
"use strict";
// What a call costs: the median of 31 repetitions, in nanoseconds.

const path = require("node:path");
const { Regularizer } = require("..");
const addon = require(path.join(__dirname, "../native/l1l2.node"));

function nanoseconds(call) {
    const calls = 20000;
    const start = process.hrtime.bigint();
    for (let i = 0; i < calls; ++i) call();
    return Number(process.hrtime.bigint() - start) / calls;
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1].toFixed(1);

const regularizer = new Regularizer(0.01, 0.02);
const x = Float32Array.from({ length: 16 }, (_, i) => i);
const empty = [];
const penalty = [];
for (let repetition = 0; repetition < 31; ++repetition) {
    empty.push(nanoseconds(() => addon.versionNumber()));
    penalty.push(nanoseconds(() => regularizer.penalty(x)));
}
console.log(`empty call ${median(empty)} ns, penalty of 16 elements ${median(penalty)} ns`);
