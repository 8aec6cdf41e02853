// Where a run begins or goes on: the same weights and the same place on every rank, its state made or read from the newest good checkpoint.
import { invalid } from "@vid2world/formats";
import type { Module } from "@vid2world/torch";
import { findGoodCheckpoint } from "./checkpoint-keeper.js";
import { loadCheckpoint } from "./checkpoints.js";
import type { RunPosition } from "./checkpoints.js";
import type { TrainingListener } from "./events.js";
import type { Ranks } from "./ranks.js";
import type { TrainingSettings } from "./settings.js";
import { createTrainingState } from "./training-state.js";
import type { TrainingState } from "./training-state.js";

/** How a run is begun. */
export interface RunStartOptions {
  /** The folder of its checkpoints. */
  readonly checkpoints: string;
  readonly resume: boolean;
  readonly ranks: Ranks;
  readonly onEvent: TrainingListener;
}

/** A run before its next step. */
export interface RunStart {
  readonly state: TrainingState;
  readonly position: Required<Pick<RunPosition, "step" | "minutes" | "seed">> & { readonly microBatches: number };
  /** Whether it goes on from a checkpoint. */
  readonly resumed: boolean;
}

/** Makes a run's state; where it is to go on, its newest good checkpoint is read into it and the module. */
export async function startRun(
  module: Module,
  settings: TrainingSettings,
  { checkpoints, resume, ranks, onEvent }: RunStartOptions,
): Promise<RunStart> {
  await ranks.share([...module.stateDict().values()]);
  const state = createTrainingState(module, settings, ranks);
  // The batch of a step is that of the run's start, however many ranks go on with it.
  const microBatchesHere = settings.accumulate * ranks.count;
  let position: RunPosition = { step: 0, minutes: 0, seed: settings.seed };
  // Rank 0 sets damaged checkpoints aside before the others look.
  const newest = resume ? await ranks.rootFirst(() => findGoodCheckpoint(checkpoints, onEvent)) : undefined;
  if (newest !== undefined) {
    position = await loadCheckpoint(newest, state.parts);
    onEvent({ type: "resumed", step: position.step, file: newest });
  }
  await checkEqualStep(ranks, position.step);
  const { microBatches = microBatchesHere } = position;
  if (microBatches < ranks.count)
    throw invalid("ranks", `at most ${microBatches}, the micro batches of each of this run's steps`, ranks.count);
  return { state, position: { ...position, microBatches }, resumed: newest !== undefined };
}

/** Each rank reads the checkpoint itself: all must see the same files. */
async function checkEqualStep(ranks: Ranks, step: number): Promise<void> {
  const [sum = 0, squares = 0] = await ranks.sum([step, step * step]);
  if (ranks.count * squares !== sum * sum)
    throw invalid("the run's folder", "the same checkpoints on every rank (a shared file system)", `step ${step} here`);
}
