// A perfect toy world does not drift and comes back after a full turn; worlds that fade or freeze are caught at the right frame.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { channelsSchema } from "../../data/action-space.js";
import { openRecording, type Recording } from "../../data/recording.js";
import type { EvaluatedWorld } from "../evaluated-world.js";
import { shownHorizons } from "../metrics/horizon.js";
import { seededRandom } from "../starts.js";
import { toyChannels, toyWorld, writeToyRecording } from "../toy-world.js";
import { findCollapse, usualRanges } from "./collapse.js";
import { driftText } from "./drift-text.js";
import { frameStatistics, type FrameStatistics } from "./frame-statistics.js";
import { loopFindings, turnAction } from "./loop-closure.js";
import { measureDrift } from "./measure-drift.js";

let root: string;
let recording: Recording;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "drift-"));
  await writeToyRecording(root, 80);
  const opened = await openRecording(root);
  // The panorama is 252 columns around and a turn of 1 moves it by 6.
  const channels = channelsSchema.parse(toyChannels.map((channel) => (channel.name === "turn" ? { ...channel, unit: "8.571428571428571 degrees" } : channel))); // prettier-ignore
  recording = { ...opened, header: { ...opened.header, channels } };
});
afterAll(() => rm(root, { recursive: true }));

/** The world, its pictures darkened from a frame on. */
function fading(world: EvaluatedWorld, from: number): EvaluatedWorld {
  const bytes = world.height * world.width * 3;
  return {
    ...world,
    rollout: async (jobs, options) =>
      (await world.rollout(jobs, options)).map((clip) =>
        clip.map((value, i) => (i < (from - 1) * bytes ? value : value >> 3)),
      ),
  };
}

const run = (world: EvaluatedWorld) => measureDrift(world, recording, { starts: 3, frames: 20, seed: 0, batch: 2 });

test("a perfect world is as good at the end as at the beginning, keeps its looks, and comes back after a full turn", async () => {
  const report = await run(toyWorld());
  expect(report.horizons).toHaveLength(20);
  // Half a turn per frame moves three columns: the toy's truth is met exactly.
  expect(report.horizons.at(-1)?.psnr.value).toBeGreaterThan(60);
  for (const { psnr, repeated, ssim, statistics } of report.horizons)
    for (const { value, low, high } of [psnr, repeated, ssim, ...Object.values(statistics)]) {
      expect(low).toBeLessThanOrEqual(value + 1e-9);
      expect(high).toBeGreaterThanOrEqual(value - 1e-9);
    }
  expect(report.starts.some(({ collapse }) => collapse)).toBe(false);
  const value = (name: string): number => report.findings.find((finding) => finding.name === name)?.value ?? NaN;
  for (const name of ["brightness", "contrast", "sharpness"]) expect(value(name), name).toBeCloseTo(1, 1);
  expect(value("rollouts that collapse")).toBe(0);
  expect(value("after 360 degrees of turn")).toBeGreaterThan(3);
  expect(value("most alike after")).toBeGreaterThan(350);
  expect(value("most alike after")).toBeLessThan(370);
  expect(report.horizons.every(({ secondsPerFrame }) => secondsPerFrame >= 0)).toBe(true);
});

test("a world that fades is caught at the frame where it does, by name", async () => {
  const report = await run(fading(toyWorld(), 9));
  expect(report.starts.map(({ collapse }) => [collapse?.frame, collapse?.statistic])).toEqual(
    Array(3).fill([9, "brightness"]),
  );
  expect(driftText(report)).toMatch(/predicted frame 9 is the first bad one: brightness \d+\.\d, recorded \d+/);
});

test("frames that are not finite are bad, though their bytes are like any others", async () => {
  const world = toyWorld();
  const breaking: EvaluatedWorld = {
    ...world,
    rollout: (jobs, { onFrame, ...options }) =>
      world.rollout(jobs, { ...options, onFrame: (frame) => onFrame?.(frame, frame >= 6 ? [0] : []) }),
  };
  const report = await run(breaking);
  // Batches of two: the first place of each is the first and the third start.
  expect(report.starts.map(({ collapse }) => collapse?.frame)).toEqual([7, undefined, 7]);
  expect(driftText(report)).toMatch(/predicted frame 7 is the first bad one: not finite/);
  expect(report.horizons.at(-1)?.statistics.brightness.value).toBeGreaterThan(0);
});

test("a turn counts as coming back only where the first frame is met again, above what was seen on the way", () => {
  const size = { height: 4, width: 4 };
  const random = seededRandom(2);
  const picture = (): Uint8Array => Uint8Array.from({ length: 48 }, () => random() * 256);
  const turn = { channel: "turn", degrees: 30, action_A: [1] };
  const known = [picture(), picture()];
  const lost = known.map(() => Buffer.concat(Array.from({ length: 18 }, picture)));
  const found = (turned: readonly Uint8Array[]) => loopFindings(known, turned, turn, size)[1];
  expect(found(lost)).toMatchObject({ value: NaN, episodes: 0 });
  const back = new Uint8Array(lost[0] as Uint8Array);
  back.set(known[0] as Uint8Array, 11 * 48);
  expect(found([back, lost[1] as Uint8Array])).toMatchObject({ value: 360, episodes: 1 });
});

test("statistics are what they say", () => {
  const size = { height: 2, width: 2 };
  const grey = new Uint8Array(12).fill(100);
  const [plain] = frameStatistics(grey, grey, size);
  expect(plain).toEqual({ brightness: 100, contrast: 0, saturation: 0, sharpness: 0, motion: 0 });
  const red = Uint8Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? 255 : 0));
  expect(frameStatistics(red, grey, size)[0]).toMatchObject({ brightness: 85, saturation: 255, motion: 355 / 3 });
});

test("a collapse lasts: single bad frames are none, values that are not finite are", () => {
  const usual = Array.from({ length: 100 }, (_, i): FrameStatistics => ({
    ...{ brightness: 50 + (i % 10), contrast: 20, saturation: 10, sharpness: 5, motion: i % 7 },
  }));
  const ranges = usualRanges(usual);
  const good = usual[0] as FrameStatistics;
  const bad = { ...good, sharpness: NaN };
  const row = (pattern: string): FrameStatistics[] => [...pattern].map((sign) => (sign === "x" ? bad : good));
  expect(findCollapse(row("..xxx......"), ranges)).toBeUndefined();
  expect(findCollapse(row("..x..xxxx.."), ranges)).toMatchObject({ frame: 6, statistic: "sharpness" });
  expect(findCollapse(row(".........xx"), ranges)).toMatchObject({ frame: 10 });
  expect(findCollapse(row("..........."), ranges)).toBeUndefined();
});

test("a turn needs a unit in degrees; tables show doubling horizons", () => {
  expect(turnAction(toyChannels)).toBeUndefined();
  expect(turnAction(recording.header.channels)).toMatchObject({ channel: "turn", degrees: 60 / 14 });
  expect(shownHorizons(20)).toEqual([1, 2, 4, 8, 16, 20]);
  expect(shownHorizons(1)).toEqual([1]);
});
