// The fully connected layer.

import { linear } from "../generated/ops.js";
import type { Tensor } from "../tensor.js";
import { biasFor, kaimingUniformWeight } from "./initialization.js";
import { Module } from "./module.js";
import type { Parameter } from "./parameter.js";

/** `y = x W^T + b` over the last axis, without b if `bias` is false. [... in] -> [... out] */
export class Linear extends Module {
  /** [out, in] */
  readonly weight: Parameter;
  /** [out] */
  readonly bias: Parameter | undefined;

  constructor(inFeatures: number, outFeatures: number, { bias = true }: { readonly bias?: boolean } = {}) {
    super();
    const shape = [outFeatures, inFeatures];
    this.weight = kaimingUniformWeight(shape);
    this.bias = bias ? biasFor(shape) : undefined;
  }

  /** x [... in] -> [... out] */
  forward(x: Tensor): Tensor {
    return linear(x, this.weight, { bias: this.bias });
  }
}
