// `bench ranks`: training steps of one process and of two that exchange gradients over Gloo, ours beside PyTorch's own
// DistributedDataParallel. Each rank has a batch of its own, so two ranks without any loss take as long for a step as one.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadRequest, openCase, prepareRequest, type CaseFiles, type CaseName, type OpenCase } from "./cases.js";
import { circumstances, type Circumstances } from "./circumstances.js";
import { startOurs, type Peer } from "./peer.js";
import type { RunTimes } from "./protocol.js";
import { startPyTorch } from "./python.js";
import { freePort } from "@vid2world/torch/free-port";
import { textTable } from "@vid2world/formats/text-table";
import { interleave, timesOf, type Times } from "./timing.js";

/** Some processes that train together. */
export interface TeamResult {
  readonly side: "ours" | "pytorch";
  readonly ranks: number;
  /** Whether the optimiser's state is split over the ranks. */
  readonly sharded: boolean;
  /** Milliseconds of a step: of the rank that took longest. */
  readonly time: Times;
  /** Milliseconds of processor time of a step, all ranks together. */
  readonly cpuTime: Times;
  /** VmHWM of the largest process. */
  readonly peakKiB: number;
}

/** What was found. */
export interface RanksResult extends Circumstances {
  readonly benchmark: "ranks";
  readonly name: CaseName;
  readonly batch: number;
  readonly teams: readonly TeamResult[];
  /** Ours / PyTorch at the same number of ranks: medians of the time of a step and of processor time, and memory. */
  readonly ratios: readonly { readonly ranks: number; readonly time: number; readonly cpuTime: number; readonly memory: number }[]; // prettier-ignore
  /** Time of a step of two ranks / of one: 1 would be no loss. */
  readonly scaling: { readonly ours: number; readonly pytorch: number };
}

const TEAMS = [
  { side: "ours", ranks: 1, sharded: false },
  { side: "pytorch", ranks: 1, sharded: false },
  { side: "ours", ranks: 2, sharded: false },
  { side: "pytorch", ranks: 2, sharded: false },
  { side: "ours", ranks: 2, sharded: true },
] as const;

/** What to run, and how long. */
export interface RanksOptions {
  readonly name: CaseName;
  /** Turns that the teams take, and steps of a turn. */
  readonly rounds: number;
  readonly perRound: number;
}

/** Runs the benchmark, with one thread for each process. */
export async function runRanks({ name, rounds, perRound }: RanksOptions): Promise<RanksResult> {
  const folder = await mkdtemp(path.join(tmpdir(), "vid2world-bench-"));
  const files = { weights: path.join(folder, "weights.safetensors"), inputs: path.join(folder, "inputs.safetensors") };
  const open: Peer[] = [];
  try {
    const opened = await openCase(name);
    const maker = startOurs(1);
    await maker.ask(prepareRequest(opened, files));
    await maker[Symbol.asyncDispose]();
    const teams: Peer[][] = [];
    for (const team of TEAMS) {
      const peers = Array.from({ length: team.ranks }, () => (team.side === "ours" ? startOurs(1) : startPyTorch(1)));
      open.push(...peers);
      await join(peers, team, opened, files);
      teams.push(peers);
    }
    const steps = teams.map((peers) => () => run(peers, perRound));
    const taken = await interleave(steps, rounds);
    const results: TeamResult[] = [];
    for (const [i, team] of TEAMS.entries()) {
      const runs = taken[i] ?? [];
      const memory = await Promise.all((teams[i] ?? []).map((peer) => peer.ask({ request: "memory" })));
      const [time, cpuTime] = [runs.flatMap((run) => run.times), runs.flatMap((run) => run.cpuTimes)].map(timesOf);
      const peakKiB = Math.max(...memory.map((found) => found.peakKiB));
      results.push({ ...team, time: time as Times, cpuTime: cpuTime as Times, peakKiB });
    }
    const hello = { request: "hello", threads: 1 } as const;
    const versions = {
      libtorch: (await (teams[0]?.[0] as Peer).ask(hello)).torch,
      pytorch: (await (teams[1]?.[0] as Peer).ask(hello)).torch,
    };
    return {
      benchmark: "ranks",
      ...circumstances(1, versions),
      ...{ name, batch: opened.batch, teams: results, ...compare(results) },
    };
  } finally {
    await Promise.all(open.map((peer) => peer[Symbol.asyncDispose]()));
    await rm(folder, { recursive: true });
  }
}

