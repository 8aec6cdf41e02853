// Gradient clipping by the norm over all parameters, without waiting for the device.
// Axes: P gradients.

import { gradsOf, noGrad } from "../autograd.js";
import { zeros } from "../creation.js";
import { _foreachMul_, _foreachNorm, cat, stack } from "../generated/ops.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { batches } from "./foreach.js";

/** How `clipGradients` scales. */
export interface ClipOptions {
  /** Largest joint Euclidean norm of all gradients. `Infinity` only measures. */
  readonly maxNorm: number;
  /** The factor of the loss that the gradients belong to (`GradScaler`); they are divided by it in the same pass. */
  readonly scale?: Tensor | undefined;
}

/** What was measured while clipping; all on the device. */
export interface ClippedGradients {
  /** The joint norm before clipping, of the unscaled gradients: a float32 scalar. NaN or infinite if any gradient is. */
  readonly norm: Tensor;
  /** The norm of each gradient, float32. */
  readonly norms_P: Tensor;
  /** Which of the parameters each of them belongs to. */
  readonly positions: readonly number[];
}

/** Scales all gradients by one factor so that their joint norm is at most `maxNorm`, as `clipGradNorm`, and tells every norm. */
export function clipGradients(parameters: Iterable<Tensor>, { maxNorm, scale }: ClipOptions): ClippedGradients {
  return noGrad(() =>
    scope(() => {
      const all = [...parameters];
      const found = gradsOf(all).flatMap((grad, position) =>
        grad ? [{ grad, position, parameter: all[position] as Tensor }] : [],
      );
      const first = found[0];
      if (first === undefined) return { norm: zeros([]), norms_P: zeros([0]), positions: [] };
      // A gradient has its parameter's type, size and device, which need not be asked for anew in every step.
      const lists = batches(found, ({ parameter }) => parameter);
      const norms = lists.map((list) =>
        stack(_foreachNorm(list.map(({ grad }) => grad)))
          .to(first.parameter.device)
          .to("float32"),
      );
      const scaled_P = norms.length === 1 ? (norms[0] as Tensor) : cat(norms);
      const norms_P = scale === undefined ? scaled_P : scaled_P.div(scale);
      const norm = norms_P.square().sum().sqrt();
      const clip = maxNorm === Infinity ? undefined : norm.add(1e-6).reciprocal().mul(maxNorm).clamp({ max: 1 });
      const factor = scale === undefined ? clip : (clip?.div(scale) ?? scale.reciprocal());
      if (factor !== undefined) for (const list of lists) scaleAll(list, factor);
      return { norm, norms_P, positions: lists.flat().map(({ position }) => position) };
    }),
  );
}

/**
 * Scales all gradients by one factor so that their joint Euclidean norm is at most `maxNorm`, and returns the norm before (a scalar
 * tensor; reading it waits for the device). Like PyTorch, the factor is `maxNorm / (norm + 1e-6)`, at most 1. `Infinity` only measures.
 */
export function clipGradNorm(parameters: Iterable<Tensor>, maxNorm: number): Tensor {
  return scope(() => clipGradients(parameters, { maxNorm }).norm);
}

function scaleAll(list: readonly { readonly grad: Tensor }[], factor: Tensor): void {
  const { device, dtype } = (list[0] as { grad: Tensor }).grad;
  const own = factor.to(device).to(dtype);
  // One tensor for each gradient: the form of the call that every libtorch has.
  _foreachMul_(
    list.map(({ grad }) => grad),
    list.map(() => own),
  );
}
