// What a rollout's network remembers of its frames, brought up to date before a new frame is sampled (`sampler.evaluation: streaming`).
// Axes: B batch, T frames.

import { scope } from "@vid2world/torch";
import type { Network, NetworkMemory, StreamingNetwork } from "./denoiser.js";
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

/** What brings a memory up to date: the newest frame is committed to it, or it is begun from the window's frames. */
export type MemoryWork = "begin" | "commit";

/** The work due before frame number `frame` is sampled; undefined where there is none. */
export function memoryWork(
  past: RolloutMemory | undefined,
  frame: number,
  { streaming, sampler }: Pick<FrameSettings, "streaming" | "sampler">,
): MemoryWork | undefined {
  if (streaming === undefined || past?.next === frame) return undefined;
  const due = past !== undefined && sampler.refreshEvery > 0 && frame - past.began >= sampler.refreshEvery;
  return past?.next !== frame - 1 || due ? "begin" : "commit";
}

/** Does the work: a memory of all of `history`. `past` is not used by `begin`, and stays its owner's. */
export function workedMemory(
  work: MemoryWork,
  past: NetworkMemory | undefined,
  history: readonly HistoryFrame[],
  scene: SceneConditioning,
  settings: FrameSettings & { readonly streaming: StreamingNetwork },
): NetworkMemory {
  const { streaming, windowLength } = settings;
  const { x_BTCHW, levels_BT, conditioning } = finishedWindow(windowOf(history, windowLength), scene, settings);
  if (work === "begin" || past === undefined) return streaming.begin(x_BTCHW, levels_BT, conditioning);
  return streaming.commit(past, x_BTCHW, levels_BT, conditioning);
}

/** The `commit` of `workedMemory` on a thread of its own; what is given may be disposed of at once. Run it without gradients. */
export function committedAside(
  past: NetworkMemory,
  history: readonly HistoryFrame[],
  scene: SceneConditioning,
  { streaming, ...settings }: FrameSettings & { readonly streaming: StreamingNetwork },
): Promise<NetworkMemory> {
  const [committed] = scope(() => {
    const { x_BTCHW, levels_BT, conditioning } = finishedWindow(
      windowOf(history, settings.windowLength),
      scene,
      settings,
    );
    return [streaming.commitAside(past, x_BTCHW, levels_BT, conditioning)] as const;
  });
  return committed;
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
  const work = memoryWork(past, frame, settings);
  const { streaming } = settings;
  if (work === undefined || streaming === undefined) return past;
  const memory = workedMemory(work, past?.memory, history, scene, { ...settings, streaming });
  return { memory, next: frame, began: work === "begin" || past === undefined ? frame : past.began };
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
