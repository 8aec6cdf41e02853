// The table lookup layer.

import { embedding } from "../generated/ops.js";
import type { Tensor } from "../tensor.js";
import { normalParameter } from "./initialization.js";
import { Module } from "./module.js";
import type { Parameter } from "./parameter.js";

/** One learned vector per index, from N(0, 1). int64 [...] -> [... width] */
export class Embedding extends Module {
  /** [count, width] */
  readonly weight: Parameter;

  constructor(count: number, width: number) {
    super();
    this.weight = normalParameter([count, width]);
  }

  /** indices of any shape [...] -> [... width] */
  forward(indices: Tensor): Tensor {
    return embedding(this.weight, indices);
  }
}
