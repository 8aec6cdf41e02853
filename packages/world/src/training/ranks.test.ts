// How the micro batches of a step are dealt out to ranks.
import { expect, test } from "vitest";
import { streamsOf } from "./ranks.js";

test.each([1, 2, 3, 5, 8])("%i ranks together compute every micro batch of a step once", (count) => {
  const all = Array.from({ length: count }, (_, rank) => streamsOf(7, 5, { rank, count })).flat();
  expect(all.sort((a, b) => a - b)).toEqual([35, 36, 37, 38, 39]);
});

test("the micro batches of the next step follow those of this one", () => {
  expect(streamsOf(0, 4, { rank: 1, count: 2 })).toEqual([1, 3]);
  expect(streamsOf(1, 4, { rank: 1, count: 2 })).toEqual([5, 7]);
});
