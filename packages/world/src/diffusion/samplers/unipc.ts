// UniPC of second order: every prediction also corrects the step that led to it, at no further evaluation.
// Axes: B batch, T frames, C channels, H height, W width; z are clean latents without the dynamic rescale.

import type { Tensor } from "@vid2world/torch";
import { type Solver, type SolverState, runSteps } from "./solver.js";
import { type StepWeights, extrapolationOf, stepWeights } from "./step-weights.js";

interface Remembered extends SolverState {
  /** Corrected latents that the last step started from, its prediction, and the one before. */
  readonly from?: Tensor;
  readonly z?: Tensor;
  readonly zBefore?: Tensor;
}

/**
 * UniPC-2 (arXiv:2302.04867 algorithms 5 to 7: multistep, data prediction) with B(h) = exp(h) - 1, "bh2". Its predictor is that of
 * DPM-Solver++(2M). Deterministic: it has no eta.
 */
export const uniPC: Solver = (predict, x_BTCHW, steps, options = {}) => {
  const weights = stepWeights(steps);
  return runSteps<Remembered>({ x: x_BTCHW }, steps, options, (state, step, index) => {
    const z = predict(state.x, step.timestep).div(step.scale);
    const from = corrected(state, z, weights, index - 1);
    const { carry = 1, weight = 0 } = weights[index] ?? {};
    const more = extrapolationOf(weights, index);
    const ahead = state.z && more > 0 ? z.mul(1 + more).sub(state.z, { alpha: more }) : z;
    const x = from.mul(carry).add(ahead, { alpha: weight });
    return { state: { x, from, z, ...(state.z && { zBefore: state.z }) }, x0: z.mul(step.scaleNext) };
  });
};

/** Where the step `index` should have led, now that the prediction `zNext` at its end is known. */
function corrected(state: Remembered, zNext: Tensor, weights: readonly StepWeights[], index: number): Tensor {
  const here = weights[index];
  const { from, z, zBefore } = state;
  if (here === undefined || from === undefined || z === undefined) return state.x;
  const { next, before } = correctorWeights(weights, index);
  const straight = z.add(zNext.sub(z), { alpha: next });
  const ahead = zBefore ? straight.add(zBefore.sub(z), { alpha: before }) : straight;
  return from.mul(here.carry).add(ahead, { alpha: here.weight });
}

/**
 * Weights of zNext - z and zBefore - z in the corrector of a step: the solution of the two equations of arXiv:2302.04867 theorem 3.1,
 * written so that it stays finite where the step before was infinitely wide. The first step's corrector is of first
 * order, as is one beside a repeated timestep.
 */
function correctorWeights(weights: readonly StepWeights[], index: number): { next: number; before: number } {
  const [last, here] = [weights[index - 1], weights[index]];
  if (last === undefined || here === undefined || last.width === 0 || here.width === 0) return { next: 0.5, before: 0 };
  const h = here.width;
  const growth = -Math.expm1(-h);
  const phi = growth / h;
  const first = (1 - phi) / growth;
  const second = (1 - (2 * (1 - phi)) / h) / growth;
  // 1 / r of the paper, with r the place of zBefore in units of this step: negative, 0 for an infinitely wide step before.
  const inverse = -h / last.width;
  const rho = ((second - first) * inverse) / (1 - inverse);
  return { next: first - rho, before: rho * inverse };
}
