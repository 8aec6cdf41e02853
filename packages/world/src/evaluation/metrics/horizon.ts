// PSNR and SSIM by horizon: how well the first, second, third ... predicted frame is met, averaged over many rollouts.
// Axes: N rollouts, T predicted frames, H height, W width, C colours (RGB bytes).

import { invalid } from "@vid2world/formats";
import { fromTypedArray, scope, type Tensor } from "@vid2world/torch";
import { z } from "zod";
import type { PictureSize } from "../../data/transforms.js";
import { average } from "./average.js";
import { psnr } from "./psnr.js";
import { ssim } from "./ssim.js";

/** Schema of {@link HorizonScores}: entry h belongs to the predicted frame h + 1. */
export const horizonScoresSchema = z.strictObject({
  psnr: z.array(z.number()).describe("dB by horizon, mean over rollouts"),
  ssim: z.array(z.number()).describe("SSIM by horizon, mean over rollouts"),
  psnrMean: z.number().describe("dB, mean over horizons"),
  ssimMean: z.number().describe("SSIM, mean over horizons"),
});

/** PSNR (dB) and SSIM by horizon and their means over horizons. */
export type HorizonScores = z.infer<typeof horizonScoresSchema>;

/** A predicted or true continuation: T frames of RGB bytes, T*H*W*3. */
export type FrameBytes_THWC = Uint8Array;

/**
 * Scores N predicted continuations against the true ones. Both hold N arrays of T*H*W*3 bytes, all of the same T; bytes are
 * compared as they would be shown, mapped to [0, 1]. Throws if counts or lengths differ.
 */
export function scoreHorizons(
  predictions: readonly FrameBytes_THWC[],
  targets: readonly FrameBytes_THWC[],
  { height, width }: PictureSize,
): HorizonScores {
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
  const sums = { psnr: new Float64Array(frames), ssim: new Float64Array(frames) };
  predictions.forEach((prediction, n) => {
    const target = targets[n] as FrameBytes_THWC;
    const [psnr_T, ssim_T] = scope(() => {
      const x_TCHW = unitPictures(prediction, frames, height, width);
      const y_TCHW = unitPictures(target, frames, height, width);
      return [psnr(x_TCHW, y_TCHW), ssim(x_TCHW, y_TCHW)] as const;
    });
    addInto(sums.psnr, psnr_T);
    addInto(sums.ssim, ssim_T);
  });
  const mean = (sum: number): number => sum / targets.length;
  const byHorizon = { psnr: Array.from(sums.psnr, mean), ssim: Array.from(sums.ssim, mean) };
  return { ...byHorizon, psnrMean: average(byHorizon.psnr), ssimMean: average(byHorizon.ssim) };
}

/** RGB bytes T*H*W*3 -> [T 3 H W] float32 in [0, 1]. */
function unitPictures(bytes_THWC: Uint8Array, frames: number, height: number, width: number): Tensor {
  return fromTypedArray(bytes_THWC, [frames, height, width, 3]).permute([0, 3, 1, 2]).to("float32").div(255);
}

function addInto(sums: Float64Array, values_T: Tensor): void {
  (values_T.toTypedArray() as Float64Array).forEach((value, t) => {
    sums[t] = (sums[t] ?? 0) + value;
  });
  values_T.dispose();
}
