// Heun's method: a step of first order, then the same step again with the mean of the predictions at both of its ends.
// Axes: B batch, T frames, C channels, H height, W width; z are clean latents without the dynamic rescale.

import { type Solver, runSteps } from "./solver.js";
import { stepWeights } from "./step-weights.js";

/**
 * Second order, two evaluations a step (2 S - 1 for S steps, the last is of first order). Differs from arXiv:2206.00364 algorithm 1: the
 * trapezoid is that of d(x / s) = z d(A / s), which begins at pure noise, A = 0, where the algorithm's own variable s / A is infinite;
 * and its weights stay below 1 however long a step is. Deterministic: it has no eta.
 */
export const heun: Solver = (predict, x_BTCHW, steps, options = {}) => {
  const weights = stepWeights(steps);
  return runSteps({ x: x_BTCHW }, steps, options, ({ x: current }, step, index) => {
    const { carry = 1, weight = 0 } = weights[index] ?? {};
    const z = predict(current, step.timestep).div(step.scale);
    const kept = current.mul(carry);
    const first = kept.add(z, { alpha: weight });
    const x0 = z.mul(step.scaleNext);
    const next = steps[index + 1];
    if (next === undefined) return { state: { x: first }, x0 };
    const zNext = predict(first, next.timestep).div(next.scale);
    return { state: { x: kept.add(z.add(zNext), { alpha: weight / 2 }) }, x0 };
  });
};
