// Scores by horizon: the right frame is compared with the right frame, and means are plain means.

import { liveTensors } from "@vid2world/torch";
import { expect, test } from "vitest";
import { horizonScoresSchema, scoreHorizons } from "./horizon.js";

const size = { height: 12, width: 16 };
const bytes = size.height * size.width * 3;

/** A clip whose frame t has the value `values[t]` everywhere. */
function clip(values: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: values.length * bytes }, (_, i) => values[Math.floor(i / bytes)] ?? 0);
}
const psnrOf = (difference: number): number => -10 * Math.log10((difference / 255) ** 2 + 1e-8);

test("every horizon is averaged over the rollouts alone", () => {
  const scores = scoreHorizons([clip([10, 20]), clip([30, 40])], [clip([10, 30]), clip([50, 40])], size);
  expect(horizonScoresSchema.parse(scores)).toEqual(scores);
  expect(scores.psnr[0]).toBeCloseTo((80 + psnrOf(20)) / 2, 3);
  expect(scores.psnr[1]).toBeCloseTo((psnrOf(10) + 80) / 2, 3);
  expect(scores.psnrMean).toBeCloseTo(((scores.psnr[0] ?? 0) + (scores.psnr[1] ?? 0)) / 2, 9);
  expect(scores.ssim[1]).toBeLessThan(1);
  const [low = NaN, high = NaN] = scores.intervals?.psnr[0] ?? [];
  expect([low, high].map((bound) => bound.toFixed(3))).toEqual([psnrOf(20).toFixed(3), (80).toFixed(3)]);
  expect(scoreHorizons([clip([1])], [clip([1])], size).intervals).toBeUndefined();
});

test("leaves no tensors behind", () => {
  const before = liveTensors();
  scoreHorizons([clip([1, 2, 3])], [clip([3, 2, 1])], size);
  expect(liveTensors()).toBe(before);
});

test("refuses other counts and other lengths", () => {
  expect(() => scoreHorizons([], [], size)).toThrow(/at least one/);
  expect(() => scoreHorizons([clip([1])], [clip([1, 2])], size)).toThrow(/12 x 16/);
});
