// Noise schedules and sampling steps: tables in float64 and float32, every spacing, step count and eta that was recorded.
import * as z from "zod";

import { samplerSchema } from "../../../diffusion/samplers/sampler-config.js";
import { historyTimestep, samplingSteps, type SamplingStep } from "../../../diffusion/samplers/timesteps.js";
import { diffusionSchema, noiseSchedule, type NoiseSchedule } from "../../../diffusion/schedule.js";
import { compareExactly, compareNumbers, refuted, type Check } from "../check.js";
import { numbers, optional, type Manifest } from "../fixture-set.js";
import type { CaseKind, RecordedCase } from "../recorded-case.js";

const entrySchema = z.looseObject({
  error: z.unknown().optional(),
  timesteps: z.array(z.int()).optional(),
  alphas: numbers.optional(),
  alphas_prev: numbers.optional(),
  sigmas: numbers.optional(),
  sqrt_one_minus_alphas: numbers.optional(),
  scale_arr: numbers.optional(),
  scale_arr_prev: numbers.optional(),
  "history_timestep_iterator[-2]": optional(z.int()),
});

const tablesSchema = z.looseObject({
  betas_f64: numbers.optional(),
  alphas_cumprod_f64: numbers.optional(),
  alphas_cumprod_prev_f64: numbers.optional(),
  sqrt_alphas_cumprod_f32: numbers.optional(),
  sqrt_one_minus_alphas_cumprod_f32: numbers.optional(),
  alphas_cumprod_f32: numbers.optional(),
  ddim: z.record(z.string(), entrySchema).default({}),
});

const manifestSchema = z.looseObject({
  linear_start: optional(z.number()),
  linear_end: optional(z.number()),
  base_scale: optional(z.number()),
  turning_step: optional(z.int()),
  num_timesteps: optional(z.int()),
  plain: tablesSchema.optional(),
  zero_snr: tablesSchema.optional(),
  scale_arr_f32: numbers.optional(),
});

type ScheduleManifest = z.output<typeof manifestSchema>;
type Entry = z.output<typeof entrySchema>;
type Form = "plain" | "zero_snr";

const FLOAT64 = { abs: 1e-12 };
const FLOAT32 = { abs: 1e-6 };
/** Sigmas are roots of differences of nearly equal numbers. */
const SIGMAS = { abs: 1e-5 };

/** Schedules and sampling steps. */
export const schedule: CaseKind = {
  name: "schedule*",
  cases(manifest) {
    const recorded = manifest.read(manifestSchema);
    const forms = (["plain", "zero_snr"] as const).filter((form) => recorded[form] !== undefined);
    const cases = forms.flatMap((form) => [
      plainCase(`${form} tables`, () => tableChecks(recorded, form)),
      plainCase(`${form} sampling steps`, () => stepChecks(recorded, form)),
    ]);
    return Promise.resolve([...cases, ...float64Case(manifest, recorded, forms)]);
  },
};

const plainCase = (name: string, check: () => readonly Check[]): RecordedCase => ({
  name,
  usesDtype: false,
  run: () => Promise.resolve().then(check),
});

function scheduleOf(recorded: ScheduleManifest, form: Form): NoiseSchedule {
  const config = diffusionSchema.parse({
    zeroTerminalSnr: form === "zero_snr",
    linearStart: recorded.linear_start,
    linearEnd: recorded.linear_end,
    baseScale: recorded.base_scale,
    turningStep: recorded.turning_step,
    numTimesteps: recorded.num_timesteps,
  });
  return noiseSchedule(config);
}

function tableChecks(recorded: ScheduleManifest, form: Form): Check[] {
  const schedule = scheduleOf(recorded, form);
  const tables = recorded[form] ?? { ddim: {} };
  const previous = [1, ...schedule.alphasBar.subarray(0, -1)];
  return [
    ...present(`${form}.betas_f64`, schedule.betas, tables.betas_f64, FLOAT64),
    ...present(`${form}.alphas_cumprod_f64`, schedule.alphasBar, tables.alphas_cumprod_f64, FLOAT64),
    ...present(`${form}.alphas_cumprod_prev_f64`, previous, tables.alphas_cumprod_prev_f64, FLOAT64),
    ...present(`${form}.alphas_cumprod_f32`, schedule.alphasBar32, tables.alphas_cumprod_f32, FLOAT32),
    ...present(`${form}.sqrt_alphas_cumprod_f32`, schedule.sqrtAlphasBar, tables.sqrt_alphas_cumprod_f32, FLOAT32),
    ...present(
      `${form}.sqrt_one_minus_alphas_cumprod_f32`,
      schedule.sqrtOneMinusAlphasBar,
      tables.sqrt_one_minus_alphas_cumprod_f32,
      FLOAT32,
    ),
    ...present("scale_arr_f32", schedule.scale, recorded.scale_arr_f32, FLOAT32),
  ];
}

