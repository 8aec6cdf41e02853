// For tests only: builds the small CLIP towers of the recorded cases.
import type * as z from "zod";
import { ClipImageTower } from "../clip/image-tower.js";
import { ClipTextTower } from "../clip/text-tower.js";
import { imageTowerKeyMap, textTowerKeyMap } from "../key-maps/clip.js";
import { type clipConfigSchema, clipOptions } from "../key-maps/original-options.js";
import { renameState } from "../key-maps/key-map.js";
import { manifest, tensors } from "./fixtures.js";

/** The manifest of the CLIP cases, as far as the tests read it. */
export interface ClipManifest extends z.output<typeof clipConfigSchema> {
  readonly weights: string;
  readonly io: readonly string[];
  readonly keys: Readonly<Record<string, readonly number[]>>;
  readonly tolerance: { readonly text_abs: number; readonly pre_abs: number; readonly image_tokens_abs: number };
}

/** Both towers with the recorded weights, in evaluation mode. */
export async function smallTowers(): Promise<{ imageTower: ClipImageTower; textTower: ClipTextTower }> {
  const recorded = manifest<ClipManifest>("clip_small.json");
  const options = clipOptions(recorded);
  const weights = await tensors(recorded.weights);
  // One file holds both; what one tower's map does not know is the other's.
  const image = renameState(weights, imageTowerKeyMap(options), "toOurs");
  const text = renameState(weights, textTowerKeyMap(options), "toOurs");
  return {
    imageTower: new ClipImageTower(options).loadStateDict(image.state).eval(),
    textTower: new ClipTextTower(options).loadStateDict(text.state).eval(),
  };
}
