// Compares tensors in tests: one tolerance rule, and a failure that names the worst element.

import type { NestedNumbers } from "./creation.js";
import type { DType } from "./dtype.js";
import { Tensor } from "./tensor.js";

/** Allowed deviation: `|actual - expected| <= atol + rtol * |expected|`. */
export interface Tolerance {
  readonly rtol?: number;
  readonly atol?: number;
  /** Two NaNs at the same place are equal. Default false. */
  readonly equalNan?: boolean;
}

/** Relative and absolute tolerance for one rounded operation per dtype; integers compare exactly. */
const toleranceOf: Readonly<Record<DType, readonly [rtol: number, atol: number]>> = {
  bool: [0, 0],
  uint8: [0, 0],
  int32: [0, 0],
  int64: [0, 0],
  float16: [1e-3, 1e-4],
  bfloat16: [1.6e-2, 1e-3],
  float32: [1e-5, 1e-6],
  float64: [1e-10, 1e-12],
};

/**
 * Throws unless `actual` equals `expected` in shape and within the tolerance in every element. The message names the worst
 * element, both values, and how many elements are off. The default tolerance follows the coarser dtype of the two tensors.
 */
export function assertClose(
  actual: Tensor,
  expected: Tensor | NestedNumbers | ArrayLike<number>,
  tolerance: Tolerance = {},
): void {
  const wanted = flatten(expected);
  if (wanted.shape !== undefined && wanted.shape.join() !== actual.shape.join()) {
    throw new Error(`assertClose: shape [${actual.shape.join(", ")}], expected [${wanted.shape.join(", ")}]`);
  }
  const received = numbersOf(actual);
  if (received.length !== wanted.values.length) {
    throw new Error(`assertClose: ${received.length} elements, expected ${wanted.values.length}`);
  }
  const [rtol, atol] = defaultTolerance(actual, expected);
  const message = worstDifference(received, wanted.values, actual.shape, { rtol, atol, equalNan: false, ...tolerance });
  if (message !== undefined) throw new Error(`assertClose: ${message}`);
}

function worstDifference(
  actual: readonly number[],
  expected: readonly number[],
  shape: readonly number[],
  { rtol, atol, equalNan }: Required<Tolerance>,
): string | undefined {
  let worst = -1;
  let worstExcess = 0;
  let count = 0;
  for (const [index, a] of actual.entries()) {
    const e = expected[index] as number;
    if (Object.is(a, e) || a === e || (equalNan && Number.isNaN(a) && Number.isNaN(e))) {
      if (!Number.isNaN(a) || equalNan) continue;
    }
    const difference = Math.abs(a - e);
    const allowed = atol + rtol * Math.abs(e);
    if (difference <= allowed && Number.isFinite(e)) continue;
    count++;
    const excess = Number.isFinite(difference) ? difference / Math.max(allowed, Number.MIN_VALUE) : Infinity;
    if (worst < 0 || excess > worstExcess) {
      worst = index;
      worstExcess = excess;
    }
  }
  if (worst < 0) return undefined;
  const a = actual[worst] as number;
  const e = expected[worst] as number;
  const difference = Math.abs(a - e);
  return (
    `${count} of ${actual.length} elements differ; worst at [${indexAt(worst, shape).join(", ")}]: ${a}, expected ${e} ` +
    `(absolute ${difference.toPrecision(3)}, relative ${(difference / Math.abs(e)).toPrecision(3)}; rtol ${rtol}, atol ${atol})`
  );
}

function defaultTolerance(actual: Tensor, expected: unknown): readonly [number, number] {
  const own = toleranceOf[actual.dtype];
  if (!(expected instanceof Tensor)) return own;
  const other = toleranceOf[expected.dtype];
  return own[0] >= other[0] ? own : other;
}

function indexAt(position: number, shape: readonly number[]): number[] {
  let rest = position;
  return shape
    .toReversed()
    .map((length) => {
      const index = rest % length;
      rest = (rest - index) / length;
      return index;
    })
    .reverse();
}

function numbersOf(x: Tensor): number[] {
  return Array.from(x.toTypedArray() as ArrayLike<number | bigint>, Number);
}

/** Values in row-major order; the shape is unknown for flat typed arrays. */
function flatten(x: Tensor | NestedNumbers | ArrayLike<number>): { values: number[]; shape?: readonly number[] } {
  if (x instanceof Tensor) return { values: numbersOf(x), shape: x.shape };
  if (ArrayBuffer.isView(x)) return { values: Array.from(x as unknown as ArrayLike<number>, Number) };
  if (typeof x !== "object") return { values: [Number(x)], shape: [] };
  const items = Array.from(x as readonly NestedNumbers[], flatten);
  return { values: items.flatMap((item) => item.values), shape: [items.length, ...(items[0]?.shape ?? [])] };
}
