// The options of a network that decide what its weights are, compared between two descriptions of it.

/** Options that decide what the weights are; the others (dropout, memory formats) are the user's. */
const STRUCTURE = new Set([
  ...["inChannels", "outChannels", "modelChannels", "channelMultipliers", "numResBlocks", "attentionResolutions"],
  ...["headChannels", "transformerDepth", "contextDim", "imageCrossAttention", "fpsCondition", "additionAttention"],
  ...["useLinear", "ch", "zChannels", "embedDim", "width", "depth", "heads", "numQueries", "videoLength", "inputWidth"],
  ...["outputWidth", "feedForwardMultiplier", "imageSize", "patchSize", "layers", "contextLength", "vocabularySize"],
]);

/** An option on which two descriptions differ, its values as text. */
export interface StructuralDifference {
  /** Its path: `modelChannels`, `text.width`. */
  readonly option: string;
  readonly first: string;
  readonly second: string;
}

/**
 * Where the second description contradicts the first. Options that the first only guesses, or that the second leaves out, contradict
 * nothing.
 */
export function structuralDifferences(
  { options, unknown }: { readonly options: object; readonly unknown: readonly string[] },
  second: object,
): StructuralDifference[] {
  const others = new Map(flatten(second));
  return flatten(options).flatMap(([option, first]): StructuralDifference[] => {
    const last = option.slice(option.lastIndexOf(".") + 1);
    const other = others.get(option);
    if (!STRUCTURE.has(last) || unknown.includes(last) || other === undefined || first === other) return [];
    return [{ option, first, second: other }];
  });
}

/** Options as text by their path. */
function flatten(options: object, prefix = ""): [name: string, value: string][] {
  return Object.entries(options).flatMap(([key, value]: [string, unknown]): [string, string][] => {
    if (key === "attentionResolutions") return [[prefix + key, `[${usedResolutions(options).join(", ")}]`]];
    if (Array.isArray(value)) return [[prefix + key, `[${(value as unknown[]).join(", ")}]`]];
    return typeof value === "object" && value !== null
      ? flatten(value, `${prefix}${key}.`)
      : [[prefix + key, String(value)]];
  });
}

/** Resolutions at which there is a level; others may be listed and mean nothing, as does their order. */
function usedResolutions(options: { attentionResolutions?: unknown; channelMultipliers?: unknown }): number[] {
  const { attentionResolutions, channelMultipliers } = options;
  const levels = Array.isArray(channelMultipliers) ? channelMultipliers.length : Infinity;
  const all = Array.isArray(attentionResolutions) ? (attentionResolutions as number[]) : [];
  const isLevel = (factor: number): boolean => Number.isInteger(Math.log2(factor)) && factor < 2 ** levels;
  return [...new Set(all.filter(isLevel))].sort((a, b) => a - b);
}
