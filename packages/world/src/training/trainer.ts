// The training loop: budget, learning rate, reports, validation, checkpoints, resuming, and an end at any step when asked to.
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { AdamW, Ema, evaluating } from "@vid2world/torch";
import { listCheckpoints, loadCheckpoint, saveCheckpoint } from "./checkpoints.js";
import type { RunPosition } from "./checkpoints.js";
import type { TrainingListener } from "./events.js";
import { budgetProgress, learningRateAt } from "./learning-rate.js";
import type { Objective } from "./objective.js";
import type { TrainingSettings } from "./settings.js";
import { createTrainStep } from "./train-step.js";

/** Where a run writes and how it is watched and stopped. */
export interface TrainerOptions {
  /** The run's folder; checkpoints go to `checkpoints/` in it. */
  readonly folder: string;
  /** Goes on from the newest checkpoint, if there is one. */
  readonly resume?: boolean;
  /** When aborted, the run saves a checkpoint after the step in progress and ends. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: TrainingListener | undefined;
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
  { folder, resume = false, signal, onEvent = () => {} }: TrainerOptions,
): Promise<TrainingResult> {
  const { module } = objective;
  const { learningRate, betas, eps, weightDecay } = settings;
  const trained = new Map([...module.namedParameters()].filter(([, { requiresGrad }]) => requiresGrad));
  const optimizer = new AdamW(trained, { learningRate, betas, eps, weightDecay });
  const ema = settings.emaDecay > 0 ? new Ema(trained, { decay: settings.emaDecay }) : undefined;
  const parts = { model: module, optimizer, ...(ema && { ema }) };
  const checkpoints = path.join(folder, "checkpoints");

  let position: RunPosition = { step: 0, minutes: 0, seed: settings.seed };
  const newest = resume ? (await listCheckpoints(checkpoints)).at(-1) : undefined;
  if (newest !== undefined) {
    position = await loadCheckpoint(newest, parts);
    onEvent({ type: "resumed", step: position.step, file: newest });
  }

  let { step } = position;
  const clock = createClock(position.minutes);
  const trainStep = createTrainStep({ objective, optimizer, ema, settings: { ...settings, seed: position.seed } });
  const progressNow = (): number => budgetProgress(settings, step, clock.minutes());
  let reported = { step, minutes: clock.minutes() };
  let savedMinutes = position.minutes;
  let savedStep = newest === undefined ? -1 : step;

  const startProgress = progressNow();
  const report = (learningRate: number): void => {
    const minutes = clock.minutes();
    const progress = progressNow();
    const spent = minutes - position.minutes;
    onEvent({
      type: "progress",
      step,
      metrics: trainStep.read(),
      learningRate,
      stepsPerSecond: (step - reported.step) / Math.max(1e-9, (minutes - reported.minutes) * 60),
      progress,
      minutes,
      secondsLeft: (60 * spent * (1 - progress)) / Math.max(1e-9, progress - startProgress),
    });
    reported = { step, minutes };
  };
  const save = async (): Promise<void> => {
    if (savedStep === step) return;
    const at = { step, minutes: clock.minutes(), seed: position.seed };
    const file = await saveCheckpoint(checkpoints, parts, at, settings.keepCheckpoints);
    [savedStep, savedMinutes] = [step, at.minutes];
    onEvent({ type: "checkpoint", step, file });
  };
  const withAverage = <T>(use: () => T): T => (ema ? ema.swappedIn(use) : use());
  const validate = (): void => {
    const metrics = withAverage(() => evaluating(module, () => objective.validate?.()));
    if (metrics) onEvent({ type: "validation", step, metrics });
  };

  while (progressNow() < 1 && !signal?.aborted) {
    const learningRate = learningRateAt(settings, step, progressNow());
    await trainStep.run(step, learningRate);
    step++;
    if (step % settings.logEvery === 0 || progressNow() >= 1) report(learningRate);
    if (step % (settings.validateEvery ?? Infinity) === 0 && progressNow() < 1) validate();
    if (clock.minutes() - savedMinutes >= settings.checkpointMinutes) await save();
    // Lets signals and other work in; a scope never spans an await, and none is open here.
    await setImmediate();
  }
  const finished = progressNow() >= 1;
  await save();
  if (finished) validate();
  onEvent({ type: "end", step, finished, minutes: clock.minutes() });
  ema?.swap();
  module.eval();
  return { step, finished };
}

/** Minutes of training, counted on from those of earlier parts of the run. */
function createClock(minutesBefore: number): { minutes(): number } {
  const start = performance.now();
  return { minutes: () => minutesBefore + (performance.now() - start) / 60_000 };
}
