// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
import l1l2 from "./index.js";

export const { ExactSums, isa, L1L2Error, Regularizer, version } = l1l2;
export const { penaltiesOfTerms, addGradientOfTerms, proxOfTerms, proxStepOfTerms } = l1l2;
export const { penaltiesOfTermsAsync, addGradientOfTermsAsync } = l1l2;
export const { proxOfTermsAsync, proxStepOfTermsAsync } = l1l2;
export const { clipByNorm, clipByNormAsync } = l1l2;
