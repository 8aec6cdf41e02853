// Gradient clipping by the norm over all parameters, without waiting for the device.

import { noGrad } from "../autograd.js";
import { zeros } from "../creation.js";
import { _foreachMul_, _foreachNorm, stack } from "../generated/ops.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { batches, gradients } from "./foreach.js";

/**
 * Scales all gradients by one factor so that their joint Euclidean norm is at most `maxNorm`, and returns the norm before (a scalar
 * tensor; reading it waits for the device). Like PyTorch, the factor is `maxNorm / (norm + 1e-6)`, at most 1. `Infinity` only measures.
 */
export function clipGradNorm(parameters: Iterable<Tensor>, maxNorm: number): Tensor {
  return noGrad(() =>
    scope(() => {
      const grads = gradients(parameters);
      const norm = gradNorm(grads);
      if (maxNorm !== Infinity) {
        const factor = norm.add(1e-6).reciprocal().mul(maxNorm).clamp({ max: 1 });
        for (const batch of batches(grads, (grad) => grad)) {
          const { device, dtype } = batch[0] as Tensor;
          const own = factor.to(device).to(dtype);
          // One tensor for each gradient: the form of the call that every libtorch has.
          _foreachMul_(
            batch,
            batch.map(() => own),
          );
        }
      }
      return norm;
    }),
  );
}

/** The Euclidean norm of all gradients together, a float32 scalar on the device of the first. */
function gradNorm(grads: readonly Tensor[]): Tensor {
  const first = grads[0];
  if (first === undefined) return zeros([]);
  const norms = batches(grads, (grad) => grad).flatMap((batch) => _foreachNorm(batch));
  return stack(norms.map((norm) => norm.to(first.device).to("float32")))
    .square()
    .sum()
    .sqrt();
}
