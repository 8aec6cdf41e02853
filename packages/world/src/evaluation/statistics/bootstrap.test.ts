// Intervals cover what they promise, tests reject what they should, and both are the same every time.
import { expect, test } from "vitest";
import { randomIntegers } from "../../data/random.js";
import { average } from "../metrics/average.js";
import { bootstrapInterval, comparePaired, meanInterval } from "./bootstrap.js";

/** Normal numbers by the polar method. */
function normals(seed: number, count: number, mean = 0): number[] {
  const next = randomIntegers(seed, 7);
  const uniform = (): number => (next() + 0.5) / 2 ** 32;
  return Array.from(
    { length: count },
    () => mean + Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}

test("nine in ten intervals of 90 % hold the true mean", () => {
  const trials = 400;
  let covered = 0;
  for (let trial = 0; trial < trials; trial++) {
    const { low, high } = meanInterval(normals(trial, 40, 3), { resamples: 300, confidence: 0.9, seed: trial });
    if (low <= 3 && 3 <= high) covered++;
  }
  // Three standard errors of a share of 0.9 over 400 trials are 0.045; percentile intervals of 40 episodes cover a little less.
  expect(covered / trials).toBeGreaterThan(0.84);
  expect(covered / trials).toBeLessThan(0.95);
});

test("the interval surrounds the value, is the same for the same seed, and shrinks with more episodes", () => {
  const few = meanInterval(normals(1, 20));
  const many = meanInterval(normals(1, 500));
  expect(few.low).toBeLessThan(few.value);
  expect(few.value).toBeLessThan(few.high);
  expect(meanInterval(normals(1, 20))).toEqual(few);
  expect(many.high - many.low).toBeLessThan(few.high - few.low);
});

test("any statistic of episodes may be taken; one episode has no interval; wrong settings are refused", () => {
  const largest = bootstrapInterval([1, 5, 3], (values) => Math.max(...values));
  expect(largest.value).toBe(5);
  expect(largest.high).toBe(5);
  expect(meanInterval([4])).toEqual({ value: 4, low: NaN, high: NaN });
  expect(() => meanInterval([1, 2], { confidence: 1 })).toThrow(/confidence/);
  expect(() => meanInterval([1, 2], { resamples: 0 })).toThrow(/resamples/);
});

test("a paired test is exact for few episodes", () => {
  // All of eight differences of one sign: 2 of 256 sign patterns are as extreme.
  expect(comparePaired([2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 1, 1, 1, 1, 1, 1]).pValue).toBeCloseTo(2 / 256, 12);
  expect(comparePaired([1, 2], [2, 1]).pValue).toBe(1);
});

test("a paired test sees a shift, does not see chance, and is symmetric", () => {
  const a = normals(3, 60);
  const shifted = a.map((value, i) => value + 0.5 + 0.2 * (normals(4, 60)[i] as number));
  const found = comparePaired(a, shifted);
  expect(found.pValue).toBeLessThan(0.01);
  expect(found.difference.high).toBeLessThan(0);
  expect(comparePaired(shifted, a).pValue).toBeCloseTo(found.pValue, 2);
  const rejected = Array.from({ length: 200 }, (_, i) =>
    comparePaired(normals(i, 30), normals(i + 1000, 30), { resamples: 200 }),
  );
  expect(average(rejected.map(({ pValue }) => Number(pValue < 0.1)))).toBeLessThan(0.17);
  expect(() => comparePaired([1], [])).toThrow(/as many scores/);
});
