// The Frechet distance against its definition for independent features, and what any distance between Gaussians obeys.
import { Generator, cat, randn, tensor, type Tensor } from "@vid2world/torch";
import { expect, test } from "vitest";

import { frechetDistance } from "./frechet.js";

const sample = (seed: number, shape: readonly number[]): Tensor =>
  randn(shape, { dtype: "float64", generator: new Generator({ device: "cpu", seed }) });

test("one feature: (difference of the means)^2 + (difference of the deviations)^2", () => {
  const a = tensor([[1], [3], [5]], { dtype: "float64" }); // mean 3, deviation 2
  const b = tensor([[10], [11], [12]], { dtype: "float64" }); // mean 11, deviation 1
  expect(frechetDistance(a, b)).toBeCloseTo(64 + 1, 10);
});

test.each([
  { samples: 40, features: 6, why: "more samples than features" },
  { samples: 5, features: 12, why: "fewer samples than features" },
])("is 0 for equal sets, symmetric, and grows with a shift by its square: $why", ({ samples, features }) => {
  const a = sample(1, [samples, features]);
  const b = sample(2, [samples, features]);
  expect(frechetDistance(a, a)).toBeCloseTo(0, 8);
  expect(frechetDistance(a, b)).toBeCloseTo(frechetDistance(b, a), 8);
  expect(frechetDistance(a, a.add(2))).toBeCloseTo(4 * features, 8);
});

test("samples that are repeated and turned around do not change what depends on moments alone", () => {
  const a = sample(3, [30, 4]);
  const b = sample(4, [25, 4]);
  expect(frechetDistance(a.flip([0]), b)).toBeCloseTo(frechetDistance(a, b), 10);
  expect(frechetDistance(cat([a, a]), cat([a, a]))).toBeCloseTo(0, 8);
});

test("sets of other widths, and single samples, are refused", () => {
  expect(() => frechetDistance(sample(5, [4, 3]), sample(6, [4, 2]))).toThrow(/\[4, 3\] and \[4, 2\]/);
  expect(() => frechetDistance(sample(5, [1, 3]), sample(6, [4, 3]))).toThrow(/at least 2 samples/);
});
