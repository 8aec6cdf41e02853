// The schedule against its definition and against the recorded tables of the published code.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { alphasBarOf, diffusionSchema, linearBetas, noiseSchedule, rescaleToZeroTerminalSnr } from "./schedule.js";
import { samplerSchema, spacings, type SpacingName } from "./samplers/sampler-config.js";
import { samplingTimesteps } from "./samplers/placements.js";
import { historyTimestep, samplingSteps } from "./samplers/timesteps.js";

type Numbers = readonly (number | string)[];
interface DdimEntry {
  readonly error?: string;
  readonly timesteps: number[];
  readonly alphas: Numbers;
  readonly alphas_prev: Numbers;
  readonly sigmas: Numbers;
  readonly sqrt_one_minus_alphas: Numbers;
  readonly scale_arr: Numbers;
  readonly scale_arr_prev: Numbers;
  readonly "history_timestep_iterator[-2]": number;
}
interface Tables {
  readonly betas_f64: Numbers;
  readonly alphas_cumprod_f64: Numbers;
  readonly sqrt_alphas_cumprod_f32: Numbers;
  readonly sqrt_one_minus_alphas_cumprod_f32: Numbers;
  readonly alphas_cumprod_f32: Numbers;
  readonly ddim: Record<string, DdimEntry>;
}
interface ScheduleFixture {
  readonly linear_start?: number;
  readonly linear_end?: number;
  readonly base_scale?: number;
  readonly turning_step?: number;
  readonly num_timesteps?: number;
  readonly plain: Tables;
  readonly zero_snr: Tables;
  readonly scale_arr_f32: Numbers;
}

const shared = path.resolve(import.meta.dirname, "../../../..", process.env["VID2WORLD_SHARED"] ?? "../shared");

/** Largest difference of two lists; NaN in `expected` (a known flaw of the published sampler) is left out. */
function largestDifference(got: ArrayLike<number>, expected: Numbers): number {
  expect(got.length).toBe(expected.length);
  const differences = expected.map((value, i) => (value === "nan" ? 0 : Math.abs((got[i] ?? NaN) - Number(value))));
  return differences.reduce((largest, value) => (value > largest || Number.isNaN(value) ? value : largest), 0);
}

describe.each(["schedule", "schedule2"])("recorded %s", (stem) => {
  const file = path.join(shared, "fixtures", `${stem}.json`);
  test.skipIf(!existsSync(file))("tables and sampling steps equal the published ones", () => {
    const fixture = JSON.parse(readFileSync(file, "utf8")) as ScheduleFixture;
    for (const zeroTerminalSnr of [false, true]) {
      const tables = zeroTerminalSnr ? fixture.zero_snr : fixture.plain;
      const schedule = noiseSchedule(
        diffusionSchema.parse({
          zeroTerminalSnr,
          linearStart: fixture.linear_start,
          linearEnd: fixture.linear_end,
          baseScale: fixture.base_scale,
          turningStep: fixture.turning_step,
          numTimesteps: fixture.num_timesteps,
        }),
      );
      expect(largestDifference(schedule.betas, tables.betas_f64)).toBeLessThan(1e-12);
      expect(largestDifference(schedule.alphasBar, tables.alphas_cumprod_f64)).toBeLessThan(1e-12);
      expect(largestDifference(schedule.alphasBar32, tables.alphas_cumprod_f32)).toBeLessThan(1e-6);
      expect(largestDifference(schedule.sqrtAlphasBar, tables.sqrt_alphas_cumprod_f32)).toBeLessThan(1e-6);
      expect(largestDifference(schedule.sqrtOneMinusAlphasBar, tables.sqrt_one_minus_alphas_cumprod_f32)).toBeLessThan(
        1e-6,
      );
      expect(largestDifference(schedule.scale, fixture.scale_arr_f32)).toBeLessThan(1e-6);
      for (const [name, entry] of Object.entries(tables.ddim)) checkSteps(name, entry, schedule);
    }
  });
});

