// The placements of ours: where they begin and end, that they are even in what they say, and what is refused.
import { expect, test } from "vitest";
import { diffusionSchema, noiseSchedule } from "../schedule.js";
import { samplingTimesteps } from "./placements.js";
import { samplerSchema } from "./sampler-config.js";

const schedule = noiseSchedule();
const logSigma = (t: number): number => {
  const bar = schedule.alphasBar[t] ?? NaN;
  return 0.5 * Math.log((1 - bar) / bar);
};

test.each(["log_snr", "karras"] as const)(
  "%s: every count gives so many different timesteps, up to the last",
  (spacing) => {
    for (const numSteps of [1, 2, 3, 10, 50, 333, 1000]) {
      const timesteps = samplingTimesteps(schedule, { spacing, numSteps });
      expect(timesteps).toHaveLength(numSteps);
      expect(timesteps.at(-1)).toBe(999);
      expect(timesteps[0]).toBeGreaterThanOrEqual(0);
      expect(timesteps.every((timestep, i) => i === 0 || timestep > (timesteps[i - 1] ?? Infinity))).toBe(true);
    }
  },
);

test("log_snr is even in log-SNR below the first step, karras in the 7th root of sigma", () => {
  const gaps = (values: readonly number[]): number[] => values.slice(1).map((value, i) => value - (values[i] ?? NaN));
  const spread = (values: readonly number[]): number => Math.max(...values) / Math.min(...values);
  const below = (spacing: "log_snr" | "karras"): number[] =>
    samplingTimesteps(schedule, { spacing, numSteps: 8 }).slice(1, -1); // the first two are rounded to few timesteps
  expect(spread(gaps(below("log_snr").map(logSigma)))).toBeLessThan(1.1);
  expect(spread(gaps(below("karras").map((t) => Math.exp(logSigma(t) / 7))))).toBeLessThan(1.1);
  expect(spread(gaps(below("karras").map(logSigma)))).toBeGreaterThan(1.2);
});

test("they fit a schedule without zero terminal SNR as well", () => {
  const plain = noiseSchedule(diffusionSchema.parse({ zeroTerminalSnr: false }));
  expect(samplingTimesteps(plain, { spacing: "log_snr", numSteps: 4 }).at(-1)).toBe(999);
});

test("an explicit list is taken as it is, in any order; one that does not fit is refused", () => {
  const list = (spacing: number[], numSteps = spacing.length): number[] =>
    samplingTimesteps(schedule, samplerSchema.parse({ spacing, numSteps }));
  expect(list([999, 400, 20])).toEqual([20, 400, 999]);
  expect(() => list([999, 400], 3)).toThrow(/numSteps: expected 2/);
  expect(() => list([1000])).toThrow(/below 1000/);
  expect(() => list([5, 5])).toThrow(/differ/);
});
