// Stochastic gradient descent with momentum.

import { invalid } from "@vid2world/formats";
import { _foreachAdd, _foreachAdd_, _foreachMul_ } from "../generated/ops.js";
import type { Tensor } from "../tensor.js";
import { type CommonOptions, Optimizer, type Update } from "./optimizer.js";
import type { GroupOf, ParameterSet } from "./parameters.js";

/** Hyperparameters of `Sgd`. */
export interface SgdOptions extends CommonOptions {
  /** Step size. Default 1e-3. */
  learningRate: number;
  /** Fraction of the last update's direction that is kept. Default 0. */
  momentum: number;
  /** Look ahead along the momentum (Nesterov). Default false. */
  nesterov: boolean;
  /** Coupled L2 penalty: this times the weight is added to the gradient. Default 0. */
  weightDecay: number;
}

/** Gradient descent as PyTorch defines it: the velocity is `momentum * velocity + gradient`, starting at the first gradient. */
export class Sgd extends Optimizer<SgdOptions> {
  protected readonly averages = ["velocity"];

  constructor(parameters: ParameterSet | readonly GroupOf<SgdOptions>[], options: Partial<SgdOptions> = {}) {
    super(parameters, { learningRate: 1e-3, momentum: 0, nesterov: false, weightDecay: 0, ...options });
    for (const { options: own } of this.groups) check(own);
  }

  protected override update(
    batch: readonly Update[],
    { learningRate, momentum, nesterov, weightDecay }: SgdOptions,
  ): void {
    const parameters = batch.map(({ parameter }): Tensor => parameter);
    let direction = batch.map(({ grad }) => grad);
    if (weightDecay !== 0) direction = _foreachAdd(direction, parameters, { alpha: weightDecay });
    if (momentum !== 0) {
      const velocity = batch.map(({ state }) => state.averages["velocity"] as Tensor);
      _foreachMul_(velocity, momentum);
      _foreachAdd_(velocity, direction);
      direction = nesterov ? _foreachAdd(direction, velocity, { alpha: momentum }) : velocity;
    }
    _foreachAdd_(parameters, direction, { alpha: -learningRate });
  }
}

function check({ learningRate, momentum, nesterov, weightDecay }: SgdOptions): void {
  if (!(learningRate >= 0)) throw invalid("learningRate", "a number >= 0", learningRate);
  if (!(momentum >= 0)) throw invalid("momentum", "a number >= 0", momentum);
  if (nesterov && momentum === 0) throw invalid("momentum", "a number > 0 with nesterov", momentum);
  if (!(weightDecay >= 0)) throw invalid("weightDecay", "a number >= 0", weightDecay);
}
