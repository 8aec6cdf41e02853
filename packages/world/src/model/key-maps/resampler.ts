// The resampler's key map.
import { resamplerSchema, type ResamplerOptions } from "../resampler.js";
import { makeKeyMap, under, type KeyMap, type KeyPair } from "./key-map.js";

/** What the resampler's keys start with in a whole model's checkpoint. */
export const RESAMPLER_PREFIX = "image_proj_model.";

const LAYER: readonly KeyPair[] = [
  ["0.norm1", "attention.tokenNorm"],
  ["0.norm2", "attention.queryNorm"],
  ["0.to_q", "attention.query"],
  ["0.to_kv", "attention.keyValue"],
  ["0.to_out", "attention.output"],
  ["1.0", "norm"],
  ["1.1", "expand"],
  ["1.3", "contract"],
];

/** The pairs of module paths (`latents`: a whole key) of a resampler with these options. */
export function resamplerKeyPairs(options: ResamplerOptions = {}): KeyPair[] {
  const { depth } = resamplerSchema.parse(options);
  return [
    ["latents", "queries"],
    ["proj_in", "projectIn"],
    ["proj_out", "projectOut"],
    ["norm_out", "outputNorm"],
    ...Array.from({ length: depth }, (_, i) => under(`layers.${i}`, `layers.${i}`, LAYER)).flat(),
  ];
}

/** The key map of a resampler with these options. */
export function resamplerKeyMap(options: ResamplerOptions = {}): KeyMap {
  return makeKeyMap(resamplerKeyPairs(options));
}
