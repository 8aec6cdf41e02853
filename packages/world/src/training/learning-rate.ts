// The learning rate over a run: linear warm-up in steps, then a decay over the budget, be it steps or minutes.
import type { TrainingSettings } from "./settings.js";

/** The settings that a learning rate depends on. */
export type LearningRateSettings = Pick<
  TrainingSettings,
  "learningRate" | "warmupSteps" | "decay" | "finalLearningRate"
>;

/**
 * Learning rate of one step.
 * @param step optimiser steps done before this one.
 * @param progress share of the budget that is used up, 0 to 1.
 */
export function learningRateAt(settings: LearningRateSettings, step: number, progress: number): number {
  const { learningRate, warmupSteps, decay, finalLearningRate } = settings;
  const warmup = warmupSteps === 0 ? 1 : Math.min(1, (step + 1) / warmupSteps);
  return learningRate * warmup * (finalLearningRate + (1 - finalLearningRate) * decayAt(decay, clamp01(progress)));
}

/** Share of a budget that is used up: of the steps or of the minutes, whichever is nearer to its end. */
export function budgetProgress(
  budget: Pick<TrainingSettings, "maxSteps" | "maxMinutes">,
  step: number,
  minutes: number,
): number {
  return clamp01(Math.max(step / (budget.maxSteps ?? Infinity), minutes / (budget.maxMinutes ?? Infinity)));
}

/** From 1 at the start to 0 at the end of the budget. */
function decayAt(decay: TrainingSettings["decay"], progress: number): number {
  switch (decay) {
    case "constant":
      return 1;
    case "linear":
      return 1 - progress;
    case "cosine":
      return 0.5 * (1 + Math.cos(Math.PI * progress));
    default:
      return decay satisfies never;
  }
}

function clamp01(x: number): number {
  return Math.min(1, Math.max(0, x));
}
