// Clips lie inside one episode and every clip can be drawn.
import { expect, test } from "vitest";
import { drawClips, layOut, spreadClips } from "./episode-table.js";
import { drawFor } from "./draws.js";

const spans = layOut([
  { name: "a", frames: 5 },
  { name: "short", frames: 2 },
  { name: "b", frames: 4 },
]);

const clipsOf = (indices: BigInt64Array, frames: number): number[][] =>
  Array.from({ length: indices.length / frames }, (_, b) =>
    [...indices.slice(b * frames, (b + 1) * frames)].map(Number),
  );

test("drawn clips are consecutive frames of one episode, and all of them occur", () => {
  const clips = clipsOf(drawClips(spans, drawFor(1, 0), 500, 3), 3);
  const starts = new Set(clips.map(([first]) => first));
  expect([...starts].sort((x, y) => (x ?? 0) - (y ?? 0))).toEqual([0, 1, 2, 7, 8]);
  for (const [x, y, z] of clips) expect([y, z]).toEqual([(x ?? 0) + 1, (x ?? 0) + 2]);
});

test("equal seeds and streams draw equal clips, others do not", () => {
  const draw = (seed: number, stream: number): number[] =>
    [...drawClips(spans, drawFor(seed, stream), 20, 1)].map(Number);
  expect(draw(1, 7)).toEqual(draw(1, 7));
  expect(draw(1, 7)).not.toEqual(draw(1, 8));
  expect(draw(1, 7)).not.toEqual(draw(2, 7));
});

test("validation clips are spread from the first to the last episode", () => {
  expect(clipsOf(spreadClips(spans, 5, 3), 3).map(([first]) => first)).toEqual([0, 1, 2, 7, 8]);
});

test("clips longer than every episode are refused", () => {
  expect(() => drawClips(spans, drawFor(1, 0), 1, 6)).toThrow("a clip length that some episode reaches");
});
