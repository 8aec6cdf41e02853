// For tests only: builds the small U-Net of the recorded cases.
import type { Tensor } from "@vid2world/torch";

import { renameState } from "../key-maps/key-map.js";
import { unetKeyMap } from "../key-maps/unet.js";
import type { UNetOptions } from "../unet/options.js";
import { UNet3D } from "../unet/unet.js";
import { manifest, tensors } from "./fixtures.js";

/** One recorded evaluation. */
export interface UNetCase {
  readonly causal: boolean;
  readonly action_dim: number | null;
  readonly timesteps: "timesteps_b" | "timesteps_bt";
  readonly context: string;
  readonly fs: string | null;
  readonly mask?: string | null;
  readonly T: number;
}

/** The manifest of the U-Net cases, as far as the tests read it. */
export interface UNetManifest {
  readonly config: Readonly<Record<string, never>> & {
    readonly in_channels: number;
    readonly out_channels: number;
    readonly model_channels: number;
    readonly channel_mult: number[];
    readonly num_res_blocks: number;
    readonly attention_resolutions: number[];
    readonly num_head_channels: number;
    readonly context_dim: number;
    readonly temporal_length: number;
    readonly dropout: number;
    readonly use_linear: boolean;
    readonly default_fs: number;
    readonly fs_condition: boolean;
    readonly addition_attention: boolean;
    readonly image_cross_attention: boolean;
    readonly transformer_depth: number;
  };
  readonly weight_files: readonly string[];
  readonly heads: Readonly<Record<string, string>>;
  readonly inputs: string;
  readonly outputs: string;
  readonly rename_base_to_causal: Readonly<Record<string, string>>;
  readonly keys_causal: Readonly<Record<string, readonly number[]>>;
  readonly cases: Readonly<Record<string, UNetCase>>;
  readonly trace: { readonly file: string; readonly case: string };
  readonly tolerance: { readonly abs: number };
}

/** The published constructor arguments as our options. */
export function unetOptions(config: UNetManifest["config"], causal: boolean, actionDim: number | null): UNetOptions {
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
    temporalLength: config.temporal_length,
    dropout: config.dropout,
    useLinear: config.use_linear,
    defaultFps: config.default_fs,
    fpsCondition: config.fs_condition,
    additionAttention: config.addition_attention,
    imageCrossAttention: config.image_cross_attention,
    causal,
    ...(actionDim === null ? {} : { actionDim, actionEncoder: actionDim === 51 ? "multiHot" : "continuous" }),
  };
}

/** The small U-Net with the recorded weights, in evaluation mode. */
export async function smallUNet(
  causal: boolean,
  actionDim: number | null,
  change: Partial<UNetOptions> = {},
): Promise<UNet3D> {
  const { config, weight_files, heads } = manifest<UNetManifest>("unet_small.json");
  const options = unetOptions(config, causal, actionDim);
  const files = actionDim === null ? weight_files : [...weight_files, heads[String(actionDim)] as string];
  // The files have the base model's names; ours are the same for both forms.
  const { state, unknown } = renameState(await tensors(...files), unetKeyMap({ ...options, causal: false }), "toOurs");
  if (unknown.length > 0) throw new Error(`unknown keys: ${unknown.join(", ")}`);
  return new UNet3D({ ...options, ...change }).loadStateDict(state).eval();
}

/** Recorded `[B C T H W]` to ours, and back. */
export const swapTime = (x: Tensor): Tensor => x.transpose(1, 2);
