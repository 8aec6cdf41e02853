// Samplers with an oracle denoiser: whoever knows the clean latents must be led to them, whatever the options.
import { Generator, type Tensor, liveTensors, randn, scope } from "@vid2world/torch";
import { describe, expect, test } from "vitest";
import type { Denoiser } from "../denoiser.js";
import { atLevels } from "../level-tables.js";
import { noiseSchedule } from "../schedule.js";
import { ddim } from "./ddim.js";
import { predictorOf } from "./solver.js";
import { type SamplerConfig, samplerSchema, spacings } from "./sampler-config.js";
import { samplingSteps } from "./timesteps.js";

const schedule = noiseSchedule();
const shape = [2, 2, 4, 3, 3];
const draw = (seed: number): Tensor => randn(shape, { generator: new Generator({ seed }) });
const x0_BTCHW = draw(1);
const start_BTCHW = draw(2);

/** Knows the answer: the clean latents, scaled by the dynamic rescale of the level. */
const knows: Denoiser = (_, levels_BT) => x0_BTCHW.mul(atLevels(schedule, "scale", levels_BT));
const oracle = predictorOf(knows);

function sample(options: Partial<SamplerConfig>): Float32Array {
  const steps = samplingSteps(schedule, samplerSchema.parse(options));
  const result = scope(() => ddim(oracle, start_BTCHW, steps, { noise: (step) => draw(100 + step) }));
  return result.toTypedArray() as Float32Array;
}

const answer = x0_BTCHW.toTypedArray() as Float32Array;
const worst = (got: Float32Array, factor = 1): number =>
  got.reduce((largest, value, i) => Math.max(largest, Math.abs(value - factor * (answer[i] ?? NaN))), 0);

describe.each(spacings)("%s", (spacing) => {
  test.each([1, 2, 7, 11, 14, 15, 20, 25, 50])(
    "%i steps lead to the oracle's latents, deterministic and stochastic",
    (numSteps) => {
      for (const eta of [0, 0.5, 1]) {
        const consistent = sample({ spacing, numSteps, eta, variant: "consistent" });
        expect(consistent.every(Number.isFinite)).toBe(true);
        expect(worst(consistent)).toBeLessThan(1e-5);
      }
    },
  );

  test("the published last step leaves its small noise and its scale", () => {
    const config = samplerSchema.parse({ spacing, numSteps: 5, eta: 0 });
    const last = samplingSteps(schedule, config).at(-1);
    const factor = Math.sqrt(last?.alphaBarNext ?? 0) * (last?.scale ?? 0);
    const remains = worst(sample({ spacing, numSteps: 5, eta: 0 }), factor);
    expect(remains).toBeGreaterThan(1e-3);
    expect(remains).toBeLessThan(0.0292 * 6); // sqrt(1 - alphaBar(0)) times a large deviate
  });
});

test("noise is needed only where a step adds some, and its absence is an error, not silence", () => {
  const steps = (eta: number): ReturnType<typeof samplingSteps> =>
    samplingSteps(schedule, samplerSchema.parse({ numSteps: 3, eta }));
  expect(() => scope(() => ddim(oracle, start_BTCHW, steps(0)))).not.toThrow();
  expect(() => scope(() => ddim(oracle, start_BTCHW, steps(1)))).toThrow(/noise/);
});

test("an aborted run stops between steps", () => {
  const controller = new AbortController();
  let seen = 0;
  const onStep = (): void => {
    if (++seen === 2) controller.abort();
  };
  const steps = samplingSteps(schedule, samplerSchema.parse({ numSteps: 10, eta: 0 }));
  expect(() => scope(() => ddim(oracle, start_BTCHW, steps, { onStep, signal: controller.signal }))).toThrow(/abort/i);
  expect(seen).toBe(2);
});

test("a thousand steps leave no tensors behind", () => {
  const steps = samplingSteps(schedule, samplerSchema.parse({ numSteps: 1000, eta: 1 }));
  scope(() => ddim(oracle, start_BTCHW, steps.slice(0, 2), { noise: () => draw(3) })).dispose();
  const before = liveTensors();
  const during: number[] = [];
  const onStep = (): number => during.push(liveTensors());
  ddim(oracle, start_BTCHW, steps, { noise: () => draw(3), onStep }).dispose();
  expect(Math.max(...during) - before).toBeLessThan(8);
  expect(liveTensors()).toBe(before);
});
