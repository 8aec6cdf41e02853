// All networks of the published world model as one module: what a complete checkpoint holds, and nothing of how they are used together.
import { Module } from "@vid2world/torch";
import { z } from "zod";

import { AutoencoderKL } from "./autoencoder/autoencoder.js";
import { autoencoderSchema } from "./autoencoder/options.js";
import { ClipImageTower } from "./clip/image-tower.js";
import { clipSchema } from "./clip/options.js";
import { ClipTextTower } from "./clip/text-tower.js";
import { Resampler, resamplerSchema } from "./resampler.js";
import { unetSchema, type UNetOptions } from "./unet/options.js";
import { UNet3D } from "./unet/unet.js";

/** Options of {@link LatentVideoDiffusion}; everything but the U-Net has the published values as defaults. */
export const latentVideoDiffusionSchema = z.strictObject({
  unet: unetSchema,
  autoencoder: autoencoderSchema.prefault({}),
  clip: clipSchema.prefault({}),
  resampler: resamplerSchema.prefault({}),
});

/** Options as a caller writes them: whatever has a default may be left out. */
export type LatentVideoDiffusionOptions = z.input<typeof latentVideoDiffusionSchema>;
/** Options with every default filled in. */
export type ResolvedLatentVideoDiffusionOptions = z.output<typeof latentVideoDiffusionSchema>;

/** The U-Net of the published models at 320x512. `actionDim` 51 is one of several keys; absent: no actions (`causal: false` is the base). */
export function publishedUNet(actionDim?: number, options: Partial<UNetOptions> = {}): UNetOptions {
  return {
    inChannels: 8,
    outChannels: 4,
    modelChannels: 320,
    contextDim: 1024,
    ...(actionDim !== undefined && { actionDim, actionEncoder: actionDim === 51 ? "multiHot" : "continuous" }),
    ...options,
  };
}

/**
 * U-Net, autoencoder, both CLIP towers and the resampler.
 *
 * @example
 * const model = new LatentVideoDiffusion({ unet: publishedUNet(13) }); // 2.6 billion parameters
 */
export class LatentVideoDiffusion extends Module {
  readonly unet: UNet3D;
  readonly autoencoder: AutoencoderKL;
  readonly textTower: ClipTextTower;
  readonly imageTower: ClipImageTower;
  readonly resampler: Resampler;
  readonly #options: ResolvedLatentVideoDiffusionOptions;

  constructor(options: LatentVideoDiffusionOptions) {
    super();
    const resolved = latentVideoDiffusionSchema.parse(options);
    this.unet = new UNet3D(resolved.unet);
    this.autoencoder = new AutoencoderKL(resolved.autoencoder);
    this.textTower = new ClipTextTower(resolved.clip);
    this.imageTower = new ClipImageTower(resolved.clip);
    this.resampler = new Resampler(resolved.resampler);
    this.#options = resolved;
  }

  /** The options with every default filled in. */
  get options(): ResolvedLatentVideoDiffusionOptions {
    return this.#options;
  }
}
