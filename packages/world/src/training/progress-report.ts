// What a run says of itself from time to time: means of its losses, speed, memory, and the time that is left.
import { budgetProgress } from "./learning-rate.js";
import type { TrainingListener } from "./events.js";
import { splitLevels } from "./loss-by-level.js";
import { memoryUse } from "./memory-use.js";
import type { TrainingSettings } from "./settings.js";
import type { TrainStep } from "./train-step.js";

/** What reports are made from. */
export interface ProgressReportOptions {
  readonly settings: Pick<TrainingSettings, "device" | "maxSteps" | "maxMinutes">;
  readonly trainStep: Pick<TrainStep, "read">;
  /** Where the run begins or goes on. */
  readonly start: { readonly step: number; readonly minutes: number };
  /** Minutes of training, those of earlier parts included. */
  readonly minutes: () => number;
  /** Video frames of one step over all ranks; absent: nobody counts them. */
  readonly framesPerStep?: number | undefined;
  /** Factor of the loss; absent: none. Waits for the device. */
  readonly lossScale?: (() => number) | undefined;
  readonly onEvent: TrainingListener;
}

/** Reports a run's progress. */
export interface ProgressReport {
  /** Counts steps that were left out, for the next report. */
  addLeftOut(steps: number): void;
  /** Reports on the steps since the last report. Waits for the device and all ranks. */
  send(step: number, learningRate: number): Promise<void>;
  /** Runs work that is no part of the steps' speed. */
  beside<T>(work: () => Promise<T>): Promise<T>;
  /** The step of the last report. */
  readonly reported: number;
}

/** Starts counting. */
export function createProgressReport(options: ProgressReportOptions): ProgressReport {
  const { settings, trainStep, start, framesPerStep, lossScale, onEvent } = options;
  const startProgress = budgetProgress(settings, start.step, options.minutes());
  let last = { step: start.step, minutes: options.minutes() };
  let leftOut = 0;
  return {
    addLeftOut: (steps) => void (leftOut += steps),
    async send(step, learningRate) {
      const means = await trainStep.read();
      const minutes = options.minutes();
      const progress = budgetProgress(settings, step, minutes);
      const spent = minutes - start.minutes;
      const stepsPerSecond = (step - last.step) / Math.max(1e-9, (minutes - last.minutes) * 60);
      const counted = { ...means, ...(lossScale && { lossScale: lossScale() }), ...(leftOut > 0 && { leftOut }) };
      onEvent({
        ...{ type: "progress", step, ...splitLevels(counted), learningRate, stepsPerSecond },
        ...(framesPerStep !== undefined && { framesPerSecond: stepsPerSecond * framesPerStep }),
        ...{ memory: memoryUse(settings.device), progress, minutes },
        secondsLeft: (60 * spent * (1 - progress)) / Math.max(1e-9, progress - startProgress),
      });
      last = { step, minutes };
      leftOut = 0;
    },
    async beside(work) {
      const began = options.minutes();
      const result = await work();
      last = { ...last, minutes: last.minutes + options.minutes() - began };
      return result;
    },
    get reported() {
      return last.step;
    },
  };
}
