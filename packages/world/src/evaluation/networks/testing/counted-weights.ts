// For tests only: weights that anyone can make again from a number, so that recorded results need no file of weights beside them.
import { saveSafetensors, type Tensor, fromTypedArray } from "@vid2world/torch";

/**
 * Fills tensors, in order, with numbers that depend only on their place: a multiplicative hash, uniform in [-1, 1), scaled to keep
 * activations near 1. Vectors called `running_var` are positive; means and offsets are small. `make.py` does the same.
 */
export function countedTensors(shapes: ReadonlyMap<string, readonly number[]>): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  let order = 0;
  for (const [key, shape] of shapes) {
    const count = shape.reduce((a, b) => a * b, 1);
    const [scale, offset] = rangeOf(key, shape);
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++) values[i] = Math.fround(uniform(order, i) * scale + offset);
    tensors.set(key, fromTypedArray(values, shape));
    order++;
  }
  return tensors;
}

/** Writes counted weights as a file that the loaders read. */
export async function writeCounted(file: string, shapes: ReadonlyMap<string, readonly number[]>): Promise<void> {
  const tensors = countedTensors(shapes);
  await saveSafetensors(file, tensors);
  for (const tensor of tensors.values()) tensor.dispose();
}

/** Picture values in [-1, 1) from the same hash: [B 3 H W]. */
export function countedPictures(order: number, shape: readonly number[]): Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  return fromTypedArray(
    Float32Array.from({ length: count }, (_, i) => uniform(order, i)),
    shape,
  );
}

/** In [-1, 1), a multiple of 2^-23, so that single precision holds it exactly. */
function uniform(order: number, index: number): number {
  let hash = Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(order + 1, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash ^= hash >>> 12;
  return ((hash >>> 8) - 2 ** 23) / 2 ** 23;
}

/** Scale and offset of a tensor's numbers. */
function rangeOf(key: string, shape: readonly number[]): readonly [scale: number, offset: number] {
  if (key.endsWith("running_var")) return [0.5, 1];
  if (shape.length === 1) return key.endsWith("weight") ? [0.5, 1] : [0.125, 0];
  if (key.startsWith("lin")) return [0.5, 0.5];
  const fanIn = shape.slice(1).reduce((a, b) => a * b, 1);
  return [2 ** Math.round(Math.log2(Math.sqrt(6 / fanIn))), 0];
}
