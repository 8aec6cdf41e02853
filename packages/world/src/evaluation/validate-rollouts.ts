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
import { networkScores, type ScoredClip } from "./network-scores.js";
import { type ValidationVideo, writeValidationPictures } from "./report/validation-pictures.js";
import { environments } from "./scores/environments.js";
import { missingNetworks, type MetricNetworks, type NetworkMetric } from "./scores/metric-networks.js";
import type { Start } from "./starts.js";
import { rolloutWholeClips } from "./whole-clip-rollout.js";

/** What can be measured; see the configuration of training (`validation.metrics`). */
export type ValidationMetric = PlainMetric | NetworkMetric;

type PlainMetric = "psnr" | "ssim" | "mse" | "gainOverRepeat" | "gainOverShuffled";

/** One validation. */
export interface ValidationRequest {
  readonly world: WorldModel;
  readonly order: "frame-by-frame" | "whole-clip";
  readonly step: number;
  readonly starts: readonly Start[];
  /** Clips of the training data, which are shown beside and not measured. */
  readonly seen?: readonly Start[] | undefined;
  /** Frames to predict. */
  readonly frames: number;
  /** Clips per batch. */
  readonly batch: number;
  readonly metrics: readonly ValidationMetric[];
  readonly fps: number;
  readonly folder: string;
  readonly signal?: AbortSignal | undefined;
  /** Opens the networks of the metrics that need one; default: those whose weights are on this machine. */
  readonly openNetworks?: () => Promise<MetricNetworks>;
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
  missing: z.record(z.string(), z.string()).default({}).describe("why a metric that was asked for is not there"),
  byHorizon: z.strictObject({ psnr: z.array(z.number()), ssim: z.array(z.number()) }),
  seconds: z.number().describe("wall seconds of the rollouts"),
});

/** Rolls all starts out, clip i with the seed of the world plus i, scores them together and writes the folder. */
export async function validateRollouts(request: ValidationRequest): Promise<Validation> {
  const { world, starts, seen = [], frames, folder, metrics, step, fps, signal, openNetworks } = request;
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
  const measure: Record<PlainMetric, () => number | Promise<number>> = {
    psnr: () => scores.psnrMean,
    ssim: () => scores.ssimMean,
    mse: () => average(predictions.map((prediction, i) => meanSquaredError(prediction, truth[i] as Uint8Array))),
    gainOverRepeat: () => scores.psnrMean - repeated().psnrMean,
    gainOverShuffled: async () => scores.psnrMean - (await shuffled()).psnrMean,
  };
  const comparisons = starts.map((start, i) => ({ start, prediction_THWC: predictions[i] as Uint8Array }));
  const pairs = comparisons.map(({ start, ...pair }): ScoredClip => ({ ...pair, truth_THWC: start.truth_THWC }));
  const byNetworks = metrics.filter((metric) => !(metric in measure)) as NetworkMetric[];
  const { scores: found, missing } = byNetworks.length
    ? await networkScores(pairs, byNetworks, { ...sizeOf(world), signal, ...(openNetworks && { open: openNetworks }) })
    : { scores: {}, missing: {} };
  const measured: Record<string, number> = {};
  for (const metric of metrics) {
    const value = metric in measure ? await measure[metric as PlainMetric]() : found[metric as NetworkMetric];
    if (value !== undefined) measured[metric] = value;
  }
  const shown = seen.length === 0 ? [] : await rollout(request, seen);
  const { height, width, name } = world;
  const samples = await writeValidationPictures(folder, comparisons, {
    ...{ height, width, fps, title: `${name}, step ${step}` },
    seen: seen.map((start, i) => ({ start, prediction_THWC: shown[i] as Uint8Array })),
    scores: [
      ["model", scores],
      ["repeat last frame", repeated()],
    ],
  });
  const record = validationRecordSchema.parse({
    ...{ format: "vid2world-validation/1", step, frames, metrics: measured, missing, seconds },
    clips: starts.map(({ source, frame }) => ({ source, frame })),
    denoisingSteps: world.sampler.numSteps,
    byHorizon: { psnr: scores.psnr, ssim: scores.ssim },
  });
  await writeFileAtomically(join(folder, RECORD), `${JSON.stringify(record, undefined, 2)}\n`);
  return { metrics: measured, samples };
}

/** Why some of these metrics cannot be computed on this machine, by metric; empty where all can. */
export function missingMetrics(metrics: readonly string[]): Readonly<Record<string, string>> {
  return missingNetworks({ metrics: metrics as readonly NetworkMetric[], trunk: environments.own.lpips });
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

const sizeOf = ({ height, width, device }: WorldModel): Pick<WorldModel, "height" | "width" | "device"> => ({
  ...{ height, width, device },
});

/** Of pixels in [-1, 1]. */
function meanSquaredError(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
  return sum / a.length / 127.5 ** 2;
}
