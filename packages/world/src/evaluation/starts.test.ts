// Starts: spread, seeded, and cut so that every action leads to the frame it should.

import { describe, expect, test } from "vitest";
import { chooseStarts, seededRandom, startAt, type StartClip } from "./starts.js";

/** A clip of 2 x 1 pixels whose frame t is all t, and whose action t is [t, -t]. */
function countingClip(frames: number): StartClip {
  return {
    height: 1,
    width: 2,
    frames_THWC: Uint8Array.from({ length: frames * 6 }, (_, i) => Math.floor(i / 6)),
    actions_TA: Float32Array.from({ length: frames * 2 }, (_, i) => (i % 2 === 0 ? 1 : -1) * Math.floor(i / 2)),
  };
}

describe("startAt", () => {
  test("the last known action is the one that leads to the first predicted frame", () => {
    const start = startAt("a", countingClip(20), 7, 3, 2);
    expect([...start.context_THWC.filter((_, i) => i % 6 === 0)]).toEqual([4, 5, 6]);
    expect([...start.truth_THWC.filter((_, i) => i % 6 === 0)]).toEqual([7, 8]);
    expect([...start.actions_TA.filter((_, i) => i % 2 === 0)]).toEqual([4, 5, 6, 7]);
  });

  test("a start too near to an end is refused", () => {
    expect(() => startAt("a", countingClip(20), 2, 3, 2)).toThrow(/3\.\.18/);
    expect(() => startAt("a", countingClip(20), 19, 3, 2)).toThrow(/3\.\.18/);
  });
});

describe("chooseStarts", () => {
  const clips = new Map([
    ["a", countingClip(60)],
    ["b", countingClip(40)],
  ]);
  const options = { count: 7, contextFrames: 3, frames: 5, seed: 11, skip: 4 };

  test("shares the starts between the clips and spreads them within each", () => {
    const starts = chooseStarts(clips, options);
    expect(starts.map(({ source }) => source)).toEqual(["a", "a", "a", "a", "b", "b", "b"]);
    const frames = starts.slice(0, 4).map(({ frame }) => frame);
    expect(frames).toEqual([...frames].sort((x, y) => x - y));
    expect(new Set(frames).size).toBe(4);
    for (const { frame } of starts) expect(frame).toBeGreaterThanOrEqual(4 + 3);
  });

  test("depends on the seed and on nothing else", () => {
    expect(chooseStarts(clips, options)).toEqual(chooseStarts(clips, options));
    expect(chooseStarts(clips, { ...options, seed: 12 })).not.toEqual(chooseStarts(clips, options));
  });

  test("names the clip that is too short", () => {
    expect(() => chooseStarts(new Map([["tiny", countingClip(5)]]), options)).toThrow(/tiny/);
  });
});

test("the seeded generator stays in [0, 1) and is even enough", () => {
  const random = seededRandom(5);
  const values = Array.from({ length: 4000 }, () => random());
  expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...values)).toBeLessThan(1);
  expect(values.reduce((a, b) => a + b, 0) / values.length).toBeCloseTo(0.5, 1);
});
