// The temporal convolution against a 3-D convolution, and its mask in time.
import { conv3d, grad, manualSeed, pad, randn, type Tensor } from "@vid2world/torch";
import { expect, test } from "vitest";

import { maxError } from "../testing/fixtures.js";
import { foldFrames, unfoldFrames } from "./frames.js";
import { temporalConv } from "./temporal-conv.js";

const window = { batch: 2, frames: 5 };

test.each([
  { causal: true, layout: "channels_last" },
  { causal: false, layout: "channels_last" },
  { causal: true, layout: "contiguous" },
  { causal: false, layout: "contiguous" },
])("values and gradients are those of a 3-D convolution: $layout, causal $causal", ({ causal, layout }) => {
  manualSeed(1);
  const fresh = randn([10, 4, 3, 6]);
  const x_FCHW = (
    layout === "channels_last" ? fresh.contiguous({ memoryFormat: "channels_last" }) : fresh
  ).requiresGrad_();
  const weight = randn([6, 4, 3, 1, 1]).requiresGrad_();
  const bias = randn([6]).requiresGrad_();

  const fast = foldFrames(temporalConv(unfoldFrames(x_FCHW, window), weight, bias, causal), 3);
  const x_BCTHW = x_FCHW.reshape([2, 5, 4, 3, 6]).transpose(1, 2);
  const padded = causal ? pad(x_BCTHW, [0, 0, 0, 0, 2, 0]) : pad(x_BCTHW, [0, 0, 0, 0, 1, 1]);
  const plain = conv3d(padded, weight, { bias }).transpose(1, 2).reshape([10, 6, 3, 6]);
  expect(maxError(fast, plain)).toBeLessThan(1e-5);

  const gradients = (y: Tensor): readonly (Tensor | undefined)[] => grad([y.sin().sum()], [x_FCHW, weight, bias]);
  const expected = gradients(plain);
  gradients(fast).forEach((gradient, i) => {
    expect(maxError(gradient as Tensor, expected[i] as Tensor)).toBeLessThan(1e-4);
  });
});
