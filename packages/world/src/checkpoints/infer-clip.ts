// The options of CLIP's towers, read off the shapes of their tensors.
import type { ClipOptions } from "../model/clip/options.js";
import { greatestDivisor, type Inferred, type Naming } from "./infer-unet.js";
import { countBelow, lengthOf, type Shapes } from "./shapes.js";

const NAMES = {
  original: {
    tokens: "token_embedding.weight",
    textPositions: "positional_embedding",
    textProjection: "text_projection",
    textBlocks: "transformer.resblocks.",
    patches: "visual.conv1.weight",
    imagePositions: "visual.positional_embedding",
    imageProjection: "visual.proj",
    imageBlocks: "visual.transformer.resblocks.",
    textEnds: "",
  },
  ours: {
    tokens: "tokenEmbedding.weight",
    textPositions: "positionalEmbedding",
    textProjection: "projection",
    textBlocks: "blocks.",
    patches: "patches.weight",
    imagePositions: "positionalEmbedding",
    imageProjection: "projection",
    imageBlocks: "blocks.",
    textEnds: "textEnds.",
  },
} as const;

/** Widths of a head in the published towers, where the weights only tell heads times width. */
const HEAD_CHANNELS = { text: 64, image: 80 };

/** The options of the text tower with these keys; those of the image tower are left at their defaults. */
export function inferTextTowerOptions(shapes: Shapes, naming: Naming): Inferred<ClipOptions> | undefined {
  const names = NAMES[naming];
  const ends = textEnds(shapes, naming, "");
  const layers = countBelow(shapes, names.textBlocks);
  if (ends === undefined || layers < 2) return undefined;
  const { embedDim, text } = ends;
  return { options: { embedDim, text: { ...text, layers } }, unknown: ["heads"] };
}

/** The options of the image tower with these keys, and of the text's ends that go with it. */
export function inferImageTowerOptions(shapes: Shapes, naming: Naming): Inferred<ClipOptions> | undefined {
  const names = NAMES[naming];
  const width = lengthOf(shapes, names.patches, 0);
  const patchSize = lengthOf(shapes, names.patches, 2);
  const tokens = lengthOf(shapes, names.imagePositions, 0);
  const embedDim = lengthOf(shapes, names.imageProjection, 1);
  const ends = textEnds(shapes, naming, names.textEnds);
  if (width === undefined || patchSize === undefined || tokens === undefined || embedDim === undefined)
    return undefined;
  const options: ClipOptions = {
    embedDim,
    image: {
      width,
      patchSize,
      imageSize: Math.round(Math.sqrt(tokens - 1)) * patchSize,
      layers: countBelow(shapes, names.imageBlocks),
      headChannels: greatestDivisor(width, HEAD_CHANNELS.image),
    },
    ...(ends && { text: ends.text }),
  };
  return { options, unknown: ["headChannels", "heads"] };
}

/** What stands around the text tower's blocks; image towers carry it too. */
function textEnds(shapes: Shapes, naming: Naming, prefix: string) {
  const names = NAMES[naming];
  const vocabularySize = lengthOf(shapes, prefix + names.tokens, 0);
  const contextLength = lengthOf(shapes, prefix + names.textPositions, 0);
  const width = lengthOf(shapes, prefix + names.textPositions, 1);
  const embedDim = lengthOf(shapes, prefix + names.textProjection, 1);
  if (vocabularySize === undefined || contextLength === undefined || width === undefined || embedDim === undefined)
    return undefined;
  const heads = width / greatestDivisor(width, HEAD_CHANNELS.text);
  return { embedDim, text: { vocabularySize, contextLength, width, heads } };
}
