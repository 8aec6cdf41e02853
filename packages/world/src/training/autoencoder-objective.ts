// Training of the autoencoder: reconstruction (L1 + MSE) and a small pull of the posterior towards the unit normal; no adversary.
// Axes: B batch, C channels, H height, W width.
import { noGrad, scope } from "@vid2world/torch";
import type { Device, Tensor } from "@vid2world/torch";
import { z } from "zod";
import { posteriorDivergence, samplePosterior } from "../model/autoencoder/autoencoder.js";
import type { AutoencoderKL } from "../model/autoencoder/autoencoder.js";
import { clipTable, drawClips, nameClips } from "./clip-table.js";
import { sampleFrames, validationFrames } from "./frame-table.js";
import type { FrameTable } from "./frame-table.js";
import type { Losses, Objective } from "./objective.js";
import { phase } from "./phases.js";
import type { ToPixels } from "./pixels.js";

/** Weights of the autoencoder's loss. */
export const autoencoderLossSchema = z.strictObject({
  l1: z.number().min(0).default(1),
  mse: z.number().min(0).default(1),
  /** Of the divergence from the unit normal per pixel; small, so that it only keeps the latents' range in bounds. */
  kl: z.number().min(0).default(1e-6),
});

/** Checked weights of the autoencoder's loss. */
export type AutoencoderLossConfig = z.output<typeof autoencoderLossSchema>;

/** What an autoencoder is trained with. */
export interface AutoencoderObjectiveOptions {
  readonly autoencoder: AutoencoderKL;
  readonly frames: FrameTable;
  /** Held-out frames; absent: no validation. */
  readonly validation?: FrameTable | undefined;
  readonly toPixels: ToPixels;
  readonly loss: AutoencoderLossConfig;
  readonly batchSize: number;
  readonly device: Device;
}

const VALIDATION_FRAMES = 64;

/** The loss of random frames; validation reports the reconstruction's PSNR in decibels. */
export function autoencoderObjective(options: AutoencoderObjectiveOptions): Objective<void> {
  const { autoencoder, frames, validation, loss, batchSize, device } = options;
  const pixelsOf: ToPixels = (frames_NHWC) => options.toPixels(frames_NHWC.to(device));
  const objective: Objective<void> = {
    module: autoencoder,
    frames: batchSize,
    samples: (draw) => nameClips(frames.episodes, drawClips(clipTable(frames.episodes, 1), draw, batchSize), 1),
    losses(draw) {
      const pixels_BCHW = phase("loading", () => pixelsOf(sampleFrames(frames, draw, batchSize)));
      return autoencoderLosses(autoencoder, pixels_BCHW, loss);
    },
  };
  if (!validation) return objective;
  return { ...objective, validate: () => noGrad(() => scope(() => reconstruction(autoencoder, validation, pixelsOf))) };
}

/** L1 and MSE are means over all pixels, the divergence is summed over the latent and divided by the number of pixels. */
export function autoencoderLosses(
  autoencoder: AutoencoderKL,
  pixels_BCHW: Tensor,
  weights: AutoencoderLossConfig,
): Losses {
  const posterior = autoencoder.encode(pixels_BCHW);
  const error_BCHW = autoencoder.decode(samplePosterior(posterior)).float().sub(pixels_BCHW);
  const l1 = error_BCHW.abs().mean();
  const mse = error_BCHW.square().mean();
  const kl = posteriorDivergence(posterior).sum().div(pixels_BCHW.numel);
  const total = l1.mul(weights.l1).add(mse.mul(weights.mse)).add(kl.mul(weights.kl));
  return { total, parts: { l1, mse, kl } };
}

/** Of decoded posterior means, over the whole picture with its padding; the range [-1, 1] is 2 wide. */
function reconstruction(autoencoder: AutoencoderKL, table: FrameTable, pixelsOf: ToPixels): { psnr: number } {
  const squared = validationFrames(table, VALIDATION_FRAMES)
    .split(16)
    .map((piece_NHWC) =>
      scope(() => {
        const pixels = pixelsOf(piece_NHWC);
        const { mean_NCHW } = autoencoder.encode(pixels);
        return autoencoder.decode(mean_NCHW).clamp({ min: -1, max: 1 }).sub(pixels).square().mean().item();
      }),
    );
  const mse = squared.reduce((sum, value) => sum + value, 0) / squared.length;
  return { psnr: 10 * Math.log10(4 / mse) };
}
