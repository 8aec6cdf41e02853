// The factor between an autoencoder's latents and those of a diffusion model, which wants them with standard deviation one.
// Axes: N frames, C latent channels, H height, W width.
import { noGrad, scope } from "@vid2world/torch";
import { type AutoencoderKL, posteriorStd } from "../model/autoencoder/autoencoder.js";
import { type FrameTable, validationFrames } from "./frame-table.js";
import type { ToPixels } from "./pixels.js";

/** Frames over which the latents' spread is measured. */
const SCALE_FRAMES = 256;

/** One over the standard deviation of posterior samples, over all channels and positions. */
export function latentScale(autoencoder: AutoencoderKL, frames: FrameTable, pixelsOf: ToPixels): number {
  const device = autoencoder.quantConv.weight.device;
  const sums = noGrad(() =>
    validationFrames(frames, SCALE_FRAMES)
      .split(32)
      .map((piece_NHWC) =>
        scope(() => {
          const posterior = autoencoder.encode(pixelsOf(piece_NHWC.to(device)));
          const { mean_NCHW } = posterior;
          // The variance of a sample: that of the means plus the mean of the variances.
          const square = mean_NCHW.square().add(posteriorStd(posterior).square()).mean().item();
          return { mean: mean_NCHW.mean().item(), square };
        }),
      ),
  );
  const average = (pick: (sum: (typeof sums)[number]) => number): number =>
    sums.reduce((total, sum) => total + pick(sum), 0) / sums.length;
  return 1 / Math.sqrt(average(({ square }) => square) - average(({ mean }) => mean) ** 2);
}
