// The key map of a complete checkpoint: the five networks under their prefixes, and the names of the tables beside them.
import { latentVideoDiffusionSchema, type LatentVideoDiffusionOptions } from "../latent-video-diffusion.js";
import { AUTOENCODER_PREFIX, autoencoderKeyPairs } from "./autoencoder.js";
import { IMAGE_TOWER_PREFIX, TEXT_TOWER_PREFIX, imageTowerKeyPairs, textTowerKeyPairs } from "./clip.js";
import { makeKeyMap, type KeyMap, type KeyPair } from "./key-map.js";
import { RESAMPLER_PREFIX, resamplerKeyPairs } from "./resampler.js";
import { UNET_PREFIX, unetKeyPairs } from "./unet.js";

/** What the keys of each network start with in a complete checkpoint, by the names of our fields. */
export const partPrefixes = {
  unet: UNET_PREFIX,
  autoencoder: AUTOENCODER_PREFIX,
  textTower: TEXT_TOWER_PREFIX,
  imageTower: IMAGE_TOWER_PREFIX,
  resampler: RESAMPLER_PREFIX,
} as const;

/** A network of a complete checkpoint. */
export type CheckpointPart = keyof typeof partPrefixes;

/**
 * Tables of the noise schedule that a complete checkpoint holds at its top level. They follow from the configuration: a reader may leave
 * them aside, a writer computes them (`scheduleTables`).
 */
export const scheduleKeys = [
  "betas",
  "alphas_cumprod",
  "alphas_cumprod_prev",
  "sqrt_alphas_cumprod",
  "sqrt_one_minus_alphas_cumprod",
  "log_one_minus_alphas_cumprod",
  "sqrt_recip_alphas_cumprod",
  "sqrt_recipm1_alphas_cumprod",
  "posterior_variance",
  "posterior_log_variance_clipped",
  "posterior_mean_coef1",
  "posterior_mean_coef2",
  "scale_arr",
] as const;

/** The pairs of a complete checkpoint: original keys with their prefixes, ours below `unet.`, `autoencoder.` and so on. */
export function latentVideoDiffusionKeyPairs(options: LatentVideoDiffusionOptions): KeyPair[] {
  const { unet, autoencoder, clip, resampler } = latentVideoDiffusionSchema.parse(options);
  const parts: Readonly<Record<CheckpointPart, readonly KeyPair[]>> = {
    unet: unetKeyPairs(unet),
    autoencoder: autoencoderKeyPairs(autoencoder),
    textTower: textTowerKeyPairs(clip),
    imageTower: imageTowerKeyPairs(clip),
    resampler: resamplerKeyPairs(resampler),
  };
  return (Object.keys(parts) as CheckpointPart[]).flatMap((part) =>
    parts[part].map(([original, ours]): KeyPair => [partPrefixes[part] + original, `${part}.${ours}`]),
  );
}

/** The key map of a complete checkpoint with these options; `unet.causal` decides between the world model's names and the base model's. */
export function latentVideoDiffusionKeyMap(options: LatentVideoDiffusionOptions): KeyMap {
  return makeKeyMap(latentVideoDiffusionKeyPairs(options));
}
