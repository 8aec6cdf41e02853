// Multi-tensor operations: one call into libtorch for a whole list of tensors, and how parameters are put into such lists.

import type { Tensor } from "../tensor.js";

/** Elements of one multi-tensor call at most: bounds the temporary memory of an update (4 bytes each) for large models. */
const LARGEST_CALL = 2 ** 26;

/** Splits items into lists that one multi-tensor call can take: same device, same dtypes, and not too much memory at once. */
export function batches<Item>(items: Iterable<Item>, tensorOf: (item: Item) => Tensor): Item[][] {
  const open = new Map<string, { list: Item[]; elements: number }>();
  const all: Item[][] = [];
  for (const item of items) {
    const tensor = tensorOf(item);
    const key = `${tensor.device} ${tensor.dtype}`;
    let batch = open.get(key);
    if (batch === undefined || batch.elements + tensor.numel > LARGEST_CALL) {
      batch = { list: [], elements: 0 };
      open.set(key, batch);
      all.push(batch.list);
    }
    batch.list.push(item);
    batch.elements += tensor.numel;
  }
  return all;
}
