// Properties of the autoencoder that need no recorded data.
import { manualSeed, randn, tensor, zeros } from "@vid2world/torch";
import { describe, expect, test } from "vitest";

import { maxError } from "../testing/fixtures.js";
import { AutoencoderKL, posteriorDivergence, posteriorOf, posteriorStd, samplePosterior } from "./autoencoder.js";
import { autoencoderSchema } from "./options.js";

const tiny = { ch: 8, channelMultipliers: [1, 2, 2], numResBlocks: 1, normGroups: 4 };

describe("the posterior", () => {
  test("clamps its log variance", () => {
    const { logVariance_NCHW } = posteriorOf(tensor([0, 0, 100, -100]).view([1, 4, 1, 1]));
    expect(logVariance_NCHW.toNumbers()).toEqual([20, -30]);
  });

  test("has no divergence from the standard normal when it is that", () => {
    const standard = { mean_NCHW: zeros([2, 3, 2, 2]), logVariance_NCHW: zeros([2, 3, 2, 2]) };
    expect(posteriorDivergence(standard).toNumbers()).toEqual([0, 0]);
  });

  test("a sample is the mean plus noise times the deviation; without noise it is drawn", () => {
    manualSeed(1);
    const posterior = posteriorOf(randn([2, 8, 3, 3]));
    const noise = randn([2, 4, 3, 3]);
    const expected = posterior.mean_NCHW.add(posteriorStd(posterior).mul(noise));
    expect(maxError(samplePosterior(posterior, noise), expected)).toBe(0);
    manualSeed(2);
    const drawn = samplePosterior(posterior);
    manualSeed(2);
    expect(maxError(samplePosterior(posterior), drawn)).toBe(0);
  });
});

describe("the autoencoder", () => {
  test("divides the size by two per level and restores it", () => {
    manualSeed(1);
    const model = new AutoencoderKL(tiny).eval();
    const { mean_NCHW } = model.encode(randn([2, 3, 24, 16]));
    expect(model.downscale).toBe(4);
    expect(mean_NCHW.shape).toEqual([2, 4, 6, 4]);
    expect(model.decode(mean_NCHW).shape).toEqual([2, 3, 24, 16]);
  });

  test("every parameter receives a gradient from reconstruction and divergence", () => {
    manualSeed(1);
    const model = new AutoencoderKL(tiny);
    const x = randn([1, 3, 16, 16]);
    const posterior = model.encode(x);
    const error = model.decode(samplePosterior(posterior)).sub(x).square().mean();
    error.add(posteriorDivergence(posterior).mean()).backward();
    for (const [name, parameter] of model.namedParameters()) expect(parameter.grad, name).toBeDefined();
  });

  test("an unknown option is refused", () => {
    expect(() => autoencoderSchema.parse({ channels: 8 })).toThrow(/channels/);
  });
});
