// A context's keys and values made once: the same outputs as from its tokens.
import {
  cat,
  inferenceMode,
  manualSeed,
  noGrad,
  ones,
  randint,
  randn,
  scope,
  trace,
  type Tensor,
} from "@vid2world/torch";
import { beforeEach, describe, expect, test } from "vitest";

import { maxError } from "../testing/fixtures.js";
import type { UNetOptions } from "./options.js";
import { UNet3D, type UNetInput } from "./unet.js";
import { UNetStream } from "./unet-stream.js";

const tiny = {
  ...{ inChannels: 4, outChannels: 2, modelChannels: 16, channelMultipliers: [1, 2], numResBlocks: 1 },
  ...{ attentionResolutions: [2, 1], headChannels: 8, normGroups: 8, temporalLength: 4, temporalNorm: "causal" },
  ...{ contextDim: 6, textTokens: 3, imageTokensPerFrame: 2, fpsCondition: false },
} as const satisfies UNetOptions;

function randomNetwork(options: Partial<UNetOptions> = {}): UNet3D {
  const model = new UNet3D({ ...tiny, ...options }).eval().requiresGrad_(false);
  noGrad(() => {
    for (const parameter of model.parameters()) if (parameter.rank > 1) parameter.normal_({ mean: 0, std: 0.15 });
  });
  return model;
}

const tokens = (images: number, batch = 2): Tensor => randn([batch, 3 + images, 6]);
const randomInput = (frames: number, context: Tensor): UNetInput => ({
  x_BTCHW: randn([context.size(0), frames, 4, 8, 6]),
  timesteps: randint(0, 1000, [context.size(0), frames]),
  context,
});

beforeEach(() => manualSeed(3));

describe("a folded context", () => {
  test.each([
    ["image tokens that all frames share", 4, 5],
    ["image tokens of each frame's own", 4, 8],
    ["text alone", 3, 0],
  ])("with %s gives what its tokens give, bit for bit", (_, frames, images) => {
    const model = randomNetwork();
    const input = randomInput(frames, tokens(images));
    const folded = noGrad(() => model.foldContext(input.context as Tensor));
    // Keys and values of 16, 16, 32, 16, 16 and so on: two of every channel of every layer with cross attention.
    const layers = [...model.namedModules().keys()].filter((name) => name.endsWith("crossAttention"));
    expect(layers.length).toBeGreaterThan(2);
    expect(folded.shape.slice(0, 2)).toEqual(input.context?.shape.slice(0, 2));
    const [expected, y] = [input.context as Tensor, folded].map((context) =>
      inferenceMode(() => model.forward({ ...input, context })),
    ) as [Tensor, Tensor];
    expect(maxError(y, expected)).toBe(0);
    const other = inferenceMode(() => model.forward({ ...input, context: tokens(images) }));
    expect(maxError(other, expected)).toBeGreaterThan(1e-3);
  });

  test("spares every evaluation its projections, in a stream as in a window", () => {
    const model = randomNetwork();
    const stream = new UNetStream(model);
    const first = randomInput(2, tokens(5));
    const next = randomInput(1, first.context as Tensor);
    const { history } = stream.begin(first);
    const folded = noGrad(() => model.foldContext(first.context as Tensor));
    const [expected, y] = [next, { ...next, context: folded }].map((input) => stream.predict(history, input));
    expect(maxError(y as Tensor, expected as Tensor)).toBe(0);
    const begun = stream.begin({ ...first, context: folded });
    begun.history.tensors.forEach((tensor, i) => expect(maxError(tensor, history.tensors[i] as Tensor)).toBe(0));
    const products = (context: Tensor): number =>
      noGrad(() =>
        scope(() => {
          const { trace: made } = trace([], () => [model.forward({ ...first, context })]);
          return made.calls().filter(({ operator }) => operator === "linear").length;
        }),
      );
    const layers = [...model.namedModules().keys()].filter((name) => name.endsWith("crossAttention")).length;
    expect(products(first.context as Tensor) - products(folded)).toBe(4 * layers);
  });

  test("is joined and cut along batch and tokens as its tokens are", () => {
    const model = randomNetwork();
    const [a, b] = [tokens(8, 1), tokens(8, 1)];
    const together = noGrad(() => model.foldContext(cat([a, b])));
    const joined = noGrad(() => cat([model.foldContext(a), model.foldContext(b)]));
    expect(maxError(joined, together)).toBeLessThan(1e-6);
    const own = cat([a.narrow(1, 0, 3), a.narrow(1, 5, 2)], { dim: 1 });
    const cutLater = noGrad(() => {
      const whole = model.foldContext(a);
      return cat([whole.narrow(1, 0, 3), whole.narrow(1, 5, 2)], { dim: 1 });
    });
    expect(
      maxError(
        cutLater,
        noGrad(() => model.foldContext(own)),
      ),
    ).toBeLessThan(1e-6);
  });

  test("is folded once, is no other network's, and is not made where its width is the tokens' own", () => {
    const model = randomNetwork();
    const folded = noGrad(() => model.foldContext(tokens(5)));
    expect(model.foldContext(folded)).toBe(folded);
    const other = randomNetwork({ attentionResolutions: [2] });
    expect(() => other.foldContext(folded)).toThrow(/context: expected tokens of 6 numbers, or of \d+/);
    expect(() => model.forward(randomInput(2, ones([2, 4, 7])))).toThrow(/context: expected tokens of 6 numbers/);
    const alike = randomNetwork({ contextDim: folded.size(2) });
    const wide = randn([2, 8, folded.size(2)]);
    expect(alike.foldContext(wide)).toBe(wide);
    const deaf = new UNet3D({ ...tiny, contextDim: undefined });
    expect(deaf.foldContext(wide)).toBe(wide);
  });
});
