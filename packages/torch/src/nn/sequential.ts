// Layers applied one after the other.

import type { Tensor } from "../tensor.js";
import { Module } from "./module.js";

/** What `Sequential` can hold: a module of one tensor to one tensor, or a function such as `silu`. */
export type Layer = (Module & { forward(x: Tensor): Tensor }) | ((x: Tensor) => Tensor);

/**
 * Applies layers in order. A function takes a position like a module but has no state:
 * `new Sequential([new Linear(4, 8), silu, new Linear(8, 2)])` has the keys `layers.0.*` and `layers.2.*`.
 */
export class Sequential<Layers extends readonly Layer[] = readonly Layer[]> extends Module {
  readonly layers: Layers;

  constructor(layers: Layers) {
    super();
    this.layers = layers;
  }

  /** Applies the layers in order. */
  forward(x: Tensor): Tensor {
    return this.layers.reduce<Tensor>((y, layer) => (typeof layer === "function" ? layer(y) : layer.forward(y)), x);
  }
}
