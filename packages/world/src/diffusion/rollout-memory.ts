// What a rollout's network remembers of its frames, brought up to date before a new frame is sampled (`sampler.evaluation: streaming`).
// Axes: B batch, T frames.

import type { Network, NetworkMemory } from "./denoiser.js";
import {
  type FrameSettings,
  type HistoryFrame,
  type SceneConditioning,
  finishedWindow,
  windowOf,
} from "./frame-sampling.js";

/** A network's memory of the frames before number `next`. An immutable value as the memory itself. */
export interface RolloutMemory {
  readonly memory: NetworkMemory;
  /** The number of the frame after the remembered ones. */
  readonly next: number;
  /** The same when the memory was begun: how long it has been continued. */
  readonly began: number;
}

/**
 * A memory of all of `history`, whose newest frame is number `frame - 1`: `past` itself where it is up to date, `past` and the newest frame,
 * or a new one where there is none or it is due to be refreshed. Undefined where rollouts evaluate the whole window. What it returns is the
 * caller's, `past` stays its owner's. Run it without gradients and inside a `scope`.
 */
export function remember(
  past: RolloutMemory | undefined,
  history: readonly HistoryFrame[],
  frame: number,
  scene: SceneConditioning,
  settings: FrameSettings,
): RolloutMemory | undefined {
  const { streaming, sampler, windowLength } = settings;
  if (streaming === undefined || past?.next === frame) return past;
  const { x_BTCHW, levels_BT, conditioning } = finishedWindow(windowOf(history, windowLength), scene, settings);
  const due = past !== undefined && sampler.refreshEvery > 0 && frame - past.began >= sampler.refreshEvery;
  if (past?.next !== frame - 1 || due)
    return { memory: streaming.begin(x_BTCHW, levels_BT, conditioning), next: frame, began: frame };
  return { ...past, memory: streaming.commit(past.memory, x_BTCHW, levels_BT, conditioning), next: frame };
}

/** The network that samples a frame: `network` over the whole window, or the one that has the memory of all frames but the newest. */
export function rememberingNetwork(
  network: Network,
  past: RolloutMemory | undefined,
  { streaming }: FrameSettings,
): Network {
  if (streaming === undefined || past === undefined) return network;
  return (x_BTCHW, levels_BT, conditioning) => streaming.predict(past.memory, x_BTCHW, levels_BT, conditioning);
}
