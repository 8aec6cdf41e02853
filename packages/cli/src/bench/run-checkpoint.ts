// `bench checkpoint`: what saving costs the steps of a run, and how long a run takes to end when it is asked to.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { textTable } from "@vid2world/formats/text-table";
import { libtorchVersion, manualSeed, randn, setNumThreads } from "@vid2world/torch";
import { diffusionLoss } from "@vid2world/world/diffusion/loss";
import { noiseSchedule } from "@vid2world/world/diffusion/schedule";
import { UNet3D } from "@vid2world/world/model/unet/unet";
import { takeSnapshot } from "@vid2world/world/training/checkpoints";
import type { TrainingEvent } from "@vid2world/world/training/events";
import type { Objective } from "@vid2world/world/training/objective";
import { type TrainingSettings, trainingSchema } from "@vid2world/world/training/settings";
import { train } from "@vid2world/world/training/trainer";
import { createTrainingState } from "@vid2world/world/training/training-state";
import { writeSnapshot } from "@vid2world/world/training/write-checkpoint";
import { networkOf } from "@vid2world/world/world-network";
import { type CaseName, openCase, type OpenCase, quickRun } from "./cases.js";
import { circumstances, type Circumstances } from "./circumstances.js";
import { repositoryRoot } from "./repository.js";
import { interleave, timesOf, type Times } from "./timing.js";

/** How checkpoints are written: not at all, by another thread beside the steps, or while the steps wait. */
const MODES = ["never", "beside", "waiting"] as const;
/** Steps from one checkpoint to the next. */
const EVERY = 4;

/** One configuration's figures; times in milliseconds. */
export interface CheckpointFigures {
  readonly case: CaseName;
  readonly megabytes: number;
  /** Copying the state: the steps wait for it in any case. */
  readonly copy: Times;
  /** Writing the copy: checksum, write, flush, rename. */
  readonly write: Times;
  /** Of one step, a run's mean, in each mode. */
  readonly steps: Readonly<Record<(typeof MODES)[number], Times>>;
  /** What one checkpoint adds to a run's time, by the medians. */
  readonly added: { readonly beside: number; readonly waiting: number };
  /** The same as a share of the run's time with the default of a checkpoint every `training.checkpointMinutes`. */
  readonly share: { readonly beside: number; readonly waiting: number };
  /** From SIGTERM to the end of the process: the step in progress, a last checkpoint, the model. */
  readonly shutdown: Times & { readonly longest: number };
}

/** What `bench checkpoint` found. */
export interface CheckpointResult extends Circumstances {
  readonly benchmark: "checkpoint";
  readonly checkpointMinutes: number;
  readonly cases: readonly CheckpointFigures[];
}

/** What is measured. */
export interface CheckpointOptions {
  readonly cases: readonly CaseName[];
  /** Turns that the modes take. */
  readonly rounds: number;
  /** Runs that are sent SIGTERM. */
  readonly signals: number;
  readonly threads: number;
  readonly onProgress?: (text: string) => void;
}

/** Runs the benchmark; runs that save in different ways take turns. */
export async function runCheckpoint(options: CheckpointOptions): Promise<CheckpointResult> {
  const { cases, threads } = options;
  setNumThreads(threads);
  const found: CheckpointFigures[] = [];
  for (const name of cases) found.push(await measure(await openCase(name), options));
  const { checkpointMinutes } = trainingSchema.parse({ batchSize: 1, learningRate: 1, maxSteps: 1 });
  const where = circumstances(threads, { libtorch: libtorchVersion });
  return { benchmark: "checkpoint", ...where, checkpointMinutes, cases: found };
}

