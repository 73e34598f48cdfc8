// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/** A worker of example.mjs: posts the penalty of workerData's weights. */
import { parentPort, workerData } from "node:worker_threads";
import { Regularizer } from "l1l2";

const regularizer = new Regularizer(workerData.l1, workerData.l2);
parentPort?.postMessage(regularizer.penalty(workerData.weights));
regularizer.destroy();
