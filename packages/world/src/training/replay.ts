// Looks into a step that a run left out: the same weights, samples, noise and dropout once more, this time asking everything.
import { FormatError, readSafetensorsHeader } from "@vid2world/formats";
import { loadSafetensors, scope } from "@vid2world/torch";
import type { Tensor } from "@vid2world/torch";
import { z } from "zod";
import { drawFor } from "./draws.js";
import { type BadLayer, watchingLayers } from "./layer-watch.js";
import type { Losses, Objective } from "./objective.js";
import type { TrainingSettings } from "./settings.js";
import { lossesOf } from "./train-step.js";

const positionSchema = z.strictObject({
  step: z.int(),
  seed: z.int(),
  streams: z.array(z.int()),
  lossScale: z.number(),
  updatesLater: z.int().default(0),
});

/** One micro batch of a replayed step. */
export interface ReplayedBatch {
  readonly stream: number;
  readonly samples: readonly string[];
  readonly losses: Readonly<Record<string, number>>;
  /** The first layer whose result is not finite; absent: all of them are. */
  readonly layer?: BadLayer;
  /** Parameters whose gradient is not finite, in the model's order. */
  readonly parameters: readonly string[];
  /** Norm of this micro batch's whole gradient, without the loss scale. */
  readonly gradientNorm: number;
}

/** A step that was taken once more. */
export interface Replay {
  /** Counted from 0. */
  readonly step: number;
  readonly lossScale: number;
  /** Optimiser steps that the weights are later than the step was. */
  readonly updatesLater: number;
  /** Parameters and buffers that are not finite themselves, before the step. */
  readonly weights: readonly string[];
  readonly batches: readonly ReplayedBatch[];
}

/**
 * Loads the weights of a file in `instability/` of a run's folder into the objective's module and takes the micro batches of its step,
 * one at a time, without an optimiser. The objective and the settings must be those of the run.
 */
export async function replayStep(
  objective: Objective,
  settings: Pick<TrainingSettings, "device" | "precision">,
  file: string,
): Promise<Replay> {
  const { step, seed, streams, lossScale, updatesLater } = await readPosition(file);
  const { module } = objective;
  const kept = await loadSafetensors(file);
  module.loadStateDict(kept, { from: file }).train();
  for (const tensor of kept.values()) tensor.dispose();
  const batches: ReplayedBatch[] = [];
  for (const stream of streams) {
    const samples = await objective.next?.(seed, stream);
    module.zeroGrad();
    const take = (): Losses => lossesOf(objective, { ...settings, seed }, stream, samples);
    batches.push(
      scope(() => {
        const { result, layer } = watchingLayers(module, take);
        const { total, parts = {} } = result;
        total.mul(lossScale).backward();
        const scalars = Object.entries({ loss: total, ...parts }).filter(([, { numel }]) => numel === 1);
        const gradients = [...module.namedParameters()].flatMap(([name, { grad }]) =>
          grad ? [[name, grad] as const] : [],
        );
        return {
          stream,
          samples: objective.samples?.(drawFor(seed, stream)) ?? [],
          losses: Object.fromEntries(scalars.map(([name, value]) => [name, value.item()])),
          ...(layer && { layer }),
          ...gradientFacts(new Map(gradients), lossScale),
        };
      }),
    );
  }
  module.zeroGrad();
  return { step, lossScale, updatesLater, weights: notFinite(module.stateDict()), batches };
}

async function readPosition(file: string): Promise<z.output<typeof positionSchema>> {
  const { replay = "null" } = (await readSafetensorsHeader(file)).metadata;
  const found = positionSchema.safeParse(JSON.parse(replay));
  if (found.success) return found.data;
  throw new FormatError(file, "is no file to replay; a run writes them to instability/ in its folder");
}

function gradientFacts(gradients: ReadonlyMap<string, Tensor>, scale: number) {
  const squares = [...gradients.values()].map((gradient) => gradient.to("float64").div(scale).square().sum().item());
  return {
    parameters: notFinite(gradients),
    gradientNorm: Math.sqrt(squares.reduce((sum, square) => sum + square, 0)),
  };
}

/** Names of the tensors that hold a number that is not finite. */
function notFinite(tensors: ReadonlyMap<string, Tensor>): string[] {
  return scope(() => [...tensors].flatMap(([name, tensor]) => (tensor.isfinite().all().item() === 0 ? [name] : [])));
}
