// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/** Ends the tests of bindings/node when the first one fails, or when all threads wait for ever. */
import { readdirSync, readFileSync } from "node:fs";

function end(reason) {
    process._rawDebug(reason);
    process.kill(process.pid, "SIGKILL"); // as threads that wait cannot be joined
}

/** Whether a thread neither runs nor waits for its turn on a busy machine. */
function sleeps(thread) {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")"))[2] === "S";
}

let seconds = 0;
let before = process.cpuUsage();

setInterval(() => {
    const { user, system } = process.cpuUsage(before);
    before = process.cpuUsage();
    const others = readdirSync("/proc/self/task").filter((id) => id !== String(process.pid));
    try {
        seconds = user + system < 20_000 && others.every(sleeps) ? seconds + 1 : 0;
    } catch {
        seconds = 0; // a thread has ended
    }
    if (seconds === 5) end("all threads wait");
}, 1000).unref();

export default async function* (events) {
    for await (const { type, data } of events) {
        if (type === "test:fail") end(data.name);
    }
}
