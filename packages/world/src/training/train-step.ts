// One optimiser step: forward, loss and backward of each micro batch, clipping, AdamW, moving average. It never waits for the
// device: losses are summed where they are and read only when someone asks. Of several ranks each computes some micro batches.
import { autocast, clipGradNorm, scope } from "@vid2world/torch";
import type { AdamW, Ema } from "@vid2world/torch";

import { drawFor, seedTensors } from "./draws.js";
import type { Objective } from "./objective.js";
import { phase } from "./phases.js";
import { singleRank, streamsOf } from "./ranks.js";
import type { Ranks } from "./ranks.js";
import type { TrainingSettings } from "./settings.js";
import { createStepMeter } from "./step-meter.js";

/** The parts of a run that a step changes. */
export interface TrainStepParts {
  readonly objective: Objective;
  readonly optimizer: AdamW;
  readonly ema?: Ema | undefined;
  readonly settings: Pick<TrainingSettings, "seed" | "device" | "precision" | "accumulate" | "gradientClip">;
  /** Micro batches of one step over all ranks; absent: `accumulate` for each rank. */
  readonly microBatches?: number;
  readonly ranks?: Ranks | undefined;
}

/** Takes optimiser steps and keeps the losses of those since the last reading. */
export interface TrainStep {
  /** One optimiser step; `step` (from 0) decides every random choice in it. */
  run(step: number, learningRate: number): Promise<void>;
  /** Means over the steps since the last reading: `loss`, its named parts (elements of vectors as `name[i]`), `gradientNorm`. Waits for the device and all ranks. */
  read(): Promise<Record<string, number>>;
}

/** Joins model, optimiser and moving average into a step. */
export function createTrainStep({
  objective,
  optimizer,
  ema,
  settings,
  ranks = singleRank,
  microBatches = settings.accumulate * ranks.count,
}: TrainStepParts): TrainStep {
  const { seed, gradientClip } = settings;
  const parameters = objective.module.parameters().filter((parameter) => parameter.requiresGrad);
  const reducer = ranks.reducer(parameters);
  const meter = createStepMeter();

  return {
    async run(step, learningRate) {
      objective.module.train();
      const streams = streamsOf(step, microBatches, ranks);
      for (const stream of streams) {
        const samples = await objective.next?.(seed, stream);
        if (stream === streams.at(-1)) reducer.start();
        scope(() => {
          seedTensors(seed, stream);
          const { total, parts = {} } = phase("forward", () =>
            inPrecision(settings, () => objective.losses(drawFor(seed, stream), samples)),
          );
          phase("backward", () => total.div(microBatches).backward());
          meter.add({ loss: total, ...parts }, 1 / microBatches);
        });
      }
      await phase("communication", () => reducer.finish());
      phase("optimizer", () =>
        scope(() => {
          // Equal on all ranks: each adds its share of the sum that is read.
          meter.add({ gradientNorm: clipGradNorm(parameters, gradientClip) }, 1 / ranks.count);
          optimizer.setLearningRate(learningRate);
          optimizer.step();
          optimizer.zeroGrad();
          ema?.update();
        }),
      );
      meter.countStep();
    },
    async read() {
      const means = meter.read();
      const sums = await ranks.sum(Object.values(means));
      return Object.fromEntries(Object.keys(means).map((name, i) => [name, sums[i] as number]));
    },
  };
}

/** Runs `body` in a run's precision: under autocast where that is bfloat16. */
export function inPrecision<T>(
  { device, precision }: Pick<TrainingSettings, "device" | "precision">,
  body: () => T,
): T {
  if (precision === "float32") return body();
  return autocast({ device: device.startsWith("cuda") ? "cuda" : "cpu", dtype: "bfloat16" }, body);
}
