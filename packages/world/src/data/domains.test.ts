// The published domains against what the published code computes: torchvision, Pillow, h5py-made and numpy-made files.
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readVideoInto, writeImage } from "@vid2world/formats";
import { writeNpy } from "@vid2world/formats/npy/npy";
import { writeNpz } from "@vid2world/formats/npy/npz";
import { beforeAll, describe, expect, test } from "vitest";
import { csgoAction, csgoChannels, CSGO_ACTION_DIM, csgoStillAction } from "./csgo/csgo-actions.js";
import { restRow, rowOfKeys, type Channel } from "./action-space.js";
import { convertCsgo } from "./csgo/csgo-convert.js";
import { findCsgoFiles, readCsgoStarts } from "./csgo/csgo-files.js";
import { openCsgo } from "./csgo/csgo-source.js";
import type { DomainClip } from "./domain-clip.js";
import { openRecon } from "./recon/recon-source.js";
import { openRt1 } from "./rt1/rt1-source.js";
import { openStills } from "./stills/stills-source.js";
import { example, lacks, largestDifference, python, temporaryFolder } from "./testing/oracle.js";

const folder = temporaryFolder();
const noOracle = lacks("torch", "torchvision", "PIL", "numpy");
const PREPARE = `
import torch, os
from PIL import Image
from torchvision import transforms
from torchvision.transforms import functional as F
def finish(x):
    return ((transforms.CenterCrop([320, 512])(x) / 255 - 0.5) * 2)`;

/** All values of a clip. */
function numbers(clip: DomainClip): Float32Array {
  return clip.frames_TCHW.toTypedArray() as Float32Array;
}

describe("RT-1", () => {
  const npz = example("formats/expected/train_eps_00000000.npz");
  const heldOut = example("splits/rt1/val_file_list.json");
  const directory = join(folder, "rt1");
  beforeAll(() => {
    mkdirSync(directory);
    if (npz !== undefined) symlinkSync(npz, join(directory, "train_eps_00000000.npz"));
  });

  test.skipIf(npz === undefined || noOracle)("a clip equals that of the published data code", async () => {
    const source = await openRt1({ directory, frames: 4 });
    const clip = await source.read({ name: "train_eps_00000000", start: 2 }, 4);
    const out = await python(
      folder,
      `${PREPARE}
data = np.load(args[0])
x = torch.tensor(data["image"][2:6]).permute(3, 0, 1, 2).float()
x = finish(transforms.Resize(320)(x))
out["frames"] = x.permute(1, 0, 2, 3).contiguous().numpy()
out["actions"] = data["action"][2:6].astype(np.float32)`,
      npz ?? "",
    );
    expect(clip.frames_TCHW.shape).toEqual([4, 3, 320, 512]);
    expect(largestDifference(numbers(clip), out.get("frames")?.data as Float32Array)).toBeLessThan(2e-6);
    expect(clip.actions_TA).toEqual(out.get("actions")?.data);
    const row = clip.frames_TCHW.select(0, 0).select(0, 0).select(0, 160).toTypedArray() as Float32Array;
    expect(row.slice(0, 56).every((value) => value === -1) && row.slice(456).every((value) => value === -1)).toBe(true);
    expect(row.slice(56, 456).some((value) => value !== -1)).toBe(true);
  });

  test.skipIf(npz === undefined)("starts are the same in every run, and strides take every n-th frame", async () => {
    const source = await openRt1({ directory, frames: 4 });
    expect(source.list()).toEqual([{ name: "train_eps_00000000", start: 2, available: 4 }]);
    expect(await source.episodes()).toMatchObject([{ name: "train_eps_00000000", frames: 6 }]);
    const [thin, dense] = await Promise.all([
      source.read({ name: "train_eps_00000000", start: 1 }, 3, 2),
      source.read({ name: "train_eps_00000000", start: 1 }, 5),
    ]);
    const everySecond = dense.frames_TCHW.slice({ dim: 0, step: 2 }).contiguous();
    expect(largestDifference(numbers(thin), everySecond.toTypedArray())).toBe(0);
    expect(thin.actions_TA.slice(13, 26)).toEqual(dense.actions_TA.slice(26, 39));
    expect((await source.actions("train_eps_00000000")).slice(13, 26)).toEqual(dense.actions_TA.slice(0, 13));
    await expect(source.read({ name: "train_eps_00000000", start: 3 }, 4)).rejects.toThrow(
      "train_eps_00000000.npz: frames 3 to 6 are asked for, but it holds 6 (0 to 5)",
    );
  });

  test.skipIf(heldOut === undefined)("held-out episodes are chosen by the published list", async () => {
    const some = join(folder, "rt1-some");
    mkdirSync(some);
    for (const name of ["train_eps_00087145", "train_eps_00000001"]) await writeEpisode(join(some, `${name}.npz`), 3);
    const val = await openRt1({ directory: some, split: "val", heldOut: heldOut ?? "", frames: 3 });
    expect(val.list().map(({ name }) => name)).toEqual(["train_eps_00087145"]);
    expect(val.missing).toHaveLength(4360);
    const train = await openRt1({ directory: some, split: "train", heldOut: heldOut ?? "", frames: 3 });
    expect(train.list().map(({ name }) => name)).toEqual(["train_eps_00000001"]);
  });

  test("damaged episodes are named with what is wrong", async () => {
    const bad = join(folder, "rt1-bad");
    mkdirSync(bad);
    const file = join(bad, "e.npz");
    const cases = [
      [{ action: action(3) }, "image: missing"],
      [{ image: image(3) }, "action: missing"],
      [{ image: { ...image(2), shape: [2, 8, 3, 6] }, action: action(3) }, "image: expected [T H W 3] uint8"],
      [{ image: image(3), action: action(2) }, "action: 2 rows for 3 frames"],
    ] as const;
    for (const [arrays, message] of cases) {
      await writeNpz(file, new Map(Object.entries(arrays)));
      await expect(openRt1({ directory: bad })).rejects.toThrow(`${file}: ${message}`);
    }
    const noNumber = action(3);
    noNumber.data[14] = NaN;
    await writeNpz(file, new Map(Object.entries({ image: image(3), action: noNumber })));
    const source = await openRt1({ directory: bad });
    await expect(source.read({ name: "e", start: 0 }, 3)).rejects.toThrow(`${file}: action: row 1 holds NaN`);
    writeFileSync(file, "PK");
    await expect(openRt1({ directory: bad })).rejects.toThrow(file);
    await expect(openRt1({ directory: bad, split: "val" })).rejects.toThrow("heldOut");
  });
});

