// The autoencoder's key map.
import { autoencoderSchema, type AutoencoderOptions } from "../autoencoder/options.js";
import { makeKeyMap, under, type KeyMap, type KeyPair } from "./key-map.js";

/** What the autoencoder's keys start with in a whole model's checkpoint. */
export const AUTOENCODER_PREFIX = "first_stage_model.";

const RESIDUAL: readonly KeyPair[] = [
  ["norm1", "norm1"],
  ["conv1", "conv1"],
  ["norm2", "norm2"],
  ["conv2", "conv2"],
  ["nin_shortcut", "skip"],
];

const ATTENTION: readonly KeyPair[] = [
  ["norm", "norm"],
  ["q", "query"],
  ["k", "key"],
  ["v", "value"],
  ["proj_out", "output"],
];

const MIDDLE: readonly KeyPair[] = [
  ...under("block_1", "residualIn", RESIDUAL),
  ...under("attn_1", "attention", ATTENTION),
  ...under("block_2", "residualOut", RESIDUAL),
];

const ENDS: readonly KeyPair[] = [
  ["conv_in", "convIn"],
  ["norm_out", "outputNorm"],
  ["conv_out", "outputConv"],
  ...under("mid", "middle", MIDDLE),
];

function level(blocks: number, resample: KeyPair): KeyPair[] {
  const residuals = Array.from({ length: blocks }, (_, i) => under(`block.${i}`, `blocks.${i}`, RESIDUAL));
  return [...residuals.flat(), resample];
}

/** The pairs of module paths of an autoencoder with these options. */
export function autoencoderKeyPairs(options: AutoencoderOptions = {}): KeyPair[] {
  const { channelMultipliers, numResBlocks } = autoencoderSchema.parse(options);
  const levels = [...channelMultipliers.keys()];
  const down = level(numResBlocks, ["downsample.conv", "downsample"]);
  const up = level(numResBlocks + 1, ["upsample.conv", "upsample"]);
  return [
    ...under("encoder", "encoder", [...ENDS, ...levels.flatMap((i) => under(`down.${i}`, `levels.${i}`, down))]),
    ...under("decoder", "decoder", [...ENDS, ...levels.flatMap((i) => under(`up.${i}`, `levels.${i}`, up))]),
    ["quant_conv", "quantConv"],
    ["post_quant_conv", "postQuantConv"],
  ];
}

/** The key map of an autoencoder with these options. */
export function autoencoderKeyMap(options: AutoencoderOptions = {}): KeyMap {
  return makeKeyMap(autoencoderKeyPairs(options));
}
