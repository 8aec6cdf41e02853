// The schedule as published checkpoints store it: thirteen tables, float32, most of which nothing reads any more.
import type { NoiseSchedule } from "./schedule.js";
import { scaleTable } from "./schedule.js";

/** Posterior variances of 0 (the first step) are clipped to this before the logarithm. */
const TINY = 1e-20;

/**
 * The tables by their original names, each with `numTimesteps` entries but `scale_arr`, which has `turningStep` more. Computed in float64
 * and rounded once, as the published code does.
 */
export function scheduleTables(schedule: NoiseSchedule): Map<string, Float32Array> {
  const { betas, alphasBar, config, numTimesteps } = schedule;
  const previous = Float64Array.from(alphasBar, (_, t) => (t === 0 ? 1 : at(alphasBar, t - 1)));
  const variance = betas.map((beta, t) => (beta * (1 - at(previous, t))) / (1 - at(alphasBar, t)));
  // With v-prediction nothing divides by the signal, of which zero terminal SNR leaves none; the published tables are then all zeros.
  const reciprocal = (of: (bar: number) => number): Float64Array =>
    config.parameterization === "v" ? new Float64Array(numTimesteps) : alphasBar.map(of);
  const tables: Readonly<Record<string, Float64Array>> = {
    betas,
    alphas_cumprod: alphasBar,
    alphas_cumprod_prev: previous,
    sqrt_alphas_cumprod: alphasBar.map(Math.sqrt),
    sqrt_one_minus_alphas_cumprod: alphasBar.map((bar) => Math.sqrt(1 - bar)),
    log_one_minus_alphas_cumprod: alphasBar.map((bar) => Math.log(1 - bar)),
    sqrt_recip_alphas_cumprod: reciprocal((bar) => Math.sqrt(1 / bar)),
    sqrt_recipm1_alphas_cumprod: reciprocal((bar) => Math.sqrt(1 / bar - 1)),
    posterior_variance: variance,
    posterior_log_variance_clipped: variance.map((value) => Math.log(Math.max(value, TINY))),
    posterior_mean_coef1: betas.map((beta, t) => (beta * Math.sqrt(at(previous, t))) / (1 - at(alphasBar, t))),
    posterior_mean_coef2: betas.map(
      (beta, t) => ((1 - at(previous, t)) * Math.sqrt(1 - beta)) / (1 - at(alphasBar, t)),
    ),
    // The published code appends a plateau of `numTimesteps` to the ramp, so the table is longer than anything that reads it.
    scale_arr: scaleTable(config.turningStep + numTimesteps, config.baseScale, config.turningStep),
  };
  return new Map(Object.entries(tables).map(([name, values]) => [name, Float32Array.from(values)]));
}

const at = (values: Float64Array, t: number): number => values[t] ?? Number.NaN;
