// `bench metrics`: pictures per second and memory of each metric beside plain PyTorch for Python, on random weights; and what scoring many
// clips needs outside of the networks.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { textTable } from "@vid2world/formats/text-table";
import { circumstances, type Circumstances } from "./circumstances.js";
import { makeClips, makeMetricInputs, type MetricSizes } from "./metric-inputs.js";
import { startOurs } from "./peer.js";
import type { BenchedMetric, RunTimes } from "./protocol.js";
import { startPyTorch } from "./python.js";
import { interleave, ratioOf, timesOf, type Ratio, type Times } from "./timing.js";

/** One side of one metric. Times are milliseconds of one evaluation. */
export interface MetricSide {
  readonly time: Times;
  readonly cpuTime: Times;
  /** Peak of the whole process while it computes. */
  readonly peakKiB: number;
  /** The part of that which was not there before: what one evaluation needs beside network and inputs. */
  readonly workingKiB: number;
}

/** One metric on both sides. */
export interface MetricRow {
  readonly metric: BenchedMetric;
  /** Pictures of one evaluation; vectors of both sets for `frechet`. */
  readonly items: number;
  readonly ours: MetricSide;
  readonly python: MetricSide;
  /** Python's time as a multiple of ours: above 1 ours is faster. By the clock, and by processor time. */
  readonly speed: Ratio;
  readonly cpuSpeed: Ratio;
  /** Largest difference of a value, relative to the largest. */
  readonly difference: number;
}

/** Scoring of a folder, with stand-ins for the networks. */
export interface StreamRow {
  readonly clips: number;
  readonly seconds: number;
  /** Peak of the whole process. */
  readonly peakKiB: number;
}

/** What `bench metrics` found. */
export interface MetricsResult extends Circumstances {
  readonly benchmark: "metrics";
  readonly sizes: MetricSizes;
  readonly results: readonly MetricRow[];
  readonly stream: readonly StreamRow[];
}

/** What to run. */
export interface MetricsOptions extends MetricSizes {
  readonly metrics: readonly BenchedMetric[];
  /** Turns that the two sides take. */
  readonly rounds: number;
  readonly threads: number;
  /** Folders to score: how many clips of 16 frames each has. */
  readonly clips: readonly number[];
  readonly onProgress?: (text: string) => void;
}

/** Values may differ by this: plain PyTorch computes pixels in single precision and in another order. */
export const metricTolerance = 1e-3;
/** What scoring may need outside of the networks. */
export const streamLimitKiB = 2e9 / 1024;
const FRAMES_OF_A_CLIP = 16;

/** Runs the benchmark. */
export async function runMetrics(options: MetricsOptions): Promise<MetricsResult> {
  const { frames, height, width, vectors, features, threads, onProgress } = options;
  const sizes = { frames, height, width, vectors, features };
  const results: MetricRow[] = [];
  let versions: { libtorch: string; pytorch?: string } = { libtorch: "" };
  for (const metric of options.metrics) {
    onProgress?.(metric);
    const { row, ...found } = await inFolder((folder) => measure(folder, metric, sizes, options));
    versions = found.versions;
    results.push(row);
  }
  const stream: StreamRow[] = [];
  for (const clips of options.clips) {
    onProgress?.(`scoring ${clips} clips`);
    const { row, libtorch } = await inFolder((folder) => scoreMany(folder, clips, sizes, threads));
    versions = { ...versions, libtorch };
    stream.push(row);
  }
  return { benchmark: "metrics", ...circumstances(threads, versions), sizes, results, stream };
}

