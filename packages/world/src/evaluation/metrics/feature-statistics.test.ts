// Statistics that grow block by block equal those of all vectors at once, merge, survive a file, and give the same Frechet distance.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { cat, Generator, liveTensors, randn, saveSafetensors, scope, tensor, type Tensor } from "@vid2world/torch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FeatureStatistics } from "./feature-statistics.js";
import { frechetDistance, frechetDistanceOf } from "./frechet.js";

const sample = (seed: number, shape: readonly number[]): Tensor =>
  randn(shape, { dtype: "float64", generator: new Generator({ seed }) })
    .mul(2)
    .add(10);
const statisticsOf = (...parts: readonly Tensor[]): FeatureStatistics => {
  const statistics = new FeatureStatistics(parts[0]?.size(1) ?? 0);
  for (const part of parts) statistics.add(part);
  return statistics;
};
const bytes = (x: Tensor): Buffer => Buffer.from((x.toTypedArray() as Float64Array).buffer);
let folder: string;
beforeAll(async () => void (folder = await mkdtemp(path.join(tmpdir(), "statistics-"))));
afterAll(() => rm(folder, { recursive: true }));

test("mean and covariance are those of all vectors, however they arrive, to the last bit", () => {
  const x = sample(1, [1300, 5]);
  const whole = statisticsOf(x);
  const pieces = statisticsOf(x.narrow(0, 0, 1), x.narrow(0, 1, 700), x.narrow(0, 701, 599));
  expect(pieces.count).toBe(1300);
  expect(bytes(pieces.covariance_DD()).equals(bytes(whole.covariance_DD()))).toBe(true);
  expect(bytes(pieces.mean_D).equals(bytes(whole.mean_D))).toBe(true);
  const away = x.sub(x.mean([0]));
  const direct = away.transpose(0, 1).matmul(away).div(1299);
  expect(scope(() => direct.sub(whole.covariance_DD()).abs().amax().item())).toBeLessThan(1e-12);
});

test("merging two processes' statistics gives those of both, and a file gives back what was saved", async () => {
  const [x, y] = [sample(2, [600, 4]), sample(3, [90, 4])];
  const merged = statisticsOf(x);
  merged.merge(statisticsOf(y));
  expect(merged.count).toBe(690);
  expect(frechetDistanceOf(merged, statisticsOf(cat([x, y])))).toBeCloseTo(0, 10);
  const file = path.join(folder, "reference.safetensors");
  await merged.save(file, "test features");
  const loaded = await FeatureStatistics.load(file);
  expect(loaded.count).toBe(690);
  expect(bytes(loaded.covariance_DD()).equals(bytes(merged.covariance_DD()))).toBe(true);
});

test("the Frechet distance of statistics is that of the vectors", () => {
  const [x, y] = [sample(4, [200, 6]), sample(5, [150, 6]).mul(1.5)];
  expect(frechetDistanceOf(statisticsOf(x), statisticsOf(y))).toBeCloseTo(frechetDistance(x, y), 9);
  expect(statisticsOf(x).isRankDeficient).toBe(false);
  expect(statisticsOf(x.narrow(0, 0, 6)).isRankDeficient).toBe(true);
});

test("what does not fit is refused, and nothing is left behind", async () => {
  const before = liveTensors();
  {
    using statistics = new FeatureStatistics(3);
    using wide = sample(6, [600, 4]);
    using fitting = sample(6, [600, 3]);
    expect(() => statistics.add(wide)).toThrow(/of 3 features/);
    expect(() => statistics.covariance_DD()).toThrow(/at least 2/);
    statistics.add(fitting);
    using covariance = statistics.covariance_DD();
    expect(covariance.shape).toEqual([3, 3]);
  }
  expect(liveTensors()).toBeLessThanOrEqual(before + 4); // those of `sample` wait for the collector
  const file = path.join(folder, "other.safetensors");
  using other = tensor([1, 2]);
  await saveSafetensors(file, new Map([["mean", other]]));
  await expect(FeatureStatistics.load(file)).rejects.toThrow(/does not hold feature statistics/);
});
