// The numbers of a step in the form in which higher-order solvers are written: what is left of x, the weight of the clean prediction,
// and the step's width in log-SNR. All float64.
//
// The dynamic rescale c of a level belongs to its signal: x = A z + s eps with A = sqrt(alphaBar) c, and z the clean latents without a
// scale. So every solver for "signal A, noise s" is a solver of this model, with z = prediction / c. At the first level of a
// zero-terminal-SNR schedule A is 0: its log-SNR is minus infinity and the width of the first step infinite. Nothing is clipped for it
// (elsewhere alphaBar is set to 2^-24 there); the formulas are written so that their limits are finite numbers: the first step then goes
// straight from the predicted clean latents (arXiv:2305.08891 section 3.4), x' = s' x + A' z, which is DDIM's.

import type { SamplingStep } from "./timesteps.js";

/** x' = carry x + weight z + sigma noise is a step of first order. */
export interface StepWeights {
  readonly carry: number;
  readonly weight: number;
  /** Log-SNR at the end of the step minus that at its start, lambda = ln(A / s); infinite from pure noise and to clean latents. */
  readonly width: number;
}

/** The numbers of each step. */
export function stepWeights(steps: readonly SamplingStep[]): StepWeights[] {
  return steps.map(({ alphaBar, alphaBarNext, direction, scale, scaleNext }) => {
    const [signal, noise] = [Math.sqrt(alphaBar) * scale, Math.sqrt(1 - alphaBar)];
    const [signalNext, noiseNext] = [Math.sqrt(alphaBarNext) * scaleNext, Math.sqrt(1 - alphaBarNext)];
    const carry = direction / noise;
    return { carry, weight: signalNext - carry * signal, width: logSnr(signalNext, noiseNext) - logSnr(signal, noise) };
  });
}

function logSnr(signal: number, noise: number): number {
  return Math.log(signal) - Math.log(noise);
}

/**
 * Weight of z - zBefore that makes a step second order: width / (2 widthBefore), arXiv:2211.01095 eq. 23 (2M). 0 at the first step, at
 * the last (whose level the network was not trained at, and which is infinitely wide where it ends clean), and after an infinite one.
 */
export function extrapolationOf(weights: readonly StepWeights[], index: number): number {
  const [before, here] = [weights[index - 1], weights[index]];
  if (before === undefined || here === undefined || index === weights.length - 1) return 0;
  if (before.width === 0) return 0; // a repeated timestep says nothing about the slope
  return here.width / (2 * before.width);
}
