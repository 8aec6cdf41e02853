// The five networks that a checkpoint can hold: how each is found among the keys, what its options are, and how its keys are named.
import type { Module } from "@vid2world/torch";

import { AutoencoderKL } from "../model/autoencoder/autoencoder.js";
import { ClipImageTower } from "../model/clip/image-tower.js";
import { ClipTextTower } from "../model/clip/text-tower.js";
import type { ClipOptions } from "../model/clip/options.js";
import { autoencoderKeyMap } from "../model/key-maps/autoencoder.js";
import { imageTowerKeyMap, textTowerKeyMap } from "../model/key-maps/clip.js";
import type { KeyMap } from "../model/key-maps/key-map.js";
import type { CheckpointPart } from "../model/key-maps/latent-video-diffusion.js";
import { resamplerKeyMap } from "../model/key-maps/resampler.js";
import { unetKeyMap } from "../model/key-maps/unet.js";
import { Resampler, type ResamplerOptions } from "../model/resampler.js";
import type { AutoencoderOptions } from "../model/autoencoder/options.js";
import type { UNetOptions } from "../model/unet/options.js";
import { UNet3D } from "../model/unet/unet.js";
import { inferAutoencoderOptions, inferResamplerOptions } from "./infer-autoencoder.js";
import { inferImageTowerOptions, inferTextTowerOptions } from "./infer-clip.js";
import { inferUNetOptions, type Inferred, type Naming } from "./infer-unet.js";
import type { Shapes } from "./shapes.js";

/** The options of each network. Both towers share one set, of which each reads its half. */
export interface PartOptions {
  readonly unet: UNetOptions;
  readonly autoencoder: AutoencoderOptions;
  readonly textTower: ClipOptions;
  readonly imageTower: ClipOptions;
  readonly resampler: ResamplerOptions;
}

/** The module of each network. */
export interface PartModules {
  readonly unet: UNet3D;
  readonly autoencoder: AutoencoderKL;
  readonly textTower: ClipTextTower;
  readonly imageTower: ClipImageTower;
  readonly resampler: Resampler;
}

/** What is known about one network. */
export interface PartKind<Part extends CheckpointPart> {
  /** What it is called in messages. */
  readonly title: string;
  /** A key that every such network has, in the original's names and in ours: what stands before it is the prefix. */
  readonly marker: Readonly<Record<Naming, string>>;
  readonly infer: (shapes: Shapes, naming: Naming) => Inferred<PartOptions[Part]> | undefined;
  readonly build: (options: PartOptions[Part]) => PartModules[Part] & Module;
  readonly keyMap: (options: PartOptions[Part]) => KeyMap;
}

/** All five, in the order of a complete checkpoint. */
export const partKinds: { readonly [Part in CheckpointPart]: PartKind<Part> } = {
  unet: {
    title: "U-Net",
    marker: { original: "time_embed.0.weight", ours: "timeEmbedding.first.weight" },
    infer: inferUNetOptions,
    build: (options) => new UNet3D(options),
    keyMap: unetKeyMap,
  },
  autoencoder: {
    title: "autoencoder",
    marker: { original: "encoder.conv_in.weight", ours: "encoder.convIn.weight" },
    infer: inferAutoencoderOptions,
    build: (options) => new AutoencoderKL(options),
    keyMap: autoencoderKeyMap,
  },
  textTower: {
    title: "CLIP text tower",
    marker: { original: "transformer.resblocks.0.ln_1.weight", ours: "blocks.0.norm1.weight" },
    infer: inferTextTowerOptions,
    build: (options) => new ClipTextTower(options),
    keyMap: textTowerKeyMap,
  },
  imageTower: {
    title: "CLIP image tower",
    marker: { original: "visual.conv1.weight", ours: "patches.weight" },
    infer: inferImageTowerOptions,
    build: (options) => new ClipImageTower(options),
    keyMap: imageTowerKeyMap,
  },
  resampler: {
    title: "resampler",
    marker: { original: "latents", ours: "queries" },
    infer: inferResamplerOptions,
    build: (options) => new Resampler(options),
    keyMap: resamplerKeyMap,
  },
};

/** The names of the five, in the order of a complete checkpoint. */
export const partNames = Object.keys(partKinds) as readonly CheckpointPart[];
