// Clips lie inside one episode and every clip can be drawn.
import { expect, test } from "vitest";
import { clipTable, drawClips, nameClips, spreadClips } from "./clip-table.js";
import { drawFor } from "./draws.js";

const episodes = [{ frames: 5 }, { frames: 2 }, { frames: 4 }];
const all = ["0:0", "0:1", "0:2", "2:0", "2:1"];
const names = (places: readonly { episode: number; start: number }[]): string[] =>
  places.map(({ episode, start }) => `${episode}:${start}`);

test("clips lie inside of one episode, and all of them are drawn", () => {
  const table = clipTable(episodes, 3);
  expect(table.length).toBe(5);
  expect([...new Set(names(drawClips(table, drawFor(1, 0), 500)))].sort()).toEqual(all);
});

test("equal seeds and streams draw equal clips, others do not", () => {
  const draw = (seed: number, stream: number): string[] =>
    names(drawClips(clipTable(episodes, 1), drawFor(seed, stream), 20));
  expect(draw(1, 7)).toEqual(draw(1, 7));
  expect(draw(1, 7)).not.toEqual(draw(1, 8));
  expect(draw(1, 7)).not.toEqual(draw(2, 7));
});

test("validation clips are spread from the first to the last episode", () => {
  expect(names(spreadClips(clipTable(episodes, 3), 5))).toEqual(all);
});

test("clips longer than every episode are refused", () => {
  expect(() => clipTable(episodes, 6)).toThrow("a clip length that some episode reaches");
});

test("clips are named by their episode and its frames", () => {
  const named = [{ name: "a" }, { name: "b" }];
  expect(nameClips(named, [{ episode: 1, start: 4 }], 3)).toEqual(["b 4-6"]);
  expect(nameClips(named, [{ episode: 0, start: 2 }], 1)).toEqual(["a 2"]);
});