async function measure(opened: OpenCase, options: CheckpointOptions): Promise<CheckpointFigures> {
  const { rounds, signals, threads, onProgress } = options;
  const folder = await mkdtemp(path.join(tmpdir(), "vid2world-checkpoint-"));
  try {
    onProgress?.(`${opened.name}: copies and writes`);
    const objective = objectiveOf(opened);
    const settings = { ...opened.run.training, maxSteps: 3 * EVERY, maxMinutes: undefined, logEvery: 1 };
    const snapshots = await timeSnapshots(objective, settings, folder, rounds);
    onProgress?.(`${opened.name}: steps`);
    const runs = await interleave(
      MODES.map((mode) => () => meanStep(objective, { ...settings, ...saving(mode) }, path.join(folder, mode))),
      rounds,
    );
    const [never, beside, waiting] = runs.map(timesOf) as [Times, Times, Times];
    const added = { beside: EVERY * (beside.median - never.median), waiting: EVERY * (waiting.median - never.median) };
    onProgress?.(`${opened.name}: ends`);
    const ends = await shutdowns(opened.name, folder, signals, threads);
    const between = settings.checkpointMinutes * 60_000;
    return {
      ...{ case: opened.name, ...snapshots, steps: { never, beside, waiting }, added },
      share: { beside: added.beside / between, waiting: added.waiting / between },
      shutdown: { ...timesOf(ends), longest: Math.max(...ends) },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The case's network on one batch of random latents. */
function objectiveOf({ run, batch, height, width }: OpenCase): Objective {
  const { model, diffusion, loss, training } = run;
  manualSeed(training.seed);
  const unet = new UNet3D(model);
  const [network, schedule] = [networkOf(unet), noiseSchedule(diffusion)];
  const latents_BTCHW = randn([batch, model.temporalLength, model.outChannels, height, width]);
  const actions = model.actionDim !== undefined && {
    actions_BTA: randn([batch, model.temporalLength, model.actionDim]),
  };
  return {
    module: unet,
    losses: () => ({ total: diffusionLoss(network, schedule, { latents_BTCHW, ...actions }, loss).loss }),
  };
}

const saving = (mode: (typeof MODES)[number]): Partial<TrainingSettings> => ({
  saveBeside: mode === "beside",
  checkpointMinutes: 1e9,
  checkpointSteps: mode === "never" ? undefined : EVERY,
});

async function timeSnapshots(objective: Objective, settings: TrainingSettings, folder: string, rounds: number) {
  // One step, so that the optimiser has a state.
  await train(objective, { ...settings, maxSteps: 1 }, { folder: path.join(folder, "first") });
  const { parts, optimizer } = createTrainingState(objective.module, settings);
  optimizer.step();
  const copies: number[] = [];
  const writes: number[] = [];
  let bytes = 0;
  for (let i = 0; i < rounds; i++) {
    const began = performance.now();
    const snapshot = takeSnapshot(parts, { position: { step: i, minutes: 0, seed: 0 } });
    const copied = performance.now();
    await writeSnapshot({ file: path.join(folder, "snapshot.safetensors"), snapshot });
    copies.push(copied - began);
    writes.push(performance.now() - copied);
    bytes = snapshot.entries.reduce((sum, entry) => sum + entry.bytes.byteLength, 0);
  }
  return { megabytes: bytes / 1e6, copy: timesOf(copies), write: timesOf(writes) };
}

/** Mean milliseconds of the steps of a run after its first `EVERY`, with what was saved meanwhile, without the end of the run. */
async function meanStep(objective: Objective, settings: TrainingSettings, folder: string): Promise<number> {
  await rm(folder, { recursive: true, force: true });
  const moments = new Map<number, number>();
  const onEvent = (event: TrainingEvent): void => {
    if (event.type === "progress") moments.set(event.step, performance.now());
  };
  await train(objective, settings, { folder, onEvent });
  const last = settings.maxSteps ?? 0;
  return ((moments.get(last) ?? NaN) - (moments.get(EVERY) ?? NaN)) / (last - EVERY);
}

/** Runs of the cases' sizes that need no other run's weights. */
const ALONE: Readonly<Record<CaseName, string>> = { debug: "configs/debug.yaml", doom: "configs/doom/base.yaml" };

/** Milliseconds from SIGTERM to the end of `vid2world train`, at moments spread over a step. */
async function shutdowns(name: CaseName, folder: string, signals: number, threads: number): Promise<number[]> {
  const set = [
    ...quickRun(name).overrides,
    `latents.cache=${path.join(folder, "latents")}`,
    "training.maxSteps=1000000",
  ];
  const words = set.flatMap((setting) => ["--set", setting]);
  const main = path.join(repositoryRoot(), "packages/cli/dist/src/main.js");
  const times: number[] = [];
  for (let i = 0; i < signals; i++) {
    const out = path.join(folder, `run-${i}`);
    const all = [
      "train",
      ALONE[name],
      "--out",
      out,
      "--threads",
      String(threads),
      "--set",
      "training.logEvery=1",
      ...words,
    ];
    const child = spawn(process.execPath, [main, ...all], {
      cwd: repositoryRoot(),
      stdio: ["ignore", "ignore", "pipe"],
    });
    let text = "";
    child.stderr.on("data", (data: Buffer) => (text = (text + data.toString()).slice(-4000)));
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const steps = async (): Promise<number[]> => {
      const metrics = await readFile(path.join(out, "metrics.jsonl"), "utf8").catch(() => "");
      const lines = metrics.split("\n").filter((line) => line.includes('"progress"'));
      return lines.map((line) => (JSON.parse(line) as { readonly time: number }).time);
    };
    while (child.exitCode === null && (await steps()).length < 3) await sleep(20);
    const [before = 0, last = 0] = (await steps()).slice(-2);
    await sleep(((last - before) * 1000 * i) / signals);
    const asked = performance.now();
    child.kill("SIGTERM");
    if ((await ended) !== 130) throw new Error(`the run did not end as one that was asked to:\n${text}`);
    times.push(performance.now() - asked);
  }
  return times;
}

/** The figures as a table for people. */
export function showCheckpoint({ cases, checkpointMinutes }: CheckpointResult): string {
  const ms = (value: number): string => (Math.abs(value) < 10 ? value.toFixed(1) : value.toFixed(0));
  return [
    textTable([
      [
        "case",
        "MB",
        "copy, ms",
        "write, ms",
        "step, ms",
        "adds beside, ms",
        "adds waiting, ms",
        "end, s",
        "slowest, s",
      ],
      ...cases.map(({ case: name, megabytes, copy, write, steps, added, shutdown }) => [
        name,
        megabytes.toFixed(1),
        ...[copy.median, write.median, steps.never.median, added.beside, added.waiting].map(ms),
        ...[shutdown.median, shutdown.longest].map((time) => (time / 1000).toFixed(2)),
      ]),
    ]),
    `With a checkpoint every ${checkpointMinutes} minutes a run takes longer by ${cases
      .map(({ case: name, share }) => `${(100 * share.beside).toFixed(3)} % (${name})`)
      .join(", ")}.`,
  ].join("\n");
}
