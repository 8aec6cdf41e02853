// The table of latents: computed once, found again, replaced when weights or episodes differ; and clips that are cut out of it.
import { mkdtemp, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FormatError } from "@vid2world/formats";
import { liveTensors, manualSeed, scope } from "@vid2world/torch";
import type { Tensor } from "@vid2world/torch";
import { drawFor } from "./draws.js";
import type { TrainingEpisode } from "./episodes.js";
import { latentTable, sampleClips, validationClips } from "./latents.js";
import type { FrameEncoder, LatentTable } from "./latents.js";

/** Frames of one pixel whose bytes count up from `first`, in two pieces; the action at each frame is its byte, twice. */
function episode(name: string, first: number, frames: number, actionDim = 2): TrainingEpisode {
  const bytes = Uint8Array.from({ length: frames * 3 }, (_, i) => first + Math.floor(i / 3));
  const actions_TA = Float32Array.from({ length: frames * actionDim }, (_, i) => first + Math.floor(i / actionDim));
  return {
    ...{ name, frames, height: 1, width: 1, actions_TA, actionDim },
    async *readFrames() {
      yield await Promise.resolve({ data: bytes.subarray(0, 6), frames: 2 });
      yield { data: bytes.subarray(6), frames: frames - 2 };
    },
  };
}
const episodes = [episode("a", 0, 5), episode("b", 100, 4)];

let folder: string;
let encoded: number;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "latents-"));
  encoded = 0;
});
afterEach(() => rm(folder, { recursive: true }));

/** The mean is the frame's byte in one channel, the deviation 0. */
const encode: FrameEncoder = (frames_NHWC) => {
  encoded += frames_NHWC.size(0);
  const mean = frames_NHWC.float().mean([3]).unsqueeze(1);
  return { mean, std: mean.mul(0) };
};
const table = (more: Partial<Parameters<typeof latentTable>[1]> = {}, of = episodes): Promise<LatentTable> =>
  latentTable(of, {
    ...{ encode, scale: 0.5, encoderId: "e1", device: "cpu" },
    file: path.join(folder, "deep/training.safetensors"),
    ...more,
  });
const bytesOf = (tensor: Tensor): number[] => tensor.toNumbers();

test("frames of all episodes are encoded once, in order, and found again", async () => {
  const progress: number[] = [];
  const first = await table({ onProgress: (done, total) => progress.push(done / total) });
  expect(bytesOf(first.mean_NCHW)).toEqual([0, 1, 2, 3, 4, 100, 101, 102, 103]);
  expect(first.mean_NCHW.shape).toEqual([9, 1, 1, 1]);
  expect(first.actions_NA.shape).toEqual([9, 2]);
  expect(progress).toEqual([2 / 9, 5 / 9, 7 / 9, 1]);
  const again = await table();
  expect(encoded).toBe(9);
  expect(bytesOf(again.mean_NCHW)).toEqual(bytesOf(first.mean_NCHW));
});

test("other weights or other episodes replace the file", async () => {
  await table();
  await table({ encoderId: "e2" });
  expect(encoded).toBe(18);
  const fewer = await table({ encoderId: "e2" }, episodes.slice(1));
  expect(encoded).toBe(22);
  expect(bytesOf(fewer.mean_NCHW)).toEqual([100, 101, 102, 103]);
});

test("episodes that were recorded anew under their old names replace the file", async () => {
  await table();
  await table({}, [episode("a", 7, 5), episode("b", 100, 4)]);
  expect(encoded).toBe(18);
});

test("a file cut short is named, not encoded over", async () => {
  await table();
  await truncate(path.join(folder, "deep/training.safetensors"), 40);
  await expect(table()).rejects.toThrow(FormatError);
});

test("an abort ends it before anything is written", async () => {
  const stop = new AbortController();
  const failed = table({ signal: stop.signal, onProgress: () => stop.abort(new Error("stopped")) });
  await expect(failed).rejects.toThrow("stopped");
  await table();
  expect(encoded).toBe(2 + 9);
});

test("clips are consecutive frames of one episode, scaled, each with the action taken at it", async () => {
  const all = await table();
  const before = liveTensors();
  for (const clips of [sampleClips(all, drawFor(1, 2), 16, 3), validationClips(all, 5, 3)]) {
    const { latents_BTCHW, actions_BTA } = clips;
    const [batch] = latents_BTCHW.dims("B T C H W");
    const latents = bytesOf(latents_BTCHW);
    const actions = bytesOf(actions_BTA as Tensor);
    for (let b = 0; b < batch; b++) {
      const frames = latents.slice(3 * b, 3 * b + 3).map((value) => value / 0.5);
      const [start = NaN] = frames;
      expect(frames).toEqual([start, start + 1, start + 2]);
      expect(start <= 2 || (start >= 100 && start <= 101)).toBe(true);
      expect(actions.slice(6 * b, 6 * b + 6)).toEqual(frames.flatMap((frame) => [frame, frame]));
    }
  }
  expect(liveTensors()).toBeGreaterThan(before); // they are the caller's
  const held = liveTensors();
  scope(() => void sampleClips(all, drawFor(1, 2), 4, 2));
  expect(liveTensors()).toBe(held);
});

test("each draw is a sample of the posterior; episodes without actions give none", async () => {
  const noisy: FrameEncoder = (frames) => {
    const { mean, std } = encode(frames);
    return { mean, std: std.add(1) };
  };
  const plain = [episode("a", 0, 5, 0)];
  const all = await table({ encode: noisy }, plain);
  manualSeed(1);
  const one = validationClips(all, 2, 2);
  const two = validationClips(all, 2, 2);
  expect(one.actions_BTA).toBeUndefined();
  expect(bytesOf(one.latents_BTCHW)).not.toEqual(bytesOf(two.latents_BTCHW));
});
