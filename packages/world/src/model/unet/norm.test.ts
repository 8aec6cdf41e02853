// The temporal normalisation's two kinds of statistics.
import { groupNorm, manualSeed, noGrad, randn, type Tensor } from "@vid2world/torch";
import { beforeEach, describe, expect, test } from "vitest";

import { maxError } from "../testing/fixtures.js";
import { unfoldFrames } from "./frames.js";
import { TemporalNorm } from "./norm.js";

const window = { batch: 2, frames: 4 };

function norm(statistics: "window" | "causal"): TemporalNorm {
  const module = new TemporalNorm(4, 8, { statistics });
  noGrad(() => {
    module.weight?.normal_({ mean: 1, std: 0.5 });
    module.bias?.normal_({ mean: 0, std: 0.5 });
  });
  return module;
}

beforeEach(() => manualSeed(5));

describe("causal statistics", () => {
  test("frame i is normalised as if the window ended there", () => {
    const module = norm("causal");
    const x_FCHW = randn([8, 8, 3, 5]).mul(3).add(2);
    const y_BCTN = unfoldFrames(module.forwardFrames(x_FCHW, window), window);
    for (let t = 0; t < window.frames; t++) {
      const past = unfoldFrames(x_FCHW, window).narrow(2, 0, t + 1);
      const expected = groupNorm(past, 4, { weight: module.weight as Tensor, bias: module.bias as Tensor, eps: 1e-5 });
      expect(maxError(y_BCTN.select(2, t), expected.select(2, t))).toBeLessThan(1e-5);
    }
  });

  test("the last frame of a window has the window's statistics", () => {
    const causal = norm("causal");
    const joint = new TemporalNorm(4, 8, { statistics: "window" }).loadStateDict(causal.stateDict());
    const x_FCHW = randn([8, 8, 3, 5]);
    const last = (module: TemporalNorm): Tensor =>
      unfoldFrames(module.forwardFrames(x_FCHW, window), window).select(2, 3);
    expect(maxError(last(causal), last(joint))).toBeLessThan(1e-5);
  });

  test("bfloat16 features are normalised in float32", () => {
    const module = norm("causal");
    const x = randn([8, 8, 3, 5]).add(30).to("bfloat16");
    const y = module.forwardFrames(x, window);
    expect(y.dtype).toBe("bfloat16");
    expect(maxError(y, module.forwardFrames(x.float(), window))).toBeLessThan(2e-2);
  });
});
