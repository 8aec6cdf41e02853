// The numbers of each step that a solver takes. Plain arrays, no tensors.

import { invalid } from "@vid2world/formats";
import type { NoiseSchedule } from "../schedule.js";
import { samplingTimesteps } from "./placements.js";
import type { SamplerConfig } from "./sampler-config.js";

/** One step from `timestep` to the next cleaner level. */
export interface SamplingStep {
  readonly timestep: number;
  /** Alpha bar at `timestep` and at the level the step goes to. */
  readonly alphaBar: number;
  readonly alphaBarNext: number;
  /** Standard deviation of the noise added by the step. */
  readonly sigma: number;
  /** Factor of the predicted noise: sqrt(1 - alphaBarNext - sigma^2), its argument clamped at 0. */
  readonly direction: number;
  /** Dynamic rescale factor of the clean latents at `timestep` and at the level the step goes to. */
  readonly scale: number;
  readonly scaleNext: number;
}

/**
 * The steps of a run, noisiest first (arXiv:2010.02502 eq. 12 and 16). Tables are read in float32 and combined in float64. At
 * the first step of a zero-terminal-SNR schedule with eta 1, 1 - alphaBarNext - sigma^2 is 0 up to rounding; clamping it makes
 * every step count work, where the published sampler turns into NaN for 7, 11, 14, 15, 20, 25 and others.
 */
export function samplingSteps(
  schedule: NoiseSchedule,
  config: Pick<SamplerConfig, "numSteps" | "spacing" | "eta" | "variant">,
): SamplingStep[] {
  const timesteps = samplingTimesteps(schedule, config);
  const bar = (t: number): number => schedule.alphasBar32[t] ?? 0;
  const scale = (t: number): number => schedule.scale[t] ?? 1;
  const published = config.variant === "published";
  const steps = timesteps.map((timestep, i): SamplingStep => {
    const next = timesteps[i - 1];
    const alphaBar = bar(timestep);
    const alphaBarNext = next !== undefined ? bar(next) : published ? bar(0) : 1;
    const scaleNext = next !== undefined ? scale(next) : published ? scale(timestep) : 1;
    const sigma = config.eta * ddimSigma(alphaBar, alphaBarNext);
    const direction = Math.sqrt(Math.max(0, 1 - alphaBarNext - sigma * sigma));
    return { timestep, alphaBar, alphaBarNext, sigma, direction, scale: scale(timestep), scaleNext };
  });
  return steps.reverse();
}

/** Noise of an ancestral (eta 1) step: sqrt((1 - next) / (1 - now) * (1 - now / next)); 0 where rounding makes it imaginary. */
function ddimSigma(alphaBar: number, alphaBarNext: number): number {
  return Math.sqrt(Math.max(0, ((1 - alphaBarNext) / (1 - alphaBar)) * (1 - alphaBar / alphaBarNext)));
}

/**
 * Noise level of the history in a rollout: a timestep, or undefined for clean history (which the network is told is timestep 0).
 * The published rule is the second smallest sampling timestep (50 trailing steps: 39).
 */
export function historyTimestep(
  schedule: NoiseSchedule,
  config: Pick<SamplerConfig, "numSteps" | "spacing" | "historyLevel">,
): number | undefined {
  const { historyLevel } = config;
  if (historyLevel === "clean") return undefined;
  if (historyLevel !== "second-step") {
    if (historyLevel >= schedule.numTimesteps)
      throw invalid("sampler.historyLevel", `a timestep below ${schedule.numTimesteps}`, historyLevel);
    return historyLevel;
  }
  const second = samplingTimesteps(schedule, config)[1];
  if (second === undefined)
    throw invalid("sampler.historyLevel", `a timestep or "clean" when numSteps is ${config.numSteps}`, historyLevel);
  return second;
}
