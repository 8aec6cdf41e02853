// The U-Net's key map. The original's misspelling `temopral_conv` is real.
import { unetLayout, type BlockLayout } from "../unet/layout.js";
import { unetSchema, type ResolvedUNetOptions, type UNetOptions } from "../unet/options.js";
import { makeKeyMap, under, type KeyMap, type KeyPair } from "./key-map.js";

/** What the U-Net's keys start with in a whole model's checkpoint. */
export const UNET_PREFIX = "model.diffusion_model.";

const MLP: readonly KeyPair[] = [
  ["0", "first"],
  ["2", "second"],
];

const ATTENTION: readonly KeyPair[] = [
  ["to_q", "query"],
  ["to_k", "key"],
  ["to_v", "value"],
  ["to_k_ip", "imageKey"],
  ["to_v_ip", "imageValue"],
  ["to_out.0", "output"],
];

const FEED_FORWARD: readonly KeyPair[] = [
  ["ff.net.0.proj", "feedForward.expand"],
  ["ff.net.2", "feedForward.contract"],
];

const NORMS: readonly KeyPair[] = [
  ["norm1", "norm1"],
  ["norm2", "norm2"],
  ["norm3", "norm3"],
];

const TRANSFORMER_ENDS: readonly KeyPair[] = [
  ["norm", "norm"],
  ["proj_in", "projectIn"],
  ["proj_out", "projectOut"],
];

const RESIDUAL: readonly KeyPair[] = [
  ["in_layers.0", "norm1"],
  ["in_layers.2", "conv1"],
  ["emb_layers.1", "embedding"],
  ["out_layers.0", "norm2"],
  ["out_layers.3", "conv2"],
  ["skip_connection", "skip"],
];

function temporalConv(causal: boolean): KeyPair[] {
  return [0, 1, 2, 3].flatMap((layer): KeyPair[] => {
    const original = `temopral_conv.conv${layer + 1}`;
    // The first layer has no dropout, so its convolution stands one place earlier.
    const conv = `${original}.${layer === 0 ? 2 : 3}${causal ? ".conv3d" : ""}`;
    return [
      [`${original}.0`, `temporalConv.layers.${layer}.norm`],
      [conv, `temporalConv.layers.${layer}.conv`],
    ];
  });
}

function transformer(depth: number, attention1: string, attention2: string): KeyPair[] {
  const block = [
    ...under("attn1", attention1, ATTENTION),
    ...under("attn2", attention2, ATTENTION),
    ...FEED_FORWARD,
    ...NORMS,
  ];
  const blocks = Array.from({ length: depth }, (_, i) => under(`transformer_blocks.${i}`, `blocks.${i}`, block));
  return [...TRANSFORMER_ENDS, ...blocks.flat()];
}

/** The original numbers a block's parts; ours have names. */
function block(
  layout: BlockLayout,
  original: string,
  ours: string,
  options: ResolvedUNetOptions,
  first = 0,
): KeyPair[] {
  const { causal, transformerDepth } = options;
  return layout.parts.flatMap((part, i): KeyPair[] => {
    const from = `${original}.${first + i}`;
    const to = `${ours}.${part}`;
    switch (part) {
      case "conv":
        return [[from, to]];
      case "residual":
        return under(from, to, [...RESIDUAL, ...temporalConv(causal)]);
      case "spatial":
        return under(from, to, transformer(transformerDepth, "selfAttention", "crossAttention"));
      case "temporal":
        return under(from, to, transformer(transformerDepth, "attention1", "attention2"));
      case "downsample":
        return [[`${from}.op`, `${to}.conv`]];
      case "upsample":
        return [[`${from}.conv`, `${to}.conv`]];
    }
  });
}

function actionEncoder(options: ResolvedUNetOptions): KeyPair[] {
  if (options.actionDim === undefined) return [];
  const layers: KeyPair[] = Array.from({ length: options.actionEncoder === "multiHot" ? 2 : 3 }, (_, i) => [
    `action_emb_proj.${2 * i}`,
    `actionEncoder.layers.${i}`,
  ]);
  return options.actionEncoder === "multiHot" ? [["action_emb_preprocess", "actionEncoder.table"], ...layers] : layers;
}

/** The pairs of module paths of a U-Net with these options: the whole table, for inspection. */
export function unetKeyPairs(options: UNetOptions): KeyPair[] {
  const resolved = unetSchema.parse(options);
  const layout = unetLayout(resolved);
  // The original's middle is one block of four parts; ours are two blocks, the second of which starts at part 3.
  const middleStart = (i: number): number => layout.middle.slice(0, i).reduce((n, { parts }) => n + parts.length, 0);
  return [
    ...under("time_embed", "timeEmbedding", MLP),
    ...(resolved.fpsCondition ? under("fps_embedding", "fpsEmbedding", MLP) : []),
    ...actionEncoder(resolved),
    ...layout.input.flatMap((b, i) => block(b, `input_blocks.${i}`, `inputBlocks.${i}`, resolved)),
    ...(resolved.additionAttention
      ? under("init_attn.0", "initialAttention", transformer(resolved.transformerDepth, "attention1", "attention2"))
      : []),
    ...layout.middle.flatMap((b, i) => block(b, "middle_block", `middleBlocks.${i}`, resolved, middleStart(i))),
    ...layout.output.flatMap((b, i) => block(b, `output_blocks.${i}`, `outputBlocks.${i}`, resolved)),
    ["out.0", "outputNorm"],
    [resolved.causal ? "out.2.conv2d" : "out.2", "outputConv"],
  ];
}

/** The key map of a U-Net with these options; `causal` decides between the published world model's names and the base model's. */
export function unetKeyMap(options: UNetOptions): KeyMap {
  return makeKeyMap(unetKeyPairs(options));
}

/** Older base checkpoints call the frame rate's embedding `framestride_embed`; this gives such a key its later name. */
export function modernUNetKey(key: string): string {
  return key.replace(/(^|\.)framestride_embed\./, "$1fps_embedding.");
}

/** The causal form's original name of one of the base model's original keys (with or without the prefix); most stay as they are. */
export function baseToCausalUNetKey(key: string): string {
  return key
    .replace(/(\.temopral_conv\.conv\d\.[23])\.(weight|bias)$/, "$1.conv3d.$2")
    .replace(/^((?:model\.diffusion_model\.)?out\.2)\.(weight|bias)$/, "$1.conv2d.$2");
}
