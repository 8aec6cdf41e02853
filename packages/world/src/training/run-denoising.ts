// A run of kind "base" or "world": latents once, the diffusion loss on clips of them, and at the end a world folder.
import path from "node:path";
import { invalid } from "@vid2world/formats";
import type { Device } from "@vid2world/torch";
import { AutoencoderKL, posteriorStd } from "../model/autoencoder/autoencoder.js";
import { UNet3D } from "../model/unet/unet.js";
import { noiseSchedule } from "../diffusion/schedule.js";
import type { WorldConfigInput } from "../world-config.js";
import { saveWorld } from "../world-folder.js";
import { networkOf } from "../world-network.js";
import { loadAutoencoder } from "./autoencoder-file.js";
import type { TrainedAutoencoder } from "./autoencoder-file.js";
import type { DenoisingRunConfig } from "./config.js";
import { denoisingObjective } from "./denoising-objective.js";
import type { TrainingEpisode } from "./episodes.js";
import { frameTable } from "./frame-table.js";
import { initialiseFrom } from "./initialise.js";
import { latentTable } from "./latents.js";
import type { LatentTable } from "./latents.js";
import { loadEpisodes } from "./load-episodes.js";
import type { TrainingData } from "./load-episodes.js";
import { toPixels } from "./pixels.js";
import { singleRank } from "./ranks.js";
import { latentScale } from "./run-autoencoder.js";
import { rolloutValidation } from "./rollout-validation.js";
import type { RunOptions, RunResult } from "./run.js";
import { inPrecision } from "./train-step.js";
import { train } from "./trainer.js";

/** The folder in a run's folder that holds the trained world. */
export const WORLD_FOLDER = "world";

/** Trains a video diffusion model and writes it as a world folder. */
export async function runDenoising(config: DenoisingRunConfig, options: RunOptions): Promise<RunResult> {
  const { training, model } = config;
  const device = training.device as Device;
  const { ranks = singleRank } = options;
  const data = await loadEpisodes(config);
  const trained = await autoencoderOf(config, data);
  // Rank 0 encodes and keeps the latents in a file, which the others read.
  const [latents, validation] = await ranks.rootFirst(() => encodeData(config, data, trained, options));

  const unet = new UNet3D(model);
  if (config.kind === "world" && config.initialise) await initialiseFrom(unet, config.initialise);
  unet.to(device);
  const objective = denoisingObjective({
    ...{ module: unet, network: networkOf(unet), schedule: noiseSchedule(config.diffusion), loss: config.loss },
    ...{ latents, validation },
    useActions: model.actionDim !== undefined,
    batchSize: training.batchSize,
    frames: model.temporalLength,
  });
  const { autoencoder } = trained;
  const { folder, signal, scorer } = options;
  const description = describeWorld(config, data, trained, path.basename(path.resolve(folder)));
  const rollouts =
    ranks.rank === 0 &&
    config.validation &&
    (await rolloutValidation(config.validation, {
      ...{ kind: config.kind, description, unet, autoencoder, episodes: data.validation },
      ...{ device, seed: training.seed, folder, scorer, signal },
    }));
  const { step, finished } = await train(objective, training, { ...options, ...(rollouts && { rollouts }) });

  const output = path.join(folder, WORLD_FOLDER);
  if (ranks.rank === 0) await saveWorld(output, description, { unet, autoencoder });
  return { step, finished, output };
}

async function autoencoderOf(
  { latents, training }: DenoisingRunConfig,
  data: TrainingData,
): Promise<TrainedAutoencoder> {
  const given = latents.autoencoder;
  if (typeof given !== "string" && "checkpoint" in given) {
    throw invalid(
      "latents.autoencoder",
      "autoencoder.safetensors of a run to train on",
      `checkpoint ${given.checkpoint}`,
    );
  }
  const trained =
    typeof given === "string"
      ? await loadAutoencoder(given)
      : await untrained(new AutoencoderKL(given.untrained), data);
  trained.autoencoder
    .to(training.device as Device)
    .requiresGrad_(false)
    .eval();
  return trained;
}

async function untrained(autoencoder: AutoencoderKL, data: TrainingData): Promise<TrainedAutoencoder> {
  const frames = await frameTable(data.training);
  const scale = latentScale(autoencoder, frames, toPixels(data.frame, data.padded));
  frames.frames_NHWC.dispose();
  return { autoencoder, scale, id: "untrained" };
}

async function encodeData(
  { latents, training }: DenoisingRunConfig,
  data: TrainingData,
  { autoencoder, scale, id }: TrainedAutoencoder,
  { folder, onEvent, signal }: RunOptions,
): Promise<[LatentTable, LatentTable | undefined]> {
  const device = training.device as Device;
  const pixelsOf = toPixels(data.frame, data.padded);
  const encode = (episodes: readonly TrainingEpisode[], split: string): Promise<LatentTable> =>
    latentTable(episodes, {
      encode: (frames_NHWC) => {
        const posterior = inPrecision(training, () => autoencoder.encode(pixelsOf(frames_NHWC.to(device))));
        return { mean: posterior.mean_NCHW.float(), std: posteriorStd(posterior).float() };
      },
      ...{ scale, device, signal },
      file: path.join(latents.cache ?? path.join(folder, "latents"), `${split}.safetensors`),
      encoderId: `${id} ${data.padded.height}x${data.padded.width}`,
      onProgress: (done, total) => onEvent?.({ type: "prepare", what: `encode ${split} frames`, done, total }),
    });
  const table = await encode(data.training, "training");
  return [table, data.validation.length > 0 ? await encode(data.validation, "validation") : undefined];
}

function describeWorld(
  config: DenoisingRunConfig,
  data: TrainingData,
  { autoencoder, scale }: TrainedAutoencoder,
  name: string,
): WorldConfigInput {
  const { frame, padded, fps, channels, recordings } = data;
  return {
    name,
    frame: { ...frame, paddedHeight: padded.height, paddedWidth: padded.width, fps },
    contextFrames: config.contextFrames,
    latentScale: scale,
    autoencoder: autoencoder.options,
    unet: config.model,
    diffusion: config.diffusion,
    sampler: config.sampler,
    ...(config.model.actionDim !== undefined && { channels: [...channels] }),
    ...(recordings !== undefined && { recordings }),
  };
}
