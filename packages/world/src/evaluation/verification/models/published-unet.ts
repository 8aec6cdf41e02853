// The U-Net of recorded cases: the published constructor's arguments as our options, and the network with recorded weights.
import { FormatError } from "@vid2world/formats";
import * as z from "zod";

import { renameState } from "../../../model/key-maps/key-map.js";
import { unetKeyMap } from "../../../model/key-maps/unet.js";
import type { UNetOptions } from "../../../model/unet/options.js";
import { UNet3D } from "../../../model/unet/unet.js";
import { optional, type FixtureSet, type Manifest } from "../fixture-set.js";
import type { Workspace } from "../workspace.js";

/** Arguments of the published constructor, with its own defaults. Arguments that change nothing here pass through. */
export const unetConfigSchema = z.looseObject({
  in_channels: z.int(),
  out_channels: z.int(),
  model_channels: z.int(),
  channel_mult: z.array(z.int()).default([1, 2, 4, 8]),
  num_res_blocks: z.int(),
  attention_resolutions: z.array(z.int()),
  num_head_channels: z.int(),
  transformer_depth: z.int().default(1),
  context_dim: z.int(),
  temporal_length: optional(z.int()),
  dropout: z.number().default(0),
  use_linear: z.boolean().default(false),
  default_fs: z.number().default(4),
  fs_condition: z.boolean().default(false),
  addition_attention: z.boolean().default(false),
  image_cross_attention: z.boolean().default(false),
  action_dim: z.int().nullish(),
  // One value each is implemented: what the published models have.
  temporal_conv: z.literal(true).default(true),
  temporal_attention: z.literal(true).default(true),
  temporal_selfatt_only: z.literal(true).default(true),
  use_relative_position: z.literal(false).default(false),
  tempspatial_aware: z.literal(false).default(false),
  use_scale_shift_norm: z.literal(false).default(false),
  resblock_updown: z.literal(false).default(false),
  image_cross_attention_scale_learnable: z.literal(false).default(false),
});

/** Checked arguments of the published constructor. */
export type PublishedUNetConfig = z.output<typeof unetConfigSchema>;

/** What the U-Net's manifest says of its weights. */
export const unetWeightsSchema = z.looseObject({
  config: unetConfigSchema,
  weight_files: z.array(z.string()),
  heads: z.record(z.string(), z.string()).default({}),
});

/** The published constructor's arguments as our options; `actionDim` null leaves the action encoder out. */
export function unetOptions(config: PublishedUNetConfig, causal: boolean, actionDim: number | null): UNetOptions {
  return {
    inChannels: config.in_channels,
    outChannels: config.out_channels,
    modelChannels: config.model_channels,
    channelMultipliers: config.channel_mult,
    numResBlocks: config.num_res_blocks,
    attentionResolutions: config.attention_resolutions,
    headChannels: config.num_head_channels,
    transformerDepth: config.transformer_depth,
    contextDim: config.context_dim,
    ...(config.temporal_length !== undefined && { temporalLength: config.temporal_length }),
    dropout: config.dropout,
    useLinear: config.use_linear,
    defaultFps: config.default_fs,
    fpsCondition: config.fs_condition,
    additionAttention: config.addition_attention,
    imageCrossAttention: config.image_cross_attention,
    causal,
    // 51 is the width at which the published constructor takes actions for pressed keys.
    ...(actionDim === null ? {} : { actionDim, actionEncoder: actionDim === 51 ? "multiHot" : "continuous" }),
  };
}

/** The manifest of the U-Net cases, on which others depend. */
export const findUNet = (set: FixtureSet): Manifest | undefined => set.find("unet_small");

/** The recorded U-Net with the head for these actions. The files have the base model's names, whichever form is built. */
export async function recordedUNet(
  workspace: Workspace,
  manifest: Manifest,
  { causal, actionDim }: { readonly causal: boolean; readonly actionDim: number | null },
): Promise<UNet3D> {
  const { config, weight_files, heads } = manifest.read(unetWeightsSchema);
  const head = actionDim === null ? [] : [heads[String(actionDim)] ?? missingHead(manifest, actionDim)];
  const weights = await workspace.load([...weight_files, ...head].map((file) => manifest.path(file)));
  const options: UNetOptions = { ...unetOptions(config, causal, actionDim), memoryFormat: workspace.memoryFormat };
  const { state, unknown } = renameState(weights.below(""), unetKeyMap({ ...options, causal: false }), "toOurs");
  if (unknown.length > 0) throw new FormatError(manifest.file, `unknown keys in its weights: ${unknown.join(", ")}`);
  return workspace.build(() => new UNet3D(options), state, manifest.file);
}

function missingHead(manifest: Manifest, actionDim: number): never {
  throw new FormatError(manifest.file, `heads: there is none for actions of width ${actionDim}`);
}

/** Recorded `[B C T H W]` to ours `[B T C H W]`, and back. */
export const swapTime = <T extends { transpose(a: number, b: number): T; contiguous(): T }>(x: T): T =>
  x.transpose(1, 2).contiguous();
