// Intervals of Frechet distances: on synthetic Gaussians they hold the true distance as often as they say, and cost only what is kept.
import { cat, Generator, liveTensors, randn, scope, tensor, type Tensor } from "@vid2world/torch";
import { expect, test } from "vitest";
import { EpisodeFeatures } from "./episode-features.js";
import { frechetDistance, frechetDistanceWeighted } from "./frechet.js";

const sample = (seed: number, shape: readonly number[]): Tensor =>
  randn(shape, { generator: new Generator({ device: "cpu", seed }) });

/** Episodes of two vectors that resemble each other, variance 1 in each of 3 features; predictions are 1.5 times as wide and shifted by 0.5. */
function episodesOf(seed: number, count: number, shift = 0.5): EpisodeFeatures {
  const features = new EpisodeFeatures(Infinity);
  scope(() => {
    const draw = (stream: number): Tensor => {
      const [shared, own] = [sample(stream, [count, 1, 3]), sample(stream + 1, [count, 2, 3])];
      return shared.add(own).mul(Math.SQRT1_2);
    };
    const [truth, prediction] = [
      draw(10 * seed),
      draw(10 * seed + 5)
        .mul(1.5)
        .add(shift),
    ];
    for (let i = 0; i < count; i++) features.add(truth.select(0, i), prediction.select(0, i));
  });
  return features;
}
const trueDistance = 3 * (0.5 ** 2 + (1.5 - 1) ** 2);

test("90 % intervals hold the true distance of two Gaussians about nine times in ten; frames of an episode are not counted as independent", () => {
  const trials = 60;
  let [inside, values] = [0, 0];
  for (let trial = 0; trial < trials; trial++) {
    using features = episodesOf(trial, 60);
    const { value, low, high } = features.interval(features.distance(), {
      confidence: 0.9,
      resamples: 80,
      seed: trial,
    });
    if (low <= trueDistance && trueDistance <= high) inside++;
    values += value / trials;
  }
  expect(inside / trials).toBeGreaterThan(0.8);
  expect(inside / trials).toBeLessThan(0.99);
  expect(values).toBeGreaterThan(trueDistance); // few vectors: biased upwards, as said
});

/** The difference of the distances and what the paired test makes of it. */
function compared(ours: EpisodeFeatures, theirs: EpisodeFeatures, resamples: number) {
  return ours.comparePaired(theirs, ours.distance() - theirs.distance(), { resamples });
}

test("a paired test of distances sees a system that is shifted further, and nothing between equal ones", () => {
  using near = episodesOf(1, 40);
  using far = episodesOf(1, 40, 1);
  const { difference, pValue, episodes, share } = compared(far, near, 100);
  expect([pValue, episodes, share]).toEqual([1 / 101, 40, 1]);
  expect(difference.low).toBeGreaterThan(0);
  expect(difference.high).toBeGreaterThan(difference.value);
  expect(compared(near, far, 100).pValue).toBe(pValue);
  using again = episodesOf(1, 40);
  expect(compared(near, again, 20)).toMatchObject({ pValue: 1, difference: { value: 0, low: 0, high: 0 } });
  using few = episodesOf(1, 3);
  expect(() => near.comparePaired(few, 0)).toThrow(/same 40 episodes/);
});

test("of alike systems one in ten is told apart at the level of one in ten", () => {
  const trials = 50;
  let rejected = 0;
  for (let trial = 0; trial < trials; trial++) {
    using one = episodesOf(1000 + 2 * trial, 16);
    using other = episodesOf(1001 + 2 * trial, 16);
    if (compared(one, other, 19).pValue <= 0.1) rejected++;
  }
  expect(rejected / trials).toBeGreaterThan(0.01);
  expect(rejected / trials).toBeLessThan(0.23); // three standard errors above 0.1
});

test("rows that count several times give the distance of rows that are repeated (to the root of rounding, where they are dependent), with fewer and with more rows than features", () => {
  for (const features of [3, 12]) {
    const [a, b] = [sample(1, [5, features]), sample(2, [4, features])];
    const repeated = frechetDistance(
      a.indexSelect(0, tensor([0, 0, 0, 2, 4], { dtype: "int64" })),
      cat([b, b.narrow(0, 0, 1)]),
    );
    expect(frechetDistanceWeighted(a, [3, 0, 1, 0, 1], b, [2, 1, 1, 1])).toBeCloseTo(repeated, 7);
  }
});

test("equal sets have an interval of 0 to 0, the same seed gives the same one, and nothing stays behind", () => {
  using x = sample(3, [2, 3]);
  const before = liveTensors();
  {
    using same = new EpisodeFeatures(100);
    for (let i = 0; i < 4; i++) same.add(x, x);
    const { low, high } = same.interval(0, { resamples: 10 });
    expect(low).toBeLessThan(1e-9);
    expect(high).toBeLessThan(1e-9);
    using other = episodesOf(7, 5);
    expect(other.interval(1, { resamples: 10 })).toEqual(other.interval(1, { resamples: 10 }));
    expect(other.interval(1, { resamples: 0 })).toMatchObject({ low: NaN, high: NaN });
    using third = episodesOf(8, 5);
    expect(other.comparePaired(third, 1)).toEqual(other.comparePaired(third, 1));
  }
  expect(liveTensors()).toBe(before);
});

test("nothing is kept above the limit, and sets of other sizes are refused", () => {
  using features = new EpisodeFeatures(3);
  using x = sample(4, [2, 3]);
  using y = sample(5, [1, 3]);
  features.add(x, x);
  expect(features.vectors).toBe(2);
  expect(() => features.add(x, y)).toThrow(/prediction_ND/);
  features.add(x, x);
  expect(features.vectors).toBe(0);
});
