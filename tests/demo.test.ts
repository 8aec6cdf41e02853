// The demo and the rollout command, end to end and small: a world of random weights on a made recording, few steps, two starts.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { demoCommand } from "@vid2world/cli/commands/demo";
import { rolloutCommand } from "@vid2world/cli/commands/rollout";
import { probeVideo } from "@vid2world/formats";
import { liveTensors } from "@vid2world/torch";
import { loadWorld } from "@vid2world/world";
import { evaluationReportSchema, evaluateWorld } from "@vid2world/world/evaluation/evaluate-world";
import { startAt } from "@vid2world/world/evaluation/starts";
import { toyChannels, toySize, toyWorld, writeToyRecording } from "@vid2world/world/evaluation/toy-world";
import { openRecording, readClip } from "@vid2world/world/data/recording";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { saveDebugWorld } from "./debug-world.js";

let folder = "";
const inFolder = (...names: string[]): string => join(folder, ...names);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vid2world-demo-"));
  await writeToyRecording(inFolder("recording"));
  await saveDebugWorld(inFolder("world"), {
    ...{ name: "toy", frame: toySize, channels: toyChannels },
    ...{ recordings: "../recording", contextFrames: 2, steps: 2 },
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs a command as the command line would, and returns what it printed. */
async function run(
  command: { parseAsync(words: string[], from: { from: "user" }): Promise<unknown> },
  words: string[],
): Promise<string> {
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  const write = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    await command.parseAsync(words, { from: "user" });
    return log.mock.calls.map((line) => line.join(" ")).join("\n");
  } finally {
    log.mockRestore();
    write.mockRestore();
  }
}

test("the demo writes videos, a contact sheet and metrics, and says what to try next", async () => {
  const words = [
    "--world",
    inFolder("world"),
    "--out",
    inFolder("demo"),
    "--starts",
    "3",
    "--frames",
    "3",
    "--steps",
    "2",
  ];
  const text = await run(demoCommand(), words);
  expect(text).toMatch(/s per frame at 2 denoising steps/);
  expect(text).toContain("repeat last frame");
  expect(text).toContain("Then try:");

  expect((await readdir(inFolder("demo"))).sort()).toEqual([
    "b.mp4",
    "c.mp4",
    "contact-sheet.html",
    "five-actions.mp4",
    "metrics.json",
  ]);
  // Two starts in b, one in c; two known and three predicted frames each.
  expect((await probeVideo(inFolder("demo", "b.mp4"))).frames).toBe(10);
  expect((await probeVideo(inFolder("demo", "c.mp4"))).frames).toBe(5);
  expect((await probeVideo(inFolder("demo", "five-actions.mp4"))).frames).toBe(5);
  const metrics = evaluationReportSchema.parse(JSON.parse(await readFile(inFolder("demo", "metrics.json"), "utf8")));
  expect(metrics).toMatchObject({ world: "toy", predictedFrames: 3, contextFrames: 2, steps: 2 });
  expect(metrics.model.psnr).toHaveLength(3);
  expect(await readFile(inFolder("demo", "contact-sheet.html"), "utf8")).toContain("data:image/png;base64,");
});

test("the built-in world is there with its recordings, and the demo without a world is about it", async () => {
  const out = inFolder("built-in");
  const text = await run(demoCommand(), ["--out", out, "--starts", "2", "--frames", "2", "--steps", "1"]);
  expect(text).toContain("shuffled actions");
  const metrics = evaluationReportSchema.parse(JSON.parse(await readFile(join(out, "metrics.json"), "utf8")));
  expect(metrics).toMatchObject({ world: "doom", predictedFrames: 2, steps: 1 });
  for (const psnr of metrics.model.psnr) expect(psnr).toBeGreaterThan(10); // pictures of the place, not noise
  expect(await readdir(out)).toContain("five-actions.mp4");
});

test("the same seed gives the same numbers, another one other places", async () => {
  const metrics = async (seed: string): Promise<unknown> => {
    const out = inFolder(`seed-${seed}-${Math.random()}`);
    await run(demoCommand(), [
      "--world",
      inFolder("world"),
      "--out",
      out,
      "--starts",
      "2",
      "--frames",
      "2",
      "--steps",
      "2",
      "--seed",
      seed,
    ]);
    const { secondsPerFrame: _, ...rest } = evaluationReportSchema.parse(
      JSON.parse(await readFile(join(out, "metrics.json"), "utf8")),
    );
    return rest;
  };
  const first = await metrics("4");
  expect(await metrics("4")).toEqual(first);
  expect(await metrics("5")).not.toEqual(first);
});

test("rollout writes the published names, and nothing the second time", async () => {
  const words = [inFolder("world"), "--out", inFolder("rollout"), "--starts", "2", "--frames", "2", "--steps", "2"];
  expect(await run(rolloutCommand(), words)).toContain("2 rollouts written, 0 were complete");
  const [first = ""] = await readdir(inFolder("rollout"));
  expect((await readdir(inFolder("rollout", first))).sort()).toEqual([
    "gt_video.mp4",
    "pred_video.mp4",
    "rollout.safetensors",
  ]);
  expect(await run(rolloutCommand(), words)).toContain("0 rollouts written, 2 were complete");
});

test("an evaluation leaves no tensors behind", async () => {
  const recording = await openRecording(inFolder("recording"));
  const clip = await readClip(recording.episodes[1] as (typeof recording.episodes)[0]);
  const starts = [5, 20].map((frame) => startAt("b", clip, frame, 2, 2));
  const world = await loadWorld(inFolder("world"));
  await evaluateWorld(world, starts, { frames: 2, seed: 0, steps: 2 });
  const before = liveTensors();
  await evaluateWorld(world, starts, { frames: 2, seed: 0, steps: 2 });
  expect(liveTensors()).toBe(before);
});

test("a world that does as told beats both baselines", async () => {
  const recording = await openRecording(inFolder("recording"));
  const clip = await readClip(recording.episodes[1] as (typeof recording.episodes)[0]);
  const starts = [4, 9, 14, 19].map((frame) => startAt("b", clip, frame, 2, 4));
  const { report } = await evaluateWorld(toyWorld(), starts, { frames: 4, seed: 0 });
  expect(report.model.psnrMean).toBeCloseTo(80, 6);
  expect(report.beats).toEqual({ repeatLastFrame: true, shuffledActions: true });
});
