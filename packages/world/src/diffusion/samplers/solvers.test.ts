// Every solver against Gaussian latents, whose ideal denoiser and whose probability flow are known in closed form; and against the
// published implementations of two of them, where PyTorch and diffusers are at hand.
import { execFileSync } from "node:child_process";
import { Generator, type Tensor, fromTypedArray, liveTensors, randn, scope } from "@vid2world/torch";
import { describe, expect, test } from "vitest";
import { diffusionSchema, noiseSchedule } from "../schedule.js";
import { type SamplerConfig, type SolverName, samplerSchema, solverNames, spacings } from "./sampler-config.js";
import { solve } from "./solve.js";
import { type Predictor, type StepReport, guidedWithin } from "./solver.js";

const schedule = noiseSchedule();
const shape = [1, 1, 4, 8, 8];
const start_BTCHW = randn(shape, { generator: new Generator({ seed: 2 }), dtype: "float64" });
const start = start_BTCHW.toNumbers();
/** Mean and standard deviation of the latents; the deviation is not 1, so that the flow bends. */
const [mean, std] = [0.3, 0.5];

const signalAt = (t: number): number => Math.sqrt(schedule.alphasBar32[t] ?? 0) * (schedule.scale[t] ?? 1);
const noiseAt = (t: number): number => Math.sqrt(1 - (schedule.alphasBar32[t] ?? 0));

/** The posterior mean of the latents given x = A z + s eps, times the rescale of the level. */
const gaussian: Predictor = (x, t) => {
  const [signal, noise] = [signalAt(t), noiseAt(t)];
  const gain = (signal * std ** 2) / (signal ** 2 * std ** 2 + noise ** 2);
  return x
    .sub(signal * mean)
    .mul(gain)
    .add(mean)
    .mul(schedule.scale[t] ?? 1);
};

function sample(
  predict: Predictor,
  options: Partial<SamplerConfig>,
  onStep: (report: StepReport) => void = () => {},
  noise: (step: number) => Tensor = () => randn(shape),
): number[] {
  const sampler = samplerSchema.parse({ eta: 0, variant: "consistent", ...options });
  return scope(() => solve(predict, start_BTCHW, schedule, sampler, { onStep, noise })).toNumbers();
}

const rms = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);

/**
 * Distance from the flow when level 99 is reached after `numSteps` even steps: x = A mean + sqrt(A^2 std^2 + s^2) noise. The step from there
 * to clean latents is of first order with every solver, so it would hide the order of the others.
 */
function error(solver: SolverName, numSteps: number): number {
  const last = 99;
  const spacing = Array.from({ length: numSteps + 1 }, (_, i) => 999 - ((999 - last) * i) / numSteps);
  const [signal, noise] = [signalAt(last), noiseAt(last)];
  const spread = Math.sqrt(signal ** 2 * std ** 2 + noise ** 2);
  let reached: number[] = [];
  sample(gaussian, { solver, numSteps: numSteps + 1, spacing }, ({ step, x_BTCHW }) => {
    if (step === numSteps - 1) reached = x_BTCHW.toNumbers();
  });
  return rms(reached.map((value, i) => value - (signal * mean + spread * (start[i] ?? NaN))));
}

describe("on Gaussian latents", () => {
  test.each([
    ["ddim", 1],
    ["dpm-solver++2m", 2],
    ["unipc", 2],
    ["heun", 2],
  ] as const)("%s converges to the probability flow with order %i", (solver, order) => {
    const errors = [20, 50, 100].map((numSteps) => error(solver, numSteps));
    const found = Math.log((errors[0] ?? NaN) / (errors[2] ?? NaN)) / Math.log(5);
    expect(found).toBeGreaterThan(order - 0.2);
    expect(found).toBeLessThan(order + 0.7);
    expect(errors).toEqual(errors.toSorted((a, b) => b - a));
  });

  test("at nine steps every solver of second order is much closer than DDIM", () => {
    const reference = error("ddim", 9);
    for (const solver of solverNames.slice(1)) expect(error(solver, 9), solver).toBeLessThan(reference / 3);
  });

  test("one step is the same with every solver: straight to the prediction", () => {
    for (const solver of solverNames) {
      expect(rms(sample(gaussian, { solver, numSteps: 1 }).map((value) => value - mean)), solver).toBeLessThan(1e-12);
    }
  });

  test("stochastic DPM-Solver++ keeps mean and deviation", () => {
    const draws = [1, 2, 3, 4].flatMap((seed) => {
      const generator = new Generator({ seed });
      const noise = (): Tensor => randn(shape, { generator, dtype: "float64" });
      return sample(gaussian, { solver: "dpm-solver++2m", numSteps: 50, eta: 1 }, undefined, noise);
    });
    const average = draws.reduce((sum, value) => sum + value, 0) / draws.length;
    expect(average).toBeCloseTo(mean, 1);
    expect(rms(draws.map((value) => value - average))).toBeCloseTo(std, 1);
  });
});

