// One optimiser step: forward, loss and backward of each micro batch, clipping, AdamW, moving average. It never waits for the
// device: losses are summed where they are and read only when someone asks, and a step whose gradient is bad is left out there. Of
// several ranks each computes some micro batches.
import { autocast, clearGrads, clipGradients, scope } from "@vid2world/torch";
import type { AdamW, Ema, GradScaler } from "@vid2world/torch";

import { drawFor, seedTensors } from "./draws.js";
import type { Losses, Objective } from "./objective.js";
import { phase } from "./phases.js";
import { singleRank, streamsOf } from "./ranks.js";
import type { Ranks } from "./ranks.js";
import type { ShardedState } from "./sharded-optimizer.js";
import type { TrainingSettings } from "./settings.js";
import { createStepMeter } from "./step-meter.js";
import { createStepWatch } from "./step-watch.js";
import type { StepVerdict } from "./step-watch.js";

/** The settings that a step depends on. */
export type TrainStepSettings = Pick<
  TrainingSettings,
  "seed" | "device" | "precision" | "accumulate" | "gradientClip" | "instability"
>;

/** The parts of a run that a step changes. */
export interface TrainStepParts {
  readonly objective: Objective;
  readonly optimizer: AdamW;
  /** Learning rate of each of the optimiser's groups, as a multiple of the step's; absent: 1. */
  readonly rates?: readonly number[];
  readonly ema?: Ema | undefined;
  /** Where the optimiser has only this rank's part of the parameters. */
  readonly sharded?: ShardedState | undefined;
  /** With precision float16. */
  readonly scaler?: GradScaler | undefined;
  readonly settings: TrainStepSettings;
  /** Micro batches of one step over all ranks; absent: `accumulate` for each rank. */
  readonly microBatches?: number;
  readonly ranks?: Ranks | undefined;
}

/** Takes optimiser steps and keeps the losses of those since the last reading. */
export interface TrainStep {
  /** One optimiser step; `step` (from 0) decides every random choice in it. */
  run(step: number, learningRate: number): Promise<void>;
  /**
   * Means over the steps since the last reading that were not left out: `loss`, its named parts (elements of vectors as `name[i]`),
   * `gradientNorm`. Waits for the device and all ranks.
   */
  read(): Promise<Record<string, number>>;
  /** What became of each step since the last call; the loss is this rank's share. Waits for the device. */
  verdicts(): StepVerdict[];
}

/** Joins model, optimiser, moving average and loss scaling into a step. */
export function createTrainStep({
  objective,
  optimizer,
  rates = [],
  ema,
  sharded,
  scaler,
  settings,
  ranks = singleRank,
  microBatches = settings.accumulate * ranks.count,
}: TrainStepParts): TrainStep {
  const { seed, gradientClip, instability } = settings;
  objective.module.train();
  const trained = [...objective.module.namedParameters()].filter(([, { requiresGrad }]) => requiresGrad);
  const parameters = trained.map(([, parameter]) => parameter);
  const reducer = ranks.reducer(parameters);
  const meter = createStepMeter();
  const watch = createStepWatch(
    trained.map(([name]) => name),
    instability.maxGradientNorm,
  );

  const microBatch = (stream: number, samples: unknown): void => {
    const { total, parts = {} } = phase("forward", () => lossesOf(objective, settings, stream, samples));
    const share = total.div(microBatches);
    phase("backward", () => (scaler?.scale(share) ?? share).backward());
    meter.add({ loss: total, ...parts }, 1 / microBatches);
  };
  const update = (step: number, learningRate: number): void => {
    const gradients = clipGradients(parameters, { maxNorm: gradientClip, scale: scaler?.factor });
    const leftOut = watch.judge(step, meter.current("loss"), gradients, scaler?.factor);
    // Equal on all ranks: each adds its share of the sum that is read.
    meter.add({ gradientNorm: gradients.norm }, 1 / ranks.count);
    meter.endStep(leftOut);
    for (const [i, { options }] of optimizer.groups.entries()) options.learningRate = learningRate * (rates[i] ?? 1);
    optimizer.step(leftOut);
    clearGrads(parameters);
    scaler?.update(leftOut);
  };

  return {
    async run(step, learningRate) {
      // Walking through all modules takes as long as some of a small model's layers; validation leaves them as they were.
      if (!objective.module.training) objective.module.train();
      const streams = streamsOf(step, microBatches, ranks);
      for (const stream of streams) {
        const samples = await phase("loading", () => objective.next?.(seed, stream));
        if (stream === streams.at(-1)) reducer.start();
        scope(() => microBatch(stream, samples));
      }
      await phase("communication", () => reducer.finish());
      phase("optimizer", () => scope(() => update(step, learningRate)));
      if (sharded) await phase("communication", () => sharded.spread());
      if (ema) phase("optimizer", () => ema.update());
    },
    async read() {
      const means = meter.read();
      const sums = await ranks.sum(Object.values(means));
      return Object.fromEntries(Object.keys(means).map((name, i) => [name, sums[i] as number]));
    },
    verdicts() {
      optimizer.settle();
      return watch.read();
    },
  };
}

/** The losses of one micro batch, with the random numbers of its stream, in the run's precision. */
export function lossesOf(
  objective: Objective,
  settings: Pick<TrainingSettings, "seed" | "device" | "precision">,
  stream: number,
  samples: unknown,
): Losses {
  seedTensors(settings.seed, stream);
  return inPrecision(settings, () => objective.losses(drawFor(settings.seed, stream), samples));
}

/** Runs `body` in a run's precision: under autocast unless that is float32. */
export function inPrecision<T>(
  { device, precision }: Pick<TrainingSettings, "device" | "precision">,
  body: () => T,
): T {
  if (precision === "float32") return body();
  return autocast({ device: device.startsWith("cuda") ? "cuda" : "cpu", dtype: precision }, body);
}
