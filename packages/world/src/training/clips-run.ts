// A run on clips of latents, whatever is learned from them: clips are opened by rank 0 first and closed when the run ends or cannot begin,
// rollouts are prepared, and what is trained is saved as a world folder with all that its scene needs.
import path from "node:path";
import type { Device } from "@vid2world/torch";
import type { Resampler } from "../model/resampler.js";
import type { TinyDecoder } from "../model/tiny-decoder/tiny-decoder.js";
import type { UNet3D } from "../model/unet/unet.js";
import type { WorldConfigInput } from "../world-config.js";
import { saveWorld } from "../world-folder.js";
import { sceneDescriber } from "../world-scene.js";
import type { denoisingObjective } from "./denoising-objective.js";
import { type ContextConfig, loadTowers } from "./frozen-networks.js";
import type { Objective } from "./objective.js";
import type { PreparedRun } from "./prepared-run.js";
import { singleRank } from "./ranks.js";
import type { RolloutValidationConfig } from "./rollout-settings.js";
import { rolloutValidation } from "./rollout-validation.js";
import type { RunOptions } from "./run.js";
import { sceneContext } from "./scene-context.js";
import { type ClipInputs, type ClipsConfig, openClips, type TrainingClips } from "./training-clips.js";

/** The folder in a run's folder that holds the trained world. */
export const WORLD_FOLDER = "world";

/** The folder in a run's folder that holds its latents, unless the configuration names another. */
export const LATENTS_FOLDER = "latents";

/** What clips are opened from, and how the model is rolled out while it is trained. */
export interface ClipsRunInputs extends ClipInputs {
  readonly config: ClipsConfig & { readonly validation?: RolloutValidationConfig | undefined };
  readonly kind: "base" | "world";
}

/** What is trained on the clips. */
export interface ClipsModel {
  readonly objective: Objective;
  /** Of the world that is saved. */
  readonly description: WorldConfigInput;
  readonly unet: UNet3D;
  readonly resampler?: Resampler | undefined;
  readonly tinyDecoder?: TinyDecoder | undefined;
}

/** Opens the clips and joins them with what `prepare` makes of them. */
export async function clipsRun(
  inputs: ClipsRunInputs,
  options: RunOptions,
  prepare: (clips: TrainingClips) => Promise<ClipsModel>,
): Promise<PreparedRun> {
  const { config, data, frozen, kind } = inputs;
  const { training, context, validation, latents } = config;
  const { ranks = singleRank, folder, signal, scorer, onEvent } = options;
  const device = training.device as Device;
  const latentsFolder = latents.cache ?? path.join(folder, LATENTS_FOLDER);
  // Rank 0 encodes what is not stored yet, which the others then read.
  const clips = await ranks.rootFirst(() => openClips(inputs, { ...options, folder: latentsFolder }));
  const close = async (): Promise<void> => {
    await clips.training.close();
    await clips.validation?.close();
  };
  try {
    const { objective, description, unet, resampler, tinyDecoder } = await prepare(clips);
    const { autoencoder } = frozen;
    const sceneOn = async (where: Device) =>
      context && resampler && { ...(await loadTowers(context, where)), resampler };
    const rollouts = async (settings: RolloutValidationConfig) => {
      // The towers stay in memory for it, as rollouts begin from pictures.
      const scene = await sceneOn(device);
      return rolloutValidation(settings, {
        ...{ kind, description, unet, autoencoder, episodes: data.validation, trained: data.training },
        describeScene: scene && sceneDescriber(scene),
        ...{ device, seed: training.seed, folder, scorer, signal, onEvent },
      });
    };
    const output = path.join(folder, WORLD_FOLDER);
    return {
      ...{ objective, output, close },
      ...(validation && { rollouts: () => rollouts(validation) }),
      save: async () =>
        saveWorld(output, description, {
          ...{ unet, autoencoder, ...(await sceneOn("cpu")) },
          ...(tinyDecoder && { tinyDecoder }),
        }),
    };
  } catch (error) {
    await close();
    throw error;
  }
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