async function inFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), "vid2world-bench-"));
  try {
    return await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measure(folder: string, metric: BenchedMetric, sizes: MetricSizes, options: MetricsOptions) {
  const { threads, rounds } = options;
  const request = await makeMetricInputs(folder, metric, sizes);
  await using ours = startOurs(threads);
  await using theirs = startPyTorch(threads);
  const sides = [ours, theirs];
  const torch: string[] = [];
  const values: (readonly number[])[] = [];
  const restKiB: number[] = [];
  for (const peer of sides) {
    torch.push((await peer.ask({ request: "hello", threads })).torch);
    const opened = await peer.ask(request);
    values.push(opened.values);
    restKiB.push(opened.restKiB);
    await peer.ask({ request: "run-metric", count: 1 });
  }
  const turns = sides.map((peer) => (): Promise<RunTimes> => peer.ask({ request: "run-metric", count: 1 }));
  const taken = await interleave(turns, rounds);
  const found: MetricSide[] = [];
  for (const [i, peer] of sides.entries()) {
    const runs = taken[i] ?? [];
    const { peakKiB } = await peer.ask({ request: "memory" });
    found.push({
      time: timesOf(runs.flatMap(({ times }) => times)),
      cpuTime: timesOf(runs.flatMap(({ cpuTimes }) => cpuTimes)),
      peakKiB,
      workingKiB: Math.max(0, peakKiB - (restKiB[i] ?? NaN)),
    });
  }
  const [mine, yours] = found as [MetricSide, MetricSide];
  const row: MetricRow = {
    metric,
    items: metric === "frechet" ? 2 * sizes.vectors : sizes.frames,
    ours: mine,
    python: yours,
    speed: ratioOf(yours.time, mine.time),
    cpuSpeed: ratioOf(yours.cpuTime, mine.cpuTime),
    difference: largestDifference(values[0] ?? [], values[1] ?? []),
  };
  return { row, versions: { libtorch: torch[0] ?? "", pytorch: torch[1] ?? "" } };
}

/** Relative to the largest value; infinite for another number of values or one that is not finite. */
function largestDifference(ours: readonly number[], theirs: readonly number[]): number {
  const largest = Math.max(...theirs.map(Math.abs));
  const difference = Math.max(...ours.map((value, i) => Math.abs(value - (theirs[i] ?? NaN)))) / largest;
  return ours.length === theirs.length && Number.isFinite(difference) ? difference : Infinity;
}

async function scoreMany(folder: string, clips: number, sizes: MetricSizes, threads: number) {
  const root = await makeClips(folder, clips, { ...sizes, frames: FRAMES_OF_A_CLIP });
  await using peer = startOurs(threads);
  const { torch } = await peer.ask({ request: "hello", threads });
  const { milliseconds } = await peer.ask({ request: "score-folder", folder: root });
  const { peakKiB } = await peer.ask({ request: "memory" });
  return { row: { clips, seconds: milliseconds / 1000, peakKiB }, libtorch: torch };
}

/** The result for the terminal. */
export function showMetrics({ results, stream }: MetricsResult): string {
  const rate = ({ time }: MetricSide, items: number): string => ((1000 * items) / time.median).toFixed(1);
  const megabytes = (kib: number): string => (kib / 1000 / (1000 / 1024)).toFixed(0);
  const table = textTable([
    [
      "metric",
      "items/s",
      "Python",
      "speed",
      "per CPU second",
      "working MB",
      "Python",
      "peak MB",
      "Python",
      "difference",
    ],
    ...results.map(({ metric, items, ours, python, speed, cpuSpeed, difference }) => [
      ...[metric, rate(ours, items), rate(python, items), speed.median.toFixed(2), cpuSpeed.median.toFixed(2)],
      ...[ours.workingKiB, python.workingKiB, ours.peakKiB, python.peakKiB].map(megabytes),
      difference.toExponential(1),
    ]),
  ]);
  const scored = stream.map(
    ({ clips, seconds, peakKiB }) =>
      `${clips} clips of ${FRAMES_OF_A_CLIP} frames scored outside of the networks: peak ${megabytes(peakKiB)} MB, ${seconds.toFixed(1)} s`,
  );
  return [...(results.length > 0 ? [table] : []), ...scored].join("\n");
}