function stepChecks(recorded: ScheduleManifest, form: Form): Check[] {
  const schedule = scheduleOf(recorded, form);
  const entries = Object.entries(recorded[form]?.ddim ?? {});
  return entries.flatMap(([name, entry]) => entryChecks(`${form}.ddim.${name}`, name, entry, schedule));
}

function entryChecks(label: string, name: string, entry: Entry, schedule: NoiseSchedule): Check[] {
  const match = /^(.+)_(\d+)_eta([\d.]+)$/.exec(name);
  if (match === null) return [refuted(label, "expected a name <spacing>_<steps>_eta<number>")];
  const given = samplerSchema.safeParse({ spacing: match[1], numSteps: Number(match[2]), eta: Number(match[3]) });
  if (entry.error !== undefined) return [refusal(label, () => samplingSteps(schedule, given.data ?? unusable(label)))];
  if (!given.success) return [refuted(label, "this spacing, step count or eta is not known here")];
  // Where its stride rounds up to one step more, the published spacing begins with timestep -1, the end of every table.
  if (entry.timesteps?.[0] === -1) return [noted(label, "begins with timestep -1, which is not copied")];
  const config = given.data;
  const steps = samplingSteps(schedule, config).reverse();
  const { timesteps = [] } = entry;
  const column = (of: (step: SamplingStep) => number): number[] => steps.map(of);
  const level = entry["history_timestep_iterator[-2]"];
  return [
    ...present(`${label}.timesteps`, column((step) => step.timestep), entry.timesteps, {}),
    ...present(`${label}.alphas`, column((step) => step.alphaBar), entry.alphas, FLOAT32),
    ...present(`${label}.alphas_prev`, column((step) => step.alphaBarNext), entry.alphas_prev, FLOAT32),
    ...present(`${label}.sigmas`, column((step) => step.sigma), entry.sigmas, SIGMAS, true),
    ...present(`${label}.sqrt_one_minus_alphas`, column((step) => Math.sqrt(1 - step.alphaBar)), entry.sqrt_one_minus_alphas, FLOAT32),
    ...present(`${label}.scale_arr`, column((step) => step.scale), entry.scale_arr, FLOAT32),
    ...present(`${label}.scale_arr_prev`, column((step) => step.scaleNext), entry.scale_arr_prev, FLOAT32),
    ...(level === undefined || timesteps.length < 2
      ? []
      : [compareNumbers(`${label}.history_timestep`, [historyTimestep(schedule, config) ?? NaN], [level], {})]),
  ]; // prettier-ignore
}

/** A sampler's NaN (it takes the root of a negative number) is a known flaw of the published code: we are free there. */
function present(
  name: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number> | undefined,
  tolerance: { readonly abs?: number },
  ignoreNan = false,
): Check[] {
  return expected === undefined ? [] : [compareNumbers(name, actual, expected, tolerance, { ignoreNan })];
}

/** The published code failed here: so may we, and if we do not, there is nothing to compare with. */
function refusal(label: string, attempt: () => unknown): Check {
  try {
    attempt();
    return noted(label, "failed when it was recorded, works here");
  } catch {
    return noted(label, "refused, as when it was recorded");
  }
}

const noted = (label: string, note: string): Check => ({ ...compareExactly(label, true, ""), note });

function unusable(label: string): never {
  throw new TypeError(label);
}

/** The same tables at full precision, where the set has them as a file. */
function float64Case(manifest: Manifest, recorded: ScheduleManifest, forms: readonly Form[]): RecordedCase[] {
  const file = manifest.beside("_f64.safetensors");
  if (file === undefined) return [];
  const run: RecordedCase["run"] = async (workspace) => {
    const tables = await workspace.load(file);
    const values = (name: string): number[] | undefined => tables.find(name)?.toNumbers();
    const checks = forms.flatMap((form) => {
      const schedule = scheduleOf(recorded, form);
      return [
        ...present(`${form}.betas`, schedule.betas, values(`${form}.betas`), FLOAT64),
        ...present(`${form}.alphas_cumprod`, schedule.alphasBar, values(`${form}.alphas_cumprod`), FLOAT64),
      ];
    });
    const { scale } = scheduleOf(recorded, forms[0] ?? "plain");
    // Recorded with more entries than there are timesteps; the rest is never read.
    return [...checks, ...present("scale_arr", scale, values("scale_arr")?.slice(0, scale.length), FLOAT32)];
  };
  return [{ name: "float64 tables", usesDtype: false, run }];
}
