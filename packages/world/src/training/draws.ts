// Random choices that follow from (seed, step) alone. A run that was stopped needs no stored random state to go on exactly:
// the step's index is the position of the loader and the state of every generator.
import { manualSeed } from "@vid2world/torch";

/** A source of uniform numbers for choices made outside of tensors (which clip, which frame). */
export interface Draw {
  /** A uniform integer, 0 <= value < bound. */
  below(bound: number): number;
}

/** The draws of one stream, for instance of one micro batch; equal arguments give equal draws. */
export function drawFor(seed: number, stream: number): Draw {
  let state = mix(mix(seed >>> 0) ^ (stream >>> 0));
  return {
    below(bound) {
      state = (state + 0x9e3779b9) >>> 0;
      return Math.floor((mix(state) / 2 ** 32) * bound);
    },
  };
}

/** Seeds libtorch's generators for one stream: noise, noise levels and dropout of a micro batch. */
export function seedTensors(seed: number, stream: number): void {
  manualSeed(mix(mix((seed ^ 0x5bd1e995) >>> 0) ^ (stream >>> 0)));
}

/** A 32-bit finaliser whose every input bit changes each output bit with probability one half (the "lowbias32" constants). */
function mix(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d) >>> 0;
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b) >>> 0;
  return (x ^ (x >>> 16)) >>> 0;
}
