// The world that a configuration describes, before there are weights: for rolling out a published checkpoint of it, or for trying it out
// with random ones.
import { invalid } from "@vid2world/formats";
import { manualSeed } from "@vid2world/torch";
import { PUBLISHED_FPS } from "../data/domain-clip.js";
import { AutoencoderKL } from "../model/autoencoder/autoencoder.js";
import { UNet3D } from "../model/unet/unet.js";
import { type WorldConfig, worldSchema } from "../world-config.js";
import { WorldModel, type WorldOptions } from "../world-model.js";
import { readAutoencoderHeader } from "./autoencoder-file.js";
import type { DenoisingRunConfig } from "./config.js";
import { loadEpisodes } from "./load-episodes.js";

/** Describes the world of a configuration; `name` is what it is called. Reads headers only. */
export async function configuredWorld(config: DenoisingRunConfig, name: string): Promise<WorldConfig> {
  const { model: unet, diffusion, sampler, contextFrames, context } = config;
  return worldSchema.parse({
    ...{ name, unet, diffusion, sampler, contextFrames },
    ...(await frameOf(config)),
    ...(await latentsOf(config)),
    ...(context && { clip: context.clip, resampler: context.resampler }),
  });
}

/** The same with random weights: everything runs, nothing can be seen. */
export function untrainedWorld(config: WorldConfig, options: WorldOptions = {}): WorldModel {
  if (config.unet.contextDim !== undefined)
    throw invalid("model.contextDim", "none in an untrained world, which has no CLIP towers", config.unet.contextDim);
  const { device = "cpu", seed = 0 } = options;
  manualSeed(seed);
  const unet = new UNet3D(config.unet).to(device).requiresGrad_(false).eval();
  const autoencoder = new AutoencoderKL(config.autoencoder).to(device).requiresGrad_(false).eval();
  return new WorldModel({ config, unet, autoencoder }, options);
}

async function frameOf(config: DenoisingRunConfig): Promise<object> {
  const { data } = config;
  if ("domain" in data) return { frame: { height: data.height, width: data.width, fps: PUBLISHED_FPS } };
  const { frame, padded, fps, channels, recordings } = await loadEpisodes(config);
  return {
    frame: { ...frame, paddedHeight: padded.height, paddedWidth: padded.width, fps },
    ...(config.model.actionDim !== undefined && { channels: [...channels] }),
    ...(recordings !== undefined && { recordings }),
  };
}

async function latentsOf({ latents }: DenoisingRunConfig): Promise<object> {
  const { autoencoder } = latents;
  if (typeof autoencoder === "string") {
    const { options, scale } = await readAutoencoderHeader(autoencoder);
    return { autoencoder: options, latentScale: scale };
  }
  if ("untrained" in autoencoder) return { autoencoder: autoencoder.untrained };
  return { autoencoder: autoencoder.options, latentScale: autoencoder.scale };
}
