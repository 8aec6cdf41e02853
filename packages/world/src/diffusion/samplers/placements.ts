// Where along the noise levels the steps begin: the published spacings, uniform in log-SNR, Karras-like, or an explicit list.

import { invalid } from "@vid2world/formats";
import { type NoiseSchedule, alphasBarOf, linearBetas, linspace64 } from "../schedule.js";
import type { SamplerConfig, SpacingName } from "./sampler-config.js";

/** Ascending sampling timesteps of a configuration. */
export function samplingTimesteps(
  schedule: NoiseSchedule,
  { numSteps, spacing }: Pick<SamplerConfig, "numSteps" | "spacing">,
): number[] {
  if (typeof spacing === "string") return placed(schedule, spacing, numSteps);
  if (spacing.length !== numSteps)
    throw invalid("sampler.numSteps", `${spacing.length}, as many as the timesteps in sampler.spacing`, numSteps);
  const ascending = [...spacing].sort((a, b) => a - b);
  const beyond = ascending.find((timestep) => timestep >= schedule.numTimesteps);
  if (beyond !== undefined) throw invalid("sampler.spacing", `timesteps below ${schedule.numTimesteps}`, beyond);
  return ascending;
}

function placed(schedule: NoiseSchedule, spacing: SpacingName, numSteps: number): number[] {
  const { numTimesteps } = schedule;
  if (!Number.isInteger(numSteps) || numSteps < 1 || numSteps > numTimesteps)
    throw invalid("numSteps", `an integer from 1 to ${numTimesteps}`, numSteps);
  const timesteps = rules[spacing](numSteps, schedule);
  if ((timesteps.at(-1) ?? 0) >= numTimesteps)
    throw invalid("numSteps", `a step count whose ${spacing} timesteps end below ${numTimesteps}`, numSteps);
  return timesteps;
}

/** `uniform` may give more than `numSteps` (16 of 1000 gives 17: the stride is a whole number), `quad` may repeat the first; as published. */
const rules: Record<SpacingName, (numSteps: number, schedule: NoiseSchedule) => number[]> = {
  uniform(numSteps, { numTimesteps }) {
    const stride = Math.floor(numTimesteps / numSteps);
    return Array.from({ length: Math.ceil(numTimesteps / stride) }, (_, i) => i * stride + 1);
  },
  uniform_trailing(numSteps, { numTimesteps }) {
    // From the top down. Rounding of the stride could add one timestep below 0; it is left out.
    const stride = numTimesteps / numSteps;
    const descending = Array.from({ length: numSteps }, (_, i) => roundHalfEven(numTimesteps - i * stride) - 1);
    return descending.filter((timestep) => timestep >= 0).reverse();
  },
  quad(numSteps, { numTimesteps }) {
    const roots = linspace64(0, Math.sqrt(numTimesteps * 0.8), numSteps);
    return Array.from(roots, (root) => Math.trunc(root * root) + 1);
  },
  log_snr: (numSteps, schedule) => atSigmas(schedule, numSteps, (high, low, share) => high * (low / high) ** share),
  // arXiv:2206.00364 eq. 5 with rho 7.
  karras: (numSteps, schedule) =>
    atSigmas(
      schedule,
      numSteps,
      (high, low, share) => (high ** (1 / 7) + share * (low ** (1 / 7) - high ** (1 / 7))) ** 7,
    ),
};

/** Rounds half to even, as the published timesteps do (62.5 -> 62, 937.5 -> 938). */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Timesteps nearest to the noise levels `sigmaAt(high, low, i / numSteps)`, sigma = sqrt((1 - alphaBar) / alphaBar), all different. The
 * end of the range, level 0, is not evaluated: the last step leads there, as in trailing spacing. The other end would be infinite in a
 * zero-terminal-SNR schedule, so the range begins with the last sigma of the same betas before that rescale (14.6 for the published
 * ones), and the first step at the last timestep all the same.
 */
function atSigmas(
  schedule: NoiseSchedule,
  numSteps: number,
  sigmaAt: (high: number, low: number, share: number) => number,
): number[] {
  const { numTimesteps, alphasBar, config } = schedule;
  const sigmas = alphasBar.map(sigmaOf);
  const plain = alphasBarOf(linearBetas(numTimesteps, config.linearStart, config.linearEnd));
  const [low, high] = [sigmas[0] ?? 0, sigmaOf(plain.at(-1) ?? 0)];
  const timesteps = Array.from({ length: numSteps }, (_, i) =>
    i === 0 ? numTimesteps - 1 : nearest(sigmas, sigmaAt(high, low, i / numSteps)),
  ).reverse();
  return distinct(timesteps, numTimesteps);
}

const sigmaOf = (alphaBar: number): number => Math.sqrt((1 - alphaBar) / alphaBar);

/** Index of the ascending value that is nearest in logarithm. */
function nearest(ascending: Float64Array, value: number): number {
  const above = ascending.findIndex((candidate) => candidate >= value);
  if (above <= 0) return Math.max(above, 0);
  const [under, over] = [ascending[above - 1] ?? value, ascending[above] ?? value];
  return value / under < over / value ? above - 1 : above;
}

/** Moves equal neighbours of an ascending list apart, upwards, and down again from where that leads past the end. */
function distinct(ascending: readonly number[], numTimesteps: number): number[] {
  const moved = [...ascending];
  for (let i = 1; i < moved.length; i++) moved[i] = Math.max(moved[i] ?? 0, (moved[i - 1] ?? 0) + 1);
  return moved.map((timestep, i) => Math.min(timestep, numTimesteps - moved.length + i));
}
