// How the context is divided between frames.
import { arange, type Tensor } from "@vid2world/torch";
import { describe, expect, test } from "vitest";

import { splitContext } from "./split-context.js";

const options = { textTokens: 3, imageTokensPerFrame: 2, imageCrossAttention: true };

/** `[1 L 1]` with the token's number as its value. */
const numbered = (tokens: number): Tensor => arange(0, tokens, { dtype: "float32" }).view([1, tokens, 1]);

describe("splitting a context", () => {
  test("of the exact length gives each frame its own image tokens", () => {
    const { text, image } = splitContext(numbered(3 + 4 * 2), { batch: 1, frames: 4 }, options);
    expect(text.toNumbers()).toEqual([0, 1, 2]);
    expect(image?.shape).toEqual([4, 2, 1]);
    expect(image?.select(0, 2).toNumbers()).toEqual([7, 8]);
  });

  test("of any other length shows all image tokens to every frame", () => {
    const { image } = splitContext(numbered(3 + 4 * 2), { batch: 1, frames: 3 }, options);
    expect(image?.shape).toEqual([1, 8, 1]);
  });

  test("drops the image tokens where the network has no keys and values for them", () => {
    const { text, image } = splitContext(
      numbered(11),
      { batch: 1, frames: 4 },
      { ...options, imageCrossAttention: false },
    );
    expect(text.shape).toEqual([1, 3, 1]);
    expect(image).toBeUndefined();
  });
});
