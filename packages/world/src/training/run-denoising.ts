// A run of kind "base" or "world": clips of latents, the diffusion loss on them, and at the end a world folder.
import path from "node:path";
import type { Device } from "@vid2world/torch";
import { UNet3D } from "../model/unet/unet.js";
import { noiseSchedule } from "../diffusion/schedule.js";
import type { WorldConfigInput } from "../world-config.js";
import { networkOf } from "../world-network.js";
import { clipsRun, contextOf } from "./clips-run.js";
import type { DenoisingRunConfig } from "./config.js";
import { denoisingObjective } from "./denoising-objective.js";
import { type FrozenAutoencoder, frozenAutoencoder, loadResampler } from "./frozen-networks.js";
import { initialiseFrom, initialiseResampler } from "./initialise.js";
import type { TrainingData } from "./load-episodes.js";
import type { PreparedRun } from "./prepared-run.js";
import type { RunOptions } from "./run.js";
import { ContextNetworks } from "./scene-context.js";

/** Prepares the training of a video diffusion model, which is saved as a world folder. */
export async function denoisingRun(
  config: DenoisingRunConfig,
  data: TrainingData,
  options: RunOptions,
): Promise<PreparedRun> {
  const { training, model, kind } = config;
  const device = training.device as Device;
  const frozen = await frozenAutoencoder(config, data);
  return clipsRun({ config, data, frozen, frames: model.temporalLength, kind }, options, async (clips) => {
    const unet = new UNet3D(model);
    const { initialise } = config;
    if (initialise) await initialiseFrom(unet, initialise);
    unet.to(device);
    const resampler = config.context && (await loadResampler(config.context, device));
    if (resampler && config.context && initialise)
      await initialiseResampler(resampler, config.context.resampler, initialise.from);
    const objective = await denoisingObjective({
      ...{ network: networkOf(unet), schedule: noiseSchedule(config.diffusion), loss: config.loss },
      module: resampler && config.context?.trainResampler ? new ContextNetworks(unet, resampler) : unet,
      ...{ clips: clips.training, validation: clips.validation, context: contextOf(config.context, clips, resampler) },
      useActions: model.actionDim !== undefined,
      settings: training,
    });
    const description = describeWorld(config, data, frozen, path.basename(path.resolve(options.folder)));
    return { objective, description, unet, resampler };
  });
}

function describeWorld(
  config: DenoisingRunConfig,
  data: TrainingData,
  { autoencoder, scale }: FrozenAutoencoder,
  name: string,
): WorldConfigInput {
  const { frame, padded, fps, channels, recordings } = data;
  return {
    name,
    ...(config.description !== undefined && { description: config.description }),
    frame: { ...frame, paddedHeight: padded.height, paddedWidth: padded.width, fps },
    contextFrames: config.contextFrames,
    latentScale: scale,
    autoencoder: autoencoder.options,
    unet: config.model,
    ...(config.context && { clip: config.context.clip, resampler: config.context.resampler }),
    diffusion: config.diffusion,
    sampler: config.sampler,
    ...(config.model.actionDim !== undefined && { channels: [...channels] }),
    ...(recordings !== undefined && { recordings }),
  };
}
