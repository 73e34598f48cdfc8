// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
import l1l2 from "./index.js";

export const { clipByNorm, ExactSums, isa, L1L2Error, Regularizer, version } = l1l2;
