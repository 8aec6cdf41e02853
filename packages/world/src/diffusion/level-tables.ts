// The tables of a noise schedule as float32 tensors, looked up per frame at integer timesteps without leaving the device.

import { type Device, type Tensor, fromTypedArray, keep } from "@vid2world/torch";
import type { NoiseSchedule } from "./schedule.js";

/** Tables that can be looked up per frame. */
export type TableName = "sqrtAlphasBar" | "sqrtOneMinusAlphasBar" | "scale";

/** Tables by schedule and device: made once, they live as long as their schedule. */
const cache = new WeakMap<NoiseSchedule, Map<string, Tensor>>();

function table(schedule: NoiseSchedule, name: TableName, device: Device): Tensor {
  let tables = cache.get(schedule);
  if (tables === undefined) cache.set(schedule, (tables = new Map<string, Tensor>()));
  const key = `${name} ${device}`;
  let values = tables.get(key);
  if (values === undefined) {
    values = keep(fromTypedArray(schedule[name], [schedule.numTimesteps]).to(device));
    tables.set(key, values);
  }
  return values;
}

/** Values of a table at integer timesteps, shaped to multiply latents: [B T] -> [B T 1 1 1], [B] -> [B 1 1 1 1]. */
export function atLevels(schedule: NoiseSchedule, name: TableName, levels: Tensor): Tensor {
  const values = table(schedule, name, levels.device).indexSelect(0, levels.flatten());
  const [batch = 1, frames = 1] = levels.shape;
  return values.reshape([batch, frames, 1, 1, 1]);
}
