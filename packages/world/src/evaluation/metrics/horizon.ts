// PSNR and SSIM by horizon: how well the first, second, third ... predicted frame is met, averaged over many rollouts.
// Axes: N rollouts, T predicted frames, H height, W width, C colours (RGB bytes).

import { invalid } from "@vid2world/formats";
import { fromTypedArray, scope, type Tensor } from "@vid2world/torch";
import { z } from "zod";
import type { PictureSize } from "../../data/transforms.js";
import { meanInterval } from "../statistics/bootstrap.js";
import { average } from "./average.js";
import { psnr } from "./psnr.js";
import { ssim } from "./ssim.js";

const boundsSchema = z.tuple([z.number(), z.number()]);

/** Schema of {@link HorizonScores}: entry h belongs to the predicted frame h + 1. */
export const horizonScoresSchema = z.strictObject({
  psnr: z.array(z.number()).describe("dB by horizon, mean over rollouts"),
  ssim: z.array(z.number()).describe("SSIM by horizon, mean over rollouts"),
  psnrMean: z.number().describe("dB, mean over horizons"),
  ssimMean: z.number().describe("SSIM, mean over horizons"),
  intervals: z
    .strictObject({
      psnr: z.array(boundsSchema),
      ssim: z.array(boundsSchema),
      psnrMean: boundsSchema,
      ssimMean: boundsSchema,
    })
    .optional()
    .describe("95 % of each number, bootstrap over rollouts (2,000 resamples, seed 0); absent for one rollout"),
});

/** PSNR (dB) and SSIM by horizon and their means over horizons. */
export type HorizonScores = z.infer<typeof horizonScoresSchema>;

/** A predicted or true continuation: T frames of RGB bytes, T*H*W*3. */
export type FrameBytes_THWC = Uint8Array;

/** Scores of each of N rollouts by horizon, T numbers each. */
export interface RolloutScores {
  readonly psnr: readonly (readonly number[])[];
  readonly ssim: readonly (readonly number[])[];
}

/** Scores N predicted continuations against the true ones, both as for {@link rolloutScores}, and averages over them. */
export const scoreHorizons = (
  predictions: readonly FrameBytes_THWC[],
  targets: readonly FrameBytes_THWC[],
  size: PictureSize,
): HorizonScores => overRollouts(rolloutScores(predictions, targets, size));

/** Means over rollouts by horizon and over horizons, with intervals. */
export function overRollouts(scores: RolloutScores): HorizonScores {
  const frames = scores.psnr[0]?.length ?? 0;
  const column = (rows: readonly (readonly number[])[]): readonly (readonly number[])[] =>
    Array.from({ length: frames }, (_, t) => rows.map((row) => row[t] ?? NaN));
  const [psnr, ssim] = [column(scores.psnr), column(scores.ssim)];
  const means = { psnr: psnr.map(average), ssim: ssim.map(average) };
  const bounds = (values: readonly number[]): [number, number] => {
    const { low, high } = meanInterval(values);
    return [low, high];
  };
  const intervals = {
    ...{ psnr: psnr.map(bounds), ssim: ssim.map(bounds) },
    ...{ psnrMean: bounds(scores.psnr.map(average)), ssimMean: bounds(scores.ssim.map(average)) },
  };
  return {
    ...{ ...means, psnrMean: average(means.psnr), ssimMean: average(means.ssim) },
    ...(scores.psnr.length > 1 && { intervals }),
  };
}

/**
 * Scores each of N predicted continuations. Both hold N arrays of T*H*W*3 bytes, all of the same T; bytes are
 * compared as they would be shown, mapped to [0, 1]. Throws if counts or lengths differ.
 */
export function rolloutScores(
  predictions: readonly FrameBytes_THWC[],
  targets: readonly FrameBytes_THWC[],
  { height, width }: PictureSize,
): RolloutScores {
  const length = targets[0]?.length ?? 0;
  const frames = length / (height * width * 3);
  if (predictions.length !== targets.length || targets.length === 0) {
    throw invalid("predictions", `as many rollouts as targets (${targets.length}), at least one`, predictions.length);
  }
  for (const bytes of [...predictions, ...targets]) {
    if (bytes.length !== length || !Number.isInteger(frames) || frames < 1) {
      throw invalid(
        "predictions",
        `whole ${height} x ${width} RGB pictures, ${length} bytes each`,
        `${bytes.length} bytes`,
      );
    }
  }
  const rows = predictions.map((prediction, n) =>
    scope(() => {
      const x_TCHW = unitPictures(prediction, frames, height, width);
      const y_TCHW = unitPictures(targets[n] as FrameBytes_THWC, frames, height, width);
      return { psnr: numbers(psnr(x_TCHW, y_TCHW)), ssim: numbers(ssim(x_TCHW, y_TCHW)) };
    }),
  );
  return { psnr: rows.map((row) => row.psnr), ssim: rows.map((row) => row.ssim) };
}

/** Horizons that a table shows: the first, then doubling, and the last. */
export function shownHorizons(frames: number): number[] {
  const doubling = Array.from({ length: Math.ceil(Math.log2(Math.max(2, frames))) }, (_, i) => 2 ** i);
  return [...doubling.filter((frame) => frame < frames), frames];
}

/** RGB bytes T*H*W*3 -> [T 3 H W] float32 in [0, 1]. */
function unitPictures(bytes_THWC: Uint8Array, frames: number, height: number, width: number): Tensor {
  return fromTypedArray(bytes_THWC, [frames, height, width, 3]).permute([0, 3, 1, 2]).to("float32").div(255);
}

const numbers = (values_T: Tensor): number[] => Array.from(values_T.toTypedArray() as Float64Array);
