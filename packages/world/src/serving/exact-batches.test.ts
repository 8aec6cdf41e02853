// Batches that change nothing: sizes are used only where they were seen to agree.
import { expect, test } from "vitest";
import { Batcher, type Pass } from "./exact-batches.js";

/** Doubles numbers; batches larger than `exact` come out wrong, and items below zero fail. Notes the sizes it was asked for. */
function doubling(exact: number): { pass: Pass<number, number>; sizes: number[]; dropped: number[] } {
  const [sizes, dropped]: [number[], number[]] = [[], []];
  const pass: Pass<number, number> = {
    key: "double",
    compute(items) {
      sizes.push(items.length);
      if (items.some((item) => item < 0)) throw new Error("below zero");
      return items.map((item) => 2 * item + (items.length > exact ? 1e-9 : 0));
    },
    same: (a, b) => a === b,
    drop: (result) => void dropped.push(result),
  };
  return { pass, sizes, dropped };
}

const items = Array.from({ length: 13 }, (_, i) => i);
const values = (batcher: Batcher, pass: Pass<number, number>, given = items): unknown[] =>
  batcher.run(pass, given).map((outcome) => ("value" in outcome ? outcome.value : outcome.error));
/** The largest pass that a batcher makes of items that it is given now. */
const largest = (batcher: Batcher, pass: Pass<number, number>): number =>
  Math.max(...batcher.run(pass, items).map(({ batch }) => batch));
const doubled = items.map((item) => 2 * item);

test.each([1, 2, 4, 8, 100])("items come out as alone where batches of up to %i are exact", (exact) => {
  const { pass } = doubling(exact);
  const batcher = new Batcher("exact", 8);
  for (let round = 0; round < 12; round++) expect(values(batcher, pass)).toEqual(doubled);
  expect(largest(batcher, pass)).toBe(Math.min(exact, 8));
});

test("once judged, nothing is computed twice, and what was computed in trials is dropped", () => {
  const { pass, sizes, dropped } = doubling(4);
  const batcher = new Batcher("exact", 8);
  for (let round = 0; round < 12; round++) values(batcher, pass);
  const trials = dropped.length;
  sizes.length = 0;
  values(batcher, pass);
  expect(sizes).toEqual([4, 4, 4, 1]);
  expect(dropped).toHaveLength(trials);
  expect(trials).toBe(3 * 2 + 3 * 4 + 8);
});

test("an item that fails harms no other, and does not decide on a size", () => {
  const { pass } = doubling(100);
  for (const mode of ["exact", "always", "never"] as const) {
    const batcher = new Batcher(mode, 4);
    for (let round = 0; round < 8; round++)
      expect(values(batcher, pass, [1, -1, 2, 3])).toEqual([2, new Error("below zero"), 4, 6]);
    for (let round = 0; round < 8; round++) expect(values(batcher, pass)).toEqual(doubled);
    expect(largest(batcher, pass)).toBe(mode === "never" ? 1 : 4);
  }
});
