// The autoencoder of recorded cases.
import { FormatError } from "@vid2world/formats";
import * as z from "zod";

import { AutoencoderKL } from "../../../model/autoencoder/autoencoder.js";
import type { AutoencoderOptions } from "../../../model/autoencoder/options.js";
import { autoencoderKeyMap } from "../../../model/key-maps/autoencoder.js";
import { renameState } from "../../../model/key-maps/key-map.js";
import type { Manifest } from "../fixture-set.js";
import type { Workspace } from "../workspace.js";

/** Arguments of the published constructor. One value of some is implemented: what the published model has. */
export const autoencoderConfigSchema = z.looseObject({
  in_channels: z.int(),
  ch: z.int(),
  ch_mult: z.array(z.int()),
  num_res_blocks: z.int(),
  z_channels: z.int(),
  double_z: z.literal(true).default(true),
  attn_resolutions: z.array(z.int()).max(0, "attention outside of the middle is not implemented").default([]),
});

/** What the autoencoder's manifest says of its weights. */
export const autoencoderWeightsSchema = z.looseObject({
  config: autoencoderConfigSchema,
  embed_dim: z.int(),
  weight_files: z.array(z.string()),
});

/** The published constructor's arguments as our options. */
export function autoencoderOptions(
  config: z.output<typeof autoencoderConfigSchema>,
  embedDim: number,
): AutoencoderOptions {
  return {
    inChannels: config.in_channels,
    ch: config.ch,
    channelMultipliers: config.ch_mult,
    numResBlocks: config.num_res_blocks,
    zChannels: config.z_channels,
    embedDim,
  };
}

/** The recorded autoencoder. */
export async function recordedAutoencoder(workspace: Workspace, manifest: Manifest): Promise<AutoencoderKL> {
  const { config, embed_dim, weight_files } = manifest.read(autoencoderWeightsSchema);
  const options = { ...autoencoderOptions(config, embed_dim), memoryFormat: workspace.memoryFormat };
  const weights = await workspace.load(weight_files.map((file) => manifest.path(file)));
  const { state, unknown } = renameState(weights.below(""), autoencoderKeyMap(options), "toOurs");
  if (unknown.length > 0) throw new FormatError(manifest.file, `unknown keys in its weights: ${unknown.join(", ")}`);
  return workspace.build(() => new AutoencoderKL(options), state, manifest.file);
}
