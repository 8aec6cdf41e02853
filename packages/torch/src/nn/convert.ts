// Changes what a live tensor points to, so that whoever holds the object sees the new device or dtype.

import { type Device, type DType, isDType, isFloating } from "../dtype.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";

/** Moves a tensor (and its gradient) to a device, or converts it to a dtype if both are floating-point. Call it under noGrad. */
export function convertInPlace(tensor: Tensor, target: Device | DType): void {
  if (isDType(target) && !(isFloating(target) && isFloating(tensor.dtype))) return;
  scope(() => {
    const source = tensor.detach();
    const converted = source.to(target);
    if (converted === source) return;
    const { grad } = tensor;
    // The old gradient does not fit the new data, so it goes first.
    tensor.grad = undefined;
    tensor.setData_(converted);
    if (grad !== undefined) tensor.grad = grad.to(target);
  });
}
