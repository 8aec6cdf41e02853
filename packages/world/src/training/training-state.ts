// What training adds to a module: optimiser, moving average and loss scaling, as the settings ask for.
import { AdamW, Ema, GradScaler } from "@vid2world/torch";
import type { Device, Module } from "@vid2world/torch";
import type { RunParts } from "./checkpoints.js";
import { groupParameters } from "./parameter-groups.js";
import { checkPrecision } from "./precision.js";
import type { TrainingSettings } from "./settings.js";

/** Everything of a run that changes with its steps. */
export interface TrainingState {
  readonly optimizer: AdamW;
  /** Learning rate of each of the optimiser's groups, as a multiple of the run's. */
  readonly rates: readonly number[];
  readonly ema?: Ema;
  readonly scaler?: GradScaler;
  /** What a checkpoint holds. */
  readonly parts: RunParts;
}

/** Freezes parameters, groups the others and makes what trains them. The module must be on its device. */
export function createTrainingState(module: Module, settings: TrainingSettings): TrainingState {
  checkPrecision(settings);
  const { learningRate, betas, eps, weightDecay, emaDecay, precision, device } = settings;
  const groups = groupParameters(module, settings);
  const optimizer = new AdamW(groups, { learningRate, betas, eps, weightDecay });
  const trained = new Map(groups.flatMap(({ parameters }) => [...parameters]));
  const average = emaDecay > 0 && { ema: new Ema(trained, { decay: emaDecay }) };
  const scaling = precision === "float16" && { scaler: new GradScaler({ device: device as Device }) };
  return {
    ...{ optimizer, rates: groups.map(({ rate }) => rate) },
    ...average,
    ...scaling,
    parts: { model: module, optimizer, ...average, ...scaling },
  };
}
