// The states of a session that are held as tensors: the newest ones, and a keyframe now and then to come back from. Bounded by bytes; what
// is dropped can be computed again.

import type { NetworkMemory } from "../diffusion/denoiser.js";
import { type WorldState, releaseState, retainState } from "../world-state.js";

/** What a cache holds. */
export interface StateCacheLimits {
  /** Bytes of tensors; the state that was put last is kept whatever it takes. */
  readonly bytes: number;
  /** Every how many frames a state is kept in preference to others. */
  readonly keyframeEvery: number;
}

/** States by node. It owns a share of each. */
export class StateCache {
  readonly #limits: StateCacheLimits;
  /** Least recently used first. */
  readonly #states = new Map<number, WorldState>();
  /** What states consist of, and how many of them each part is in: counted as they come and go, as a long session has thousands of parts. */
  readonly #parts = new Map<object, { readonly bytes: number; states: number }>();
  #bytes = 0;

  constructor(limits: StateCacheLimits) {
    this.#limits = limits;
  }

  /** The state of a node; it stays the cache's. */
  get(node: number): WorldState | undefined {
    const state = this.#states.get(node);
    if (state === undefined) return undefined;
    this.#states.delete(node);
    this.#states.set(node, state);
    return state;
  }

  /** Whether a state is there, without using it. */
  has(node: number): boolean {
    return this.#states.has(node);
  }

  /** Puts a state in the place of the node's earlier one, and makes room. */
  put(node: number, state: WorldState): void {
    retainState(state);
    this.#drop(node);
    this.#states.set(node, state);
    this.#count(state);
    if (this.#bytes <= this.#limits.bytes) return;
    const others = [...this.#states].filter(([other]) => other !== node);
    const isKeyframe = ([, other]: [number, WorldState]): boolean => this.isKeyframe(other);
    const order = [...others.filter((entry) => !isKeyframe(entry)), ...others.filter(isKeyframe)];
    for (const [oldest] of order) {
      if (this.#bytes <= this.#limits.bytes) break;
      this.#drop(oldest);
    }
  }

  /** The state that was used last, then the keyframes, newest use first. */
  newestFirst(): [node: number, state: WorldState][] {
    const [last, ...others] = [...this.#states].reverse();
    return last ? [last, ...others.filter(([, state]) => this.isKeyframe(state))] : [];
  }

  /** Whether a state is one that is kept in preference. */
  isKeyframe({ frame }: WorldState): boolean {
    return (frame - 1) % this.#limits.keyframeEvery === 0;
  }

  /** Bytes of all tensors; what states share counts once. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Gives everything back. */
  clear(): void {
    for (const node of [...this.#states.keys()]) this.#drop(node);
  }

  #drop(node: number): void {
    const state = this.#states.get(node);
    if (state === undefined) return;
    this.#states.delete(node);
    this.#discount(state);
    releaseState(state);
  }

  #count(state: WorldState): void {
    for (const [part, bytes] of partsOf(state)) {
      const known = this.#parts.get(part) ?? { bytes: bytes(), states: 0 };
      if (known.states++ > 0) continue;
      this.#parts.set(part, known);
      this.#bytes += known.bytes;
    }
  }

  #discount(state: WorldState): void {
    for (const [part] of partsOf(state)) {
      const known = this.#parts.get(part);
      if (known === undefined || --known.states > 0) continue;
      this.#parts.delete(part);
      this.#bytes -= known.bytes;
    }
  }
}

/** What a state holds, with its bytes. */
function partsOf({ history, memory }: WorldState): (readonly [part: object, bytes: () => number])[] {
  const held: NetworkMemory | undefined = memory?.memory;
  // Latents are float32, clean and noised.
  const frames = history.map((frame) => [frame, () => 8 * frame.latent_BCHW.numel] as const);
  return held ? [...frames, [held, () => held.bytes]] : frames;
}
