// Gathering strided views against the plain definition, and the span of elements that a view touches.
import fc from "fast-check";
import { expect, test } from "vitest";

import { gather, swapBytes } from "./gather.js";
import { elementSpan, isContiguous } from "./records.js";

/** Any view: sizes, strides (0 repeats) and an offset, small enough to enumerate. */
const views = fc.record({
  axes: fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 9 })), { maxLength: 5 }),
  offset: fc.nat(5),
  itemSize: fc.constantFrom(1, 2, 4, 8, 16),
});

/** Positions of the elements in the order of reading. */
function positions(shape: readonly number[], stride: readonly number[], offset: number): number[] {
  const [size, ...sizes] = shape;
  const [step = 0, ...steps] = stride;
  if (size === undefined) return [offset];
  return Array.from({ length: size }, (_, i) => positions(sizes, steps, offset + i * step)).flat();
}

test("every element of a view lands in its place, whatever the strides and element sizes", () => {
  fc.assert(
    fc.property(views, ({ axes, offset, itemSize }) => {
      const [shape, stride] = [axes.map(([size]) => size), axes.map(([, step]) => step)];
      const wanted = positions(shape, stride, offset);
      const span = elementSpan({ shape, stride, offset });
      expect([span.begin, span.end]).toEqual([Math.min(...wanted), Math.max(...wanted) + 1]);
      const source = Uint8Array.from({ length: span.end * itemSize }, (_, i) => (i * 31) % 251);
      const target = new Uint8Array(wanted.length * itemSize);
      gather(source, target, { shape, stride, offset }, itemSize);
      const expected = wanted.flatMap((at) => [...source.subarray(at * itemSize, (at + 1) * itemSize)]);
      expect([...target]).toEqual(expected);
      if (isContiguous({ shape, stride })) expect(wanted).toEqual(wanted.map((_, i) => offset + i));
    }),
  );
});

test("the usual strides are contiguous, transposed ones are not, and axes of size 1 do not matter", () => {
  expect(isContiguous({ shape: [2, 3], stride: [3, 1] })).toBe(true);
  expect(isContiguous({ shape: [3, 2], stride: [1, 3] })).toBe(false);
  expect(isContiguous({ shape: [3, 1, 2], stride: [2, 99, 1] })).toBe(true);
  expect(isContiguous({ shape: [2], stride: [0] })).toBe(false);
  expect(isContiguous({ shape: [], stride: [] })).toBe(true);
});

test("swapping turns around each number, not each element of a complex type", () => {
  const swapped = (unit: number): number[] => {
    const bytes = Uint8Array.from({ length: 16 }, (_, i) => i);
    swapBytes(bytes, unit);
    return [...bytes];
  };
  expect(swapped(1).slice(0, 4)).toEqual([0, 1, 2, 3]);
  expect(swapped(2).slice(0, 4)).toEqual([1, 0, 3, 2]);
  expect(swapped(4).slice(0, 8)).toEqual([3, 2, 1, 0, 7, 6, 5, 4]);
  expect(swapped(8)).toEqual([7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8]);
});
