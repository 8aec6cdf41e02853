// Arguments of the original constructors, as configurations and recorded cases give them, and what they are as our options.
import * as z from "zod";

import type { ClipOptions } from "../clip/options.js";
import type { UNetOptions } from "../unet/options.js";

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
  temporal_length: z.int().nullish(),
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
    ...(typeof config.temporal_length === "number" && { temporalLength: config.temporal_length }),
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

/** OpenCLIP's configuration of a model. */
export const clipConfigSchema = z.looseObject({
  embed_dim: z.int(),
  vision_cfg: z.looseObject({
    image_size: z.int(),
    layers: z.int(),
    width: z.int(),
    head_width: z.int(),
    patch_size: z.int(),
  }),
  text_cfg: z.looseObject({
    context_length: z.int(),
    vocab_size: z.int(),
    width: z.int(),
    heads: z.int(),
    layers: z.int(),
  }),
});

/** OpenCLIP's configuration as our options. */
export function clipOptions(config: z.output<typeof clipConfigSchema>): ClipOptions {
  const { vision_cfg: image, text_cfg: text, embed_dim } = config;
  return {
    embedDim: embed_dim,
    image: {
      imageSize: image.image_size,
      patchSize: image.patch_size,
      width: image.width,
      layers: image.layers,
      headChannels: image.head_width,
    },
    text: {
      contextLength: text.context_length,
      vocabularySize: text.vocab_size,
      width: text.width,
      heads: text.heads,
      layers: text.layers,
    },
  };
}
