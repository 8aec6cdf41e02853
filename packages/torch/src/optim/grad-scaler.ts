// Dynamic loss scaling: keeps small gradients of float16 training from vanishing.

import { invalid } from "@vid2world/formats";
import { noGrad } from "../autograd.js";
import { full } from "../creation.js";
import type { Device } from "../dtype.js";
import { where } from "../generated/ops.js";
import { loadState } from "../nn/load-state.js";
import { keep, scope } from "../scope.js";
import type { Tensor } from "../tensor.js";

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
  /** Where the losses are. Default "cpu". */
  readonly device?: Device;
}

/** The scale enters float32 products; one that is infinite there would never come back. */
const LARGEST_SCALE = 2 ** 126;

/**
 * Multiplies the loss so that float16 gradients do not underflow, and adapts the factor when they overflow (Micikevicius et al. 2018,
 * arXiv:1710.03740, section 3.2). All of it happens on the device, nothing waits for it:
 * @example
 * scaler.scale(loss).backward();
 * const { norm } = clipGradients(parameters, { maxNorm: 0.5, scale: scaler.factor });
 * const overflow = norm.isfinite().logicalNot();
 * optimizer.step(overflow);
 * scaler.update(overflow);
 */
export class GradScaler {
  readonly growthFactor: number;
  readonly backoffFactor: number;
  readonly growthInterval: number;
  readonly #scale: Tensor;
  readonly #goodSteps: Tensor;

  constructor({
    initialScale = 65536,
    growthFactor = 2,
    backoffFactor = 0.5,
    growthInterval = 2000,
    device = "cpu",
  }: GradScalerOptions = {}) {
    if (!(initialScale > 0 && initialScale <= LARGEST_SCALE))
      throw invalid("initialScale", `a number > 0, at most ${LARGEST_SCALE}`, initialScale);
    if (!(growthFactor > 1)) throw invalid("growthFactor", "a number > 1", growthFactor);
    if (!(backoffFactor > 0 && backoffFactor < 1)) throw invalid("backoffFactor", "a number in (0, 1)", backoffFactor);
    this.#scale = keep(full([], initialScale, { device }));
    this.#goodSteps = keep(full([], 0, { dtype: "int64", device }));
    this.growthFactor = growthFactor;
    this.backoffFactor = backoffFactor;
    this.growthInterval = growthInterval;
  }

  /** The current factor of the loss: the live tensor, a float32 scalar on the device. */
  get factor(): Tensor {
    return this.#scale;
  }

  /** The current factor of the loss as a number. Waits for the device. */
  get currentScale(): number {
    return this.#scale.item();
  }

  /** The loss to call `backward` on. */
  scale(loss: Tensor): Tensor {
    return loss.mul(this.#scale);
  }

  /** Adapts the factor after a step. `overflow` is a boolean scalar on the device: whether a gradient was not finite. */
  update(overflow: Tensor): void {
    noGrad(() =>
      scope(() => {
        const good = this.#goodSteps.add(1);
        const due = good.ge(this.growthInterval);
        const grown = this.#scale.mul(this.growthFactor).clamp({ max: LARGEST_SCALE });
        const next = where(due, grown, this.#scale);
        this.#scale.copy_(where(overflow, this.#scale.mul(this.backoffFactor), next));
        this.#goodSteps.copy_(good.maskedFill(due.logicalOr(overflow), 0));
      }),
    );
  }

  /** `scale` (float32) and `goodSteps` (int64): the live tensors. */
  stateDict(): Map<string, Tensor> {
    return new Map([
      ["scale", this.#scale],
      ["goodSteps", this.#goodSteps],
    ]);
  }

  /** Restores what `stateDict` gave; the keys must match exactly. */
  loadStateDict(saved: ReadonlyMap<string, Tensor>): void {
    loadState(this.stateDict(), saved, { into: "GradScaler", from: "scaler state" });
  }
}
