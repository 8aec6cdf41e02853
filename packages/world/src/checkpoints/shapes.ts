// Questions about a list of keys and shapes: what options are inferred with. No tensors here.

/** Shapes by key. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

/** The keys below a prefix, without it. */
export function shapesBelow(shapes: Shapes, prefix: string): Map<string, readonly number[]> {
  const below = new Map<string, readonly number[]>();
  for (const [key, shape] of shapes) if (key.startsWith(prefix)) below.set(key.slice(prefix.length), shape);
  return below;
}

/** One length of a tensor's shape; undefined where there is no such tensor or axis. */
export function lengthOf(shapes: Shapes, key: string, axis: number): number | undefined {
  return shapes.get(key)?.[axis];
}

/** Whether any key begins with `prefix`. */
export function anyBelow(shapes: Shapes, prefix: string): boolean {
  for (const key of shapes.keys()) if (key.startsWith(prefix)) return true;
  return false;
}

/** How many of `${prefix}0.`, `${prefix}1.`, ... there are without a gap. */
export function countBelow(shapes: Shapes, prefix: string): number {
  let count = 0;
  while (anyBelow(shapes, `${prefix}${count}.`)) count++;
  return count;
}
