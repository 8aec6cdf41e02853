// The training loop: budget, learning rate, reports, validation, checkpoints, resuming, and an end at any step when asked to.
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { invalid } from "@vid2world/formats";
import { cuda } from "@vid2world/torch";
import { createCheckpointKeeper, findGoodCheckpoint } from "./checkpoint-keeper.js";
import { loadCheckpoint } from "./checkpoints.js";
import type { RunPosition } from "./checkpoints.js";
import { drawFor } from "./draws.js";
import type { TrainingListener } from "./events.js";
import { createGuard } from "./guard.js";
import { budgetProgress, learningRateAt } from "./learning-rate.js";
import { splitLevels } from "./loss-by-level.js";
import { cudaIndex, memoryUse } from "./memory-use.js";
import type { Objective } from "./objective.js";
import { profileSteps } from "./profile.js";
import type { ProfileRequest } from "./profile.js";
import { singleRank } from "./ranks.js";
import type { Ranks } from "./ranks.js";
import type { TrainingSettings } from "./settings.js";
import { createTrainStep } from "./train-step.js";
import { createTrainingState } from "./training-state.js";
import { createValidator } from "./validator.js";
import type { LongValidation } from "./validator.js";

/** Where a run writes and how it is watched and stopped. */
export interface TrainerOptions {
  /** The run's folder; checkpoints go to `checkpoints/` in it. */
  readonly folder: string;
  /** Goes on from the newest good checkpoint, if there is one. */
  readonly resume?: boolean;
  /** The run's whole configuration as JSON, kept in its checkpoints. */
  readonly config?: string | undefined;
  /** When aborted, the run saves a checkpoint after the step in progress and ends. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: TrainingListener | undefined;
  /** The processes that train together; absent: this one alone. */
  readonly ranks?: Ranks | undefined;
  /** Measures where some steps' time goes; absent: nothing is measured. */
  readonly profile?: ProfileRequest | undefined;
  /** Rolls the model out from time to time; absent: only the objective's own validation. */
  readonly rollouts?: LongValidation | undefined;
}

/** What a run ended with. */
export interface TrainingResult {
  readonly step: number;
  /** False when the signal ended the run before its budget did. */
  readonly finished: boolean;
}

/**
 * Trains `objective` until its budget is used up or the signal says stop. Afterwards the objective's module holds the weights to
 * use: the moving average if there is one (the last checkpoint has both).
 */
