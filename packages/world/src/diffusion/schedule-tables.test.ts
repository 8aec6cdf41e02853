// The stored tables against what they must fulfil.
import { expect, test } from "vitest";
import { diffusionSchema, noiseSchedule } from "./schedule.js";
import { scheduleTables } from "./schedule-tables.js";

const tablesOf = (change: object = {}): Map<string, Float32Array> =>
  scheduleTables(noiseSchedule(diffusionSchema.parse(change)));
const table = (tables: Map<string, Float32Array>, name: string): Float32Array => {
  const found = tables.get(name);
  if (!found) throw new Error(`no table ${name}`);
  return found;
};

test("thirteen tables of a thousand entries, the dynamic rescale with four hundred more", () => {
  const tables = tablesOf();
  expect(tables.size).toBe(13);
  for (const [name, values] of tables) expect(values.length, name).toBe(name === "scale_arr" ? 1400 : 1000);
  expect([...tables.values()].every((values) => values.every(Number.isFinite))).toBe(true);
});

test("the posterior of a step mixes clean latents and noisy ones as Bayes' rule says (arXiv:2006.11239 eq. 7)", () => {
  const tables = tablesOf({ zeroTerminalSnr: false, parameterization: "eps" });
  const [t, bars, betas] = [500, table(tables, "alphas_cumprod"), table(tables, "betas")];
  const [bar = 0, before = 0, beta = 0] = [bars[t], bars[t - 1], betas[t]];
  // The product of two Gaussians: precisions add.
  const precision = (1 - beta) / beta + 1 / (1 - before);
  expect(table(tables, "posterior_variance")[t]).toBeCloseTo(1 / precision, 6);
  expect(table(tables, "posterior_mean_coef1")[t]).toBeCloseTo(Math.sqrt(before) / (1 - before) / precision, 5);
  expect(table(tables, "posterior_mean_coef2")[t]).toBeCloseTo(Math.sqrt(1 - beta) / beta / precision, 5);
  expect(table(tables, "sqrt_recip_alphas_cumprod")[t]).toBeCloseTo(1 / Math.sqrt(bar), 4);
});

test("with v-prediction nothing divides by the signal: those tables are zeros", () => {
  for (const name of ["sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod"]) {
    expect(table(tablesOf(), name).every((value) => value === 0)).toBe(true);
  }
});

test("the first step has no posterior variance; its logarithm is clipped", () => {
  const tables = tablesOf();
  expect(table(tables, "posterior_variance")[0]).toBe(0);
  expect(table(tables, "posterior_log_variance_clipped")[0]).toBeCloseTo(Math.log(1e-20), 3);
});
