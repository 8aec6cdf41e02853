// What a run does about steps that were left out: says what was wrong, keeps the weights for a replay, and ends the run at a limit.
import { mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { saveSafetensors } from "@vid2world/torch";
import type { Module } from "@vid2world/torch";
import type { TrainingListener } from "./events.js";
import { streamsOf } from "./ranks.js";
import type { Ranks } from "./ranks.js";
import type { TrainingSettings } from "./settings.js";
import type { StepVerdict } from "./step-watch.js";

/** A run was ended because its steps went wrong; its last checkpoint holds good weights. */
export class UnstableTrainingError extends Error {
  override readonly name = "UnstableTrainingError";
}

/** What a replay file says beside the weights. */
export interface ReplayPosition {
  /** The step that was left out, counted from 0. */
  readonly step: number;
  readonly seed: number;
  /** Its micro batches: their numbers decide samples, noise and dropout. */
  readonly streams: readonly number[];
  /** Factor of the loss; 1 unless the precision is float16. */
  readonly lossScale: number;
}

/** What a guard watches. */
export interface GuardOptions {
  readonly module: Module;
  readonly seed: number;
  /** Of each step, over all ranks. */
  readonly microBatches: number;
  readonly settings: Pick<TrainingSettings, "instability" | "precision">;
  readonly ranks: Ranks;
  /** Replay files go here; the newest `KEPT_REPLAYS` stay. */
  readonly folder: string;
  /** Names of a micro batch's samples. */
  readonly samplesOf: (stream: number) => readonly string[];
  readonly lossScale: () => number;
  readonly onEvent: TrainingListener;
}

const KEPT_REPLAYS = 2;

/** Takes verdicts in the order of their steps. Returns how many steps were left out. */
export type Guard = (verdicts: readonly StepVerdict[]) => Promise<number>;

/** @throws UnstableTrainingError (the guard, when the policy says stop or too many steps in a row were left out). */
export function createGuard(options: GuardOptions): Guard {
  const { settings, seed, microBatches, ranks, samplesOf, lossScale, onEvent } = options;
  const { policy, maxConsecutive } = settings.instability;
  let inRow = 0;
  return async (own) => {
    const bad = own.filter((verdict) => verdict.leftOut);
    // All ranks leave out the same steps, so all of them come here.
    const losses = bad.length === 0 ? [] : await ranks.sum(bad.map(({ loss }) => loss));
    const verdicts = own.map((verdict) => ({ ...verdict, loss: losses[bad.indexOf(verdict)] ?? verdict.loss }));
    for (const verdict of verdicts) {
      inRow = verdict.leftOut ? inRow + 1 : 0;
      if (!verdict.leftOut) continue;
      const tooMany = inRow >= maxConsecutive;
      // An overflow under a finite loss is how loss scaling finds its factor.
      const ordinary = settings.precision === "float16" && Number.isFinite(verdict.loss);
      if (ordinary && !tooMany) continue;
      const { step, loss, gradientNorm, parameter } = verdict;
      const streams = streamsOf(step, microBatches, { rank: 0, count: 1 });
      const replay = { step, seed, streams, lossScale: lossScale() };
      const first = inRow === 1 || tooMany || policy === "stop";
      const file = first && ranks.rank === 0 ? await saveReplay(options, replay) : undefined;
      const samples = streams.flatMap((stream) => samplesOf(stream));
      onEvent({
        ...{ type: "unstable", step, streams, samples, loss, gradientNorm, inRow },
        ...(parameter !== undefined && { parameter }),
        ...(file !== undefined && { file }),
      });
      if (tooMany || policy === "stop") throw new UnstableTrainingError(describe(verdict, inRow, file));
    }
    return bad.length;
  };
}

/** One sentence on what was wrong with a step. */
export function describeInstability({ loss, gradientNorm, parameter }: Omit<StepVerdict, "leftOut" | "step">): string {
  const where = parameter === undefined ? "" : `, first in ${parameter}`;
  return `loss ${loss}, gradient norm ${gradientNorm}${where}`;
}

function describe(verdict: StepVerdict, inRow: number, file: string | undefined): string {
  const row = inRow > 1 ? `${inRow} steps in a row were` : "the step was";
  const replay = file === undefined ? "" : `; kept in ${file}`;
  const advice = "a lower learning rate, a longer warm-up or precision bfloat16 may help, then --resume";
  return `step ${verdict.step}: ${describeInstability(verdict)}; ${row} left out, the weights are good${replay}; ${advice}`;
}

async function saveReplay({ module, folder }: GuardOptions, position: ReplayPosition): Promise<string> {
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, `step-${String(position.step).padStart(8, "0")}.safetensors`);
  await saveSafetensors(file, module.stateDict(), { metadata: { replay: JSON.stringify(position) } });
  const old = (await readdir(folder)).filter((name) => name.startsWith("step-")).sort();
  await Promise.all(old.slice(0, -KEPT_REPLAYS).map((name) => rm(path.join(folder, name))));
  return file;
}