export async function train(
  objective: Objective,
  settings: TrainingSettings,
  { folder, resume = false, config, signal, onEvent = () => {}, ranks = singleRank, rollouts, profile }: TrainerOptions,
): Promise<TrainingResult> {
  const { module } = objective;
  let { learningRate } = settings;
  await ranks.share([...module.stateDict().values()]);
  const { parts, ...state } = createTrainingState(module, settings, ranks);
  const { ema, scaler } = state;
  const checkpoints = path.join(folder, "checkpoints");

  // The batch of a step is that of the run's start, however many ranks go on with it.
  const microBatchesHere = settings.accumulate * ranks.count;
  let position: RunPosition = { step: 0, minutes: 0, seed: settings.seed, microBatches: microBatchesHere };
  // Rank 0 sets damaged checkpoints aside before the others look.
  const newest = resume ? await ranks.rootFirst(() => findGoodCheckpoint(checkpoints, onEvent)) : undefined;
  if (newest !== undefined) {
    position = await loadCheckpoint(newest, parts);
    onEvent({ type: "resumed", step: position.step, file: newest });
  }

  await checkEqualStep(ranks, position.step);
  let { step, minutes } = position;
  const { seed, microBatches = microBatchesHere } = position;
  if (microBatches < ranks.count)
    throw invalid("ranks", `at most ${microBatches}, the micro batches of each of this run's steps`, ranks.count);
  const clock = createClock(position.minutes);
  const trainStep = createTrainStep({
    ...{ objective, ...state, settings: { ...settings, seed }, ranks, microBatches },
  });
  const guard = createGuard({
    ...{ module, settings, seed, microBatches, ranks, onEvent, folder: path.join(folder, "instability") },
    samplesOf: (stream) => objective.samples?.(drawFor(seed, stream)) ?? [],
  });
  let leftOut = 0;
  const progressAt = (minutes: number): number => budgetProgress(settings, step, minutes);
  let reported = { step, minutes: clock.minutes() };

  const startProgress = progressAt(clock.minutes());
  const report = async (learningRate: number): Promise<void> => {
    const means = await trainStep.read();
    const minutes = clock.minutes();
    const progress = progressAt(minutes);
    const spent = minutes - position.minutes;
    const stepsPerSecond = (step - reported.step) / Math.max(1e-9, (minutes - reported.minutes) * 60);
    const { frames } = objective;
    onEvent({
      type: "progress",
      step,
      ...splitLevels({
        ...means,
        ...(scaler && { lossScale: scaler.currentScale }),
        ...(leftOut > 0 && { leftOut }),
      }),
      learningRate,
      stepsPerSecond,
      ...(frames !== undefined && { framesPerSecond: stepsPerSecond * frames * microBatches }),
      memory: memoryUse(settings.device),
      progress,
      minutes,
      secondsLeft: (60 * spent * (1 - progress)) / Math.max(1e-9, progress - startProgress),
    });
    reported = { step, minutes };
    leftOut = 0;
  };
  const resumed = newest === undefined ? undefined : position;
  const keeper =
    ranks.rank === 0
      ? await createCheckpointKeeper({ folder: checkpoints, parts, settings, config, onEvent, resumed })
      : undefined;
  const now = (): RunPosition => ({ step, minutes, seed, microBatches });
  /** Saves on rank 0. Where the optimiser's state is split, all ranks come here and rank 0 holds the whole of it meanwhile. */
  const withWholeState = async (save: () => Promise<void> | undefined): Promise<void> => {
    await state.sharded?.gather();
    await save();
    state.sharded?.release();
  };
  const saveIfBest = async (metrics: Readonly<Record<string, number>> | undefined): Promise<void> => {
    if (settings.keepBest === undefined) return;
    // Rank 0 alone may have measured something.
    const [measured = 0] = await ranks.sum([metrics === undefined ? 0 : 1]);
    if (measured > 0)
      await withWholeState(() => metrics && keeper?.saveIfBest(now(), metrics, validator.isWhole(step)));
  };
  const judge = async (): Promise<void> => {
    try {
      leftOut += await guard(trainStep.verdicts());
    } catch (error) {
      await withWholeState(() => keeper?.finish(now())); // the weights are good: bad steps were left out
      throw error;
    }
  };
  // Every rank takes the short validation, which costs less than waiting for one; rollouts are rank 0's.
  const validator = createValidator({
    ...{ objective, ema, every: settings.validateEvery, signal, onEvent },
    long: ranks.rank === 0 ? rollouts : undefined,
  });

  if (newest !== undefined) await saveIfBest(await validator.resumed(step));
  const gpu = cudaIndex(settings.device);
  const synchronize = gpu === undefined ? undefined : () => cuda.synchronize(gpu);
  const profiling = profile && profileSteps(profile, { rank: ranks.rank, synchronize });
  const isOver = (): boolean => signal?.aborted === true || keeper?.failure !== undefined;
  let finished = false;
  for (;;) {
    // Clocks and signals differ between ranks: before each step all of them agree whether it is done, and on its learning rate.
    const here = { step, minutes: clock.minutes() };
    const agreed = await ranks.agree({ minutes: here.minutes, stop: isOver(), save: keeper?.isDue(here) === true });
    minutes = agreed.minutes;
    const progress = progressAt(minutes);
    finished = progress >= 1;
    if (finished || agreed.stop) break;
    if (agreed.save) await withWholeState(() => keeper?.save(now()));
    learningRate = learningRateAt(settings, step, progress);
    profiling?.before();
    await trainStep.run(step, learningRate);
    profiling?.after();
    step++;
    const reports = step % settings.logEvery === 0;
    // A CPU has the verdict at once; another device is not kept waiting for it.
    if (reports || settings.device === "cpu") await judge();
    if (reports) await report(learningRate);
    if (step !== settings.maxSteps) {
      const began = clock.minutes();
      const metrics = await validator.after(step);
      await saveIfBest(metrics);
      reported = { ...reported, minutes: reported.minutes + clock.minutes() - began }; // no part of the steps' speed
    }
    // Lets signals and other work in; a scope never spans an await, and none is open here.
    await setImmediate();
  }
  await judge();
  if (finished && reported.step !== step) await report(learningRate);
  await withWholeState(() => keeper?.finish(now()));
  const last = finished ? await validator.atEnd(step) : undefined;
  await saveIfBest(last);
  await ranks.barrier();
  onEvent({ type: "end", step, finished, minutes: clock.minutes() });
  ema?.swap();
  module.eval();
  return { step, finished };
}

/** Each rank reads the checkpoint itself: all must see the same files. */
async function checkEqualStep(ranks: Ranks, step: number): Promise<void> {
  const [sum = 0, squares = 0] = await ranks.sum([step, step * step]);
  if (ranks.count * squares !== sum * sum)
    throw invalid("the run's folder", "the same checkpoints on every rank (a shared file system)", `step ${step} here`);
}

/** Minutes of training, counted on from those of earlier parts of the run. */
function createClock(minutesBefore: number): { minutes(): number } {
  const start = performance.now();
  return { minutes: () => minutesBefore + (performance.now() - start) / 60_000 };
}