test.each(solverNames)("%s is finite for step counts from 1 to 100 in every spacing", (solver) => {
  for (const spacing of spacings) {
    for (let numSteps = 1; numSteps <= 100; numSteps += numSteps < 10 ? 1 : 6) {
      if (spacing === "uniform" && 999 % Math.floor(1000 / numSteps) === 0) continue; // refused: ends outside of the table
      for (const variant of ["published", "consistent"] as const) {
        const sampler = samplerSchema.parse({ solver, spacing, numSteps, eta: 0, variant });
        const x = fromTypedArray(Float32Array.of(1.5, -0.5), [1, 1, 1, 1, 2]);
        const result = scope(() => solve(gaussian, x, schedule, sampler)).toNumbers();
        expect(result.every(Number.isFinite), `${spacing} ${numSteps} ${variant}`).toBe(true);
        expect(Math.max(...result.map(Math.abs)), `${spacing} ${numSteps} ${variant}`).toBeLessThan(4);
      }
    }
  }
});

test.each(solverNames)("%s leaves no tensors behind, and stops between two steps", (solver) => {
  const before = liveTensors();
  const sampler = samplerSchema.parse({ solver, numSteps: 12, eta: 0 });
  solve(gaussian, start_BTCHW, schedule, sampler).dispose();
  expect(liveTensors()).toBe(before);
  const controller = new AbortController();
  const onStep = ({ step }: { step: number }): void => void (step === 2 && controller.abort());
  expect(() =>
    scope(() => solve(gaussian, start_BTCHW, schedule, sampler, { onStep, signal: controller.signal })),
  ).toThrow(/abort/i);
});

test("a solver without noise refuses eta, and an interval must be given in order", () => {
  expect(() => samplerSchema.parse({ solver: "unipc" })).toThrow(/unipc adds no noise/);
  expect(() => samplerSchema.parse({ guidanceInterval: [900, 100] })).toThrow(/smaller timestep first/);
});

test("guidance acts inside its interval alone, and everywhere without one", () => {
  const asked: string[] = [];
  const named =
    (name: string): Predictor =>
    (x, timestep) => {
      asked.push(`${name} ${timestep}`);
      return x;
    };
  const spacing = [999, 700, 400, 100];
  sample(guidedWithin([400, 700], named("guided"), named("plain")), { numSteps: 4, spacing });
  expect(asked).toEqual(["plain 999", "guided 700", "guided 400", "plain 100"]);
  asked.length = 0;
  sample(guidedWithin(undefined, named("guided"), named("plain")), { numSteps: 2 });
  expect(asked).toEqual(["guided 999", "guided 499"]);
});

/** A Python with torch and diffusers, to compare with; `pip install torch diffusers` in an environment of its own. */
const python = process.env["VID2WORLD_DIFFUSERS"];

/** Samples with schedulers of diffusers; the denoiser is a formula that both sides have. */
const peer = `
import json, sys, torch
from diffusers import DPMSolverMultistepScheduler, UniPCMultistepScheduler
q = json.load(sys.stdin)
common = dict(trained_betas=q["betas"], prediction_type="sample", timestep_spacing="trailing", final_sigmas_type="zero")
makers = {"dpm-solver++2m": lambda: DPMSolverMultistepScheduler(algorithm_type="dpmsolver++", solver_order=2, **common),
          "unipc": lambda: UniPCMultistepScheduler(solver_order=2, solver_type="bh2", **common)}
results = {}
for name, make in makers.items():
  for steps in q["steps"]:
    scheduler = make(); scheduler.set_timesteps(steps)
    x = torch.tensor(q["x"], dtype=torch.float64).reshape(1, 4, 8, 8)
    for t in scheduler.timesteps:
      x = scheduler.step(torch.tanh(x) * 0.9 + t.item() / 2000, t, x).prev_sample
    results[f"{name} {steps}"] = dict(timesteps=[int(t) for t in scheduler.timesteps], x=x.flatten().tolist())
print(json.dumps(results))
`;

describe.skipIf(!python)("against diffusers (skipped without VID2WORLD_DIFFUSERS, a Python that has it)", () => {
  // A schedule that both have: without zero terminal SNR, whose first level diffusers clips, and without dynamic rescale.
  const plain = noiseSchedule(diffusionSchema.parse({ zeroTerminalSnr: false, baseScale: 1 }));
  const formula: Predictor = (x, t) =>
    x
      .tanh()
      .mul(0.9)
      .add(t / 2000);
  const counts = [2, 3, 5, 8, 10, 20];

  test("DPM-Solver++(2M) and UniPC give the same latents", () => {
    const question = JSON.stringify({ betas: Array.from(plain.betas), steps: counts, x: start });
    const answer = JSON.parse(
      execFileSync(python ?? "", ["-c", peer], { input: question, encoding: "utf8" }),
    ) as Record<string, { timesteps: number[]; x: number[] }>;
    for (const solver of ["dpm-solver++2m", "unipc"] as const) {
      for (const numSteps of counts) {
        const sampler = samplerSchema.parse({ solver, numSteps, eta: 0, variant: "consistent" });
        const ours = scope(() => solve(formula, start_BTCHW, plain, sampler)).toNumbers();
        const theirs = answer[`${solver} ${numSteps}`];
        expect(rms(ours.map((value, i) => value - (theirs?.x[i] ?? NaN))), `${solver} ${numSteps}`).toBeLessThan(2e-5);
      }
    }
  });
});
