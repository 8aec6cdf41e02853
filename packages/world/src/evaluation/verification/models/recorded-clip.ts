// The CLIP towers of recorded cases.
import * as z from "zod";

import { ClipImageTower } from "../../../model/clip/image-tower.js";
import { ClipTextTower } from "../../../model/clip/text-tower.js";
import { imageTowerKeyMap, textTowerKeyMap } from "../../../model/key-maps/clip.js";
import { clipConfigSchema, clipOptions } from "../../../model/key-maps/original-options.js";
import { renameState } from "../../../model/key-maps/key-map.js";
import type { Manifest } from "../fixture-set.js";
import type { Workspace } from "../workspace.js";

/** What the manifest says of the towers' weights: one file for both. */
export const clipWeightsSchema = clipConfigSchema.extend({ weights: z.string() });

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
