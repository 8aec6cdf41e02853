// Actions as the network sees them. Recordings hold the action taken AT frame t, which leads to frame t+1; networks are given, per
// frame, the action that led TO it. Masks are not shifted: entry t keeps or drops the action that led to frame t.
// Axes: B batch, T frames, A action channels.

import { type Tensor, cat, ones, rand, zeros } from "@vid2world/torch";
import type { Conditioning } from "./denoiser.js";
import type { DrawOptions } from "./noise-levels.js";

/** [a_0 .. a_{T-1}] -> [0, a_0 .. a_{T-2}]: nothing led to the first frame, and the last action leads out of the clip. */
export function shiftActions(actions_BTA: Tensor): Tensor {
  const [batch, frames, channels] = actions_BTA.dims("B T A");
  const { dtype, device } = actions_BTA;
  return cat([zeros([batch, 1, channels], { dtype, device }), actions_BTA.narrow(1, 0, frames - 1)], { dim: 1 });
}

/** A random mask [B T] that drops each action with this probability: independently per timestep, or the whole clip at once. */
export function actionDropoutMask(
  batch: number,
  frames: number,
  dropout: number,
  options: DrawOptions & { readonly perTimestep?: boolean } = {},
): Tensor {
  const { perTimestep = true, ...draw } = options;
  const mask = rand([batch, perTimestep ? frames : 1], draw)
    .ge(dropout)
    .to("float32");
  return perTimestep ? mask : mask.expand([batch, frames]).contiguous();
}

/** The conditioning with the newest action dropped: what a rollout guides away from. `frames` is the window's length. */
export function withoutNewestAction(conditioning: Conditioning, batch: number, frames: number): Conditioning {
  const device = conditioning.actions_BTA?.device ?? "cpu";
  const kept = (conditioning.actionMask_BT ?? ones([batch, frames], { device })).narrow(1, 0, frames - 1);
  return { ...conditioning, actionMask_BT: cat([kept, zeros([batch, 1], { dtype: kept.dtype, device })], { dim: 1 }) };
}

/** The conditioning with all actions dropped: what whole-clip sampling guides away from. */
export function withoutActions(conditioning: Conditioning, batch: number, frames: number): Conditioning {
  const device = conditioning.actions_BTA?.device ?? "cpu";
  return { ...conditioning, actionMask_BT: zeros([batch, frames], { device }) };
}
