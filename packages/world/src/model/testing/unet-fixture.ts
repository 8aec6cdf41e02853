// For tests only: builds the small U-Net of the recorded cases.
import type { Tensor } from "@vid2world/torch";
import type * as z from "zod";

import { unetConfigSchema, unetOptions as optionsOf } from "../key-maps/original-options.js";
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
  readonly config: z.input<typeof unetConfigSchema>;
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

/** The recorded constructor's arguments as our options. */
export const unetOptions = (config: UNetManifest["config"], causal: boolean, actionDim: number | null): UNetOptions =>
  optionsOf(unetConfigSchema.parse(config), causal, actionDim);

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
