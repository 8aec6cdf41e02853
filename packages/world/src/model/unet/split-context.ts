// Splits the context into text and image tokens, and decides which frames see which image tokens.
// Axes: B batch, T frames, F = B * T, L tokens, D width.
import type { Tensor } from "@vid2world/torch";

import type { SplitContext } from "./attention.js";
import type { Window } from "./frames.js";
import type { ResolvedUNetOptions } from "./options.js";

type SplitOptions = Pick<ResolvedUNetOptions, "textTokens" | "imageTokensPerFrame" | "imageCrossAttention">;

/**
 * `[B L D]` to text `[B Lt D]` and image tokens. A context of exactly `textTokens + T * imageTokensPerFrame` gives each frame its own image
 * tokens; any other length shows all of them to every frame. The published model depends on that: it was trained with 16 frames and their
 * own tokens, and is rolled out with fewer frames that each see all 256.
 */
export function splitContext(context_BLD: Tensor, { batch, frames }: Window, options: SplitOptions): SplitContext {
  const [, tokens, width] = context_BLD.dims("B L D");
  const { textTokens, imageTokensPerFrame } = options;
  const text = context_BLD.narrow(1, 0, Math.min(textTokens, tokens));
  if (!options.imageCrossAttention || tokens <= textTokens) return { text, image: undefined };
  const image_BLD = context_BLD.narrow(1, textTokens, tokens - textTokens);
  if (tokens !== textTokens + frames * imageTokensPerFrame) return { text, image: image_BLD };
  return { text, image: image_BLD.reshape([batch * frames, imageTokensPerFrame, width]) };
}
