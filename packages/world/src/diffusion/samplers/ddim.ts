// DDIM sampling of the published method: dynamic rescale and, with eta > 0, fresh noise per step. Sees only a denoiser.
// Axes: B batch, T frames (those that are sampled together; history is the denoiser's business), C channels, H height, W width.

import { invalid } from "@vid2world/formats";
import { type Tensor, full, scope } from "@vid2world/torch";
import type { Conditioning, Denoiser } from "../denoiser.js";
import type { SamplingStep } from "./timesteps.js";

/** What a step ended with; tensors are freed after the callback returns. */
export interface StepReport {
  /** 0 is the noisiest step. */
  readonly step: number;
  readonly timestep: number;
  readonly x_BTCHW: Tensor;
  /** Clean latents predicted by the step, after the dynamic rescale. */
  readonly x0_BTCHW: Tensor;
}

/** Options of `ddim`. */
export interface DdimOptions {
  readonly conditioning?: Conditioning;
  /** Standard normal noise of a step, shaped like x; asked for only where a step adds noise. */
  readonly noise?: (step: number) => Tensor;
  readonly onStep?: (report: StepReport) => void;
  /** Checked between steps. */
  readonly signal?: AbortSignal;
}

/** A sampler: noise [B T C H W] -> latents of the same shape. */
export type Sampler = (
  denoise: Denoiser,
  x_BTCHW: Tensor,
  steps: readonly SamplingStep[],
  options?: DdimOptions,
) => Tensor;

/**
 * Runs the steps (arXiv:2010.02502 eq. 12), from `samplingSteps`. The clean prediction is multiplied by scaleNext / scale on the way, as
 * the network expects latents scaled by the dynamic rescale of their level (arXiv:2310.12190).
 */
export const ddim: Sampler = (denoise, x_BTCHW, steps, options = {}) => {
  const { conditioning = {}, noise, onStep, signal } = options;
  const [batch, frames] = x_BTCHW.dims("B T C H W");
  let current = x_BTCHW;
  for (const [index, step] of steps.entries()) {
    signal?.throwIfAborted();
    const { x, x0 } = scope(() => {
      const levels_BT = full([batch, frames], step.timestep, { dtype: "int64", device: x_BTCHW.device });
      const predicted = denoise(current, levels_BT, conditioning);
      if (step.sigma > 0 && !noise)
        throw invalid("noise", "a function, because eta > 0 adds noise at every step", noise);
      return ddimStep(current, predicted, step, step.sigma > 0 ? noise?.(index) : undefined);
    });
    onStep?.({ step: index, timestep: step.timestep, x_BTCHW: x, x0_BTCHW: x0 });
    x0.dispose();
    if (current !== x_BTCHW) current.dispose();
    current = x;
  }
  return current === x_BTCHW ? x_BTCHW.clone() : current;
};

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
