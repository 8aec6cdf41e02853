// The baselines change what they should and nothing else.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { repeatLastFrame, withConstantAction, withShuffledActions } from "./baselines.js";

/** Job number n: two known frames of one pixel, five actions of one number, all n. */
function job(n: number): { context_THWC: Uint8Array; actions_TA: Float32Array } {
  return { context_THWC: new Uint8Array(6).fill(n), actions_TA: new Float32Array(5).fill(n) };
}

test("the last frame is repeated, not the first", () => {
  expect([...repeatLastFrame(Uint8Array.of(1, 1, 1, 2, 3, 4), 3, 2)]).toEqual([2, 3, 4, 2, 3, 4]);
});

describe("withShuffledActions", () => {
  test("gives every job the future of another one and leaves its past alone", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 30 }), fc.nat(), (count, seed) => {
        const jobs = Array.from({ length: count }, (_, n) => job(n));
        const shuffled = withShuffledActions(jobs, { known: 2, actionWidth: 1, seed });
        shuffled.forEach(({ actions_TA, context_THWC }, n) => {
          expect([...actions_TA.subarray(0, 2)]).toEqual([n, n]);
          expect(actions_TA[2]).not.toBe(n);
          expect(context_THWC).toBe(jobs[n]?.context_THWC);
        });
        expect(new Set(shuffled.map(({ actions_TA }) => actions_TA[4])).size).toBe(count);
      }),
      { seed: 2, numRuns: 50 },
    );
  });

  test("does not touch the jobs that it was given", () => {
    const jobs = [job(0), job(1)];
    withShuffledActions(jobs, { known: 2, actionWidth: 1, seed: 0 });
    expect(jobs).toEqual([job(0), job(1)]);
  });

  test("one job alone has nobody to exchange with", () => {
    expect(() => withShuffledActions([job(0)], { known: 2, actionWidth: 1, seed: 0 })).toThrow(/two starts/);
  });
});

test("a constant action fills the future and keeps the past", () => {
  const { actions_TA } = withConstantAction(job(3), [9], { known: 2, frames: 4 });
  expect([...actions_TA]).toEqual([3, 3, 9, 9, 9, 9]);
});
