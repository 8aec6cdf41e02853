// A tensor that is trained.

import { collect } from "../scope.js";
import { Tensor } from "../tensor.js";

/**
 * A tensor that modules register and optimisers update. It requires gradients and belongs to no scope.
 * @example readonly scale = new Parameter(ones([channels]));
 */
export class Parameter extends Tensor {
  /** Takes the value over: `value` itself must not be used afterwards. */
  constructor(value: Tensor) {
    // A value that was computed from other parameters is cut off from them: a parameter is a leaf of the graph.
    const leaf = value.requiresGrad ? value.detach() : value;
    super(leaf.surrender(), false);
    collect(this);
    this.requiresGrad_();
  }
}
