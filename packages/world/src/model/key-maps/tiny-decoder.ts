// The tiny decoder's key map: the published weights number the entries of one long sequence.
import { type TinyDecoderOptions, tinyDecoderSchema } from "../tiny-decoder/options.js";
import { makeKeyMap, type KeyMap, type KeyPair } from "./key-map.js";

/**
 * The two ways in which TAESD decoders are published: `taesd_decoder` files number the sequence itself (`1.weight` is the first
 * convolution, after the limit of the latents), diffusers' keep it under `decoder.layers` and without the limit.
 */
export const tinyDecoderForms = {
  taesd: { prefix: "", first: 1 },
  diffusers: { prefix: "decoder.layers.", first: 0 },
} as const;

/** One of `tinyDecoderForms`. */
export type TinyDecoderForm = keyof typeof tinyDecoderForms;

/** The pairs of module paths of a tiny decoder with these options. */
export function tinyDecoderKeyPairs(form: TinyDecoderForm, options: TinyDecoderOptions = {}): KeyPair[] {
  const { blocks } = tinyDecoderSchema.parse(options);
  const { prefix, first } = tinyDecoderForms[form];
  let entry: number = first;
  const next = (entries = 1): string => {
    const name = `${prefix}${entry}`;
    entry += entries;
    return name;
  };
  const pairs: KeyPair[] = [[next(2), "convIn"]]; // with its ReLU
  for (const [level, count] of blocks.entries()) {
    for (let block = 0; block < count; block++) {
      const name = next();
      for (const [i, conv] of [0, 2, 4].entries())
        pairs.push([`${name}.conv.${conv}`, `levels.${level}.blocks.${block}.convs.${i}`]);
    }
    if (level === blocks.length - 1) break;
    entry++; // the doubling of the resolution
    pairs.push([next(), `levels.${level}.upsample`]);
  }
  pairs.push([next(), "convOut"]);
  return pairs;
}

/** The key map of a tiny decoder with these options. */
export function tinyDecoderKeyMap(form: TinyDecoderForm, options: TinyDecoderOptions = {}): KeyMap {
  return makeKeyMap(tinyDecoderKeyPairs(form, options));
}
