// Quality against steps: the same starts and noise with several solvers and step counts, against what really followed.
// Axes: T frames; frames are RGB bytes.

import { z } from "zod";
import { type SamplerConfig, type SolverName, solverNames } from "../diffusion/samplers/sampler-config.js";
import { WorldModel } from "../world-model.js";
import { scoreHorizons } from "./metrics/horizon.js";
import { sharpness } from "./metrics/sharpness.js";
import type { Start } from "./starts.js";

/** Schema of one point: a solver with a number of steps. */
export const stepQualitySchema = z.strictObject({
  solver: z.enum(solverNames),
  numSteps: z.int(),
  evaluations: z.int().describe("of the network per frame; guidance would double them"),
  psnr: z.number().describe("dB against the truth, mean over starts and frames"),
  ssim: z.number(),
  sharpness: z.number().describe("edge contrast as a share of the truth's"),
  cpuSecondsPerFrame: z.number().describe("user CPU seconds of a frame of one start, encoding and decoding included"),
});

/** One point of the curves. */
export type StepQuality = z.output<typeof stepQualitySchema>;

/** Evaluations of the network that a solver takes for a frame, without guidance. */
export function evaluationsOf(solver: SolverName, numSteps: number): number {
  return solver === "heun" ? 2 * numSteps - 1 : numSteps;
}

/** What is measured. */
export interface StepQualityOptions {
  /** Changes to the world's sampler, `solver` and `numSteps` among them. */
  readonly cases: readonly (Pick<SamplerConfig, "solver" | "numSteps"> & Partial<SamplerConfig>)[];
  /** Frames to predict from each start. */
  readonly frames: number;
  /** Start b draws its noise with `seed + b`, the same in every case. */
  readonly seed: number;
  readonly onPoint?: (point: StepQuality) => void;
  readonly signal?: AbortSignal;
}

/** Rolls the starts out, as one batch, once per case. */
export async function measureStepQuality(
  world: WorldModel,
  starts: readonly Start[],
  { cases, frames, seed, onPoint, signal }: StepQualityOptions,
): Promise<StepQuality[]> {
  const truth = starts.map((start) => start.truth_THWC);
  const points: StepQuality[] = [];
  for (const changes of cases) {
    const { device, decoder } = world;
    const sampler = { ...world.sampler, ...changes };
    using variant = new WorldModel(world.parts, { device, decoder, sampler });
    const before = process.cpuUsage();
    const predictions = await variant.rollout(starts, { frames, seed, ...(signal && { signal }) });
    const { user } = process.cpuUsage(before);
    const scores = scoreHorizons(predictions, truth, world);
    const { solver, numSteps } = variant.sampler;
    const point: StepQuality = {
      ...{ solver, numSteps },
      evaluations: evaluationsOf(solver, numSteps),
      psnr: scores.psnrMean,
      ssim: scores.ssimMean,
      sharpness: sharpness(predictions, truth, world),
      cpuSecondsPerFrame: user / 1e6 / (starts.length * frames),
    };
    points.push(point);
    onPoint?.(point);
  }
  return points;
}
