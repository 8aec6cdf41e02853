// What the ablation study found: the runs of a folder read back, put together by variant. Reads files only, prints nothing.
import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { average } from "@vid2world/world/evaluation/metrics/average";

/** Numbers of a run that are compared, in the order of the table. */
export const metricNames = ["psnr", "ssim", "encoderDistance", "obeyedStarts", "actionGain", "validationLoss"] as const;
/** One of {@link metricNames}. */
export type MetricName = (typeof metricNames)[number];

/** What evaluate-ablation writes, as far as it is read here. */
interface Evaluated {
  readonly psnr: number;
  readonly ssim: number;
  readonly encoderDistance: number;
  readonly psnrShuffledActions: number;
  readonly starts: number;
  readonly frames: number;
  readonly seed: number;
  readonly sampler: { readonly guidanceScale: number };
  readonly turns: {
    readonly left: { readonly confident: number; readonly correct: number };
    readonly right: { readonly confident: number; readonly correct: number };
    readonly everyStart: { readonly rate: number | null };
  };
  readonly baselines: object;
}

/** One trained and evaluated world. */
export interface AblationRun {
  readonly variant: string;
  readonly seed: number;
  readonly steps: number;
  readonly metrics: Readonly<Record<MetricName, number>>;
  /** Pairs of predicted frames whose movement is measured without doubt, and how many of them move as told. */
  readonly confidentPairs: number;
  readonly confidentPairsRight: number;
  readonly trainingMinutes: number;
  readonly trainingCpuMinutes: number;
  readonly evaluationCpuMinutes: number;
}

/** A variant over its seeds: mean and range of every metric. */
export interface AblationVariant {
  readonly variant: string;
  readonly seeds: number;
  readonly metrics: Readonly<
    Record<MetricName, { readonly mean: number; readonly low: number; readonly high: number }>
  >;
}

/** All runs of a study's folder that were evaluated, by variant and seed. */
export async function readRuns(folder: string): Promise<{ runs: AblationRun[]; protocol: object }> {
  const runs: AblationRun[] = [];
  let protocol = {};
  for (const name of (await readdir(folder)).sort()) {
    const [, variant, seed] = /^(.+)-(\d+)$/.exec(name) ?? [];
    const file = join(folder, name, "evaluation.json");
    if (variant === undefined || seed === undefined || !existsSync(file)) continue;
    const evaluated = await readJson<Evaluated>(file);
    const { starts, frames, seed: noise, baselines } = evaluated;
    protocol = { starts, frames, noiseSeed: noise, baselines };
    runs.push(await readRun(folder, name, variant, Number(seed), evaluated));
  }
  return { runs, protocol };
}

async function readRun(
  folder: string,
  name: string,
  variant: string,
  seed: number,
  evaluated: Evaluated,
): Promise<AblationRun> {
  const events = (await readFile(join(folder, name, "metrics.jsonl"), "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string; step: number; loss?: number; minutes?: number });
  const last = (type: string): (typeof events)[number] | undefined => events.findLast((event) => event.type === type);
  const { left, right, everyStart } = evaluated.turns;
  return {
    ...{ variant, seed },
    steps: last("end")?.step ?? NaN,
    metrics: {
      psnr: evaluated.psnr,
      ssim: evaluated.ssim,
      encoderDistance: evaluated.encoderDistance,
      obeyedStarts: everyStart.rate ?? NaN,
      actionGain: evaluated.psnr - evaluated.psnrShuffledActions,
      validationLoss: last("validation")?.loss ?? NaN,
    },
    confidentPairs: left.confident + right.confident,
    confidentPairsRight: left.correct + right.correct,
    trainingMinutes: last("end")?.minutes ?? NaN,
    trainingCpuMinutes: await cpuMinutes(folder, name),
    evaluationCpuMinutes: await cpuMinutes(folder, `${name}-evaluation`),
  };
}

/** CPU minutes that scripts/ablation-doom.mjs counted for a stage. */
export async function cpuMinutes(folder: string, stage: string): Promise<number> {
  const { cpuSeconds } = await readJson<{ cpuSeconds: number }>(join(folder, "finished", `${stage}.json`));
  return cpuSeconds / 60;
}

async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(file, "utf8")) as T;
}

/** The runs by variant, best mean PSNR first. */
export function byVariant(runs: readonly AblationRun[]): AblationVariant[] {
  return [...new Set(runs.map(({ variant }) => variant))]
    .map((variant) => ({ variant, of: runs.filter((run) => run.variant === variant) }))
    .map(({ variant, of }) => ({
      variant,
      seeds: of.length,
      metrics: Object.fromEntries(
        metricNames.map((metric) => [metric, spreadOf(of.map(({ metrics }) => metrics[metric]))]),
      ) as AblationVariant["metrics"],
    }))
    .sort((a, b) => b.metrics.psnr.mean - a.metrics.psnr.mean);
}

function spreadOf(values: readonly number[]): { mean: number; low: number; high: number } {
  return { mean: average(values), low: Math.min(...values), high: Math.max(...values) };
}

const heads: Readonly<Record<MetricName, { readonly title: string; readonly digits: number }>> = {
  psnr: { title: "PSNR, dB", digits: 2 },
  ssim: { title: "SSIM", digits: 3 },
  encoderDistance: { title: "feature distance", digits: 3 },
  obeyedStarts: { title: "obeyed starts", digits: 2 },
  actionGain: { title: "true over shuffled actions, dB", digits: 2 },
  validationLoss: { title: "validation loss", digits: 4 },
};

/** The variants as a table in Markdown: mean, and the lowest and highest seed. */
export function markdownTable(variants: readonly AblationVariant[]): string {
  const titles = metricNames.map((metric) => heads[metric].title);
  const rows = variants.map(({ variant, metrics }) => [
    variant,
    ...metricNames.map((metric) => {
      const { mean, low, high } = metrics[metric];
      const [m, l, h] = [mean, low, high].map((value) => value.toFixed(heads[metric].digits));
      return `${m} (${l} to ${h})`;
    }),
  ]);
  const all = [["variant", ...titles], ["variant", ...titles].map(() => "---"), ...rows];
  return all.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
