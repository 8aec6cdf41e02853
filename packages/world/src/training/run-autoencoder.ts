// A run of kind "autoencoder": frames in memory, reconstruction loss, and at the end the weights with the scale of their latents.
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { invalid } from "@vid2world/formats";
import type { Device } from "@vid2world/torch";
import { AutoencoderKL } from "../model/autoencoder/autoencoder.js";
import { autoencoderSchema } from "../model/autoencoder/options.js";
import { AUTOENCODER_FILE, loadAutoencoder, saveAutoencoder } from "./autoencoder-file.js";
import { reconstruction } from "./autoencoder-objective.js";
import type { AutoencoderRunConfig } from "./config.js";
import { latentScale } from "./latent-scale.js";
import type { TrainingData } from "./load-episodes.js";
import { pictureRun, type PictureRunParts } from "./picture-run.js";
import type { PreparedRun } from "./prepared-run.js";
import type { RunOptions } from "./run.js";

/** Prepares the training of an autoencoder, which is saved as `autoencoder.safetensors`. */
export async function autoencoderRun(
  config: AutoencoderRunConfig,
  episodes: TrainingData,
  options: RunOptions,
): Promise<PreparedRun> {
  const { training, loss } = config;
  const { autoencoder, scale } = await firstWeights(config);
  autoencoder.to(training.device as Device);
  const output = path.join(options.folder, AUTOENCODER_FILE);
  const parts: PictureRunParts = {
    ...reconstruction(autoencoder, loss),
    output,
    rows: (pixels_NCHW) => [autoencoder.decode(autoencoder.encode(pixels_NCHW).mean_NCHW)],
    save: (frames, pixelsOf) =>
      saveAutoencoder(output, autoencoder, scale ?? latentScale(autoencoder, frames, pixelsOf)),
  };
  return pictureRun(training, episodes, parts, options);
}

/** The autoencoder to train, and the scale of its latents where training leaves them as they are. */
async function firstWeights({
  autoencoder: options,
  initialise,
}: AutoencoderRunConfig): Promise<{ autoencoder: AutoencoderKL; scale?: number }> {
  if (!initialise) return { autoencoder: new AutoencoderKL(options) };
  const { autoencoder, scale } = await loadAutoencoder(initialise.from);
  const wanted = autoencoderSchema.parse(options);
  if (!isDeepStrictEqual(autoencoder.options, wanted))
    throw invalid("autoencoder", `the options of ${initialise.from}`, JSON.stringify(wanted));
  if (initialise.train === "all") return { autoencoder };
  autoencoder.encoder.requiresGrad_(false);
  autoencoder.quantConv.requiresGrad_(false);
  return { autoencoder, scale };
}