function checkSteps(name: string, entry: DdimEntry, schedule: ReturnType<typeof noiseSchedule>): void {
  const [, spacing, numSteps, eta] = /^(.+)_(\d+)_eta([\d.]+)$/.exec(name) ?? [];
  const config = samplerSchema.parse({ spacing, numSteps: Number(numSteps), eta: Number(eta) });
  if (entry.error !== undefined) {
    expect(() => samplingSteps(schedule, config), name).toThrow(/numSteps/);
    return;
  }
  const steps = samplingSteps(schedule, config).reverse();
  expect(
    steps.map((step) => step.timestep),
    name,
  ).toEqual(entry.timesteps);
  expect(historyTimestep(schedule, config), name).toBe(entry["history_timestep_iterator[-2]"]);
  const largest = {
    alphas: largestDifference(
      steps.map((step) => step.alphaBar),
      entry.alphas,
    ),
    alphasPrev: largestDifference(
      steps.map((step) => step.alphaBarNext),
      entry.alphas_prev,
    ),
    roots: largestDifference(
      steps.map((step) => Math.sqrt(1 - step.alphaBar)),
      entry.sqrt_one_minus_alphas,
    ),
    scale: largestDifference(
      steps.map((step) => step.scale),
      entry.scale_arr,
    ),
    scalePrev: largestDifference(
      steps.map((step) => step.scaleNext),
      entry.scale_arr_prev,
    ),
  };
  for (const [what, difference] of Object.entries(largest)) expect(difference, `${name} ${what}`).toBeLessThan(1e-6);
  expect(
    largestDifference(
      steps.map((step) => step.sigma),
      entry.sigmas,
    ),
    `${name} sigmas`,
  ).toBeLessThan(1e-5);
}

test("zero terminal SNR keeps the first alpha bar and makes the last exactly zero", () => {
  const plain = linearBetas(1000, 0.00085, 0.012);
  const bars = alphasBarOf(rescaleToZeroTerminalSnr(plain));
  expect(bars[0]).toBeCloseTo(alphasBarOf(plain)[0] ?? 0, 12);
  expect(bars[999]).toBe(0);
});

test("every step count, spacing and eta gives finite steps without negative variances, or is refused by name", () => {
  const schedule = noiseSchedule();
  fc.assert(
    fc.property(
      fc.constantFrom<SpacingName>(...spacings),
      fc.integer({ min: 1, max: 1000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (spacing, numSteps, eta) => {
        const config = samplerSchema.parse({ spacing, numSteps, eta });
        // A stride s of `uniform` with 999 = k s ends at timestep 1000, outside the table.
        if (spacing === "uniform" && 999 % Math.floor(1000 / numSteps) === 0) {
          expect(() => samplingSteps(schedule, config)).toThrow(/numSteps/);
          return;
        }
        const steps = samplingSteps(schedule, config);
        for (const step of steps) {
          expect(Object.values(step).every(Number.isFinite)).toBe(true);
          expect(step.sigma ** 2 + step.direction ** 2).toBeLessThanOrEqual(1 - step.alphaBarNext + 1e-6);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("the step counts at which the published sampler turns into NaN work", () => {
  const schedule = noiseSchedule();
  for (const numSteps of [7, 11, 14, 15, 20, 25, 33, 34, 35, 37, 38, 39, 62, 63, 64]) {
    const steps = samplingSteps(schedule, samplerSchema.parse({ numSteps, eta: 1 }));
    expect(steps).toHaveLength(numSteps);
    expect(steps[0]?.timestep).toBe(999);
    expect(steps.every((step) => Number.isFinite(step.direction))).toBe(true);
  }
});

test("timesteps are ascending, trailing spacing ends at the last one, and impossible counts are refused", () => {
  const schedule = noiseSchedule();
  const timestepsOf = (spacing: SpacingName, numSteps: number): number[] =>
    samplingTimesteps(schedule, { spacing, numSteps });
  expect(timestepsOf("uniform_trailing", 50).slice(0, 2)).toEqual([19, 39]);
  expect(timestepsOf("uniform", 16)).toHaveLength(17);
  expect(() => timestepsOf("uniform", 501)).toThrow(/numSteps/);
  expect(() => timestepsOf("quad", 1001)).toThrow(/numSteps: expected an integer from 1 to 1000, received 1001/);
  for (const spacing of spacings) {
    const timesteps = timestepsOf(spacing, 30);
    expect(timesteps).toEqual([...timesteps].sort((a, b) => a - b));
  }
});

test("one step has no second-smallest timestep, and the error says what to set", () => {
  const schedule = noiseSchedule();
  expect(() => historyTimestep(schedule, samplerSchema.parse({ numSteps: 1 }))).toThrow(/historyLevel/);
  expect(historyTimestep(schedule, samplerSchema.parse({ numSteps: 1, historyLevel: 20 }))).toBe(20);
  expect(historyTimestep(schedule, samplerSchema.parse({ historyLevel: "clean" }))).toBeUndefined();
});

test("an eps network with zero terminal SNR is refused by the schema", () => {
  expect(() => diffusionSchema.parse({ parameterization: "eps" })).toThrow(/zeroTerminalSnr/);
  expect(diffusionSchema.parse({ parameterization: "eps", zeroTerminalSnr: false }).parameterization).toBe("eps");
});
