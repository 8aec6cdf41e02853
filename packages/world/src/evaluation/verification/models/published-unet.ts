// The U-Net of recorded cases, with recorded weights.
import { FormatError } from "@vid2world/formats";
import * as z from "zod";

import { renameState } from "../../../model/key-maps/key-map.js";
import { unetKeyMap } from "../../../model/key-maps/unet.js";
import { unetConfigSchema, unetOptions } from "../../../model/key-maps/original-options.js";
import type { UNetOptions } from "../../../model/unet/options.js";
import { UNet3D } from "../../../model/unet/unet.js";
import type { FixtureSet, Manifest } from "../fixture-set.js";
import type { Workspace } from "../workspace.js";

/** What the U-Net's manifest says of its weights. */
export const unetWeightsSchema = z.looseObject({
  config: unetConfigSchema,
  weight_files: z.array(z.string()),
  heads: z.record(z.string(), z.string()).default({}),
});

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
