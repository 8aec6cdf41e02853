// Distances of samples are those of the rows that are drawn, whichever way they are computed; beyond the limit they are near.
import { Generator, liveTensors, randn, scope, type Tensor } from "@vid2world/torch";
import { expect, test } from "vitest";
import { frechetDistance, frechetDistanceWeighted } from "./frechet.js";
import { exactLimit, frechetSampler } from "./frechet-sampler.js";

const sample = (seed: number, shape: readonly number[]): Tensor =>
  randn(shape, { generator: new Generator({ device: "cpu", seed }) });

test.each([3, 6, 20])("of %i features: rows count as often as they are drawn, and nothing stays behind", (features) => {
  const [x_ND, y_ND] = [sample(1, [6, features]).add(3), sample(2, [6, features]).mul(1.4)];
  const parts = [x_ND.narrow(0, 0, 2), x_ND.narrow(0, 2, 4)];
  const before = liveTensors();
  {
    using sampler = frechetSampler(parts, [y_ND], 6);
    for (const weights of [
      [1, 1, 1, 1, 1, 1],
      [3, 0, 1, 0, 1, 1],
      [0, 0, 0, 0, 1, 1],
    ])
      expect(sampler.distance(weights)).toBeCloseTo(frechetDistanceWeighted(x_ND, weights, y_ND, weights), 6);
    expect(sampler.share).toBe(1);
  }
  expect(liveTensors()).toBe(before);
});

test("beyond the limit the leading directions tell nearly the whole distance", () => {
  const [rows, features] = [exactLimit + 28, exactLimit + 8];
  // Features of networks vary much in few directions and little in most.
  const [truth, prediction] = scope(() => {
    const decay_1D = sample(3, [1, features]).mul(0).add(1).cumsum(1).pow(-1);
    const mixed = (seed: number): Tensor => sample(seed, [rows, features]).mul(decay_1D);
    return [mixed(4), mixed(5).mul(1.5)] as const;
  });
  using sampler = frechetSampler([truth], [prediction], rows);
  expect(sampler.share).toBeGreaterThan(0.95);
  const exact = frechetDistance(truth, prediction);
  const near = sampler.distance(new Array<number>(rows).fill(1));
  expect(near).toBeLessThan(exact);
  expect(near).toBeGreaterThan(0.95 * exact);
});