describe("CS:GO", () => {
  const tar = example("formats/csgo_tar/hdf5_dm_july2021_1_to_200.tar");
  const testSplit = example("splits/csgo/test_split.txt");
  const startIndices = example("splits/csgo/csgo_validation_start_indices.npy");
  const directory = join(folder, "csgo", "full_res");
  const truth = example("clips/csgo/hdf5_dm_july2021_1018/gt_video.mp4");
  const noH5py = lacks("h5py");
  beforeAll(async () => {
    if (tar !== undefined) await convertCsgo({ input: tar, output: join(folder, "csgo") });
  });

  test.skipIf(tar === undefined || noOracle)("a clip equals that of the published data code", async () => {
    const source = await openCsgo({ directory });
    const name = "hdf5_dm_july2021_1018";
    const clip = await source.read({ name, start: 3 }, 2);
    // Without h5py the oracle takes the pictures from here, and judges everything after the reading of the file.
    const { openHdf5 } = await import("@vid2world/formats/hdf5");
    using file = await openHdf5(join(directory, "1-200", `${name}.hdf5`));
    for (const i of [3, 4]) {
      const { data } = file.numbers(`frame_${i}_x`);
      await writeNpy(join(folder, `${i}.npy`), { dtype: "uint8", shape: [150, 280, 3], data });
    }
    const out = await python(
      folder,
      `${PREPARE}
if args[1] == "h5py":
    import h5py
    file = h5py.File(args[0], "r")
    frames = [file[f"frame_{i}_x"][:] for i in (3, 4)]
    out["actions"] = np.array([file[f"frame_{i}_y"][:] for i in (3, 4)]).astype(np.float32)
else:
    frames = [np.load(f"{folder}/{i}.npy") for i in (3, 4)]
x = torch.stack([torch.tensor(frame).flip(2).permute(2, 0, 1) for frame in frames]).permute(1, 0, 2, 3)
x = finish(transforms.Resize((275, 512))(x))
out["frames"] = x.permute(1, 0, 2, 3).contiguous().numpy()`,
      join(directory, "1-200", `${name}.hdf5`),
      noH5py ? "" : "h5py",
    );
    expect(clip.frames_TCHW.shape).toEqual([2, 3, 320, 512]);
    expect(largestDifference(numbers(clip), out.get("frames")?.data as Float32Array)).toBe(0);
    if (!noH5py) expect(clip.actions_TA).toEqual(out.get("actions")?.data);
    expect(clip.actions_TA).toHaveLength(2 * CSGO_ACTION_DIM);
    const column = clip.frames_TCHW.select(0, 0).select(0, 1).select(1, 256).toTypedArray() as Float32Array;
    expect(column.slice(0, 22).every((v) => v === -1) && column.slice(297).every((v) => v === -1)).toBe(true);
  });

  test.skipIf(tar === undefined)(
    "frames behind the end are an error, or black as in the published loader",
    async () => {
      const name = "hdf5_dm_july2021_1865";
      const source = await openCsgo({ directory });
      expect(await source.episodes()).toMatchObject([
        { name: "hdf5_dm_july2021_1018", frames: 16 },
        { name, frames: 16 },
      ]);
      await expect(source.read({ name, start: 14 }, 3)).rejects.toThrow(
        "frames 14 to 16 are asked for, but it holds 16",
      );
      const lenient = await openCsgo({ directory, pastEnd: "black" });
      const clip = await lenient.read({ name, start: 14 }, 3);
      expect(clip.frames_TCHW.select(0, 2).amax().item()).toBe(-1);
      expect(clip.frames_TCHW.select(0, 1).amax().item()).toBeGreaterThan(0);
      expect(clip.actions_TA.slice(2 * CSGO_ACTION_DIM).every((value) => value === 0)).toBe(true);
      expect((await source.actions(name)).slice(14 * CSGO_ACTION_DIM)).toEqual(
        clip.actions_TA.slice(0, 2 * CSGO_ACTION_DIM),
      );
    },
  );

  test.skipIf(testSplit === undefined || startIndices === undefined)(
    "published starts belong to the paths in their order as text, also where only some files are there",
    async () => {
      const starts = await readCsgoStarts(testSplit ?? "", startIndices ?? "");
      expect(starts.size).toBe(500);
      // sorted() in Python puts 1-200/..._102 first, and gives these starts to these files.
      const paths = [...starts.keys()];
      expect(paths.slice(0, 3)).toEqual(["hdf5_dm_july2021_102", "hdf5_dm_july2021_103", "hdf5_dm_july2021_104"]);
      const known = ["102", "1018", "1865", "2554", "3"].map((n) => starts.get(`hdf5_dm_july2021_${n}`));
      expect(known).toEqual([102, 769, 701, 891, 372]);
      const source = await openCsgo({
        ...{ directory, split: "val", testSplit: testSplit ?? "", startIndices: startIndices ?? "" },
      });
      expect(source.list()).toEqual(
        ["hdf5_dm_july2021_1018", "hdf5_dm_july2021_1865"].map((name) => ({ name, start: starts.get(name) })),
      );
      expect(source.missing).toHaveLength(498);
    },
  );

  test.skipIf(tar === undefined || truth === undefined)(
    "frames lie where the published evaluation's own video of that episode has them",
    async () => {
      // The example's frames were taken from this video, so that only its compression and one resize lie between.
      const bytes = new Uint8Array(16 * 320 * 512 * 3);
      await readVideoInto(truth ?? "", bytes, { start: 0, end: 16 });
      const source = await openCsgo({ directory });
      const { frames_TCHW } = await source.read({ name: "hdf5_dm_july2021_1018", start: 0 }, 16);
      const levels = frames_TCHW.add(1).mul(127.5).permute([0, 2, 3, 1]).contiguous().toTypedArray() as Float32Array;
      let squares = 0;
      for (let i = 0; i < bytes.length; i++) squares += ((levels[i] ?? 0) - (bytes[i] ?? 0)) ** 2;
      expect(10 * Math.log10(255 ** 2 / (squares / bytes.length))).toBeGreaterThan(35); // one row or column off: below 30
    },
  );

  test("two files of one name, and folders without any, are refused", async () => {
    const twice = join(folder, "csgo-twice");
    for (const part of ["a", "b"]) {
      mkdirSync(join(twice, part), { recursive: true });
      writeFileSync(join(twice, part, "hdf5_dm_july2021_1.hdf5"), "no hdf5");
    }
    await expect(findCsgoFiles(twice, "all")).rejects.toThrow("the same episode is also in");
    mkdirSync(join(folder, "csgo-empty"));
    await expect(openCsgo({ directory: join(folder, "csgo-empty") })).rejects.toThrow("vid2world data convert csgo");
    const one = await openCsgo({ directory: join(twice, "a") });
    await expect(one.read({ name: "hdf5_dm_july2021_1", start: 0 }, 1)).rejects.toThrow("file signature not found");
    expect(one.list()).toHaveLength(1);
  });

  test("an action says keys, clicks and one step of the mouse per axis; at rest the channels give the still action", () => {
    const action = csgoAction({ keys: ["w", "shift"], leftClick: true, mouseX: 60, mouseY: -50 });
    expect([...action].flatMap((value, i) => (value === 1 ? [i] : [])).filter((i) => i > 0)).toEqual([
      6,
      11,
      13 + 17,
      36 + 2,
    ]);
    expect(action[0]).toBe(1);
    const still = csgoStillAction();
    expect([...still].flatMap((value, i) => (value === 1 ? [i] : [])).filter((i) => i > 0)).toEqual([13 + 11, 36 + 7]);
    const channels = csgoChannels();
    expect(channels).toHaveLength(CSGO_ACTION_DIM);
    expect(restRow(channels)).toEqual([...still]);
    expect(rowOfKeys(channels, new Set(["KeyW", "ShiftLeft", "MouseLeft", "ArrowRight", "ArrowUp"]))).toEqual([
      ...action,
    ]);
    expect(() => csgoAction({ mouseX: 61 })).toThrow("mouseX");
  });
});

