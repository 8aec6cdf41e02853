// Sharpness of invented pictures, counted by hand.
import { expect, test } from "vitest";
import { edgeContrast, sharpness } from "./sharpness.js";

const size = { height: 2, width: 3 };
const grey = (...values: number[]): Uint8Array => Uint8Array.from(values.flatMap((value) => [value, value, value]));

test("edge contrast is the mean step between neighbours, never across an edge of the picture", () => {
  expect(edgeContrast(grey(7, 7, 7, 7, 7, 7), size)).toBe(0);
  // Rows 0 10 20 and 0 10 20: four steps of 10 to the right, three of 0 down.
  expect(edgeContrast(grey(0, 10, 20, 0, 10, 20), size)).toBeCloseTo(40 / 7, 12);
  const both = Uint8Array.from([...grey(0, 10, 20, 0, 10, 20), ...grey(9, 9, 9, 9, 9, 9)]);
  expect(edgeContrast(both, size)).toBeCloseTo(20 / 7, 12);
  expect(() => edgeContrast(new Uint8Array(5), size)).toThrow(/2 x 3 RGB/);
});

test("half of the contrast is half of the sharpness", () => {
  expect(sharpness([grey(0, 5, 10, 0, 5, 10)], [grey(0, 10, 20, 0, 10, 20)], size)).toBeCloseTo(0.5, 12);
});
