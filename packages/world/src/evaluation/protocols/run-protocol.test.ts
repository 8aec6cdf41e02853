// Every protocol from end to end with a tiny world of random weights: files, settings, resuming, ranks, seeds, memory.
// Tensors are counted by "at most": the weights of worlds that earlier tests left are collected at any time.
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { probeVideo, readImage } from "@vid2world/formats";
import { readNpy } from "@vid2world/formats/npy/npy";
import { readNpz } from "@vid2world/formats/npy/npz";
import { type Tensor, liveTensors, scope } from "@vid2world/torch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DomainSource } from "../../data/domain-clip.js";
import { openRecording } from "../../data/recording.js";
import { toySize, writeToyRecording } from "../toy-world.js";
import { recordingSource } from "./recording-source.js";
import { type RunProtocolOptions, runProtocol } from "./run-protocol.js";
import { tinySize, tinySource, tinyWorld } from "./tiny-domain.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vid2world-protocol-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

const episodes = [
  { name: "train_eps_00000001", start: 0, available: 40 },
  { name: "train_eps_00000002", start: 3, available: 6 },
  { name: "train_eps_00000003", start: 1, available: 5 },
  { name: "train_eps_00000004", start: 2 },
];
const rt1 = () => tinySource("rt1", episodes);

async function raw(...path: string[]): Promise<Record<string, { shape: readonly number[]; data: ArrayLike<unknown> }>> {
  return Object.fromEntries(await readNpz(join(folder, ...path, "raw_data.npz")));
}

const bytesOf = async (...path: string[]): Promise<string> =>
  JSON.stringify((await raw(...path))["pred"]?.data, (_, value: unknown) => value);

