// `bench forward` and `bench train-step`: a configuration's network against an equal plain PyTorch model. Time, memory, equality.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadRequest, openCase, prepareRequest, type CaseFiles, type CaseName, type OpenCase } from "./cases.js";
import { circumstances, type Circumstances } from "./circumstances.js";
import { compareSides, type EqualityCheck } from "./equality.js";
import { startOurs } from "./peer.js";
import type { LoadRequest, RunTimes, Timed } from "./protocol.js";
import { startPyTorch } from "./python.js";
import { interleave, ratioOf, timesOf, type Ratio, type Times } from "./timing.js";

/** Time and memory of one side. Times are milliseconds. */
export interface SideResult {
  readonly side: "ours" | "pytorch";
  readonly layout: LoadRequest["layout"];
  readonly time: Times;
  readonly cpuTime: Times;
  /** VmHWM of a process that did nothing else. */
  readonly peakKiB: number;
}

/** What was found for one configuration. Ratios are to the faster (and the smaller) of the two ways of running PyTorch. */
export interface NetworkResult {
  readonly name: CaseName;
  readonly parameters: number;
  readonly batch: number;
  readonly frames: number;
  readonly latents: readonly [height: number, width: number];
  readonly sides: readonly SideResult[];
  readonly ratio: { readonly time: Ratio; readonly cpuTime: Ratio; readonly memory: number };
  readonly equality: readonly EqualityCheck[];
}

/** All configurations. */
export interface NetworksResult extends Circumstances {
  readonly benchmark: Timed;
  readonly precision: "float32";
  readonly results: readonly NetworkResult[];
}

/** What to run, and how long. */
export interface NetworksOptions {
  readonly what: Timed;
  readonly cases: readonly CaseName[];
  readonly threads: number;
  /** Turns that the sides take. */
  readonly rounds: number;
  /** Runs per turn; absent: as many as fit about half a second. */
  readonly perRound?: number | undefined;
  readonly batch?: number | undefined;
  readonly onProgress?: (text: string) => void;
}

/** Runs the benchmark for every case. */
export async function runNetworks(options: NetworksOptions): Promise<NetworksResult> {
  const results: NetworkResult[] = [];
  let versions = { libtorch: "", pytorch: "" };
  for (const name of options.cases) {
    const folder = await mkdtemp(path.join(tmpdir(), "vid2world-bench-"));
    const files = {
      weights: path.join(folder, "weights.safetensors"),
      inputs: path.join(folder, "inputs.safetensors"),
    };
    try {
      const opened = await openCase(name, options.batch);
      options.onProgress?.(`${name}: comparing values and gradients`);
      const { equality, ...found } = await checkEquality(opened, files, options.threads);
      versions = found.versions;
      options.onProgress?.(`${name}: timing`);
      results.push({ ...(await measure(opened, files, options)), equality });
    } finally {
      await rm(folder, { recursive: true });
    }
  }
  const where = circumstances(options.threads, versions);
  return { benchmark: options.what, ...where, precision: "float32", results };
}

/** In processes of its own: what it needs must not count as the benchmark's memory. */
async function checkEquality(opened: OpenCase, files: CaseFiles, threads: number) {
  await using ours = startOurs(threads);
  await using theirs = startPyTorch(threads);
  const libtorch = (await ours.ask({ request: "hello", threads })).torch;
  const pytorch = (await theirs.ask({ request: "hello", threads })).torch;
  await ours.ask(prepareRequest(opened, files));
  return { equality: await compareSides({ ours, theirs }, opened, files, threads), versions: { libtorch, pytorch } };
}

async function measure(
  opened: OpenCase,
  files: CaseFiles,
  { what, threads, rounds, perRound }: NetworksOptions,
): Promise<Omit<NetworkResult, "equality">> {
  await using ours = startOurs(threads);
  await using contiguous = startPyTorch(threads);
  await using channelsLast = startPyTorch(threads);
  const sides = [
    { side: "ours", layout: opened.run.model.memoryFormat, peer: ours },
    { side: "pytorch", layout: "contiguous", peer: contiguous },
    { side: "pytorch", layout: "channelsLast", peer: channelsLast },
  ] as const;
  let [parameters, count] = [0, perRound ?? 1];
  for (const { peer, layout } of sides) {
    await peer.ask({ request: "hello", threads });
    ({ parameters } = await peer.ask(loadRequest(opened, files, { threads, layout })));
    const warm = await peer.ask({ request: "run", what, count: 2 });
    if (perRound === undefined) count = Math.max(count, Math.min(20, Math.round(500 / (warm.times[1] ?? 500))));
  }
  const asked = sides.map(
    ({ peer }) =>
      (): Promise<RunTimes> =>
        peer.ask({ request: "run", what, count }),
  );
  const taken = await interleave(asked, rounds);
  const results: SideResult[] = [];
  for (const [i, { side, layout, peer }] of sides.entries()) {
    const runs = taken[i] ?? [];
    const [time, cpuTime] = [runs.flatMap((run) => run.times), runs.flatMap((run) => run.cpuTimes)].map(timesOf) as [
      Times,
      Times,
    ];
    const { peakKiB } = await peer.ask({ request: "memory" });
    results.push({ side, layout, time, cpuTime, peakKiB });
  }
  const { name, batch, height, width } = opened;
  const frames = opened.run.model.temporalLength;
  return { name, parameters, batch, frames, latents: [height, width], sides: results, ratio: ratios(results) };
}

/** Ours against the best of the others, number by number. */
function ratios([ours, ...others]: readonly SideResult[]): NetworkResult["ratio"] {
  if (ours === undefined) throw new Error("internal: no side was measured");
  const best = (of: (side: SideResult) => Times): Ratio => {
    const each = others.map((other) => ratioOf(of(ours), of(other)));
    return {
      median: Math.max(...each.map(({ median }) => median)),
      minimum: Math.max(...each.map(({ minimum }) => minimum)),
    };
  };
  return {
    time: best((side) => side.time),
    cpuTime: best((side) => side.cpuTime),
    memory: Math.max(...others.map(({ peakKiB }) => ours.peakKiB / peakKiB)),
  };
}
