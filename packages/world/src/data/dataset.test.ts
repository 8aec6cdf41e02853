import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { clipActions, type Dataset } from "./dataset.js";
import { createDataset } from "./open-dataset.js";
import { permutation } from "./random.js";
import { openRecording, type Recording } from "./recording.js";
import { writeSyntheticRecording } from "./testing/synthetic.js";

const folder = mkdtempSync(join(tmpdir(), "vid2world-dataset-"));
afterAll(() => rmSync(folder, { recursive: true }));

let first: Recording;
let second: Recording;
beforeAll(async () => {
  await writeSyntheticRecording(join(folder, "a"), { name: "a", train: [9, 3, 6], val: [5] });
  await writeSyntheticRecording(join(folder, "b"), { name: "b", train: [4], val: [8], seed: 1 });
  first = await openRecording(join(folder, "a"));
  second = await openRecording(join(folder, "b"));
});

const listed = (dataset: Dataset): string[] =>
  Array.from({ length: dataset.length }, (_, i) => {
    const { episode, start } = dataset.clip(i);
    return `${episode.recording}/${episode.name}@${start}`;
  });

it.each([
  [1, 1],
  [2, 1],
  [1, 3],
  [2, 2],
])("the clips are exactly those that fit (frame skip %i, clip stride %i)", (frameSkip, clipStride) => {
  const dataset = createDataset([first, second], { split: "train", frames: 2, frameSkip, clipStride });
  const expected = [...first.episodes, ...second.episodes]
    .filter(({ split }) => split === "train")
    .flatMap((e) =>
      Array.from({ length: e.frames }, (_, start) => start)
        .filter((start) => start % clipStride === 0 && start + 2 * frameSkip <= e.frames)
        .map((start) => `${e.recording}/${e.name}@${start}`),
    );
  expect(listed(dataset)).toEqual(expected);
});

it("an epoch is a permutation that seed and epoch decide alone", () => {
  const make = (shuffleSeed: number): Dataset => createDataset([first], { split: "train", frames: 2, shuffleSeed });
  const epoch = (dataset: Dataset, number: number): string[] =>
    Array.from({ length: dataset.length }, (_, place) => {
      const { episode, start } = dataset.inEpoch(number, place);
      return `${episode.recording}/${episode.name}@${start}`;
    });
  const dataset = make(3);
  const zero = epoch(dataset, 0);
  expect([...zero].sort()).toEqual(listed(dataset).sort());
  expect(epoch(dataset, 1)).not.toEqual(zero);
  expect(epoch(make(4), 0)).not.toEqual(zero);
  expect(epoch(make(3), 0)).toEqual(zero);
  expect(epoch(createDataset([first], { split: "val", frames: 2 }), 5)[0]).toBe("a/val_0@0");
});

it("a permutation puts every number equally often in every place", () => {
  const counts = Array.from({ length: 4 }, () => [0, 0, 0, 0]);
  for (let seed = 0; seed < 8000; seed++) {
    permutation(4, seed, 7).forEach(
      (number, place) => ((counts[place] ?? [])[number] = (counts[place]?.[number] ?? 0) + 1),
    );
  }
  for (const count of counts.flat()) expect(Math.abs(count - 2000)).toBeLessThan(5 * Math.sqrt(8000 * 0.25 * 0.75));
});

it("skipped actions are averaged if continuous, joined if binary, the first if a choice", () => {
  const dataset = createDataset([first], { split: "train", frames: 2, frameSkip: 2 });
  const actions_TA = Float32Array.from([1, 0, 0, 1, 0, -0.5, 1, 1, 0, 0, 0.25, 0, 0, 0, 1, 0.75, 0, 1, 0, 0]);
  expect([...clipActions(dataset, actions_TA, { start: 0, frames: 2 })]).toEqual([0.25, 1, 0, 1, 0, 0.5, 0, 0, 0, 1]);
  const dense = { ...dataset, frameSkip: 1 };
  expect([...clipActions(dense, actions_TA, { start: 1, frames: 2 })]).toEqual([...actions_TA.slice(5, 15)]);
});

it("every frame once: clips lie back to back, the last of an episode is shorter", () => {
  const dataset = createDataset([first], { split: "train", frames: 4, everyFrameOnce: true });
  const clips = Array.from({ length: dataset.length }, (_, i) => dataset.clip(i));
  expect(clips.map(({ episode, start, frames }) => [episode.name, start, frames])).toEqual([
    ["train_0", 0, 4],
    ["train_0", 4, 4],
    ["train_0", 8, 1],
    ["train_1", 0, 3],
    ["train_2", 0, 4],
    ["train_2", 4, 2],
  ]);
  expect(() => createDataset([first], { split: "train", frames: 4, everyFrameOnce: true, shuffleSeed: 1 })).toThrow(
    "everyFrameOnce",
  );
});

it("the fingerprint changes with the clips and their order, and with nothing else", () => {
  const print = (frames: number, shuffleSeed: number, recordings = [first]): string =>
    createDataset(recordings, { split: "train", frames, shuffleSeed }).fingerprint;
  expect(print(2, 0)).toBe(print(2, 0));
  expect(new Set([print(2, 0), print(3, 0), print(2, 1), print(2, 0, [first, second])]).size).toBe(4);
});

it("clips longer than every episode, and recordings of different kinds, are refused", async () => {
  expect(() => createDataset([first], { split: "train", frames: 10 })).toThrow(/longest train episode has 9 frames/);
  await writeSyntheticRecording(join(folder, "c"), { name: "c", width: 32 });
  const other = await openRecording(join(folder, "c"));
  expect(() => createDataset([first, other], { split: "train", frames: 2 })).toThrow(
    /those of a, received "c, which has others"/,
  );
});
