// The options of a U-Net, read off the shapes of its tensors. What leaves no trace in the weights is listed as unknown.
import type { UNetOptions } from "../model/unet/options.js";
import { anyBelow, countBelow, lengthOf, type Shapes } from "./shapes.js";

/** Options that were read off shapes. */
export interface Inferred<Options> {
  readonly options: Options;
  /** Options that the weights do not tell; `options` then has the default or a guess. */
  readonly unknown: readonly string[];
}

/** Where the telling tensors are, in the original's names and in ours. */
const NAMES = {
  original: {
    time: "time_embed.0.weight",
    inputBlocks: "input_blocks.",
    firstConv: "input_blocks.0.0.weight",
    residualConv: "0.in_layers.2.weight",
    spatial: "1.",
    downsample: "0.op.weight",
    output: "out.2.weight",
    causalOutput: "out.2.conv2d.weight",
    transformer: "middle_block.1",
    layers: "transformer_blocks.",
    projectIn: "proj_in.weight",
    crossKey: "0.attn2.to_k.weight",
    imageKey: "0.attn2.to_k_ip.weight",
    fps: "fps_embedding.",
    initial: "init_attn.0",
    actionRows: "action_emb_preprocess.weight",
    actionLayer: "action_emb_proj.0.weight",
  },
  ours: {
    time: "timeEmbedding.first.weight",
    inputBlocks: "inputBlocks.",
    firstConv: "inputBlocks.0.conv.weight",
    residualConv: "residual.conv1.weight",
    spatial: "spatial.",
    downsample: "downsample.conv.weight",
    output: "outputConv.weight",
    causalOutput: undefined, // both forms have the same names
    transformer: "middleBlocks.0.spatial",
    layers: "blocks.",
    projectIn: "projectIn.weight",
    crossKey: "0.crossAttention.key.weight",
    imageKey: "0.crossAttention.imageKey.weight",
    fps: "fpsEmbedding.",
    initial: "initialAttention",
    actionRows: "actionEncoder.table.weight",
    actionLayer: "actionEncoder.layers.0.weight",
  },
} as const;

/** Whose names the keys of a checkpoint are: those of the published code, or this library's. */
export type Naming = keyof typeof NAMES;

/** The temporal transformer after the first convolution always has this many heads. */
const INITIAL_ATTENTION_HEADS = 8;

/**
 * The options of the U-Net with these keys (without a prefix; `framestride_embed` renamed to its later name). Undefined where it is
 * none of this family.
 */
export function inferUNetOptions(shapes: Shapes, naming: Naming = "original"): Inferred<UNetOptions> | undefined {
  const names = NAMES[naming];
  const modelChannels = lengthOf(shapes, names.time, 1);
  const inChannels = lengthOf(shapes, names.firstConv, 1);
  const causal = names.causalOutput === undefined || shapes.has(names.causalOutput);
  const outChannels = lengthOf(shapes, causal ? (names.causalOutput ?? names.output) : names.output, 0);
  const levels = levelsOf(shapes, naming);
  if (modelChannels === undefined || inChannels === undefined || outChannels === undefined || !levels) return undefined;

  const layers = `${names.transformer}.${names.layers}`;
  const contextDim = lengthOf(shapes, layers + names.crossKey, 1);
  const initialWidth = lengthOf(shapes, `${names.initial}.${names.projectIn}`, 0);
  const options: UNetOptions = {
    inChannels,
    outChannels,
    modelChannels,
    channelMultipliers: levels.map(({ channels }) => Math.round(channels / modelChannels)),
    numResBlocks: levels[0]?.blocks ?? 1,
    attentionResolutions: levels.flatMap(({ attends }, level) => (attends ? [2 ** level] : [])).reverse(),
    // Heads times their width is the number of channels: only the first attention, with its fixed count of heads, tells.
    headChannels:
      initialWidth === undefined ? greatestDivisor(modelChannels, 64) : initialWidth / INITIAL_ATTENTION_HEADS,
    transformerDepth: Math.max(1, countBelow(shapes, layers)),
    ...(contextDim !== undefined && { contextDim }),
    imageCrossAttention: contextDim === undefined || shapes.has(layers + names.imageKey),
    causal,
    ...actionOptions(shapes, naming),
    fpsCondition: anyBelow(shapes, names.fps),
    additionAttention: initialWidth !== undefined,
    useLinear: shapes.get(`${names.transformer}.${names.projectIn}`)?.length === 2,
    normGroups: greatestDivisor(modelChannels, 32),
  };
  const unknown = ["temporalLength"];
  if (initialWidth === undefined) unknown.push("headChannels");
  if (naming === "ours") unknown.push("causal");
  // The published models always have 32 groups; where that does not divide, or in our own models, it is a guess.
  if (naming === "ours" || options.normGroups !== 32) unknown.push("normGroups");
  return { options, unknown };
}

/** The kind and width of the action encoder, if there is one. */
export function actionOptions(shapes: Shapes, naming: Naming): Pick<UNetOptions, "actionDim" | "actionEncoder"> {
  const rows = lengthOf(shapes, NAMES[naming].actionRows, 0);
  if (rows !== undefined) return { actionDim: rows, actionEncoder: "multiHot" };
  const width = lengthOf(shapes, NAMES[naming].actionLayer, 1);
  return width === undefined ? {} : { actionDim: width, actionEncoder: "continuous" };
}

/** The greatest divisor of `count` that is at most `most`. */
export function greatestDivisor(count: number, most: number): number {
  for (let divisor = Math.min(count, most); divisor > 1; divisor--) if (count % divisor === 0) return divisor;
  return 1;
}

interface Level {
  readonly channels: number;
  readonly blocks: number;
  readonly attends: boolean;
}

/** Walks the input blocks: residual blocks, then a downsampling block that ends the level. */
function levelsOf(shapes: Shapes, naming: Naming): Level[] | undefined {
  const names = NAMES[naming];
  const levels: Level[] = [];
  let blocks = 0;
  let channels = 0;
  let attends = false;
  const count = countBelow(shapes, names.inputBlocks);
  for (let i = 1; i < count; i++) {
    const block = `${names.inputBlocks}${i}.`;
    const width = lengthOf(shapes, block + names.residualConv, 0);
    if (width !== undefined) {
      blocks++;
      channels = width;
      attends = anyBelow(shapes, block + names.spatial);
    } else if (shapes.has(block + names.downsample) && blocks > 0) {
      levels.push({ channels, blocks, attends });
      blocks = 0;
    } else return undefined;
  }
  return blocks === 0 ? undefined : [...levels, { channels, blocks, attends }];
}
