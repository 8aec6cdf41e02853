// A run of kind "base" or "world": clips of latents, the diffusion loss on them, and at the end a world folder.
import path from "node:path";
import type { Device } from "@vid2world/torch";
import type { Resampler } from "../model/resampler.js";
import { UNet3D } from "../model/unet/unet.js";
import { noiseSchedule } from "../diffusion/schedule.js";
import type { WorldConfigInput } from "../world-config.js";
import { saveWorld } from "../world-folder.js";
import { networkOf } from "../world-network.js";
import { sceneDescriber, type SceneDescriber } from "../world-scene.js";
import type { DenoisingRunConfig } from "./config.js";
import { denoisingObjective } from "./denoising-objective.js";
import {
  type ContextConfig,
  type FrozenAutoencoder,
  frozenAutoencoder,
  loadResampler,
  loadTowers,
} from "./frozen-networks.js";
import { initialiseFrom, initialiseResampler } from "./initialise.js";
import type { TrainingData } from "./load-episodes.js";
import type { PreparedRun } from "./prepared-run.js";
import { singleRank } from "./ranks.js";
import { rolloutValidation } from "./rollout-validation.js";
import type { RunOptions } from "./run.js";
import { ContextNetworks, sceneContext } from "./scene-context.js";
import { openClips, type TrainingClips } from "./training-clips.js";

/** The folder in a run's folder that holds the trained world. */
export const WORLD_FOLDER = "world";

/** The folder in a run's folder that holds its latents, unless the configuration names another. */
export const LATENTS_FOLDER = "latents";

/** Prepares the training of a video diffusion model, which is saved as a world folder. */
export async function denoisingRun(
  config: DenoisingRunConfig,
  data: TrainingData,
  options: RunOptions,
): Promise<PreparedRun> {
  const { training, model, latents } = config;
  const device = training.device as Device;
  const { ranks = singleRank } = options;
  const frozen = await frozenAutoencoder(config, data);
  const latentsFolder = latents.cache ?? path.join(options.folder, LATENTS_FOLDER);
  // Rank 0 encodes what is not stored yet, which the others then read.
  const clips = await ranks.rootFirst(() =>
    openClips({ config, data, frozen, frames: model.temporalLength }, { ...options, folder: latentsFolder }),
  );
  const close = async (): Promise<void> => {
    await clips.training.close();
    await clips.validation?.close();
  };
  try {
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
    const { folder, signal, scorer, onEvent } = options;
    const { autoencoder } = frozen;
    const description = describeWorld(config, data, frozen, path.basename(path.resolve(folder)));
    const { validation, context, kind } = config;
    const output = path.join(folder, WORLD_FOLDER);
    return {
      ...{ objective, output, close },
      ...(validation && {
        rollouts: async () =>
          rolloutValidation(validation, {
            ...{ kind, description, unet, autoencoder, episodes: data.validation, trained: data.training },
            describeScene: context && resampler && (await describerOf(context, resampler, device)),
            ...{ device, seed: training.seed, folder, scorer, signal, onEvent },
          }),
      }),
      async save() {
        const scene = context && resampler && { ...(await loadTowers(context, "cpu")), resampler };
        await saveWorld(output, description, { unet, autoencoder, ...scene });
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The towers stay in memory for it, as rollouts begin from pictures. */
export async function describerOf(
  context: ContextConfig,
  resampler: Resampler,
  device: Device,
): Promise<SceneDescriber> {
  return sceneDescriber({ ...(await loadTowers(context, device)), resampler });
}

/** The context of clips from the image tower's tokens; undefined in a model without one. */
export function contextOf(
  context: ContextConfig | undefined,
  { scene }: TrainingClips,
  resampler: Resampler | undefined,
): Parameters<typeof denoisingObjective>[0]["context"] {
  if (!context || !scene || !resampler) return undefined;
  return (tokens_BND, dropped) => sceneContext(scene, resampler, tokens_BND, dropped ? context.dropout : 0);
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
