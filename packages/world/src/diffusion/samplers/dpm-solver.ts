// DPM-Solver++(2M): second order at the cost of first order, by remembering the last prediction.
// Axes: B batch, T frames, C channels, H height, W width; z are clean latents without the dynamic rescale.

import type { Tensor } from "@vid2world/torch";
import { stepNoise } from "./ddim.js";
import { type Solver, type SolverState, runSteps } from "./solver.js";
import { extrapolationOf, stepWeights } from "./step-weights.js";

interface Remembered extends SolverState {
  /** Prediction of the step before. */
  readonly z?: Tensor;
}

/**
 * DPM-Solver++(2M), arXiv:2211.01095 algorithm 2 in its midpoint form; with eta > 0 its stochastic form (SDE-DPM-Solver++(2M), section
 * 5), where eta shares out noise and direction as in DDIM.
 */
export const dpmSolver2M: Solver = (predict, x_BTCHW, steps, options = {}) => {
  const weights = stepWeights(steps);
  return runSteps<Remembered>({ x: x_BTCHW }, steps, options, (state, step, index) => {
    const { carry = 1, weight = 0 } = weights[index] ?? {};
    const z = predict(state.x, step.timestep).div(step.scale);
    const more = extrapolationOf(weights, index);
    const ahead = state.z && more > 0 ? z.mul(1 + more).sub(state.z, { alpha: more }) : z;
    const deterministic = state.x.mul(carry).add(ahead, { alpha: weight });
    const noise = stepNoise(step, index, options);
    const x = noise ? deterministic.add(noise, { alpha: step.sigma }) : deterministic;
    return { state: { x, z }, x0: z.mul(step.scaleNext) };
  });
};
