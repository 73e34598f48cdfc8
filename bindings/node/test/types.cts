/** The same by `require`. */
import l1l2 = require("l1l2");

const regularizer: l1l2.Regularizer = l1l2.Regularizer.fromJson('{"l1": 0.1}');
export const penalty: number = regularizer.penaltyOfSums(new l1l2.ExactSums());
