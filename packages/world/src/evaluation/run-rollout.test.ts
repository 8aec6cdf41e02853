// Rollouts as folders: whole, in the published names, never made twice, and continued after an interruption.

import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSafetensors, probeVideo } from "@vid2world/formats";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRecording, type Recording } from "../data/recording.js";
import { runRollout } from "./run-rollout.js";
import { toySize, toyWorld, writeToyRecording } from "./toy-world.js";

let folder = "";
let recording: Recording;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vid2world-rollout-"));
  await writeToyRecording(join(folder, "recording"));
  recording = await openRecording(join(folder, "recording"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const options = { starts: 3, frames: 4, seed: 3, batch: 2 };

test("writes exact frames, actions and both videos for every start, from held-out clips only", async () => {
  const out = join(folder, "all");
  const { written, skipped } = await runRollout(toyWorld(), recording, { ...options, out });
  expect([written.length, skipped.length]).toEqual([3, 0]);
  expect(written.every((name) => /^[bc]_\d{5}$/.test(name))).toBe(true);
  for (const name of written) {
    expect((await readdir(join(out, name))).sort()).toEqual(["gt_video.mp4", "pred_video.mp4", "rollout.safetensors"]);
    expect(await probeVideo(join(out, name, "pred_video.mp4"))).toMatchObject({ ...toySize, frames: 6, fps: 8 });
  }
  await using file = await openSafetensors(join(out, written[0] ?? "", "rollout.safetensors"));
  const shapes = Object.fromEntries([...file.tensors].map(([name, { shape }]) => [name, shape]));
  expect(shapes).toEqual({
    actions_TA: [5, 2],
    context_THWC: [2, 24, 32, 3],
    prediction_THWC: [4, 24, 32, 3],
    truth_THWC: [4, 24, 32, 3],
  });
  // The toy is a perfect world, so what it predicts is what happened: frames and actions are in step.
  expect(Buffer.compare(await file.read("prediction_THWC"), await file.read("truth_THWC"))).toBe(0);
});

test("what is complete is not made again, what is damaged or of other settings is", async () => {
  const out = join(folder, "again");
  const { written } = await runRollout(toyWorld(), recording, { ...options, out });
  const idle = toyWorld();
  expect(await runRollout(idle, recording, { ...options, out })).toEqual({
    written: [],
    skipped: written,
    secondsPerFrame: undefined,
  });
  expect(idle.calls).toEqual([]);

  await writeFile(join(out, written[2] ?? "", "rollout.safetensors"), "cut short");
  expect((await runRollout(toyWorld(), recording, { ...options, out })).written).toEqual([written[2]]);
  expect((await runRollout(toyWorld(), recording, { ...options, out, steps: 9 })).written).toEqual(written);
});

test("an interrupted run keeps whole batches, leaves nothing half, and goes on to the same frames", async () => {
  const out = join(folder, "interrupted");
  const stop = new AbortController();
  const onProgress = ({ done }: { done: number }): void => void (done > 8 && stop.abort(new Error("enough")));
  await expect(runRollout(toyWorld(), recording, { ...options, out, signal: stop.signal, onProgress })).rejects.toThrow(
    "enough",
  );
  expect(await readdir(out)).toHaveLength(2);
  await runRollout(toyWorld(), recording, { ...options, out });
  for (const name of await readdir(out)) {
    await using left = await openSafetensors(join(out, name, "rollout.safetensors"));
    await using right = await openSafetensors(join(folder, "all", name, "rollout.safetensors"));
    expect(Buffer.compare(await left.read("prediction_THWC"), await right.read("prediction_THWC"))).toBe(0);
  }
});

test("pictures of another size are refused before anything is written", async () => {
  const out = join(folder, "refused");
  await expect(runRollout({ ...toyWorld(), height: 48 }, recording, { ...options, out })).rejects.toThrow(/32x48/);
  await expect(readdir(out)).rejects.toThrow();
});
