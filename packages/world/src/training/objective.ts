// What a training loop needs to know of the thing it trains: a module, and the samples and losses of one micro batch. Nothing else.
import type { Module, Tensor } from "@vid2world/torch";
import type { Draw } from "./draws.js";

/** The losses of one micro batch, on the device: `total`, a scalar, is minimised; the named parts, scalars or vectors, are only reported. */
export interface Losses {
  readonly total: Tensor;
  readonly parts?: Readonly<Record<string, Tensor>>;
}

/** Something that can be trained. `Samples` is what it reads for a micro batch before the step. */
export interface Objective<Samples = unknown> {
  /** Holds every parameter that is trained. */
  readonly module: Module;
  /** Video frames of one micro batch; absent: nobody counts them. */
  readonly frames?: number;
  /**
   * Reads the samples of micro batch `stream` of the run with this seed, which two decide every choice. It holds bytes, not tensors: what
   * it gives must not need to be freed. Absent: `losses` needs nothing read.
   */
  next?(seed: number, stream: number): Promise<Samples>;
  /** Losses of one micro batch, from what `next` gave; choices are decided by `draw`, noise comes from libtorch's seeded generators. */
  losses(draw: Draw, samples: Samples): Losses;
  /** Names of the samples that a draw decides on, for people who look into a bad step. */
  samples?(draw: Draw): readonly string[];
  /** Measures the module as it is now, on data that is not trained on. */
  validate?(): Readonly<Record<string, number>>;
}
