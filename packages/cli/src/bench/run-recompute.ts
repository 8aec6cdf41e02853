// `bench recompute`: memory and time of a training step by what is recomputed in the backward pass instead of kept (model.checkpointing).
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { textTable } from "@vid2world/formats/text-table";
import { checkpointingPolicies } from "@vid2world/world/model/unet/options";
import { type CaseFiles, type CaseName, loadRequest, openCase, type OpenCase, prepareRequest } from "./cases.js";
import { circumstances, type Circumstances } from "./circumstances.js";
import { type Peer, startOurs } from "./peer.js";
import { interleave, ratioOf, timesOf, type Ratio, type Times } from "./timing.js";

/** One policy's figures. */
export interface RecomputeFigures {
  readonly policy: (typeof checkpointingPolicies)[number];
  /** Milliseconds of a training step. */
  readonly time: Times;
  readonly cpuTime: Times;
  /** VmHWM of a process that did nothing else. */
  readonly peakKiB: number;
  /** Processor time by that of `none`. */
  readonly ratio: Ratio;
}

/** What `bench recompute` found. */
export interface RecomputeResult extends Circumstances {
  readonly benchmark: "recompute";
  readonly case: CaseName;
  readonly batch: number;
  readonly policies: readonly RecomputeFigures[];
}

/** What is measured. */
export interface RecomputeOptions {
  readonly name: CaseName;
  readonly batch?: number | undefined;
  /** Turns that the policies take, of one step each. */
  readonly rounds: number;
  readonly threads: number;
}

/** Runs the benchmark: a process for each policy, the same weights and inputs. */
export async function runRecompute({ name, batch, rounds, threads }: RecomputeOptions): Promise<RecomputeResult> {
  const opened = await openCase(name, batch);
  const folder = await mkdtemp(path.join(tmpdir(), "vid2world-recompute-"));
  const files = { weights: path.join(folder, "weights.safetensors"), inputs: path.join(folder, "inputs.safetensors") };
  const peers = checkpointingPolicies.map(() => startOurs(threads));
  try {
    await prepare(opened, files, threads);
    return await measure({ opened, files, peers, rounds, threads });
  } finally {
    for (const peer of peers) await peer[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  }
}

/** In a process of its own: what it needs must not count. */
async function prepare(opened: OpenCase, files: CaseFiles, threads: number): Promise<void> {
  await using peer = startOurs(threads);
  await peer.ask({ request: "hello", threads });
  await peer.ask(prepareRequest(opened, files));
}

interface Measured extends Pick<RecomputeOptions, "rounds" | "threads"> {
  readonly opened: OpenCase;
  readonly files: CaseFiles;
  /** One for each policy. */
  readonly peers: readonly Peer[];
}

async function measure({ opened, files, peers, rounds, threads }: Measured): Promise<RecomputeResult> {
  let libtorch = "";
  const { memoryFormat } = opened.run.model;
  for (const [i, peer] of peers.entries()) {
    libtorch = (await peer.ask({ request: "hello", threads })).torch;
    const request = loadRequest(opened, files, { threads, layout: memoryFormat });
    const checkpointing = checkpointingPolicies[i] ?? "none";
    await peer.ask({ ...request, model: { ...request.model, checkpointing } });
    await peer.ask({ request: "run", what: "train-step", count: 2 });
  }
  const asked = peers.map((peer) => () => peer.ask({ request: "run", what: "train-step", count: 1 }));
  const taken = await interleave(asked, rounds);
  const cpu = taken.map((runs) => timesOf(runs.flatMap(({ cpuTimes }) => cpuTimes)));
  const policies: RecomputeFigures[] = [];
  for (const [i, policy] of checkpointingPolicies.entries()) {
    const { peakKiB } = (await peers[i]?.ask({ request: "memory" })) ?? { peakKiB: NaN };
    const time = timesOf((taken[i] ?? []).flatMap(({ times }) => times));
    const [cpuTime, none] = [cpu[i] as Times, cpu[0] as Times];
    policies.push({ policy, time, cpuTime, peakKiB, ratio: ratioOf(cpuTime, none) });
  }
  return {
    ...{ benchmark: "recompute", ...circumstances(threads, { libtorch }) },
    ...{ case: opened.name, batch: opened.batch, policies },
  };
}

/** The figures as a table for people. */
export function showRecompute({ case: name, batch, policies }: RecomputeResult): string {
  return textTable([
    [`${name}, ${batch} clips`, "step, ms", "processor, ms", "x none", "peak, MiB"],
    ...policies.map(({ policy, time, cpuTime, ratio, peakKiB }) => [
      policy,
      ...[time.median, cpuTime.median].map((value) => value.toFixed(0)),
      ratio.median.toFixed(2),
      (peakKiB / 1024).toFixed(0),
    ]),
  ]);
}
