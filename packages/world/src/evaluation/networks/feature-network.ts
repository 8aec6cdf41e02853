// What the Frechet distances take their features from.
import { cat, scope, type Tensor } from "@vid2world/torch";

/** A frozen network that turns a picture or a clip into a vector. Free it by `dispose`. */
export interface FeatureNetwork extends Disposable {
  /** What a report calls it. */
  readonly name: string;
  /** Numbers of a vector, D. */
  readonly width: number;
  /** Of a network of clips: fewest frames of one, T. Default 1. */
  readonly minimumFrames?: number;
  /** Pictures [B 3 H W] (or clips [B T 3 H W], for a network of clips) with values in [-1, 1], of any size: -> [B D] float32. */
  features(inputs: Tensor): Tensor;
  dispose(): void;
}

/**
 * Applies `compute` to each input alone and joins the results: [B ...] -> [B ...]. libtorch picks kernels and splits sums by the size of
 * the whole batch; one at a time, a feature is the same to the last bit whatever else is scored with it. On a GPU `size` may be larger.
 */
export function oneByOne(inputs: Tensor, compute: (input: Tensor) => Tensor, size = 1): Tensor {
  return scope(() => {
    const count = inputs.size(0);
    const results: Tensor[] = [];
    for (let start = 0; start < count; start += size) {
      const some = inputs.narrow(0, start, Math.min(size, count - start)).contiguous();
      results.push(scope(() => compute(some)));
    }
    return cat(results, { dim: 0 });
  });
}

/** Inputs of one call: one on the CPU, where results are to be equal to the last bit, a few dozen on a GPU. */
export const callSize = (x: Tensor): number => (x.device === "cpu" ? 1 : 32);
