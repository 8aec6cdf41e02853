// Imports of own data: videos with inputs, gymnasium episodes, LeRobot datasets; right ones, and what can be wrong with them.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { probeVideo, readVideo, writeVideo } from "@vid2world/formats";
import { writeNpz } from "@vid2world/formats/npy/npz";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openRecording, readClip, checkRecording } from "../recording.js";
import { importFolder } from "./import-folder.js";
import { importGymnasium } from "./import-gymnasium.js";
import { importLeRobot } from "./import-lerobot.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vid2world-import-"));
  mkdirSync(join(folder, "in"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, "in", name);
const output = (): string => join(folder, "out");
const messages = (problems: readonly Error[]): string => problems.map(({ message }) => message).join("\n");

/** Grey frames, each brighter than the last, so that a frame tells its number. */
const greys = (count: number, width = 32, height = 24): Uint8Array[] =>
  Array.from({ length: count }, (_, t) => new Uint8Array(width * height * 3).fill(20 + t * 8));
const video = (name: string, frames: number, fps: number, width = 32, height = 24): Promise<number> =>
  writeVideo(at(name), greys(frames, width, height), { width, height, fps, crf: 0, preset: "ultrafast" });
const frameNumbers = (bytes: Uint8Array, size: number): number[] =>
  Array.from({ length: bytes.length / size }, (_, t) => Math.round(((bytes[t * size + 300] ?? 0) - 20) / 8) + 0);

const MAPPING = `
name: mine
licence: CC0-1.0
source: test
fps: 5
width: 32
height: 24
channels:
  - { name: forward, kind: continuous, range: [-1, 1], keys: { KeyW: 1, KeyS: -1 } }
  - { name: turn, kind: continuous, range: [-1, 1], keys: { MouseX: 0.01 } }
  - { name: fire, kind: binary, keys: { Space: 1, MouseLeft: 1 } }
`;
const mapping = (more = ""): string => {
  writeFileSync(join(folder, "mapping.yaml"), MAPPING + more);
  return join(folder, "mapping.yaml");
};
const SAMPLES =
  "columns:\n  forward: { column: stick, scale: -1 }\n  turn: { column: yaw, combine: sum, scale: 0.1 }\n  fire: { column: button, words: { up: 0, down: 1 } }\n";

test("samples become rows about the time from frame to frame: held, weighted by time, summed, and any", async () => {
  await video("a.mp4", 5, 5);
  writeFileSync(at("a.csv"), "t,stick,yaw,button\n0,0,0,up\n0.3,-1,2,up\n0.45,0.5,3,down\n0.5,0.5,0,up\n2,0,0,up\n");
  const report = await importFolder({ input: join(folder, "in"), output: output(), mapping: mapping(SAMPLES) });
  expect(report).toMatchObject({ written: 1, problems: [], notes: [] });
  const { actions } = JSON.parse(readFileSync(join(output(), "a.actions.json"), "utf8")) as { actions: number[][] };
  const rounded = actions.map((row) => row.map((value) => Number(value.toFixed(6)) + 0));
  // frame 1 lasts from 0.2 to 0.4 s: 0 until 0.3, then 1; frame 2 from 0.4 to 0.6: 1 until 0.45, then -0.5
  expect(rounded).toEqual([[0, 0, 0], [0.5, 0.2, 0], [-0.125, 0.3, 1], [-0.5, 0, 0], [-0.5, 0, 0]]); // prettier-ignore
  expect(readFileSync(join(output(), "a.mp4"))).toEqual(readFileSync(at("a.mp4")));
});

test("key events drive the channels by their keys, also a tap between two frames, and mouse movement adds up", async () => {
  await video("a.mp4", 5, 5);
  const events = [
    { t: 1000.1, type: "keydown", code: "KeyW" },
    { t: 1000.3, type: "keyup", code: "KeyW" },
    { t: 1000.41, type: "mousedown", button: 0 },
    { t: 1000.42, type: "mouseup", button: 0 },
    { t: 1000.45, type: "mousemove", dx: 30, dy: 0 },
    { t: 1000.5, type: "mousemove", dx: 20, dy: 5 },
    { t: 1000.6, type: "keydown", code: "KeyS" },
    { t: 1000.9, type: "blur" },
  ];
  writeFileSync(at("a.jsonl"), events.map((event) => JSON.stringify(event)).join("\n"));
  await importFolder({
    input: join(folder, "in"),
    output: output(),
    mapping: mapping("inputs: { kind: events, offset: -1000 }\n"),
  });
  const { actions } = JSON.parse(readFileSync(join(output(), "a.actions.json"), "utf8")) as { actions: number[][] };
  const rounded = actions.map((row) => row.map((value) => Number(value.toFixed(6)) + 0));
  expect(rounded).toEqual([[0.5, 0, 0], [0.5, 0, 0], [0, 0.5, 1], [-1, 0, 0], [-0.5, 0, 0]]); // prettier-ignore
});

test("a video of another rate and size is converted: frame and row keep their time", async () => {
  await video("a.mp4", 24, 20, 64, 48);
  writeFileSync(at("a.csv"), "t,forward,turn,fire\n0,0,0,0\n600,1,0,1\n");
  const report = await importFolder({
    input: join(folder, "in"),
    output: output(),
    mapping: mapping("inputs: { unit: ms }\n"),
  });
  expect(report.notes[0]).toBe("a.mp4: converted from 64x48 at 20 frames/s to 32x24 at 5");
  const recording = await openRecording(output());
  expect(await checkRecording(recording)).toEqual([]);
  const { frames_THWC, actions_TA } = await readClip(recording.episodes[0] as never);
  expect(frameNumbers(frames_THWC, 32 * 24 * 3)).toEqual([0, 4, 8, 12, 16, 20]);
  expect([...actions_TA.filter((_, i) => i % 3 === 0)]).toEqual([0, 0, 0, 1, 1, 1]);
});

test("a video of a variable rate is resampled by the times of its frames, also where its mean rate is the wanted one", async () => {
  await video("even.mp4", 24, 20);
  // Every fifth frame is gone, the others keep their times: 12 is not there, so that 11 is still shown at second 0.6.
  const dropping = ["-vf", "select=not(eq(mod(n\\,5)\\,2))", "-fps_mode", "vfr", "-crf", "0"];
  execFileSync("ffmpeg", ["-v", "error", "-i", at("even.mp4"), ...dropping, at("a.mp4")]);
  rmSync(at("even.mp4"));
  writeFileSync(at("a.csv"), "t,forward,turn,fire\n0,0,0,0\n0.6,1,0,1\n");
  const options = { input: join(folder, "in"), output: output() };
  const report = await importFolder({ ...options, mapping: mapping() });
  expect(report).toMatchObject({ written: 1, problems: [] });
  const recording = await openRecording(output());
  const { frames_THWC, actions_TA } = await readClip(recording.episodes[0] as never);
  expect(frameNumbers(frames_THWC, 32 * 24 * 3)).toEqual([0, 4, 8, 11, 16, 20]);
  expect([...actions_TA.filter((_, i) => i % 3 === 0)]).toEqual([0, 0, 0, 1, 1, 1]);
  // At its own mean rate it is not copied as it is either.
  const { fps } = await probeVideo(at("a.mp4"));
  const same = MAPPING.replace("fps: 5", `fps: ${fps}`);
  writeFileSync(join(folder, "same.yaml"), same);
  const again = await importFolder({ ...options, output: join(folder, "again"), mapping: join(folder, "same.yaml") });
  expect(again.notes[0]).toMatch(/a\.mp4: converted from .* \(a variable rate\)/);
});

test("every video with bad inputs is named with file and row, the others are imported, and nothing half is left", async () => {
  const inputs: Readonly<Record<string, string>> = {
    "word.csv": "t,forward,turn,fire\n0,0,0,0\n0.5,fast,0,0\n",
    "wide.csv": "t,forward,turn,fire\n0,0,0\n",
    "back.csv": "t,forward,turn,fire\n0.5,0,0,0\n0.2,0,0,0\n",
    "range.csv": "t,forward,turn,fire\n0,2,0,0\n",
    "binary.csv": "t,forward,turn,fire\n0,0,0,7\n",
    "column.csv": "t,forward,fire\n0,0,0\n",
    "late.csv": "t,forward,turn,fire\n500,0,0,0\n",
    "json.jsonl": '{"t": 0, "forward": 0, "turn": 0, "fire": 0}\n{"t": 0.1, \n',
    "good.csv": "t,forward,turn,fire\n0,0,0,0\n",
  };
  await video("good.mp4", 3, 5);
  for (const [name, text] of Object.entries(inputs)) {
    writeFileSync(at(name), text);
    const clip = at(`${name.split(".")[0] ?? ""}.mp4`);
    if (!existsSync(clip)) cpSync(at("good.mp4"), clip);
  }
  cpSync(at("good.mp4"), at("alone.mp4"));
  writeFileSync(at("cut.mp4"), readFileSync(at("good.mp4")).subarray(0, 700));
  writeFileSync(at("cut.csv"), inputs["good.csv"] ?? "");
  const report = await importFolder({ input: join(folder, "in"), output: output(), mapping: mapping() });
  const said = messages(report.problems);
  expect(said).toMatch(/word\.csv: line 3: forward is "fast", which is no number/);
  expect(said).toMatch(/wide\.csv: line 2: Invalid Record Length/);
  expect(said).toMatch(/back\.csv: line 3: goes back in time, from 0.5 s to 0.2 s/);
  expect(said).toMatch(/range\.csv: line 2: forward = 2 is outside of its range -1 to 1; widen it, or set clip/);
  expect(said).toMatch(/binary\.csv: at frame 0 \(second 0.000\): fire = 7 is neither 0 nor 1/);
  expect(said).toMatch(/column\.csv: line 2: no column "turn" for channel turn; there are t, forward, fire/);
  expect(said).toMatch(
    /late\.csv: its seconds 500.000 to 500.000 do not meet the video's 0 to 0.600; look at inputs.unit/,
  );
  expect(said).toMatch(/json\.jsonl: line 2: not valid JSON/);
  expect(said).toMatch(/alone: has no inputs beside it; alone.csv or alone.jsonl or/);
  expect(said).toMatch(/cut\.mp4: not a readable video|cut\.mp4: cut short/);
  expect(report.written).toBe(1);
  expect(readdirSync(output()).sort()).toEqual(["actions.json", "good.actions.json", "good.mp4"]);
  await expect(importFolder({ input: join(folder, "in"), output: output(), mapping: mapping("columns: { fires: { scale: 2 } }\n") })).rejects.toThrow(/no channel is called "fires"/); // prettier-ignore
});

test("gymnasium: discrete actions with a video of one frame more become a choice; a second start goes on", async () => {
  await video("ep-0.mp4", 4, 10);
  await video("ep-1.mp4", 3, 10);
  await writeNpz(
    at("ep-0.npz"),
    new Map([["actions", { dtype: "int64", shape: [3], data: BigInt64Array.of(2n, 0n, 1n) }]]),
  );
  await writeNpz(
    at("ep-1.npz"),
    new Map([["actions", { dtype: "int64", shape: [3], data: BigInt64Array.of(1n, 1n, 1n) }]]),
  );
  await writeNpz(at("ep-2.npz"), new Map([["actions", { dtype: "int64", shape: [9], data: new BigInt64Array(9) }]]));
  await video("ep-2.mp4", 3, 10);
  const options = {
    input: join(folder, "in"),
    output: output(),
    actionNames: ["stay", "left", "right"],
    validationEvery: 2,
  };
  const report = await importGymnasium(options);
  expect(messages(report.problems)).toMatch(/ep-2\.npz: 9 actions, but 3 frames; 9 or 10 are needed/);
  const recording = await openRecording(output());
  expect(recording.header.channels).toMatchObject([{ kind: "choice", options: ["stay", "left", "right"] }]);
  expect(recording.episodes.map(({ split }) => split)).toEqual(["train", "val"]);
  expect([...(recording.episodes[0]?.actions_TA ?? [])]).toEqual([0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 0, 0]);
  expect(await importGymnasium(options)).toMatchObject({ written: 0, skipped: 2 });
});

test("gymnasium: frames in the .npz file are kept exactly, continuous actions get the range they have", async () => {
  const data = Uint8Array.from({ length: 3 * 9 * 7 * 3 }, (_, i) => (i * 37) % 256);
  await writeNpz(
    at("a.npz"),
    new Map([
      ["frames", { dtype: "uint8" as const, shape: [3, 9, 7, 3], data }],
      ["actions", { dtype: "float32" as const, shape: [2, 2], data: Float32Array.of(-2, 0.5, 1, 0.25) }],
    ]),
  );
  await expect(importGymnasium({ input: join(folder, "in"), output: output() })).rejects.toThrow(
    /fps: expected steps a second/,
  );
  await importGymnasium({ input: join(folder, "in"), output: output(), fps: 30 });
  const recording = await openRecording(output());
  expect(recording.header.channels).toMatchObject([{ range: [-2, 1] }, { range: [0, 0.5] }]);
  expect((await readClip(recording.episodes[0] as never)).frames_THWC).toEqual(data);
});

const lerobot = (version: string): void =>
  cpSync(join(import.meta.dirname, "fixtures", `lerobot-${version}`), join(folder, "in"), { recursive: true });
const CAMERA = "observation.images.top";

test("LeRobot 2.1: videos are copied, actions and names come from the Parquet files", async () => {
  lerobot("v2");
  await video(`videos/chunk-000/${CAMERA}/episode_000000.mp4`, 4, 5);
  await video(`videos/chunk-000/${CAMERA}/episode_000001.mp4`, 6, 5);
  const report = await importLeRobot({ input: join(folder, "in"), output: output(), camera: "top" });
  expect(report).toMatchObject({ written: 2, problems: [] });
  const recording = await openRecording(output());
  expect(recording.header).toMatchObject({ fps: 5, channels: [{ name: "shoulder_pos", range: [0, 2.25] }, { name: "gripper_pos", range: [-1.125, 0] }] }); // prettier-ignore
  expect([...(recording.episodes[1]?.actions_TA.subarray(0, 4) ?? [])]).toEqual([1, -0.5, 1.25, -0.625]);
  expect(recording.episodes[0]?.info).toEqual({ task: "lift" });
  expect(await checkRecording(recording)).toEqual([]);
});

test("LeRobot 3: episodes are cut out of a shared video exactly, at another size if wanted", async () => {
  lerobot("v3");
  await video(`videos/${CAMERA}/chunk-000/file-000.mp4`, 15, 5);
  const report = await importLeRobot({ input: join(folder, "in"), output: output(), width: 16, height: 12 });
  expect(report).toMatchObject({ written: 3, problems: [] });
  const recording = await openRecording(output());
  const numbers = [];
  for (const { path } of recording.episodes)
    numbers.push(frameNumbers((await readVideo(path)).frames_THWC, 16 * 12 * 3));
  expect(numbers).toEqual([[0, 1, 2, 3], [4, 5, 6, 7, 8, 9], [10, 11, 12, 13, 14]]); // prettier-ignore
  expect(recording.episodes.map(({ actions_TA }) => actions_TA[0])).toEqual([0, 1, 2]);
});

test("LeRobot: a short video, a damaged or missing Parquet file and a wrong camera are named", async () => {
  lerobot("v2");
  await video(`videos/chunk-000/${CAMERA}/episode_000000.mp4`, 3, 5);
  const options = { input: join(folder, "in"), output: output() };
  const data = at("data/chunk-000/episode_000001.parquet");
  const bytes = readFileSync(data);
  writeFileSync(data, bytes.subarray(0, 400));
  const report = await importLeRobot(options);
  expect(messages(report.problems)).toMatch(/episode_000001\.parquet: its footer cannot be read/);
  expect(messages(report.problems)).toMatch(/episode_000000\.mp4: ends at second 0.600; episode 0 needs it to 0.800/);
  expect(existsSync(output()) ? readdirSync(output()) : []).toEqual([]);
  await expect(importLeRobot({ ...options, camera: "wrist" })).rejects.toThrow(
    /one of the dataset's cameras \(observation.images.top\)/,
  );
  rmSync(at("meta/info.json"));
  await expect(importLeRobot(options)).rejects.toThrow(/info\.json: missing; this is no LeRobot dataset/);
});

test("LeRobot 2.0: pictures that stand in the rows, or that these name, become the frames; others are named by row", async () => {
  lerobot("images");
  const options = { input: join(folder, "in"), output: output(), validationEvery: 0 };
  const report = await importLeRobot(options);
  expect(report).toMatchObject({ written: 2, problems: [] });
  const recording = await openRecording(output());
  const numbers = [];
  for (const { path } of recording.episodes)
    numbers.push(frameNumbers((await readVideo(path)).frames_THWC, 32 * 24 * 3));
  expect(numbers).toEqual([[0, 1, 2, 3], [4, 5, 6]]); // prettier-ignore
  rmSync(at(`images/${CAMERA}/episode_000001/frame_000002.png`));
  const again = await importLeRobot({ ...options, output: join(folder, "again") });
  expect(again.written).toBe(1);
  expect(messages(again.problems)).toMatch(
    /episode_000001\.parquet row 2: .* names ".*frame_000002\.png", which is missing/,
  );
  expect(readdirSync(join(folder, "again")).filter((name) => name.includes("000001"))).toEqual([]);
});
