// The noise schedule of the published method: linear betas, zero terminal signal-to-noise ratio, dynamic rescale.
// Every table is computed in float64 (JavaScript numbers) and rounded to float32 on the last line, as the checkpoints hold it.

import { invalid } from "@vid2world/formats";
import * as z from "zod";

/** Configuration of the forward process and of what the network predicts. The defaults are the published values. */
export const diffusionSchema = z
  .strictObject({
    numTimesteps: z.int().min(2).default(1000),
    linearStart: z.number().positive().lt(1).default(0.00085),
    linearEnd: z.number().positive().lt(1).default(0.012),
    /** Rescale the betas so that the last timestep holds no signal at all (arXiv:2305.08891 algorithm 1). */
    zeroTerminalSnr: z.boolean().default(true),
    /** What the network puts out. */
    parameterization: z.enum(["v", "eps", "x0"]).default("v"),
    /** Latents are multiplied by linspace(1, baseScale, turningStep), then baseScale (arXiv:2310.12190). baseScale 1 switches it off. */
    baseScale: z.number().positive().default(0.7),
    turningStep: z.int().min(1).default(400),
    /** Which clean frame is joined to the noisy latents: see `ImageCondition`. */
    imageCondition: z.enum(["first-frame", "previous-frame"]).default("first-frame"),
  })
  .refine((config) => !(config.zeroTerminalSnr && config.parameterization === "eps"), {
    message:
      "eps cannot be turned into clean latents where no signal is left; use parameterization v or zeroTerminalSnr false",
    path: ["parameterization"],
  });

/** The resolved `diffusion` part of a configuration. */
export type DiffusionConfig = z.infer<typeof diffusionSchema>;

/** The numbers of a forward process. Index t = 0 is the cleanest level; nothing here is a tensor. */
export interface NoiseSchedule {
  readonly config: DiffusionConfig;
  readonly numTimesteps: number;
  /** Variances added per timestep, float64. */
  readonly betas: Float64Array;
  /** Share of signal variance left at t (alpha bar), float64. */
  readonly alphasBar: Float64Array;
  /** The same, float32: what sampling reads. */
  readonly alphasBar32: Float32Array;
  /** sqrt(alpha bar), float32: factor of the signal. */
  readonly sqrtAlphasBar: Float32Array;
  /** sqrt(1 - alpha bar), float32: factor of the noise. */
  readonly sqrtOneMinusAlphasBar: Float32Array;
  /** Dynamic rescale factor of the clean latents per timestep, float32; all ones when switched off. */
  readonly scale: Float32Array;
}

/** `count` float64 values from `from` to `to`, both included. */
export function linspace64(from: number, to: number, count: number): Float64Array {
  const step = count > 1 ? (to - from) / (count - 1) : 0;
  const values = Float64Array.from({ length: count }, (_, i) => from + i * step);
  if (count > 1) values[count - 1] = to;
  return values;
}

/** Linear-in-square-root betas: linspace(sqrt(start), sqrt(end))^2. */
export function linearBetas(numTimesteps: number, start: number, end: number): Float64Array {
  return linspace64(Math.sqrt(start), Math.sqrt(end), numTimesteps).map((root) => root * root);
}

/** Running product of 1 - beta. */
export function alphasBarOf(betas: Float64Array): Float64Array {
  let product = 1;
  return betas.map((beta) => (product *= 1 - beta));
}

/** Betas whose last alpha bar is exactly 0 while the first is kept (arXiv:2305.08891 algorithm 1). */
export function rescaleToZeroTerminalSnr(betas: Float64Array): Float64Array {
  const roots = alphasBarOf(betas).map(Math.sqrt);
  const first = roots[0] ?? 1;
  const last = roots[roots.length - 1] ?? 0;
  const bars = roots.map((root) => ((root - last) * (first / (first - last))) ** 2);
  return bars.map((bar, t) => 1 - (t === 0 ? bar : bar / (bars[t - 1] ?? 1)));
}

/** Dynamic rescale table: linspace(1, baseScale, turningStep), then baseScale; `numTimesteps` entries. */
export function scaleTable(numTimesteps: number, baseScale: number, turningStep: number): Float64Array {
  const ramp = linspace64(1, baseScale, turningStep);
  return Float64Array.from({ length: numTimesteps }, (_, t) => ramp[t] ?? baseScale);
}

/** Schedules by configuration: immutable, so equal ones are shared (and with them their tables on a device). */
const built = new Map<string, NoiseSchedule>();

/** All tables of a schedule. */
export function noiseSchedule(config: DiffusionConfig = diffusionSchema.parse({})): NoiseSchedule {
  const key = JSON.stringify(Object.entries(config).sort());
  let schedule = built.get(key);
  if (schedule === undefined) built.set(key, (schedule = build(config)));
  return schedule;
}

function build(config: DiffusionConfig): NoiseSchedule {
  const { numTimesteps, linearStart, linearEnd } = config;
  if (linearStart >= linearEnd)
    throw invalid("diffusion.linearEnd", `a number above linearStart (${linearStart})`, linearEnd);
  const plain = linearBetas(numTimesteps, linearStart, linearEnd);
  const betas = config.zeroTerminalSnr ? rescaleToZeroTerminalSnr(plain) : plain;
  const alphasBar = alphasBarOf(betas);
  return {
    config,
    numTimesteps,
    betas,
    alphasBar,
    alphasBar32: Float32Array.from(alphasBar),
    sqrtAlphasBar: Float32Array.from(alphasBar, Math.sqrt),
    sqrtOneMinusAlphasBar: Float32Array.from(alphasBar, (bar) => Math.sqrt(1 - bar)),
    scale: Float32Array.from(scaleTable(numTimesteps, config.baseScale, config.turningStep)),
  };
}
