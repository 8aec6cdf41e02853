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
  /** Validation loss before the first step (seed 1). */
  readonly startLoss: number;
  readonly metrics: Readonly<
    Record<MetricName, { readonly mean: number; readonly low: number; readonly high: number }>
  >;
}

interface Event {
  readonly type: string;
  readonly step: number;
  readonly loss?: number;
  readonly minutes?: number;
}

/** The newest event of a kind in a run's log of metrics. */
async function lastEvent(folder: string, name: string, type: string): Promise<Event | undefined> {
  const lines = (await readFile(join(folder, name, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Event).findLast((event) => event.type === type);
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
  const end = await lastEvent(folder, name, "end");
  const { left, right, everyStart } = evaluated.turns;
  return {
    ...{ variant, seed },
    steps: end?.step ?? NaN,
    metrics: {
      psnr: evaluated.psnr,
      ssim: evaluated.ssim,
      encoderDistance: evaluated.encoderDistance,
      obeyedStarts: everyStart.rate ?? NaN,
      actionGain: evaluated.psnr - evaluated.psnrShuffledActions,
      validationLoss: (await lastEvent(folder, name, "validation"))?.loss ?? NaN,
    },
    confidentPairs: left.confident + right.confident,
    confidentPairsRight: left.correct + right.correct,
    trainingMinutes: end?.minutes ?? NaN,
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
export async function byVariant(folder: string, runs: readonly AblationRun[]): Promise<AblationVariant[]> {
  const names = [...new Set(runs.map(({ variant }) => variant))];
  const variants = names.map(async (variant): Promise<AblationVariant> => {
    const of = runs.filter((run) => run.variant === variant);
    const startLoss = (await lastEvent(folder, `${variant}-start`, "validation"))?.loss ?? NaN;
    const spreads = metricNames.map((metric) => [metric, spreadOf(of.map(({ metrics }) => metrics[metric]))]);
    return { variant, seeds: of.length, startLoss, metrics: Object.fromEntries(spreads) as AblationVariant["metrics"] };
  });
  return (await Promise.all(variants)).sort((a, b) => b.metrics.psnr.mean - a.metrics.psnr.mean);
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

/** The variants as a table in Markdown: the mean over seeds, and the lowest and highest seed. */
export function markdownTable(variants: readonly AblationVariant[]): string {
  const titles = ["variant", ...metricNames.map((metric) => heads[metric].title), "loss before training"];
  const rows = variants.map(({ variant, metrics, startLoss }) => [
    variant,
    ...metricNames.map((metric) => {
      const { mean, low, high } = metrics[metric];
      const [m, l, h] = [mean, low, high].map((value) => value.toFixed(heads[metric].digits));
      return `${m} (${l} to ${h})`;
    }),
    startLoss.toFixed(heads.validationLoss.digits),
  ]);
  return [titles, titles.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
