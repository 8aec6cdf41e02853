// The layer that drops elements in training.

import { invalid } from "@vid2world/formats";
import { dropout } from "../generated/ops.js";
import type { Tensor } from "../tensor.js";
import { Module } from "./module.js";

/** In training, zeroes each element with probability p and scales the rest by 1 / (1 - p); otherwise returns the values. */
export class Dropout extends Module {
  readonly p: number;

  constructor(p: number) {
    super();
    if (!(p >= 0 && p <= 1)) throw invalid("p", "a probability", p);
    this.p = p;
  }

  /** x of any shape; elements are zeroed only in training mode. */
  forward(x: Tensor): Tensor {
    return dropout(x, this.p, this.training);
  }
}
