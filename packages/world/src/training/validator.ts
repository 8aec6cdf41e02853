// Measuring a run while it goes on: the objective's own held-out loss and whatever rolls the model out, each at its own pace, with the
// moving average of the weights and without a trace in the training that follows.
import { evaluating } from "@vid2world/torch";
import type { Ema } from "@vid2world/torch";
import type { SampleVideo, TrainingListener } from "./events.js";
import type { Objective } from "./objective.js";

/** What a long validation found. */
export interface ValidationResult {
  readonly metrics: Readonly<Record<string, number>>;
  readonly samples: readonly SampleVideo[];
}

/** A validation of one rank, which leaves files: rollouts, or pictures. */
export interface LongValidation {
  /** Steps between two; one more takes place at the end. */
  readonly every: number;
  /** Measures the model as it is now. Throws when the signal ends it. */
  run(step: number, signal: AbortSignal | undefined): Promise<ValidationResult>;
  /** Whether that of this step was completed, by an earlier part of the run. */
  isDone(step: number): Promise<boolean>;
}

/** The parts of a run that validation needs. */
export interface ValidatorParts {
  readonly objective: Objective;
  readonly ema?: Ema | undefined;
  /** Steps between two short validations; absent: only at the end. */
  readonly every?: number | undefined;
  readonly long?: LongValidation | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent: TrainingListener;
}

/** Validates when it is time to. All methods give the metrics that were measured now; undefined where nothing was due. */
export interface Validator {
  /** After a step of the loop. */
  after(step: number): Promise<Readonly<Record<string, number>> | undefined>;
  /** Where a run goes on: a validation that was ended by the signal, or lost, is made up for. */
  resumed(step: number): Promise<Readonly<Record<string, number>> | undefined>;
  /** Whether everything that the run measures was measured at this step. */
  isWhole(step: number): boolean;
  /** At the end, unless the last step was validated already. */
  atEnd(step: number): Promise<Readonly<Record<string, number>> | undefined>;
}

/** Joins a run's validations. */
export function createValidator({ objective, ema, every, long, signal, onEvent }: ValidatorParts): Validator {
  const last = { short: -1, long: -1 };
  const withAverage = <T>(use: () => T): T =>
    ema ? ema.swappedIn(() => evaluating(objective.module, use)) : evaluating(objective.module, use);

  const validate = async (
    step: number,
    due: { short: boolean; long: boolean },
  ): Promise<Readonly<Record<string, number>> | undefined> => {
    const short = due.short && last.short !== step ? withAverage(() => objective.validate?.()) : undefined;
    if (due.short) last.short = step;
    let found: ValidationResult | undefined;
    if (long && due.long && last.long !== step) {
      try {
        found = await withAverage(() => long.run(step, signal));
        last.long = step;
      } catch (error) {
        // Ended by the caller, not failed: the run goes on to save, and makes up for it when it is resumed.
        if (!signal?.aborted) throw error;
      }
    }
    if (!short && !found) return undefined;
    const metrics = { ...short, ...found?.metrics };
    if (Object.keys(metrics).length > 0) onEvent({ type: "validation", step, metrics });
    if (found && found.samples.length > 0) onEvent({ type: "samples", step, samples: found.samples });
    return metrics;
  };
  const isDue = (step: number, pace: number | undefined): boolean => pace !== undefined && step % pace === 0;

  return {
    after: (step) => validate(step, { short: isDue(step, every), long: isDue(step, long?.every) }),
    async resumed(step) {
      const isLost = long !== undefined && step > 0 && isDue(step, long.every) && !(await long.isDone(step));
      return isLost ? validate(step, { short: false, long: true }) : undefined;
    },
    isWhole: (step) => last.short === step && (long === undefined || last.long === step),
    atEnd: (step) => validate(step, { short: true, long: true }),
  };
}
