// A context's keys and values for all cross attentions of a network, made once instead of in every evaluation: a scene's tokens stay the same
// while its frames are denoised.
// Axes: B batch, L context tokens, D context width, P folded width.
import { cat, scope, type Tensor } from "@vid2world/torch";
import { invalid } from "@vid2world/formats";

import { Attention } from "./attention.js";
import type { ResolvedUNetOptions } from "./options.js";

/** Where in a folded context each attention finds its keys; its values follow them. */
export interface FoldedLayout {
  readonly places: ReadonlyMap<Attention, number>;
  /** P: numbers of a folded token. */
  readonly width: number;
}

/** The layout for the attentions to a context among `modules`, one after the other. */
export function foldedLayout(modules: Iterable<object>): FoldedLayout {
  const places = new Map<Attention, number>();
  let width = 0;
  for (const module of modules) {
    if (!(module instanceof Attention) || module.contextWidth === undefined) continue;
    places.set(module, width);
    width += 2 * module.key.weight.size(0);
  }
  return { places, width };
}

/** Whether a context is folded: its tokens' width tells. One as wide as the tokens themselves would not be told apart, and is never made. */
export function isFolded(context: Tensor, { width }: FoldedLayout, contextDim: number): boolean {
  const given = context.size(2);
  if (given !== contextDim && given !== width)
    throw invalid("context", `tokens of ${contextDim} numbers, or of ${width} from foldContext`, context.shape);
  return given !== contextDim;
}

/**
 * Text and image tokens `[B L D]` to keys and values of every attention, `[B L P]`: a token keeps its place, so that a folded context is split
 * and cut as one of tokens is. Image tokens are dropped where the network has no keys and values for them.
 */
export function foldTokens(
  context_BLD: Tensor,
  { places }: FoldedLayout,
  { textTokens, imageCrossAttention }: Pick<ResolvedUNetOptions, "textTokens" | "imageCrossAttention">,
): Tensor {
  const tokens = context_BLD.size(1);
  const folded = (from: number, to: number, of: "text" | "image"): Tensor =>
    scope(() => {
      const part_BLD = context_BLD.narrow(1, from, to - from);
      return cat(
        [...places.keys()].flatMap((attention) => attention.keysAndValues(part_BLD, of)),
        { dim: 2 },
      );
    });
  return scope(() => {
    const text = folded(0, Math.min(textTokens, tokens), "text");
    if (!imageCrossAttention || tokens <= textTokens) return text;
    return cat([text, folded(textTokens, tokens, "image")], { dim: 1 });
  });
}