describe("ar", () => {
  const world = tinyWorld({ domain: "rt1" });

  test("writes the published folder of every clip that is long enough, and exact frames and actions", async () => {
    const done: number[] = [];
    const onProgress = (progress: { done: number }): void => void done.push(progress.done);
    const result = await runProtocol(world, rt1(), { protocol: "ar", out: at("ar"), batch: 2, onProgress });
    expect(result).toMatchObject({ contextFrames: 4, frames: 2, tooShort: ["train_eps_00000003"], skipped: [] });
    expect(result.written).toEqual(["train_eps_00000001", "train_eps_00000002", "train_eps_00000004"]);
    expect(done).toEqual([2, 4, 5, 6]);
    expect((await readdir(at("ar"))).sort()).toEqual([...result.written]);
    const first = join(at("ar"), "train_eps_00000001");
    expect((await readdir(first)).sort()).toEqual(
      ["action.npy", "gt_video.mp4", "pred_video.mp4", "raw_data.npz", "rollout.json"], // prettier-ignore
    );
    for (const video of ["gt_video.mp4", "pred_video.mp4"])
      expect(await probeVideo(join(first, video))).toMatchObject({ ...tinySize, frames: 6, fps: 3 });
    const { pred, gt, action } = await raw("ar", "train_eps_00000001");
    expect([pred?.shape, gt?.shape, action?.shape]).toEqual([
      [3, 6, 16, 24],
      [3, 6, 16, 24],
      [6, 13],
    ]);
    const clip = await rt1().read({ name: "train_eps_00000001", start: 0 }, 6);
    const truth = scope(() => clip.frames_TCHW.add(1).div(2).permute([1, 0, 2, 3]).contiguous());
    expect(gt?.data).toEqual(truth.toTypedArray());
    expect(action?.data).toEqual(clip.actions_TA);
    expect((await readNpy(join(first, "action.npy"))).data).toEqual(clip.actions_TA);
    const values = [...(pred?.data as Float32Array)];
    expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  test("what is complete stays, what is of other settings is made again, what is not ours is never replaced", async () => {
    const options: RunProtocolOptions = { protocol: "ar", out: at("again"), starts: 2 };
    const before = liveTensors();
    await runProtocol(world, rt1(), options);
    expect(liveTensors()).toBeLessThanOrEqual(before);
    const idle = rt1();
    const second = await runProtocol(world, idle, options);
    expect([second.written, second.skipped.length, second.secondsPerFrame, idle.reads]).toEqual([[], 2, undefined, []]);
    await rm(join(at("again"), "train_eps_00000001", "gt_video.mp4"));
    expect((await runProtocol(world, rt1(), options)).written).toEqual(["train_eps_00000001"]);
    expect((await runProtocol(world, rt1(), { ...options, starts: 1, seed: 9 })).written).toHaveLength(1);

    await mkdir(join(at("foreign"), "train_eps_00000001"), { recursive: true });
    await writeFile(join(at("foreign"), "train_eps_00000001", "pred_video.mp4"), "somebody's");
    await expect(runProtocol(world, rt1(), { ...options, out: at("foreign") })).rejects.toThrow(
      /not made by this command; choose another folder/,
    );
    expect(await readFile(join(at("foreign"), "train_eps_00000001", "pred_video.mp4"), "utf8")).toBe("somebody's");
  });

  test("a seed decides the frames, whatever the batch and the number of processes", async () => {
    const run = (out: string, options: Partial<RunProtocolOptions>) =>
      runProtocol(world, rt1(), { protocol: "ar", out: at(out), seed: 4, starts: 2, ...options });
    const ranks = await Promise.all([0, 1].map((rank) => run("ranks", { batch: 1, rank, worldSize: 2 })));
    expect(ranks.map(({ written }) => written)).toEqual([["train_eps_00000001"], ["train_eps_00000002"]]);
    await run("one", { batch: 1 });
    await run("other", { batch: 1, seed: 5 });
    for (const name of ["train_eps_00000001", "train_eps_00000002"]) {
      expect(await bytesOf("ranks", name)).toBe(await bytesOf("one", name));
      expect(await bytesOf("other", name)).not.toBe(await bytesOf("one", name));
    }
    await run("batched", { batch: 2 });
    const [alone, together] = [await raw("one", "train_eps_00000002"), await raw("batched", "train_eps_00000002")];
    const pairs = [...(alone["pred"]?.data as Float32Array)].map((value, i) => [
      value,
      Number(together["pred"]?.data[i]),
    ]);
    expect(Math.max(...pairs.map(([a = 0, b = 0]) => Math.abs(a - b)))).toBeLessThan(1e-4);
  });

  test("a stopped run leaves nothing half and goes on to the same frames", async () => {
    const stop = new AbortController();
    const onProgress = ({ done }: { done: number }): void => void (done > 2 && stop.abort(new Error("enough")));
    const options: RunProtocolOptions = { protocol: "ar", out: at("stopped"), seed: 4, starts: 2 };
    await expect(runProtocol(world, rt1(), { ...options, signal: stop.signal, onProgress })).rejects.toThrow("enough");
    expect((await readdir(at("stopped"))).filter((name) => !name.startsWith("."))).toEqual(["train_eps_00000001"]);
    await runProtocol(world, rt1(), options);
    expect((await readdir(at("stopped"))).every((name) => !name.startsWith("."))).toBe(true);
    expect(await bytesOf("stopped", "train_eps_00000002")).toBe(await bytesOf("one", "train_eps_00000002"));
  });

  test("guidance compares the first frame's tokens with those of its reconstruction", async () => {
    const seen: [frame: Tensor, reconstruction: boolean][] = [];
    const describeScene = (frame_BCHW: Tensor, reconstruction?: () => Tensor) => {
      seen.push([frame_BCHW, reconstruction !== undefined]);
      const tokens = (picture: Tensor): Tensor =>
        picture
          .mean([1, 2, 3])
          .reshape([-1, 1, 1])
          .expand([-1, 77 + 16, 8])
          .contiguous();
      return { context: tokens(frame_BCHW), ...(reconstruction && { unconditionalContext: tokens(reconstruction()) }) };
    };
    const scene = { contextDim: 8, describe: describeScene };
    const described = tinyWorld({ domain: "rt1", scene });
    const made = liveTensors();
    await runProtocol(described, rt1(), { protocol: "ar", out: at("scene"), starts: 2, batch: 2 });
    expect(liveTensors()).toBeLessThanOrEqual(made);
    expect(seen.map(([, reconstruction]) => reconstruction)).toEqual([true]);
    const plain = tinyWorld({ domain: "rt1", scene, sampler: { guidanceScale: 1 } });
    await runProtocol(plain, rt1(), { protocol: "ar", out: at("scene-plain"), starts: 1 });
    expect(seen.map(([, reconstruction]) => reconstruction)).toEqual([true, false]);
  });
});

describe("nar", () => {
  test("samples the whole clip, the first frame too", async () => {
    const world = tinyWorld({ domain: "csgo" });
    const source = tinySource("csgo", [{ name: "hdf5_dm_july2021_7", start: 0 }]);
    const before = liveTensors();
    const result = await runProtocol(world, source, { protocol: "nar", out: at("nar") });
    expect(liveTensors()).toBeLessThanOrEqual(before);
    expect(result).toMatchObject({ contextFrames: 1, frames: 5, written: ["hdf5_dm_july2021_7"] });
    const { pred, action } = await raw("nar", "hdf5_dm_july2021_7");
    expect([pred?.shape, action?.shape]).toEqual([
      [3, 6, 16, 24],
      [6, 51],
    ]);
    await expect(runProtocol(world, source, { protocol: "nar", out: at("nar"), frames: 9 })).rejects.toThrow(
      /frames: expected at most 5: a clip is sampled as a whole/,
    );
  });
});

describe("single-step and rollout", () => {
  test("write RECON's flat files with the time of the newest known frame, over a window that slides", async () => {
    const world = tinyWorld({ domain: "recon", temporalLength: 5 });
    const starts = [
      { name: "jackal 2019", start: 7 },
      { name: "jackal 2019", start: 20 },
    ];
    const before = liveTensors();
    const run = (protocol: "single-step" | "rollout", frames: number) =>
      runProtocol(world, tinySource("recon", starts), { protocol, out: at(protocol), frames });
    const written = ["jackal_2019_t0010", "jackal_2019_t0023"];
    expect(await run("single-step", 3)).toMatchObject({ contextFrames: 4, frames: 3, written });
    expect((await readdir(at("single-step"))).filter((name) => name.startsWith("jackal_2019_t0010")).sort()).toEqual(
      ["raw_data.npz", "rollout.json", "x_gt.mp4", "x_pred.mp4", "xgt_first.png", "xgt_last.png", "xpred_last.png"].map(
        (file) => `jackal_2019_t0010_${file}`,
      ),
    );
    const video = await probeVideo(join(at("single-step"), "jackal_2019_t0010_x_pred.mp4"));
    expect(video).toMatchObject({ ...tinySize, frames: 7, fps: 4 });
    expect(await readImage(join(at("single-step"), "jackal_2019_t0023_xpred_last.png"))).toMatchObject(tinySize);
    expect(await run("single-step", 3)).toMatchObject({ written: [], skipped: written });
    expect(await run("rollout", 1)).toMatchObject({ contextFrames: 4, frames: 1, written });
    expect(await readdir(at("rollout"))).toHaveLength(14);
    expect(liveTensors()).toBeLessThanOrEqual(before);
  });
});

describe("long", () => {
  const world = tinyWorld({ domain: "csgo", temporalLength: 4 });
  const source = () => tinySource("csgo", [{ name: "hdf5_dm_july2021_1", start: 5 }]);

  test("predicts over a window that is encoded anew, under keys held for ten frames, and shows the way every ten", async () => {
    const before = liveTensors();
    const result = await runProtocol(world, source(), { protocol: "long", out: at("long"), frames: 14 });
    expect(liveTensors()).toBeLessThanOrEqual(before);
    expect(result).toMatchObject({ contextFrames: 3, frames: 14, clipFrames: 3 });
    const inside = (await readdir(join(at("long"), "hdf5_dm_july2021_1"))).sort();
    expect(inside).toEqual(
      ["action.npy", ...["0010", "0014"].map((step) => `action_step${step}.npy`), "gt_video.mp4", "pred_video.mp4",
        ...["0010", "0014"].map((step) => `pred_video_step${step}.mp4`), "raw_data.npz", "rollout.json"], // prettier-ignore
    );
    const video = (name: string) => probeVideo(join(at("long"), "hdf5_dm_july2021_1", name));
    expect(await video("pred_video_step0010.mp4")).toMatchObject({ frames: 13, fps: 4 });
    expect(await video("pred_video.mp4")).toMatchObject({ frames: 14, fps: 3 });
    expect(await video("gt_video.mp4")).toMatchObject({ frames: 3 });
    const { action } = await raw("long", "hdf5_dm_july2021_1");
    expect(action?.shape).toEqual([17, 51]);
    const rows = Array.from({ length: 14 }, (_, t) =>
      [...(action?.data as Float32Array).subarray((3 + t) * 51, (4 + t) * 51)].flatMap((value, i) =>
        value === 1 ? [i] : [],
      ),
    );
    for (const [t, row] of rows.entries()) {
      expect(row.slice(1)).toEqual([24, 43]);
      expect(row[0]).toBeLessThan(4);
      if (t % 10 > 0) expect(row).toEqual(rows[t - 1]);
    }
  });

  test("a stopped rollout goes on from its last ten frames to the same bytes", async () => {
    const stop = new AbortController();
    const onProgress = ({ done }: { done: number }): void => void (done === 12 && stop.abort(new Error("enough")));
    const options: RunProtocolOptions = { protocol: "long", out: at("long-stopped"), frames: 14 };
    await expect(runProtocol(world, source(), { ...options, signal: stop.signal, onProgress })).rejects.toThrow(
      "enough",
    );
    expect(await readdir(at("long-stopped"))).toEqual([".hdf5_dm_july2021_1.partial"]);
    const seen: number[] = [];
    await runProtocol(world, source(), { ...options, onProgress: ({ done }) => void seen.push(done) });
    expect(seen.slice(0, 2)).toEqual([10, 11]);
    expect(await readdir(at("long-stopped"))).toEqual(["hdf5_dm_july2021_1"]);
    expect(await bytesOf("long-stopped", "hdf5_dm_july2021_1")).toBe(await bytesOf("long", "hdf5_dm_july2021_1"));
  });

  test("under recorded actions the truth that followed is beside the prediction; given rows must suffice", async () => {
    const options: RunProtocolOptions = { protocol: "long", out: at("long-recorded"), frames: 4 };
    await runProtocol(world, source(), { ...options, actions: "recorded" });
    const { pred, gt, action } = await raw("long-recorded", "hdf5_dm_july2021_1");
    expect([pred?.shape, gt?.shape, action?.shape]).toEqual([[3, 4, 16, 24], [3, 4, 16, 24], [7, 51]]); // prettier-ignore
    const actions = { rows_TA: new Float32Array(3 * 51), name: "mine.npy" };
    await expect(runProtocol(world, source(), { ...options, out: at("short"), actions })).rejects.toThrow(
      /at least 4 rows.*"3 in mine.npy"/,
    );
  });
});

describe("action-control", () => {
  const labels = ["X+", "X-", "Y+", "Y-", "Z+", "Z-", "zero", "true"];

  test("drives one start by eight actions and shows them side by side", async () => {
    const world = tinyWorld({ domain: "rt1" });
    const options: RunProtocolOptions = {
      protocol: "action-control",
      out: at("control"),
      batch: 8,
      frames: 1,
      magnitude: 0.25,
    };
    const before = liveTensors();
    const result = await runProtocol(world, rt1(), options);
    expect(liveTensors()).toBeLessThanOrEqual(before);
    expect(result.written).toEqual(labels.map((label) => `train_eps_00000001_${label}`));
    const video = join(at("control"), "action_control_train_eps_00000001.mp4");
    expect(await probeVideo(video)).toMatchObject({ frames: 5, fps: 3 });
    const rowOf = async (label: string): Promise<number[]> => {
      const { action } = await raw("control", `train_eps_00000001_${label}`);
      return [...(action?.data as Float32Array).subarray(0, 13)];
    };
    const goesOn = [0, 0, 0, 0, 0, 0, 0, 0, 1, 0];
    expect(await rowOf("X+")).toEqual([...goesOn, 0.25, 0, 0]);
    expect(await rowOf("Z-")).toEqual([...goesOn, 0, 0, -0.25]);
    expect(await rowOf("zero")).toEqual([...goesOn, 0, 0, 0]);
    expect(await rowOf("true")).toEqual([...(await rt1().read({ name: "train_eps_00000001", start: 0 }, 6)).actions_TA.subarray(0, 13)]); // prettier-ignore
    const frames = new Set(await Promise.all(labels.map((label) => bytesOf("control", `train_eps_00000001_${label}`))));
    expect(frames.size).toBe(8);

    await rm(video);
    expect((await runProtocol(world, rt1(), options)).written).toEqual([]);
    expect(await probeVideo(video)).toMatchObject({ frames: 5 });
  });
});

describe("own recordings", () => {
  test("serve as a source of ar, long and action-control", async () => {
    await writeToyRecording(at("toy"));
    const recording = await openRecording(at("toy"));
    const world = tinyWorld({ domain: "recordings", temporalLength: 4, size: toySize });
    const source = recordingSource(recording, 6);
    expect(source.list().slice(0, 3)).toEqual([
      { name: "b", start: 0, available: 40 },
      { name: "c", start: 0, available: 40 },
      { name: "b", start: 6, available: 34 },
    ]);
    const options = { starts: 2, frames: 1 };
    const ar = await runProtocol(world, source, { ...options, protocol: "ar", out: at("own-ar") });
    expect(ar.written).toEqual(["b_00000", "c_00000"]);
    expect(await probeVideo(join(at("own-ar"), "b_00000", "gt_video.mp4"))).toMatchObject({
      ...toySize,
      frames: 4,
      fps: 8,
    });
    const long = await runProtocol(world, source, { ...options, protocol: "long", out: at("own-long"), starts: 1 });
    expect(long.written).toEqual(["b_00000"]);
    const control = { ...options, protocol: "action-control", out: at("own-control"), starts: 1 } as const;
    expect((await runProtocol(world, source, control)).written).toEqual(
      ["forward", "back", "turn_left", "turn_right", "nothing", "true"].map((label) => `b_00000_${label}`),
    );
  });
});

describe("what does not fit is refused before anything is written", () => {
  const world = tinyWorld({ domain: "rt1" });
  const out = "refused";
  const refused = async (
    source: DomainSource,
    options: Partial<RunProtocolOptions>,
    message: RegExp,
  ): Promise<void> => {
    await expect(runProtocol(world, source, { protocol: "ar", ...options, out: at(out) })).rejects.toThrow(message);
    await expect(readdir(at(out))).rejects.toThrow(/ENOENT/);
  };

  test("a protocol of another domain: the error names those that fit", () =>
    refused(
      rt1(),
      { protocol: "single-step" },
      /protocol: expected one that fits RT-1 \(ar, nar, action-control\), received "single-step"/,
    ));

  test("actions of another width", () =>
    refused(tinySource("csgo", episodes), {}, /actions of 13 numbers, as world "tiny-rt1" takes them, received 51/));

  test("clips that are all too short", () =>
    refused(
      tinySource("rt1", episodes.slice(1, 3)),
      { stride: 2 },
      /at least one clip of 11 frames, received "2 clips/,
    ));

  test("a process that is not one of all", () =>
    refused(rt1(), { rank: 2, worldSize: 2 }, /rank: expected a whole number from 0 to 1/));
});
