// DDIM, the published solver: dynamic rescale and, with eta > 0, fresh noise per step.
// Axes: B batch, T frames, C channels, H height, W width.

import { invalid } from "@vid2world/formats";
import type { Tensor } from "@vid2world/torch";
import { type Solver, runSteps } from "./solver.js";
import type { SamplingStep } from "./timesteps.js";

/**
 * Runs the steps (arXiv:2010.02502 eq. 12). The clean prediction is multiplied by scaleNext / scale on the way, as the network expects
 * latents scaled by the dynamic rescale of their level (arXiv:2310.12190).
 */
export const ddim: Solver = (predict, x_BTCHW, steps, options = {}) =>
  runSteps({ x: x_BTCHW }, steps, options, ({ x: current }, step, index) => {
    const predicted = predict(current, step.timestep);
    const { x, x0 } = ddimStep(current, predicted, step, stepNoise(step, index, options));
    return { state: { x }, x0 };
  });

/** One step: from x and its predicted clean latents to the next level; `noise` is added with the step's sigma. */
export function ddimStep(
  x: Tensor,
  predicted: Tensor,
  step: SamplingStep,
  noise?: Tensor,
): { readonly x: Tensor; readonly x0: Tensor } {
  // The predicted noise, from x = a x0 + s eps. s is at least sqrt(1 - alphaBar(0)) = 0.03, a may be 0.
  const eps = x.sub(predicted, { alpha: Math.sqrt(step.alphaBar) }).div(Math.sqrt(1 - step.alphaBar));
  const x0 = predicted.mul(step.scaleNext / step.scale);
  const deterministic = x0.mul(Math.sqrt(step.alphaBarNext)).add(eps, { alpha: step.direction });
  return { x: noise ? deterministic.add(noise, { alpha: step.sigma }) : deterministic, x0 };
}

/** The noise that a step adds; undefined where it adds none. */
export function stepNoise(
  step: SamplingStep,
  index: number,
  { noise }: { readonly noise?: (step: number) => Tensor },
): Tensor | undefined {
  if (step.sigma === 0) return undefined;
  if (!noise) throw invalid("noise", "a function, because eta > 0 adds noise at every step", noise);
  return noise(index);
}
