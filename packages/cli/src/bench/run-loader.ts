// `bench loader`: frames per second of the data loader for each published data set, against a plain loader in Python on the same files.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { writeNpy } from "@vid2world/formats/npy/npy";
import { libtorchVersion } from "@vid2world/torch";
import { openRecording, readClip } from "@vid2world/world/data/recording";
import { circumstances, type Circumstances } from "./circumstances.js";
import { benchmarkClips } from "./loader-session.js";
import { startOurs } from "./peer.js";
import type { LoadedDomain, OpenLoaderRequest, Replies } from "./protocol.js";
import { startPyTorch } from "./python.js";
import { repositoryRoot } from "./repository.js";
import { textTable } from "@vid2world/formats/text-table";
import { interleave, ratioOf, timesOf, type Ratio, type Times } from "./timing.js";

/** One data set with one number of workers. Times are milliseconds per frame. */
export interface LoaderRow {
  readonly domain: LoadedDomain;
  readonly workers: number;
  readonly ours: SideTimes;
  readonly python: SideTimes;
  /** Python's time as a multiple of ours: above 1 ours is faster. By the clock, and by processor time. */
  readonly speed: Ratio;
  readonly cpuSpeed: Ratio;
  /** The first batch's bytes and actions are the same on both sides. */
  readonly equal: boolean;
}

/** What one side took. */
export interface SideTimes {
  readonly perFrame: Times;
  readonly cpuPerFrame: Times;
  readonly firstBatch: number;
}

/** What `bench loader` found. */
export interface LoaderResult extends Circumstances {
  readonly benchmark: "loader";
  readonly batch: number;
  readonly frames: number;
  readonly results: readonly LoaderRow[];
}

/** How long to measure. */
export interface LoaderBenchmarkOptions {
  readonly domains: readonly LoadedDomain[];
  readonly workers: readonly number[];
  /** Turns that the two sides take. */
  readonly rounds: number;
  /** Batches of a turn. */
  readonly perRound: number;
}

const [BATCH, FRAMES] = [4, 16];
/** Turns that are not counted, in which the engine compiles the inner loops. */
const WARM_UP = 2;
/** Episodes and frames of the files that are made, about 60 MB each. */
const SIZES: Readonly<Record<LoadedDomain, readonly [episodes: number, frames: number]>> = {
  rt1: [8, 45],
  csgo: [2, 250],
  recon: [4, 60],
};

/** Runs the benchmark on files that it makes. */
export async function runLoader(options: LoaderBenchmarkOptions): Promise<LoaderResult> {
  const root = await mkdtemp(path.join(tmpdir(), "vid2world-bench-"));
  try {
    const results: LoaderRow[] = [];
    await using maker = startPyTorch(1);
    const pytorch = (await maker.ask({ request: "hello", threads: 1 })).torch;
    const source = path.join(root, "pictures.npy");
    await writePictures(source);
    for (const domain of options.domains) {
      const folder = path.join(root, domain);
      const [episodes, frames] = SIZES[domain];
      await maker.ask({ request: "make-data", domain, folder, source, episodes, frames, seed: 0 });
      for (const workers of options.workers) results.push(await measure(domain, folder, workers, options));
    }
    return {
      benchmark: "loader",
      ...circumstances(1, { libtorch: libtorchVersion, pytorch }),
      batch: BATCH,
      frames: FRAMES,
      results,
    };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Some pictures of the bundled recordings. */
export async function writePictures(file: string): Promise<void> {
  const { episodes, header } = await openRecording(path.join(repositoryRoot(), "recordings/doom-e1m2"));
  const pieces = await Promise.all(episodes.slice(0, 4).map((episode) => readClip(episode, { start: 100, end: 110 })));
  const data = Buffer.concat(pieces.map(({ frames_THWC }) => frames_THWC));
  const frames = pieces.reduce((sum, piece) => sum + piece.frames, 0);
  await writeNpy(file, { dtype: "uint8", shape: [frames, header.height, header.width, 3], data: new Uint8Array(data) });
}

async function measure(
  domain: LoadedDomain,
  folder: string,
  workers: number,
  { rounds, perRound }: LoaderBenchmarkOptions,
): Promise<LoaderRow> {
  const request = { domain, folder, seed: 0, frames: FRAMES, batch: BATCH, workers };
  const ahead = 2 * workers + 1;
  const clips = await listClips(request, (1 + (rounds + WARM_UP) * (ahead + perRound) + ahead) * BATCH);
  await using ours = startOurs(1);
  await using theirs = startPyTorch(1);
  const sides = [ours, theirs];
  const first: Replies["open-loader"][] = [];
  for (const peer of sides) {
    await peer.ask({ request: "hello", threads: 1 });
    first.push(await peer.ask({ request: "open-loader", ...request, clips }));
  }
  const turns = sides.map((peer) => async () => {
    // What was read ahead while the other side was at work is not counted: this side's own reading ahead is as far at the end as now.
    await peer.ask({ request: "take-batches", count: ahead });
    return peer.ask({ request: "take-batches", count: perRound });
  });
  await interleave(turns, WARM_UP);
  const [mine, yours] = (await interleave(turns, rounds)).map((answers, i): SideTimes => {
    return {
      perFrame: timesOf(answers.map(({ time, frames }) => time / frames)),
      cpuPerFrame: timesOf(answers.map(({ cpuTime, frames }) => cpuTime / frames)),
      firstBatch: first[i]?.firstMilliseconds ?? NaN,
    };
  }) as [SideTimes, SideTimes];
  const [a, b] = first;
  const near = Math.abs((a?.actions ?? 0) - (b?.actions ?? 0)) < 1e-4 * (b?.actions ?? 0);
  return {
    ...{ domain, workers },
    ours: mine,
    python: yours,
    speed: ratioOf(yours.perFrame, mine.perFrame),
    cpuSpeed: ratioOf(yours.cpuPerFrame, mine.cpuPerFrame),
    equal: a?.frames === b?.frames && near,
  };
}

async function listClips(
  request: Parameters<typeof benchmarkClips>[0],
  count: number,
): Promise<OpenLoaderRequest["clips"]> {
  const dataset = await benchmarkClips(request);
  return Array.from({ length: count }, (_, i) => {
    const { episode, start } = dataset.inEpoch(Math.floor(i / dataset.length), i % dataset.length);
    return [episode.files.path, start] as const;
  });
}

/** The result for the terminal. */
export function showLoader({ results }: LoaderResult): string {
  const rate = (milliseconds: number): string => (1000 / milliseconds).toFixed(0);
  const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(2);
  return textTable([
    ["frames/s (median)", "workers", "ours", "Python", "speed", "per CPU second", "first batch (s)", "Python", "equal"],
    ...results.map(({ domain, workers, ours, python, speed, cpuSpeed, equal }) => [
      ...[domain, String(workers), rate(ours.perFrame.median), rate(python.perFrame.median), speed.median.toFixed(2)],
      ...[cpuSpeed.median.toFixed(2), seconds(ours.firstBatch), seconds(python.firstBatch), equal ? "yes" : "NO"],
    ]),
  ]);
}
