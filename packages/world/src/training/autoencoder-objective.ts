// Training of the autoencoder: reconstruction (L1 + MSE) and a small pull of the posterior towards the unit normal; no adversary.
// Axes: B batch, C channels, H height, W width.
import type { Tensor } from "@vid2world/torch";
import { z } from "zod";
import { posteriorDivergence, samplePosterior } from "../model/autoencoder/autoencoder.js";
import type { AutoencoderKL } from "../model/autoencoder/autoencoder.js";
import type { PictureModel } from "./frame-objective.js";
import type { Losses } from "./objective.js";

/** Weights of the autoencoder's loss. */
export const autoencoderLossSchema = z.strictObject({
  l1: z.number().min(0).default(1),
  mse: z.number().min(0).default(1),
  /** Of the divergence from the unit normal per pixel; small, so that it only keeps the latents' range in bounds. */
  kl: z.number().min(0).default(1e-6),
});

/** Checked weights of the autoencoder's loss. */
export type AutoencoderLossConfig = z.output<typeof autoencoderLossSchema>;

/** The network to train, by the loss of {@link autoencoderLosses}; validation decodes posterior means. */
export function reconstruction(autoencoder: AutoencoderKL, loss: AutoencoderLossConfig): PictureModel {
  return {
    module: autoencoder,
    losses: (pixels_BCHW) => autoencoderLosses(autoencoder, pixels_BCHW, loss),
    squaredErrors(pixels_NCHW) {
      const decoded_NCHW = autoencoder.decode(autoencoder.encode(pixels_NCHW).mean_NCHW);
      return { psnr: decoded_NCHW.clamp({ min: -1, max: 1 }).sub(pixels_NCHW).square().mean().item() };
    },
  };
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
