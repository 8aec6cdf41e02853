// What a training loop needs to know of the thing it trains: a module and the loss of one micro batch. Nothing else.
import type { Module, Tensor } from "@vid2world/torch";
import type { Draw } from "./draws.js";

/** The losses of one micro batch, all scalars on the device. `total` is minimised, the named parts are only reported. */
export interface Losses {
  readonly total: Tensor;
  readonly parts?: Readonly<Record<string, Tensor>>;
}

/** Something that can be trained. */
export interface Objective {
  /** Holds every parameter that is trained. */
  readonly module: Module;
  /** Losses of one micro batch. Which samples it takes is decided by `draw`; noise comes from libtorch's seeded generators. */
  losses(draw: Draw): Losses;
  /** Measures the module as it is now, on data that is not trained on. */
  validate?(): Readonly<Record<string, number>>;
}
