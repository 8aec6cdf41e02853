// What training adds to a module: optimiser, moving average and loss scaling, as the settings ask for.
import { AdamW, Ema, GradScaler } from "@vid2world/torch";
import type { Device, Module } from "@vid2world/torch";
import type { RunParts } from "./checkpoints.js";
import { groupParameters } from "./parameter-groups.js";
import { checkPrecision } from "./precision.js";
import { singleRank } from "./ranks.js";
import { ownersOf, shardedState, shardOf } from "./sharded-optimizer.js";
import type { ShardedState } from "./sharded-optimizer.js";
import type { TrainingSettings } from "./settings.js";

/** Everything of a run that changes with its steps. */
export interface TrainingState {
  readonly optimizer: AdamW;
  /** Learning rate of each of the optimiser's groups, as a multiple of the run's. */
  readonly rates: readonly number[];
  readonly ema?: Ema;
  readonly scaler?: GradScaler;
  /** Where each rank keeps a part of the optimiser's state. */
  readonly sharded?: ShardedState;
  /** What a checkpoint holds. */
  readonly parts: RunParts;
}

/** Freezes parameters, groups the others and makes what trains them. The module must be on its device. */
export function createTrainingState(module: Module, settings: TrainingSettings, ranks = singleRank): TrainingState {
  checkPrecision(settings);
  const { learningRate, betas, eps, weightDecay, emaDecay, precision, device } = settings;
  const groups = groupParameters(module, settings);
  const shards = settings.shardOptimizer && ranks.count > 1;
  const owners = ownersOf(groups, ranks.count);
  const own = shards ? shardOf(groups, owners, ranks.rank) : groups;
  const optimizer = new AdamW(own, { learningRate, betas, eps, weightDecay });
  const sharded = shards && { sharded: shardedState(optimizer, groups, owners, ranks) };
  const trained = new Map(groups.flatMap(({ parameters }) => [...parameters]));
  const average = emaDecay > 0 && { ema: new Ema(trained, { decay: emaDecay }) };
  const scaling = precision === "float16" && { scaler: new GradScaler({ device: device as Device }) };
  return {
    ...{ optimizer, rates: groups.map(({ rate }) => rate) },
    ...average,
    ...scaling,
    ...sharded,
    parts: { model: module, optimizer: sharded ? sharded.sharded : optimizer, ...average, ...scaling },
  };
}
