// AdamW: Adam with decoupled weight decay.

import { invalid } from "@vid2world/formats";
import { full } from "../creation.js";
import type { Device } from "../dtype.js";
import {
  _foreachAdd_,
  _foreachAddcdiv_,
  _foreachAddcmul_,
  _foreachDiv_,
  _foreachMul_,
  _foreachSqrt,
  _fusedAdamw_,
  stack,
} from "../generated/ops.js";
import type { Tensor } from "../tensor.js";
import { fusedAdamwWorks } from "./fused.js";
import { type CommonOptions, Optimizer, type Update } from "./optimizer.js";
import type { GroupOf, ParameterSet } from "./parameters.js";

/** Hyperparameters of `AdamW`; the defaults are PyTorch's. */
export interface AdamWOptions extends CommonOptions {
  /** Step size. Default 1e-3. */
  learningRate: number;
  /** Decay of the averages of the gradient and of its square. Default [0.9, 0.999]. */
  betas: readonly [number, number];
  /** Added to the denominator. Default 1e-8. */
  eps: number;
  /** Fraction of each weight, times the learning rate, that is removed per step. Default 1e-2. */
  weightDecay: number;
}

/** How `AdamW` computes; both ways give the same numbers to rounding. */
export interface AdamWImplementation {
  /** One kernel for the whole update where libtorch has it for the device. Default: wherever it is there. */
  readonly fused?: boolean;
}

/**
 * AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2 with the schedule multiplier inside the learning rate).
 * All parameters of a group are updated by a handful of multi-tensor calls, or by one where libtorch has a fused kernel.
 */
export class AdamW extends Optimizer<AdamWOptions> {
  protected readonly averages = ["firstMoment", "secondMoment"];
  readonly #fused: boolean;

  constructor(
    parameters: ParameterSet | readonly GroupOf<AdamWOptions>[],
    { fused = true, ...options }: Partial<AdamWOptions> & AdamWImplementation = {},
  ) {
    super(parameters, { learningRate: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 1e-2, ...options });
    for (const { options: own } of this.groups) check(own);
    this.#fused = fused;
  }

  protected override leavesOutOnDevice(device: Device): boolean {
    return this.#fused && fusedAdamwWorks(device);
  }

  protected override update(batch: readonly Update[], options: AdamWOptions, unless: Tensor | undefined): void {
    const lists: Lists = {
      parameters: batch.map(({ parameter }) => parameter),
      grads: batch.map(({ grad }) => grad),
      first: batch.map(({ state }) => state.averages["firstMoment"] as Tensor),
      second: batch.map(({ state }) => state.averages["secondMoment"] as Tensor),
      steps: batch.map(({ state }) => state.step),
    };
    const { device } = lists.parameters[0] as Tensor;
    if (this.#fused && fusedAdamwWorks(device)) updateFused(lists, options, unless, this.unsettled);
    else updateForeach(lists, options);
  }
}

interface Lists {
  readonly parameters: Tensor[];
  readonly grads: Tensor[];
  readonly first: Tensor[];
  readonly second: Tensor[];
  readonly steps: number[];
}

function updateForeach({ parameters, grads, first, second, steps }: Lists, options: AdamWOptions): void {
  const { learningRate, eps, weightDecay } = options;
  const [beta1, beta2] = options.betas;
  if (weightDecay !== 0) _foreachMul_(parameters, 1 - learningRate * weightDecay);
  _foreachMul_(first, beta1);
  _foreachAdd_(first, grads, { alpha: 1 - beta1 });
  _foreachMul_(second, beta2);
  _foreachAddcmul_(second, grads, grads, { value: 1 - beta2 });
  const denominator = _foreachSqrt(second);
  _foreachDiv_(
    denominator,
    steps.map((step) => Math.sqrt(1 - beta2 ** step)),
  );
  _foreachAdd_(denominator, eps);
  _foreachAddcdiv_(
    parameters,
    first,
    denominator,
    steps.map((step) => -learningRate / (1 - beta1 ** step)),
  );
}

function updateFused(
  { parameters, grads, first, second, steps }: Lists,
  options: AdamWOptions,
  unless: Tensor | undefined,
  unsettled: readonly Tensor[],
): void {
  const { learningRate, betas, weightDecay, eps } = options;
  const { device } = parameters[0] as Tensor;
  // The kernel reads step counts from tensors; parameters that were always updated together share one.
  const counters = new Map<number, Tensor>();
  const leftOut = unsettled.length === 0 ? undefined : stack(unsettled).sum().float();
  for (const step of steps) {
    if (counters.has(step)) continue;
    const counted = full([], step, { dtype: "float32", device });
    counters.set(step, leftOut === undefined ? counted : counted.sub(leftOut));
  }
  _fusedAdamw_(
    parameters,
    grads,
    first,
    second,
    [],
    steps.map((step) => counters.get(step) as Tensor),
    learningRate,
    ...betas,
    weightDecay,
    eps,
    false,
    false,
    { foundInf: unless?.float() },
  );
}

function check({ learningRate, betas, eps, weightDecay }: AdamWOptions): void {
  if (!(learningRate >= 0)) throw invalid("learningRate", "a number >= 0", learningRate);
  if (!betas.every((beta) => beta >= 0 && beta < 1)) throw invalid("betas", "two numbers in [0, 1)", betas);
  if (!(eps >= 0)) throw invalid("eps", "a number >= 0", eps);
  if (!(weightDecay >= 0)) throw invalid("weightDecay", "a number >= 0", weightDecay);
}
