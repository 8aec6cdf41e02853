// For tests only: builds the small CLIP towers of the recorded cases.
import { ClipImageTower } from "../clip/image-tower.js";
import type { ClipOptions } from "../clip/options.js";
import { ClipTextTower } from "../clip/text-tower.js";
import { imageTowerKeyMap, textTowerKeyMap } from "../key-maps/clip.js";
import { renameState } from "../key-maps/key-map.js";
import { manifest, tensors } from "./fixtures.js";

/** The manifest of the CLIP cases, as far as the tests read it. */
export interface ClipManifest {
  readonly vision_cfg: {
    readonly image_size: number;
    readonly layers: number;
    readonly width: number;
    readonly head_width: number;
    readonly patch_size: number;
  };
  readonly text_cfg: {
    readonly context_length: number;
    readonly vocab_size: number;
    readonly width: number;
    readonly heads: number;
    readonly layers: number;
  };
  readonly embed_dim: number;
  readonly weights: string;
  readonly io: readonly string[];
  readonly keys: Readonly<Record<string, readonly number[]>>;
  readonly tolerance: { readonly text_abs: number; readonly pre_abs: number; readonly image_tokens_abs: number };
}

/** The recorded configuration as our options. */
export function clipOptions(config: Pick<ClipManifest, "vision_cfg" | "text_cfg" | "embed_dim">): ClipOptions {
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
