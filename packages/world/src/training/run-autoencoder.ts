// A run of kind "autoencoder": frames in memory, reconstruction loss, and at the end the weights with the scale of their latents.
// Axes: N frames, C latent channels, H height, W width.
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { invalid } from "@vid2world/formats";
import type { Device } from "@vid2world/torch";
import { noGrad, scope } from "@vid2world/torch";
import { AutoencoderKL, posteriorStd } from "../model/autoencoder/autoencoder.js";
import { autoencoderSchema } from "../model/autoencoder/options.js";
import { AUTOENCODER_FILE, loadAutoencoder, saveAutoencoder } from "./autoencoder-file.js";
import { autoencoderObjective } from "./autoencoder-objective.js";
import type { AutoencoderRunConfig } from "./config.js";
import type { TrainingEpisode } from "./episodes.js";
import { frameTable, validationFrames } from "./frame-table.js";
import type { FrameTable } from "./frame-table.js";
import type { TrainingData } from "./load-episodes.js";
import { pictureValidation } from "./picture-validation.js";
import { toPixels } from "./pixels.js";
import type { ToPixels } from "./pixels.js";
import type { PreparedRun } from "./prepared-run.js";
import type { RunOptions } from "./run.js";

/** Prepares the training of an autoencoder, which is saved as `autoencoder.safetensors`. */
export async function autoencoderRun(
  config: AutoencoderRunConfig,
  episodes: TrainingData,
  options: RunOptions,
): Promise<PreparedRun> {
  const { training, loss } = config;
  const { frames, validation } = await readFrames(episodes, options);
  const { autoencoder, scale } = await firstWeights(config);
  autoencoder.to(training.device as Device);
  const pixelsOf = toPixels(episodes.frame, episodes.padded);
  const objective = autoencoderObjective({
    ...{ autoencoder, frames, validation, loss, toPixels: pixelsOf },
    batchSize: training.batchSize,
    device: training.device as Device,
  });
  const output = path.join(options.folder, AUTOENCODER_FILE);
  return {
    ...{ objective, output },
    ...(validation && {
      rollouts: () =>
        pictureValidation({
          ...{ folder: options.folder, every: training.validateEvery, frames: validation, frame: episodes.frame },
          toPixels: (frames_NHWC) => pixelsOf(frames_NHWC.to(training.device as Device)),
          rows: (pixels_NCHW) => [autoencoder.decode(autoencoder.encode(pixels_NCHW).mean_NCHW)],
        }),
    }),
    save: () => saveAutoencoder(output, autoencoder, scale ?? latentScale(autoencoder, frames, pixelsOf)),
    close: async () => {},
  };
}

/** All frames of a run's data in memory. */
export async function readFrames(
  { training, validation }: Pick<TrainingData, "training" | "validation">,
  { signal, onEvent }: Pick<RunOptions, "signal" | "onEvent">,
): Promise<{ readonly frames: FrameTable; readonly validation: FrameTable | undefined }> {
  const read = (part: readonly TrainingEpisode[], what: string): Promise<FrameTable> =>
    frameTable(part, {
      signal,
      onBroken: (message) => onEvent?.({ type: "warning", message }),
      onProgress: (done, total) => onEvent?.({ type: "prepare", what, done, total }),
    });
  const frames = await read(training, "read frames");
  return { frames, validation: validation.length > 0 ? await read(validation, "read validation frames") : undefined };
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
