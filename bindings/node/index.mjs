import l1l2 from "./index.js";

export const { ExactSums, isa, L1L2Error, Regularizer, version } = l1l2;
