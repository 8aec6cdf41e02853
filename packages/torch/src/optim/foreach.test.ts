// How tensors are put into lists for multi-tensor calls.

import { expect, test } from "vitest";
import { empty, scope } from "../index.js";
import { batches } from "./foreach.js";

test("batches hold one device and dtype and a bounded number of elements, and keep the order", () => {
  scope(() => {
    const small = empty([3]);
    const double = empty([3], { dtype: "float64" });
    // Meta tensors have a size and no memory.
    const large = [0, 1, 2].map(() => empty([2 ** 25], { device: "meta" }));
    const huge = empty([2 ** 27], { device: "meta" });
    const lists = batches([small, double, ...large, small, huge], (x) => x);
    expect(lists).toEqual([[small, small], [double], large.slice(0, 2), large.slice(2), [huge]]);
  });
});

test("nothing is put into no lists", () => {
  expect(batches([], (x) => x)).toEqual([]);
});
