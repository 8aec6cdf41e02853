// Where a played world stands: an immutable value. To fork or rewind a world is to share one; frames are freed with their last owner.

import type { Tensor } from "@vid2world/torch";
import type { HistoryFrame, SceneConditioning } from "./diffusion/frame-sampling.js";
import type { RolloutMemory } from "./diffusion/rollout-memory.js";

/** The finished frames of the window and the number of the next one. Keep it with `retainState`, give it back with `releaseState`. */
export interface WorldState {
  /** Oldest first, at most the window's length less one. */
  readonly history: readonly HistoryFrame[];
  /** Number of the next frame, counted from the first context frame; noise depends on it and on the seed alone. */
  readonly frame: number;
  readonly seed: number;
  readonly scene: SceneConditioning;
  /** What the network remembers of the frames, all or all but the newest; absent where it is shown the whole window each time. */
  readonly memory?: RolloutMemory;
}

/** Owners per frame, scene and memory. What nobody retained belongs to whoever made it. */
const owners = new WeakMap<object, number>();

/** Takes a share of a state's tensors and returns it. */
export function retainState(state: WorldState): WorldState {
  for (const shared of partsOf(state)) owners.set(shared, (owners.get(shared) ?? 0) + 1);
  return state;
}

/** Gives a share back; tensors without owners are freed. A state must not be used after its owner released it. */
export function releaseState(state: WorldState): void {
  for (const shared of partsOf(state)) {
    const left = (owners.get(shared) ?? 1) - 1;
    owners.set(shared, left);
    if (left > 0) continue;
    if (shared === state.memory?.memory) state.memory.memory.dispose();
    else for (const tensor of Object.values(shared as Record<string, Tensor>)) tensor.dispose();
  }
}

const partsOf = ({ history, scene, memory }: WorldState): object[] => [
  ...history,
  scene,
  ...(memory ? [memory.memory] : []),
];
