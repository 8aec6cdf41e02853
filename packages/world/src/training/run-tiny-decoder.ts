// A run of kind "tiny-decoder": frames in memory, the finished autoencoder as teacher, and at the end the small decoder's weights.
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { invalid } from "@vid2world/formats";
import type { Device } from "@vid2world/torch";
import { TINY_DECODER_FILE, loadTinyDecoder, saveTinyDecoder } from "../checkpoints/tiny-decoder-file.js";
import { TinyDecoder } from "../model/tiny-decoder/tiny-decoder.js";
import { loadAutoencoder } from "./autoencoder-file.js";
import type { TinyDecoderRunConfig } from "./config.js";
import type { TrainingData } from "./load-episodes.js";
import { pictureRun, type PictureRunParts } from "./picture-run.js";
import type { PreparedRun } from "./prepared-run.js";
import type { RunOptions } from "./run.js";
import { taughtDecoder } from "./tiny-decoder-objective.js";

/** Prepares the training of a tiny decoder, which is saved as `tiny-decoder.safetensors`. */
export async function tinyDecoderRun(
  config: TinyDecoderRunConfig,
  episodes: TrainingData,
  options: RunOptions,
): Promise<PreparedRun> {
  const { training, loss } = config;
  const device = training.device as Device;
  const decoder = await firstWeights(config);
  const teacher = await loadAutoencoder(config.teacher);
  const { autoencoder } = teacher;
  if (decoder.downscale !== autoencoder.downscale)
    throw invalid(
      "decoder.channels",
      `${Math.log2(autoencoder.downscale) + 1} levels, as the teacher halves pictures`,
      decoder.levels.length,
    );
  if (decoder.options.latentChannels !== autoencoder.options.embedDim)
    throw invalid(
      "decoder.latentChannels",
      `${autoencoder.options.embedDim}, as the teacher's latents have`,
      decoder.options.latentChannels,
    );
  autoencoder.to(device).requiresGrad_(false).eval();
  decoder.to(device);
  const output = path.join(options.folder, TINY_DECODER_FILE);
  const parts: PictureRunParts = {
    ...taughtDecoder(decoder, teacher, loss),
    output,
    rows(pixels_NCHW) {
      const { mean_NCHW } = autoencoder.encode(pixels_NCHW);
      return [autoencoder.decode(mean_NCHW), decoder.forward(mean_NCHW.mul(teacher.scale))];
    },
    save: () => saveTinyDecoder(output, decoder),
  };
  return pictureRun(training, episodes, parts, options);
}

async function firstWeights({ decoder: options, initialise }: TinyDecoderRunConfig): Promise<TinyDecoder> {
  if (!initialise) return new TinyDecoder(options);
  const decoder = await loadTinyDecoder(initialise.from);
  if (!isDeepStrictEqual(decoder.options, options))
    throw invalid("decoder", `the options of ${initialise.from}`, JSON.stringify(options));
  return decoder.requiresGrad_(true);
}
