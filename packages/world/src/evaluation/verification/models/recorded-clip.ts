// The CLIP towers of recorded cases.
import * as z from "zod";

import { ClipImageTower } from "../../../model/clip/image-tower.js";
import type { ClipOptions } from "../../../model/clip/options.js";
import { ClipTextTower } from "../../../model/clip/text-tower.js";
import { imageTowerKeyMap, textTowerKeyMap } from "../../../model/key-maps/clip.js";
import { renameState } from "../../../model/key-maps/key-map.js";
import type { Manifest } from "../fixture-set.js";
import type { Workspace } from "../workspace.js";

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

/** What the manifest says of the towers' weights: one file for both. */
export const clipWeightsSchema = clipConfigSchema.extend({ weights: z.string() });

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

/** Both towers. */
export interface ClipTowers {
  readonly imageTower: ClipImageTower;
  readonly textTower: ClipTextTower;
}

/** The recorded towers. What one tower's key map does not know is the other's. */
export async function recordedClip(workspace: Workspace, manifest: Manifest): Promise<ClipTowers> {
  const recorded = manifest.read(clipWeightsSchema);
  const options = clipOptions(recorded);
  const weights = (await workspace.load(manifest.path(recorded.weights))).below("");
  const image = renameState(weights, imageTowerKeyMap(options), "toOurs");
  const text = renameState(weights, textTowerKeyMap(options), "toOurs");
  return {
    imageTower: workspace.build(() => new ClipImageTower(options), image.state, manifest.file),
    textTower: workspace.build(() => new ClipTextTower(options), text.state, manifest.file),
  };
}
