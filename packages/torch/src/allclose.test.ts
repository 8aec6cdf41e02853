// The comparison of tensors: what it accepts, and what its failure says.

import { expect, test } from "vitest";
import { assertClose } from "./allclose.js";
import { ones, tensor } from "./index.js";

test("the failure names the worst element, both values and the count", () => {
  const actual = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect(() =>
    assertClose(
      actual,
      [
        [1, 2.5, 3],
        [4, 5, 8],
      ],
      { rtol: 0, atol: 0.1 },
    ),
  ).toThrow(
    "assertClose: 2 of 6 elements differ; worst at [1, 2]: 6, expected 8 (absolute 2.00, relative 0.250; rtol 0, atol 0.1)",
  );
});

test("other shapes are refused, flat typed arrays are compared by position", () => {
  expect(() => assertClose(ones([2, 1]), [1, 1])).toThrow("shape [2, 1], expected [2]");
  expect(() => assertClose(ones([2]), new Float32Array(3))).toThrow("2 elements, expected 3");
  assertClose(ones([2, 1]), Float32Array.of(1, 1));
});

test("infinities and NaN are close to themselves only", () => {
  assertClose(tensor([Infinity, -Infinity]), [Infinity, -Infinity]);
  expect(() => assertClose(tensor([Infinity]), [-Infinity])).toThrow("worst at [0]");
  expect(() => assertClose(tensor([1]), [Infinity])).toThrow("worst at [0]");
  expect(() => assertClose(tensor([1, NaN]), [1, NaN])).toThrow("worst at [1]");
  expect(() => assertClose(tensor([1]), [NaN])).toThrow("worst at [0]");
  assertClose(tensor([NaN]), [NaN], { equalNan: true });
});

test("the default tolerance follows the coarser dtype", () => {
  assertClose(tensor([1.004]).to("bfloat16"), tensor([1.004]));
  expect(() => assertClose(tensor([1.004]), tensor([1.005]))).toThrow("rtol 0.00001");
  expect(() => assertClose(tensor([1], { dtype: "int64" }), [2])).toThrow("expected 2");
});