async function join(
  peers: readonly Peer[],
  { sharded }: { readonly sharded: boolean },
  opened: OpenCase,
  files: CaseFiles,
): Promise<void> {
  const port = await freePort();
  const load = loadRequest(opened, files, { threads: 1, layout: opened.run.model.memoryFormat });
  const place = { count: peers.length, port, sharded };
  await Promise.all(
    peers.map(async (peer, rank) => {
      await peer.ask({ request: "hello", threads: 1 });
      await peer.ask(peers.length === 1 ? load : { ...load, ranks: { ...place, rank } });
    }),
  );
  await run(peers, 3); // the first step of several ranks settles the buckets
}

/** Steps of all ranks at once. */
async function run(peers: readonly Peer[], count: number): Promise<RunTimes> {
  const runs = await Promise.all(peers.map((peer) => peer.ask({ request: "run", what: "train-step", count })));
  const each = (of: (run: RunTimes) => readonly number[], join: (values: number[]) => number): number[] =>
    Array.from({ length: count }, (_, i) => join(runs.map((run) => of(run)[i] ?? NaN)));
  return {
    times: each(({ times }) => times, (values) => Math.max(...values)), // prettier-ignore
    cpuTimes: each(({ cpuTimes }) => cpuTimes, (values) => values.reduce((sum, value) => sum + value)), // prettier-ignore
  };
}

function compare(teams: readonly TeamResult[]): Pick<RanksResult, "ratios" | "scaling"> {
  const find = (side: TeamResult["side"], ranks: number): TeamResult =>
    teams.find((team) => team.side === side && team.ranks === ranks && !team.sharded) as TeamResult;
  const ratios = [1, 2].map((ranks) => {
    const [ours, theirs] = [find("ours", ranks), find("pytorch", ranks)];
    return {
      ranks,
      time: ours.time.median / theirs.time.median,
      cpuTime: ours.cpuTime.median / theirs.cpuTime.median,
      memory: ours.peakKiB / theirs.peakKiB,
    };
  });
  const loss = (side: TeamResult["side"]): number => find(side, 2).time.median / find(side, 1).time.median;
  return { ratios, scaling: { ours: loss("ours"), pytorch: loss("pytorch") } };
}

/** The result for the terminal. */
export function showRanks({ name, batch, teams, ratios, scaling }: RanksResult): string {
  const table = textTable([
    ["", "steps/s", "median ms", "minimum ms", "processor ms", "peak MiB"],
    ...teams.map(({ side, ranks, sharded, time, cpuTime, peakKiB }) => [
      `${side === "ours" ? "ours" : "PyTorch"}, ${ranks} rank${ranks > 1 ? "s" : ""}${sharded ? ", sharded optimiser" : ""}`,
      ...[1000 / time.median, time.median, time.minimum, cpuTime.median, peakKiB / 1024].map((x) => x.toFixed(1)),
    ]),
  ]);
  const part = (x: number): string => `${x.toFixed(2)}x`;
  const lines = ratios.map(
    ({ ranks, ...ratio }) =>
      `ours / PyTorch at ${ranks}: time ${part(ratio.time)}, processor ${part(ratio.cpuTime)}, memory ${part(ratio.memory)}`,
  );
  const loss = `time of a step at 2 ranks / at 1: ours ${part(scaling.ours)}, PyTorch ${part(scaling.pytorch)}`;
  return [`${name}, ${batch} clips for each rank, one thread each`, table, "", ...lines, loss].join("\n");
}
