// For tests only: builds the small autoencoder of the recorded cases.
import { AutoencoderKL } from "../autoencoder/autoencoder.js";
import type { AutoencoderOptions } from "../autoencoder/options.js";
import { autoencoderKeyMap } from "../key-maps/autoencoder.js";
import { renameState } from "../key-maps/key-map.js";
import { manifest, tensors } from "./fixtures.js";

/** The manifest of the autoencoder's cases. */
export interface AutoencoderManifest {
  readonly config: { in_channels: number; ch: number; ch_mult: number[]; num_res_blocks: number; z_channels: number };
  readonly embed_dim: number;
  readonly weight_files: readonly string[];
  readonly io: string;
  readonly tolerance: { readonly abs: number };
}

/** The small autoencoder with the recorded weights, in evaluation mode. */
export async function smallAutoencoder(change: Partial<AutoencoderOptions> = {}): Promise<AutoencoderKL> {
  const { config, embed_dim, weight_files } = manifest<AutoencoderManifest>("vae_small.json");
  const options: AutoencoderOptions = {
    inChannels: config.in_channels,
    ch: config.ch,
    channelMultipliers: config.ch_mult,
    numResBlocks: config.num_res_blocks,
    zChannels: config.z_channels,
    embedDim: embed_dim,
    ...change,
  };
  const { state, unknown } = renameState(await tensors(...weight_files), autoencoderKeyMap(options), "toOurs");
  if (unknown.length > 0) throw new Error(`unknown keys: ${unknown.join(", ")}`);
  return new AutoencoderKL(options).loadStateDict(state).eval();
}
