// Opens what a diffusion model is trained on: clips of latents of both splits, stored or encoded live, and what is constant of the context.
import path from "node:path";
import type { Device } from "@vid2world/torch";
import type { AugmentationKind } from "../data/augmentation.js";
import { cacheIsComplete } from "./latent-cache/cache-index.js";
import { cachedClips } from "./latent-cache/cached-clips.js";
import { encodeLatents } from "./latent-cache/encode-latents.js";
import { type CacheIdentity, picturesChecksum, recordingsChecksum, weightsChecksum } from "./latent-cache/identity.js";
import { loadScene, saveScene } from "./latent-cache/scene-file.js";
import type { ClipSource } from "./clip-source.js";
import type { DenoisingRunConfig } from "./config.js";
import type { TrainingEpisode } from "./episodes.js";
import type { TrainingListener } from "./events.js";
import { frameEncoder } from "./frame-encoder.js";
import { type FrozenAutoencoder, loadTowers, towersChecksum } from "./frozen-networks.js";
import { liveClips } from "./live-clips.js";
import { liveReader } from "./live-reader.js";
import type { TrainingData } from "./load-episodes.js";
import { type SceneConstants, sceneConstants } from "./scene-context.js";

/** What a diffusion model is trained on. */
export interface TrainingClips {
  readonly training: ClipSource;
  /** Absent where no episode is held out. */
  readonly validation?: ClipSource | undefined;
  /** Of a model with a context. */
  readonly scene?: SceneConstants | undefined;
}

/** What a configuration says of the clips. */
export interface ClipsConfig extends Pick<DenoisingRunConfig, "data" | "context" | "training"> {
  readonly latents: Omit<DenoisingRunConfig["latents"], "autoencoder">;
}

/** Configuration, data and autoencoder of a run: what latents are made from. */
export interface LatentInputs {
  readonly config: ClipsConfig;
  readonly data: TrainingData;
  readonly frozen: FrozenAutoencoder;
}

/** What clips are opened from. */
export interface ClipInputs extends LatentInputs {
  /** Frames of a clip. */
  readonly frames: number;
}

/** Where latents are stored, and how the making is watched and shared. */
export interface EncodeSplitsOptions {
  /** Folder of the latents of both splits. */
  readonly folder: string;
  /** About the size of a file; see `encodeLatents`. */
  readonly shardBytes?: number | undefined;
  readonly part?: { readonly index: number; readonly of: number } | undefined;
  readonly onEvent?: TrainingListener | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Opens the clips of a run. Latents that are to be stored are encoded first where they are not there yet. */
export async function openClips(inputs: ClipInputs, options: EncodeSplitsOptions): Promise<TrainingClips> {
  const { latents } = inputs.config;
  if (latents.live && latents.cache === undefined) return openLiveClips(inputs, options);
  const splits = await splitsOf(inputs, options.folder);
  const complete = await Promise.all(splits.map((split) => cacheIsComplete(split)));
  if (complete.includes(false)) await encodeSplits(inputs, options, splits);
  return openStoredClips(inputs, options, splits);
}

/** Encodes what is not stored yet, of both splits, and resolves with the number of frames of all variants. */
export async function encodeSplits(
  inputs: LatentInputs,
  { folder, onEvent, ...how }: EncodeSplitsOptions,
  known?: readonly StoredSplit[],
): Promise<number> {
  const { config } = inputs;
  const splits = known ?? (await splitsOf(inputs, folder));
  const towers = config.context && (await loadTowers(config.context, config.training.device as Device));
  const encoder = encoderOf(inputs, towers?.imageTower);
  if (towers) await saveScene(folder, sceneConstants(towers.textTower, towers.imageTower));
  let frames = 0;
  for (const split of splits) {
    frames += await encodeLatents({
      ...{ ...how, ...split, encoder, augmentationSeed: config.training.seed },
      onBroken: (message) => onEvent?.({ type: "warning", message }),
      onProgress: (done, total) => onEvent?.({ type: "prepare", what: `encode ${split.name} frames`, done, total }),
    });
  }
  return frames;
}

async function openStoredClips(
  { config, frozen, frames }: ClipInputs,
  { folder, onEvent }: EncodeSplitsOptions,
  splits: readonly StoredSplit[],
): Promise<TrainingClips> {
  const device = config.training.device as Device;
  const onBroken = (message: string): void => onEvent?.({ type: "warning", message });
  const form = { device, frames, scale: frozen.scale, onBroken };
  const [training, validation] = await Promise.all(splits.map((split) => cachedClips({ ...form, ...split })));
  const scene = config.context && (await loadScene(folder, device));
  return { training: training as ClipSource, validation, scene };
}

async function openLiveClips(inputs: ClipInputs, { onEvent }: EncodeSplitsOptions): Promise<TrainingClips> {
  const { config, data, frozen, frames } = inputs;
  const device = config.training.device as Device;
  const towers = config.context && (await loadTowers(config.context, device));
  const reader = liveReader(config.latents.workers);
  const form = {
    ...{ encoder: encoderOf(inputs, towers?.imageTower), device, scale: frozen.scale, reader },
    frames,
    onBroken: (message: string) => onEvent?.({ type: "warning", message }),
  };
  const training = liveClips({ ...form, episodes: data.training, augmentation: augmentationOf(config) });
  return {
    training: { ...training, close: () => reader.close() },
    ...(data.validation.length > 0 && {
      validation: liveClips({ ...form, episodes: data.validation, augmentation: "none" }),
    }),
    ...(towers && { scene: sceneConstants(towers.textTower, towers.imageTower) }),
  };
}

/** The episodes of one split, and what their latents are to be. */
interface StoredSplit {
  readonly name: "training" | "validation";
  readonly folder: string;
  readonly episodes: readonly TrainingEpisode[];
  readonly identity: CacheIdentity;
  /** Absent: all that are stored. */
  readonly variants?: number | undefined;
  readonly augmentation: AugmentationKind;
}

async function splitsOf({ config, data, frozen }: LatentInputs, folder: string): Promise<StoredSplit[]> {
  const { latents, context, training } = config;
  const { frame, padded } = data;
  const common = {
    autoencoder: weightsChecksum(frozen.autoencoder.encoder, frozen.autoencoder.quantConv),
    frames: `${frame.height}x${frame.width} in ${padded.height}x${padded.width}`,
    tokens: context ? `${await towersChecksum(context)} ${latents.tokenPrecision}` : "none",
  };
  const names = (["training", "validation"] as const).filter((name) => data[name].length > 0);
  return Promise.all(
    names.map(async (name): Promise<StoredSplit> => {
      const augmentation = name === "training" ? augmentationOf(config) : "none";
      return {
        ...{ name, augmentation, episodes: data[name], folder: path.join(folder, name) },
        variants: name === "training" ? latents.variants : 1,
        identity: {
          ...common,
          recordings: recordingsChecksum(data[name]),
          pictures: await picturesChecksum(data[name]),
          precision: training.precision,
          augmentation: augmentation === "none" ? "none" : `${augmentation}, seed ${training.seed}`,
        },
      };
    }),
  );
}

const augmentationOf = ({ data }: ClipsConfig): AugmentationKind => ("domain" in data ? data.augmentation : "none");

function encoderOf(
  { config, data, frozen }: LatentInputs,
  imageTower: Parameters<typeof frameEncoder>[0]["imageTower"],
) {
  return frameEncoder({
    ...{ autoencoder: frozen.autoencoder, imageTower, frame: data.frame, padded: data.padded },
    ...{ tokenPrecision: config.latents.tokenPrecision, settings: config.training },
  });
}
