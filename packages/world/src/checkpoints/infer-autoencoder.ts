// The options of an autoencoder and of a resampler, read off the shapes of their original keys.
import type { AutoencoderOptions } from "../model/autoencoder/options.js";
import type { ResamplerOptions } from "../model/resampler.js";
import { greatestDivisor, type Inferred, type Naming } from "./infer-unet.js";
import { countBelow, lengthOf, type Shapes } from "./shapes.js";

const NAMES = {
  original: {
    encoderIn: "encoder.conv_in.weight",
    decoderIn: "decoder.conv_in.weight",
    latentsIn: "post_quant_conv.weight",
    levels: "encoder.down.",
    blocks: "block.",
  },
  ours: {
    encoderIn: "encoder.convIn.weight",
    decoderIn: "decoder.convIn.weight",
    latentsIn: "postQuantConv.weight",
    levels: "encoder.levels.",
    blocks: "blocks.",
  },
} as const;

/** The options of the autoencoder with these keys (without a prefix); undefined where it is none of this family. */
export function inferAutoencoderOptions(
  shapes: Shapes,
  naming: Naming = "original",
): Inferred<AutoencoderOptions> | undefined {
  const names = NAMES[naming];
  const ch = lengthOf(shapes, names.encoderIn, 0);
  const inChannels = lengthOf(shapes, names.encoderIn, 1);
  const zChannels = lengthOf(shapes, names.decoderIn, 1);
  const embedDim = lengthOf(shapes, names.latentsIn, 1);
  const levels = countBelow(shapes, names.levels);
  if (ch === undefined || inChannels === undefined || zChannels === undefined || embedDim === undefined || !levels)
    return undefined;
  const channels = Array.from({ length: levels }, (_, level) =>
    lengthOf(shapes, `${names.levels}${level}.${names.blocks}0.conv1.weight`, 0),
  );
  const options: AutoencoderOptions = {
    inChannels,
    ch,
    channelMultipliers: channels.map((width = ch) => Math.round(width / ch)),
    numResBlocks: Math.max(1, countBelow(shapes, `${names.levels}0.${names.blocks}`)),
    zChannels,
    embedDim,
    normGroups: greatestDivisor(ch, 32),
  };
  return { options, unknown: naming === "original" && options.normGroups === 32 ? [] : ["normGroups"] };
}

/** Frames with queries of their own: fixed in the published code, whatever window the model has. */
const VIDEO_LENGTH = 16;
/** Width of a head, where the weights only tell heads times width. */
const HEAD_CHANNELS = 64;

const RESAMPLER_NAMES = {
  original: {
    queries: "latents",
    projectIn: "proj_in.weight",
    projectOut: "proj_out.weight",
    attentionQuery: "layers.0.0.to_q.weight",
    expand: "layers.0.1.1.weight",
  },
  ours: {
    queries: "queries",
    projectIn: "projectIn.weight",
    projectOut: "projectOut.weight",
    attentionQuery: "layers.0.attention.query.weight",
    expand: "layers.0.expand.weight",
  },
} as const;

/** The options of the resampler with these keys (without a prefix); undefined where it is none of this family. */
export function inferResamplerOptions(
  shapes: Shapes,
  naming: Naming = "original",
): Inferred<ResamplerOptions> | undefined {
  const names = RESAMPLER_NAMES[naming];
  const queries = lengthOf(shapes, names.queries, 1);
  const width = lengthOf(shapes, names.queries, 2);
  const inputWidth = lengthOf(shapes, names.projectIn, 1);
  const outputWidth = lengthOf(shapes, names.projectOut, 0);
  const inner = lengthOf(shapes, names.attentionQuery, 0);
  const expanded = lengthOf(shapes, names.expand, 0);
  if (queries === undefined || width === undefined || inputWidth === undefined || outputWidth === undefined)
    return undefined;
  if (inner === undefined || expanded === undefined) return undefined;
  const videoLength = queries % VIDEO_LENGTH === 0 ? VIDEO_LENGTH : 1;
  const headChannels = inner % HEAD_CHANNELS === 0 ? HEAD_CHANNELS : inner;
  const options: ResamplerOptions = {
    width,
    depth: countBelow(shapes, "layers."),
    heads: inner / headChannels,
    headChannels,
    numQueries: queries / videoLength,
    videoLength,
    inputWidth,
    outputWidth,
    feedForwardMultiplier: Math.round(expanded / width),
  };
  return { options, unknown: ["heads", "headChannels", ...(videoLength === 1 ? ["numQueries", "videoLength"] : [])] };
}
