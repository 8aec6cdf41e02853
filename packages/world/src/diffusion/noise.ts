// Where sampling noise comes from. A source is a pure function of what the noise is for, so that rewinding, forking and replaying a
// rollout gives the same pixels, and tests can put recorded noise in.

import { type Device, type DType, Generator, type Tensor, randn, scope, stack } from "@vid2world/torch";

/** What a draw is for. `frame` counts from the start of the rollout; a window that slides does not change it. */
export type NoisePurpose =
  | { readonly kind: "start"; readonly frame: number } // a new frame before its first step
  | { readonly kind: "history"; readonly frame: number } // a finished frame, once, when it becomes history
  | { readonly kind: "step"; readonly frame: number; readonly step: number } // fresh noise of a step (eta > 0)
  | { readonly kind: "posterior"; readonly frame: number }; // the autoencoder's sample of a context frame

/** Standard normal noise [B C H W] of one frame for one purpose. */
export type NoiseSource = (purpose: NoisePurpose, shape: readonly number[]) => Tensor;

/** How seeded noise is made. */
export interface SeededNoiseOptions {
  readonly device?: Device;
  readonly dtype?: DType;
  /** Added to the purpose's frame number, row by row: for rollouts side by side that have come to different frames. Absent: 0. */
  readonly frames?: readonly number[];
}

/** Noise that depends only on (seed of the row, purpose): row b of a batch is drawn with `seeds[b]`, whatever else is in the batch. */
export function seededNoise(seeds: readonly number[], options: SeededNoiseOptions = {}): NoiseSource {
  const { device = "cpu", dtype = "float32", frames } = options;
  const generator = new Generator({ device });
  return (purpose, shape) => {
    const [, ...rest] = shape;
    return scope(() =>
      stack(
        seeds.map((seed, row) => {
          generator.setSeed(noiseSeed(seed, { ...purpose, frame: purpose.frame + (frames?.[row] ?? 0) }));
          return randn(rest, { device, dtype, generator });
        }),
      ),
    );
  };
}

/** A seed of 32 bits for a purpose: the numbers mixed one after the other (finaliser of MurmurHash3, public domain). */
export function noiseSeed(seed: number, purpose: NoisePurpose): number {
  const kind = { start: 1, history: 2, step: 3, posterior: 4 }[purpose.kind];
  const step = purpose.kind === "step" ? purpose.step : 0;
  const parts = [seed % 2 ** 32, Math.floor(seed / 2 ** 32), kind, purpose.frame, step];
  return parts.reduce((hash, part) => mix(hash ^ (part + 0x9e3779b9)), 0) >>> 0;
}

function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