describe("RECON", () => {
  const directory = example("formats/recon_processed");
  const splits = example("splits/recon");
  const name = "jackal_2019-08-02-16-20-11_0_r00";

  test.skipIf(directory === undefined || noOracle)("a clip equals that of the published data code", async () => {
    const source = await openRecon({ directory: directory ?? "" });
    const clip = await source.read({ name, start: 2 }, 3);
    const out = await python(
      folder,
      `${PREPARE}
import pickle
trajectory = args[0]
prepare = transforms.Compose([transforms.Resize((320, 320)), transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)])
x = torch.stack([prepare(Image.open(f"{trajectory}/{i}.jpg")) for i in (2, 3, 4)]).permute(1, 0, 2, 3)
x = (x + 1.0) / 2.0 * 255.0
x = finish(transforms.Resize(320)(x))
out["frames"] = x.permute(1, 0, 2, 3).contiguous().numpy()
data = {k: v.astype(float) for k, v in pickle.load(open(f"{trajectory}/traj_data.pkl", "rb")).items()}
yaw = data["yaw"].reshape(-1)
actions = np.zeros((3, 3))
for j, t in enumerate((3, 4)):
    c, s = np.cos(yaw[t - 1]), np.sin(yaw[t - 1])
    local = (data["position"][t] - data["position"][t - 1]).dot(np.array([[c, -s], [s, c]]))
    turn = yaw[t] - yaw[t - 1]
    actions[j] = [*(local / 0.25), turn - 2 * np.pi * np.floor((turn + np.pi) / (2 * np.pi))]
low, high = np.array([-2.5, -4.0]), np.array([5.0, 4.0])
actions[:, :2] = (actions[:, :2] - low) / (high - low) * 2 - 1
out["actions"] = actions.astype(np.float32)`,
      join(directory ?? "", name),
    );
    expect(clip.frames_TCHW.shape).toEqual([3, 3, 320, 512]);
    expect(largestDifference(numbers(clip), out.get("frames")?.data as Float32Array)).toBeLessThan(5e-7);
    expect(largestDifference(clip.actions_TA, out.get("actions")?.data as Float32Array)).toBeLessThan(1e-6);
    expect([...clip.actions_TA.slice(6)]).toEqual([Math.fround(-1 / 3), 0, 0]);
  });

  test.skipIf(splits === undefined)("predefined moments become starts with the known frames before them", async () => {
    const some = join(folder, "recon-some");
    mkdirSync(join(some, "jackal_2019-10-24-13-35-07_2_r02"), { recursive: true });
    await expect(openRecon({ directory: some, split: "val", splits: splits ?? "" })).rejects.toThrow();
    // The rollouts of this trajectory begin at frames 123, 75 and 27 and others; four frames are known.
    const trajectory = join(some, "jackal_2019-10-24-13-35-07_2_r02");
    const { trajectoryBytes } = await import("./recon/trajectory-file.js");
    const yaw = new Float64Array(150);
    writeFileSync(
      join(trajectory, "traj_data.pkl"),
      trajectoryBytes({ position: new Float64Array(300), yaw, yawShape: [150] }),
    );
    const source = await openRecon({ directory: some, splits: splits ?? "", index: "rollout" });
    expect(source.list()[0]).toEqual({ name: "jackal_2019-10-24-13-35-07_2_r02", start: 120 });
    expect(source.list().every(({ start }) => start >= 0)).toBe(true);
    expect(source.missing.length).toBe(19);
    await expect(source.read(source.list()[0] ?? { name: "", start: 0 }, 2)).rejects.toThrow("120.jpg");
  });

  test("damaged trajectories are named with what is wrong", async () => {
    const bad = join(folder, "recon-bad");
    mkdirSync(join(bad, "t"), { recursive: true });
    const file = join(bad, "t", "traj_data.pkl");
    await expect(openRecon({ directory: bad })).rejects.toThrow(`${file}: could not be read`);
    writeFileSync(file, "cos\nsystem\n(S'true'\ntR.");
    await expect(openRecon({ directory: bad })).rejects.toThrow(`${file}: expected a dict`);
    writeFileSync(file, Buffer.from("80047d942e", "hex"));
    await expect(openRecon({ directory: bad })).rejects.toThrow(`${file}: position: missing`);
  });
});

