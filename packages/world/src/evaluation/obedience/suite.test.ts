// A toy world that turns as told passes every test; one that does not listen fails them. The recordings say what turning looks like.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { liveTensors } from "@vid2world/torch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openRecording, type Recording } from "../../data/recording.js";
import type { EvaluatedWorld } from "../evaluated-world.js";
import { toyWorld, writeToyRecording } from "../toy-world.js";
import { measureActionObedience, type ObedienceReport } from "./suite.js";

let root: string;
let recording: Recording;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "obedience-"));
  await writeToyRecording(path.join(root, "toy"), 240);
  recording = await openRecording(path.join(root, "toy"));
});
afterAll(() => rm(root, { recursive: true }));

const run = (world: EvaluatedWorld): Promise<ObedienceReport> =>
  measureActionObedience(world, recording, { starts: 14, frames: 6, seed: 1, cacheFolder: path.join(root, "cache") });
const valueOf = (report: ObedienceReport, name: string): number =>
  report.findings.find((finding) => finding.name === name)?.value ?? NaN;

/** Takes whatever it is told for something else. */
function deaf(world: EvaluatedWorld): EvaluatedWorld {
  return {
    ...world,
    rollout: (jobs, options) =>
      world.rollout(
        jobs.map((job) => ({ ...job, actions_TA: job.actions_TA.map((_, i) => (i % 2 === 1 ? 0.5 : 0)) })),
        options,
      ),
  };
}

describe("the obedience of a world", () => {
  test("that does exactly as told is perfect in every test, and the report is the same again", async () => {
    const report = await run(toyWorld());
    const before = liveTensors();
    expect(await run(toyWorld())).toEqual(report);
    expect(liveTensors()).toBeLessThanOrEqual(before);
    expect(valueOf(report, "gain of the true actions")).toBeGreaterThan(10);
    expect(valueOf(report, "change at rest")).toBe(0);
    expect(valueOf(report, "turn")).toBe(1);
    expect(valueOf(report, "turn: strength")).toBeCloseTo(1, 1);
    expect(valueOf(report, "turn: twice the action")).toBeCloseTo(2, 1);
    for (const kind of ["real frames", "the world's frames", "exchanged actions"])
      expect(valueOf(report, `turn: ${kind}`), kind).toBeGreaterThan(0.6);
    expect(report.notes.join()).toMatch(/no clear movement of the picture by it: forward/);
    expect(report.findings.every(({ meaning, episodes }) => meaning.length > 20 && episodes > 0)).toBe(true);
  });

  test("that does not listen gains nothing by the true actions, moves at rest, and its actions cannot be recovered", async () => {
    const report = await run(deaf(toyWorld()));
    expect(valueOf(report, "gain of the true actions")).toBe(0);
    expect(valueOf(report, "as a share of moving")).toBe(1);
    expect(valueOf(report, "turn")).toBe(0.5);
    expect(valueOf(report, "turn: strength")).toBeCloseTo(0, 6);
    expect(valueOf(report, "turn: exchanged actions")).toBeLessThan(0.65);
    expect(report.findings.find(({ name }) => name === "turn")?.pValue).toBeGreaterThan(0.02);
  });
});

test("one start or two frames are too few, and said so", async () => {
  const with_ = (starts: number, frames: number) =>
    measureActionObedience(toyWorld(), recording, { starts, frames, seed: 0 });
  await expect(with_(1, 8)).rejects.toThrow(/starts: expected at least 2/);
  await expect(with_(4, 2)).rejects.toThrow(/frames: expected at least 3/);
});
