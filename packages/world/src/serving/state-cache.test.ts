// Which states a session holds, and what they weigh.
import { zeros } from "@vid2world/torch";
import { expect, test } from "vitest";
import type { HistoryFrame } from "../diffusion/frame-sampling.js";
import type { WorldState } from "../world-state.js";
import { StateCache } from "./state-cache.js";

const MEMORY = 1000;
let weighed = 0;

const frameOf = (): HistoryFrame => ({ latent_BCHW: zeros([1, 4, 2, 2]), noisy_BCHW: zeros([1, 4, 2, 2]) });
/** Latents of 4 x 2 x 2 float32, clean and noised. */
const FRAME = 2 * 4 * 16;

/** A state after `history`, whose memory counts how often it is weighed. */
function stateAfter(history: readonly HistoryFrame[], frame: number): WorldState {
  const memory = {
    get bytes(): number {
      weighed++;
      return MEMORY;
    },
    tensors: [],
    dispose: () => undefined,
  };
  return { history, frame, seed: 0, scene: {}, memory: { memory, next: frame, began: 0 } };
}

test("what states share counts once, each memory is weighed once, and nothing is left of what was given back", () => {
  weighed = 0;
  const cache = new StateCache({ bytes: Infinity, keyframeEvery: 4 });
  const frames = Array.from({ length: 12 }, frameOf);
  for (let at = 0; at < 10; at++) cache.put(at, stateAfter(frames.slice(at, at + 3), at + 3));
  expect(cache.bytes).toBe(12 * FRAME + 10 * MEMORY);
  cache.put(9, stateAfter(frames.slice(9), 12));
  expect(cache.bytes).toBe(12 * FRAME + 10 * MEMORY);
  expect(weighed).toBe(11);
  cache.clear();
  expect(cache.bytes).toBe(0);
});

test("beyond its bytes the state used longest ago goes, keyframes last, and never the newest", () => {
  const cache = new StateCache({ bytes: 3 * (MEMORY + FRAME), keyframeEvery: 4 });
  // Frames 1 and 5 are keyframes.
  for (let frame = 1; frame <= 5; frame++) cache.put(frame, stateAfter([frameOf()], frame));
  expect([1, 2, 3, 4, 5].filter((node) => cache.has(node))).toEqual([1, 4, 5]);
  cache.get(4);
  cache.put(6, stateAfter([frameOf()], 6));
  cache.put(7, stateAfter([frameOf()], 7));
  expect([1, 4, 5, 6, 7].filter((node) => cache.has(node))).toEqual([1, 5, 7]);
  const small = new StateCache({ bytes: 1, keyframeEvery: 4 });
  for (const frame of [1, 2]) small.put(frame, stateAfter([frameOf()], frame));
  expect([1, 2].map((node) => small.has(node))).toEqual([false, true]);
  for (const one of [cache, small]) one.clear();
});
