// Validation inside training: a model that is being trained rolls held-out clips out, batch by batch; all clips together are scored, and
// videos, a contact sheet and the numbers lie in one folder per step, as the published training's callbacks leave them.
// Axes: T frames, H height, W width, C colours (RGB bytes).
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomically } from "@vid2world/formats";
import { z } from "zod";
import type { WorldModel } from "../world-model.js";
import { repeatLastFrame, withShuffledActions } from "./baselines.js";
import { rolloutAll } from "./evaluated-world.js";
import { average } from "./metrics/average.js";
import { type HorizonScores, scoreHorizons } from "./metrics/horizon.js";
import { type ValidationVideo, writeValidationPictures } from "./report/validation-pictures.js";
import type { Start } from "./starts.js";
import { rolloutWholeClips } from "./whole-clip-rollout.js";

/** What can be measured; see the configuration of training (`validation.metrics`). */
export type ValidationMetric = "psnr" | "ssim" | "mse" | "gainOverRepeat" | "gainOverShuffled";

/** One validation. */
export interface ValidationRequest {
  readonly world: WorldModel;
  readonly order: "frame-by-frame" | "whole-clip";
  readonly step: number;
  readonly starts: readonly Start[];
  /** Frames to predict. */
  readonly frames: number;
  /** Clips per batch. */
  readonly batch: number;
  readonly metrics: readonly ValidationMetric[];
  readonly fps: number;
  readonly folder: string;
  readonly signal?: AbortSignal | undefined;
}

/** What a validation found. */
export interface Validation {
  readonly metrics: Readonly<Record<string, number>>;
  /** Truth beside model, one video per clip; files are relative to the folder. */
  readonly samples: readonly ValidationVideo[];
}

/** Written last: where it is, all is. */
const RECORD = "metrics.json";

/** Schema of the record of a validation. */
export const validationRecordSchema = z.strictObject({
  format: z.literal("vid2world-validation/1"),
  step: z.int(),
  clips: z.array(
    z.strictObject({ source: z.string(), frame: z.int().describe("first predicted frame in its episode") }),
  ),
  frames: z.int(),
  denoisingSteps: z.int(),
  metrics: z.record(z.string(), z.number()),
  byHorizon: z.strictObject({ psnr: z.array(z.number()), ssim: z.array(z.number()) }),
  seconds: z.number().describe("wall seconds of the rollouts"),
});

/** Rolls all starts out, clip i with the seed of the world plus i, scores them together and writes the folder. */
export async function validateRollouts(request: ValidationRequest): Promise<Validation> {
  const { world, starts, frames, folder, metrics, step, fps } = request;
  await mkdir(folder, { recursive: true });
  const began = performance.now();
  const predictions = await rollout(request, starts);
  const seconds = (performance.now() - began) / 1000;
  const truth = starts.map(({ truth_THWC }) => truth_THWC);
  const scores = scoreHorizons(predictions, truth, world);
  const frameBytes = world.height * world.width * 3;
  const repeated = (): HorizonScores =>
    scoreHorizons(
      starts.map(({ context_THWC }) => repeatLastFrame(context_THWC, frameBytes, frames)),
      truth,
      world,
    );
  const shuffled = async (): Promise<HorizonScores> => {
    const known = world.contextFrames - 1;
    const jobs = withShuffledActions(starts, { known, actionWidth: world.actionWidth, seed: world.seed });
    const others = starts.map((start, i) => ({ ...start, ...jobs[i] }));
    return scoreHorizons(await rollout(request, others), truth, world);
  };
  const measure: Record<ValidationMetric, () => number | Promise<number>> = {
    psnr: () => scores.psnrMean,
    ssim: () => scores.ssimMean,
    mse: () => average(predictions.map((prediction, i) => meanSquaredError(prediction, truth[i] as Uint8Array))),
    gainOverRepeat: () => scores.psnrMean - repeated().psnrMean,
    gainOverShuffled: async () => scores.psnrMean - (await shuffled()).psnrMean,
  };
  const measured: Record<string, number> = {};
  for (const metric of metrics) measured[metric] = await measure[metric]();

  const comparisons = starts.map((start, i) => ({ start, prediction_THWC: predictions[i] as Uint8Array }));
  const { height, width, name } = world;
  const samples = await writeValidationPictures(folder, comparisons, {
    ...{ height, width, fps, title: `${name}, step ${step}` },
    scores: [
      ["model", scores],
      ["repeat last frame", repeated()],
    ],
  });
  const record = validationRecordSchema.parse({
    ...{ format: "vid2world-validation/1", step, frames, metrics: measured, seconds },
    clips: starts.map(({ source, frame }) => ({ source, frame })),
    denoisingSteps: world.sampler.numSteps,
    byHorizon: { psnr: scores.psnr, ssim: scores.ssim },
  });
  await writeFileAtomically(join(folder, RECORD), `${JSON.stringify(record, undefined, 2)}\n`);
  return { metrics: measured, samples };
}

/** Whether a validation into this folder was completed. */
export async function isValidated(folder: string): Promise<boolean> {
  try {
    return validationRecordSchema.safeParse(JSON.parse(await readFile(join(folder, RECORD), "utf8"))).success;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** Predicted frames of every start, N*H*W*3 bytes each. */
function rollout(
  { world, order, frames, batch, signal }: ValidationRequest,
  starts: readonly Start[],
): Promise<Uint8Array[]> {
  const options = { frames, batch, seed: world.seed, ...(signal && { signal }) };
  return order === "whole-clip" ? rolloutWholeClips(world, starts, options) : rolloutAll(world, starts, options);
}

/** Of pixels in [-1, 1]. */
function meanSquaredError(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
  return sum / a.length / 127.5 ** 2;
}
