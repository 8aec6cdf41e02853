// The key maps of the image and text towers.
import { clipSchema, type ClipOptions } from "../clip/options.js";
import { makeKeyMap, under, type KeyMap, type KeyPair } from "./key-map.js";

/** What the text tower's keys start with in a whole model's checkpoint. */
export const TEXT_TOWER_PREFIX = "cond_stage_model.model.";

/** What the image tower's keys start with in a whole model's checkpoint. */
export const IMAGE_TOWER_PREFIX = "embedder.model.";

const BLOCK: readonly KeyPair[] = [
  ["ln_1", "norm1"],
  ["attn.in_proj_weight", "project.weight"],
  ["attn.in_proj_bias", "project.bias"],
  ["attn.out_proj", "output"],
  ["ln_2", "norm2"],
  ["mlp.c_fc", "expand"],
  ["mlp.c_proj", "contract"],
];

const TEXT_ENDS: readonly KeyPair[] = [
  ["token_embedding", "tokenEmbedding"],
  ["positional_embedding", "positionalEmbedding"],
  ["ln_final", "finalNorm"],
  ["text_projection", "projection"],
  ["logit_scale", "logitScale"],
];

const IMAGE_ENDS: readonly KeyPair[] = [
  ["conv1", "patches"],
  ["class_embedding", "classEmbedding"],
  ["positional_embedding", "positionalEmbedding"],
  ["ln_pre", "inputNorm"],
  ["ln_post", "outputNorm"],
  ["proj", "projection"],
];

function blocks(layers: number): KeyPair[] {
  return Array.from({ length: layers }, (_, i) => under(`transformer.resblocks.${i}`, `blocks.${i}`, BLOCK)).flat();
}

/** The pairs of module paths and whole keys of a text tower with these options. */
export function textTowerKeyPairs(options: ClipOptions = {}): KeyPair[] {
  return [...TEXT_ENDS, ...blocks(clipSchema.parse(options).text.layers)];
}

/** The pairs of an image tower with these options; the text half's ends go along. */
export function imageTowerKeyPairs(options: ClipOptions = {}): KeyPair[] {
  const visual = [...IMAGE_ENDS, ...blocks(clipSchema.parse(options).image.layers)];
  return [
    ...visual.map(([original, ours]): KeyPair => [`visual.${original}`, ours]),
    ...TEXT_ENDS.map(([original, ours]): KeyPair => [original, `textEnds.${ours}`]),
  ];
}

/** The key map of a text tower with these options. */
export function textTowerKeyMap(options: ClipOptions = {}): KeyMap {
  return makeKeyMap(textTowerKeyPairs(options));
}

/** The key map of an image tower with these options. */
export function imageTowerKeyMap(options: ClipOptions = {}): KeyMap {
  return makeKeyMap(imageTowerKeyPairs(options));
}