describe("still images", () => {
  const directory = join(folder, "stills");
  beforeAll(async () => {
    for (const [name, height, width] of [
      ["10", 40, 60],
      ["2", 600, 900],
    ] as const) {
      const data_HWC = Uint8Array.from({ length: height * width * 3 }, (_, i) => (i * i + 31 * i) % 256);
      await writeImage(join(directory, `${name}.png`), { data_HWC, height, width });
    }
  });

  test.skipIf(noOracle)(
    "a start equals that of the published data code, smaller and larger pictures alike",
    async () => {
      for (const antialias of [false, true]) {
        const source = await openStills({ directory, antialias });
        expect(source.list().map(({ name }) => name)).toEqual(["2", "10"]);
        const clips = await Promise.all(source.list().map((start) => source.read(start, 2)));
        const out = await python(
          folder,
          `${PREPARE}
for i, name in enumerate(("2", "10")):
    x = transforms.ToTensor()(Image.open(f"{folder}/stills/{name}.png").convert("RGB")) * 255.0
    x = F.pad(F.resize(x, (275, 512), antialias=bool(int(args[0]))), [0, 22, 0, 23], fill=0, padding_mode="constant")
    out[f"x{i}"] = ((x / 255.0 - 0.5) * 2.0).numpy()`,
          String(Number(antialias)),
        );
        for (const [i, clip] of clips.entries()) {
          expect(clip.frames_TCHW.shape).toEqual([2, 3, 320, 512]);
          const second = clip.frames_TCHW.select(0, 1).contiguous();
          expect(largestDifference(second.toTypedArray(), out.get(`x${i}`)?.data as Float32Array)).toBeLessThan(2e-6);
          expect(clip.actions_TA).toEqual(Float32Array.from([...csgoStillAction(), ...csgoStillAction()]));
        }
      }
    },
  );

  test("other action spaces give their own rest", async () => {
    const channels: Channel[] = [
      { name: "move", kind: "continuous", range: [-1, 1], rest: 0.5, keys: {} },
      { name: "tool", kind: "choice", options: ["none", "rope"], keys: {} },
    ];
    const source = await openStills({ directory, channels });
    expect(source.actionDim).toBe(3);
    expect((await source.read({ name: "10", start: 0 }, 2)).actions_TA).toEqual(Float32Array.of(0.5, 1, 0, 0.5, 1, 0));
    await expect(openStills({ directory: folder })).rejects.toThrow("holds no picture");
  });
});

function image(frames: number) {
  return { dtype: "uint8" as const, shape: [frames, 8, 6, 3], data: new Uint8Array(frames * 8 * 6 * 3) };
}

function action(frames: number) {
  return { dtype: "float32" as const, shape: [frames, 13], data: new Float32Array(frames * 13) };
}

async function writeEpisode(file: string, frames: number): Promise<void> {
  await writeNpz(file, new Map(Object.entries({ image: image(frames), action: action(frames) })));
}
