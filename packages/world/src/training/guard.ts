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
  /** Optimiser steps between it and these weights: a GPU's verdicts are read some steps later, at the next report. */
  readonly updatesLater: number;
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
  readonly onEvent: TrainingListener;
}

const KEPT_REPLAYS = 2;

/** Takes verdicts in the order of their steps. Returns how many steps were left out. */
export type Guard = (verdicts: readonly StepVerdict[]) => Promise<number>;

/** @throws UnstableTrainingError (the guard, when the policy says stop or too many steps in a row were left out). */
export function createGuard(options: GuardOptions): Guard {
  const { settings, seed, microBatches, ranks, samplesOf, onEvent } = options;
  const { policy, maxConsecutive } = settings.instability;
  let inRow = 0;
  return async (own) => {
    const bad = own.filter((verdict) => verdict.leftOut);
    // All ranks leave out the same steps, so all of them come here.
    const losses = bad.length === 0 ? [] : await ranks.sum(bad.map(({ loss }) => loss));
    const verdicts = own.map((verdict) => ({ ...verdict, loss: losses[bad.indexOf(verdict)] ?? verdict.loss }));
    for (const [i, verdict] of verdicts.entries()) {
      inRow = verdict.leftOut ? inRow + 1 : 0;
      if (!verdict.leftOut) continue;
      const tooMany = inRow >= maxConsecutive;
      // An overflow under a finite loss is how loss scaling finds its factor.
      const ordinary = settings.precision === "float16" && Number.isFinite(verdict.loss);
      if (ordinary && !tooMany) continue;
      const { step, loss, gradientNorm, parameter, lossScale } = verdict;
      const streams = streamsOf(step, microBatches, { rank: 0, count: 1 });
      const updatesLater = verdicts.slice(i + 1).filter((later) => !later.leftOut).length;
      const replay = { step, seed, streams, lossScale, updatesLater };
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
export function describeInstability({
  loss,
  gradientNorm,
  parameter,
}: Pick<StepVerdict, "loss" | "gradientNorm" | "parameter">): string {
  const where = parameter === undefined ? "" : `, first in ${parameter}`;
  return `loss ${loss}, gradient norm ${gradientNorm}${where}`;
}

function describe(verdict: StepVerdict, inRow: number, file: string | undefined): string {
  const row = inRow > 1 ? `${inRow} steps in a row were` : "the step was";
  const replay = file === undefined ? "" : `; kept in ${file}`;
  const advice = "a lower learning rate, a longer warm-up or precision bfloat16 may help, then --resume";
  return `step ${verdict.step}: ${describeInstability(verdict)}; ${row} left out, the weights are good${replay}; ${advice}`;
}

/** A full disk must not end a run that goes on past bad steps: the other ranks do not know of it. */
async function saveReplay(
  { module, folder, onEvent }: GuardOptions,
  position: ReplayPosition,
): Promise<string | undefined> {
  try {
    return await writeReplay(module, folder, position);
  } catch (error) {
    const message = `the weights for a replay were not kept: ${(error as Error).message}`;
    onEvent({ type: "warning", message, step: position.step });
    return undefined;
  }
}

async function writeReplay(module: Module, folder: string, position: ReplayPosition): Promise<string> {
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, `step-${String(position.step).padStart(8, "0")}.safetensors`);
  await saveSafetensors(file, module.stateDict(), { metadata: { replay: JSON.stringify(position) } });
  const old = (await readdir(folder)).filter((name) => name.startsWith("step-")).sort();
  await Promise.all(old.slice(0, -KEPT_REPLAYS).map((name) => rm(path.join(folder, name))));
  return file;
}
