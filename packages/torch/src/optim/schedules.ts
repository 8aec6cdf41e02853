// Learning rates as plain functions of the step, counted from 0. They hold no state, so resuming needs only the step.

import { invalid } from "@vid2world/formats";

/** The learning rate of step `step` (0 is the first). */
export type Schedule = (step: number) => number;

/** The same learning rate at every step. */
export function constant(learningRate: number): Schedule {
  return () => learningRate;
}

/** Multiplies a schedule by a ramp from 1/steps at step 0 to 1 at step `steps - 1`. With 0 steps there is no ramp. */
export function linearWarmup(steps: number, schedule: Schedule): Schedule {
  requireSteps(steps, 0);
  return (step) => schedule(step) * Math.min(1, (step + 1) / Math.max(1, steps));
}

/** Linear from `from` at step 0 to `to` at step `steps`, then constant. */
export function linear(from: number, to: number, steps: number): Schedule {
  requireSteps(steps, 1);
  return (step) => from + (to - from) * Math.min(1, step / steps);
}

/** Half a cosine from `peak` at step 0 to `final` at step `steps`, then constant (arXiv:1608.03983, eq. 5, one cycle). */
export function cosine(peak: number, steps: number, final = 0): Schedule {
  requireSteps(steps, 1);
  return (step) => final + ((peak - final) * (1 + Math.cos(Math.PI * Math.min(1, step / steps)))) / 2;
}

function requireSteps(steps: number, least: number): void {
  if (!Number.isInteger(steps) || steps < least) throw invalid("steps", `an integer >= ${least}`, steps);
}
