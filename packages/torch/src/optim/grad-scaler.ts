// Dynamic loss scaling: keeps small gradients of float16 training from vanishing.

import { invalid } from "@vid2world/formats";
import { noGrad } from "../autograd.js";
import { full, tensor, zeros } from "../creation.js";
import { TorchError } from "../errors.js";
import { _ampForeachNonFiniteCheckAndUnscale_, _foreachMul_, stack } from "../generated/ops.js";
import { loadState } from "../nn/load-state.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { batches, gradients } from "./foreach.js";
import type { CommonOptions, Optimizer } from "./optimizer.js";

/** Options of `GradScaler`; the defaults are PyTorch's. */
export interface GradScalerOptions {
  /** First factor of the loss. Default 65536. */
  readonly initialScale?: number;
  /** Factor after `growthInterval` steps without overflow. Default 2. */
  readonly growthFactor?: number;
  /** Factor after an overflow. Default 0.5. */
  readonly backoffFactor?: number;
  /** Steps without overflow between two growths. Default 2000. */
  readonly growthInterval?: number;
}

/**
 * Multiplies the loss so that float16 gradients do not underflow, and leaves out steps whose gradients overflowed (Micikevicius et
 * al. 2018, arXiv:1710.03740, section 3.2). Per step: `scaler.scale(loss).backward(); scaler.unscale(optimizer)`, clip if wanted,
 * `scaler.step(optimizer)`. Waits for the device once per step.
 */
export class GradScaler {
  readonly growthFactor: number;
  readonly backoffFactor: number;
  readonly growthInterval: number;
  #scale: number;
  #goodSteps = 0;
  #overflow: boolean | undefined;

  constructor({
    initialScale = 65536,
    growthFactor = 2,
    backoffFactor = 0.5,
    growthInterval = 2000,
  }: GradScalerOptions = {}) {
    if (!(initialScale > 0)) throw invalid("initialScale", "a number > 0", initialScale);
    if (!(growthFactor > 1)) throw invalid("growthFactor", "a number > 1", growthFactor);
    if (!(backoffFactor > 0 && backoffFactor < 1)) throw invalid("backoffFactor", "a number in (0, 1)", backoffFactor);
    this.#scale = initialScale;
    this.growthFactor = growthFactor;
    this.backoffFactor = backoffFactor;
    this.growthInterval = growthInterval;
  }

  /** The current factor of the loss. */
  get currentScale(): number {
    return this.#scale;
  }

  /** The loss to call `backward` on. */
  scale(loss: Tensor): Tensor {
    return loss.mul(this.#scale);
  }

  /** Divides the gradients by the scale and checks them. Once per step; `step` does it where you did not. */
  unscale(optimizer: Optimizer<CommonOptions>): void {
    if (this.#overflow !== undefined) throw new Error("GradScaler.unscale: called twice; call step() in between");
    const inverse = 1 / this.#scale;
    const check = (batch: readonly Tensor[]): boolean =>
      scope(() => unscaleWhereFused(batch, inverse) ?? unscaleByFormula(batch, inverse));
    this.#overflow = noGrad(() =>
      scope(() => {
        const grads = gradients(optimizer.parameters());
        return batches(grads, (grad) => grad)
          .map(check)
          .includes(true);
      }),
    );
  }

  /** Makes the optimiser's step unless a gradient overflowed, and adapts the scale. Returns whether the step was made. */
  step(optimizer: Optimizer<CommonOptions>): boolean {
    if (this.#overflow === undefined) this.unscale(optimizer);
    const overflow = this.#overflow === true;
    this.#overflow = undefined;
    if (!overflow) optimizer.step();
    this.#adapt(overflow);
    return !overflow;
  }

  #adapt(overflow: boolean): void {
    if (overflow) {
      this.#scale *= this.backoffFactor;
      this.#goodSteps = 0;
    } else if (++this.#goodSteps >= this.growthInterval) {
      const grown = this.#scale * this.growthFactor;
      // The scale enters float32 products; one that is infinite there would never come back.
      if (grown < 2 ** 127) this.#scale = grown;
      this.#goodSteps = 0;
    }
  }

  /** `scale` (float64) and `goodSteps` (int64), as new tensors. */
  stateDict(): Map<string, Tensor> {
    return new Map([
      ["scale", tensor(this.#scale, { dtype: "float64" })],
      ["goodSteps", tensor(this.#goodSteps, { dtype: "int64" })],
    ]);
  }

  /** Restores what `stateDict` gave; the keys must match exactly. */
  loadStateDict(saved: ReadonlyMap<string, Tensor>): void {
    scope(() => {
      const state = this.stateDict();
      loadState(state, saved, { into: "GradScaler", from: "scaler state" });
      this.#scale = Number((state.get("scale") as Tensor).item());
      this.#goodSteps = Number((state.get("goodSteps") as Tensor).item());
    });
  }
}

/** Devices whose libtorch lacks the joint kernel (CPU before 2.x). */
const withoutKernel = new Set<string>();

/** Whether a gradient was not finite, by the one kernel that checks and unscales; undefined where libtorch lacks it. */
function unscaleWhereFused(grads: readonly Tensor[], inverse: number): boolean | undefined {
  const { device } = grads[0] as Tensor;
  if (withoutKernel.has(device)) return undefined;
  const found = zeros([1], { device });
  try {
    _ampForeachNonFiniteCheckAndUnscale_(grads, found, full([], inverse, { device }));
  } catch (error) {
    if (!(error instanceof TorchError)) throw error;
    withoutKernel.add(device);
    return undefined;
  }
  return found.item() !== 0;
}

/** The same in single operations. */
function unscaleByFormula(grads: readonly Tensor[], inverse: number): boolean {
  _foreachMul_(grads, inverse);
  return (
    stack(grads.map((grad) => grad.isfinite().all()))
      .all()
      .item() === 0
  );
}
