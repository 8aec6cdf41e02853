// The training loop: budget, learning rate, reports, validation, checkpoints, and an end at any step when asked to.
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { cuda } from "@vid2world/torch";
import type { RunPosition } from "./checkpoints.js";
import { drawFor } from "./draws.js";
import type { TrainingListener } from "./events.js";
import { createGuard } from "./guard.js";
import { budgetProgress, learningRateAt } from "./learning-rate.js";
import { cudaIndex } from "./memory-use.js";
import type { Objective } from "./objective.js";
import { profileSteps, WARM_UP } from "./profile.js";
import type { ProfileRequest } from "./profile.js";
import { createProgressReport } from "./progress-report.js";
import { singleRank } from "./ranks.js";
import type { Ranks } from "./ranks.js";
import { createRunSaver } from "./run-saver.js";
import { startRun } from "./run-start.js";
import type { TrainingSettings } from "./settings.js";
import { createTrainStep } from "./train-step.js";
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
  const checkpoints = path.join(folder, "checkpoints");
  const { state, position, resumed } = await startRun(module, settings, { checkpoints, resume, ranks, onEvent });
  const { ema, scaler, parts, sharded } = state;
  const { seed, microBatches } = position;
  let { step, minutes } = position;
  let { learningRate } = settings;
  const now = (): RunPosition => ({ step, minutes, seed, microBatches });
  const elapsed = startClock(minutes);

  const trainStep = createTrainStep({
    ...{ objective, ...state, settings: { ...settings, seed }, ranks, microBatches },
  });
  const guard = createGuard({
    ...{ module, settings, seed, microBatches, ranks, onEvent, folder: path.join(folder, "instability") },
    samplesOf: (stream) => objective.samples?.(drawFor(seed, stream)) ?? [],
  });
  const report = createProgressReport({
    ...{ settings, trainStep, start: position, minutes: elapsed, onEvent },
    framesPerStep: objective.frames && objective.frames * microBatches,
    lossScale: scaler && (() => scaler.currentScale),
  });
  const saver = await createRunSaver({
    ...{ folder: checkpoints, parts, settings, config, onEvent, ranks, sharded },
    resumed: resumed ? position : undefined,
  });
  // Every rank takes the short validation, which costs less than waiting for one; rollouts are rank 0's.
  const validator = createValidator({
    ...{ objective, ema, every: settings.validateEvery, signal, onEvent },
    long: ranks.rank === 0 ? rollouts : undefined,
  });
  const gpu = cudaIndex(settings.device);
  const synchronize = gpu === undefined ? undefined : () => cuda.synchronize(gpu);
  const profiling = profile && profileSteps(profile, { rank: ranks.rank, synchronize });

  const judge = async (): Promise<void> => {
    try {
      report.addLeftOut(await guard(trainStep.verdicts()));
    } catch (error) {
      await saver.finish(now()); // the weights are good: bad steps were left out
      throw error;
    }
  };
  const saveIfBest = (metrics: Readonly<Record<string, number>> | undefined): Promise<void> =>
    saver.saveIfBest(now(), metrics, validator.isWhole(step));
  if (resumed) await saveIfBest(await validator.resumed(step));

  let finished = false;
  for (;;) {
    // Clocks and signals differ between ranks: before each step all of them agree whether it is done, and on its learning rate.
    const here = { step, minutes: elapsed() };
    const stop = signal?.aborted === true || saver.failure !== undefined;
    const agreed = await ranks.agree({ minutes: here.minutes, stop, save: saver.isDue(here) });
    minutes = agreed.minutes;
    const progress = budgetProgress(settings, step, minutes);
    finished = progress >= 1;
    if (finished || agreed.stop) break;
    if (agreed.save) await saver.save(now());
    learningRate = learningRateAt(settings, step, progress);
    profiling?.before();
    await trainStep.run(step, learningRate);
    profiling?.after();
    step++;
    const reports = step % settings.logEvery === 0;
    // A CPU has the verdict at once; another device is not kept waiting for it.
    if (reports || settings.device === "cpu") await judge();
    if (reports) await report.send(step, learningRate);
    if (step !== settings.maxSteps) await report.beside(async () => saveIfBest(await validator.after(step)));
    // Lets signals and other work in; a scope never spans an await, and none is open here.
    await setImmediate();
  }
  if (profiling?.end() === false)
    onEvent({ type: "warning", message: `no profile: the run ended within the ${WARM_UP} steps of its warm-up`, step });
  await judge();
  if (finished && report.reported !== step) await report.send(step, learningRate);
  await saver.finish(now());
  await saveIfBest(finished ? await validator.atEnd(step) : undefined);
  await ranks.barrier();
  onEvent({ type: "end", step, finished, minutes: elapsed() });
  ema?.swap();
  module.eval();
  return { step, finished };
}

/** Minutes of training, counted on from those of earlier parts of the run. */
function startClock(minutesBefore: number): () => number {
  const start = performance.now();
  return () => minutesBefore + (performance.now() - start) / 60_000;
}
