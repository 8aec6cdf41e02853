// What can be wrong inside of CS:GO's and RECON's files, in conversion and in training: named with file and dataset or picture.
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeImage } from "@vid2world/formats";
import { writeTestHdf5, type TestDataset } from "@vid2world/formats/testing/write-hdf5";
import { expect, test } from "vitest";
import { openCsgo } from "./csgo/csgo-source.js";
import { convertRecon } from "./recon/recon-convert.js";
import { openRecon } from "./recon/recon-source.js";
import { trajectoryBytes } from "./recon/trajectory-file.js";
import { temporaryFolder } from "./testing/oracle.js";

const folder = temporaryFolder();
const picture: TestDataset = { data: new Uint8Array(150 * 280 * 3), shape: [150, 280, 3] };
const action: TestDataset = { data: new Float64Array(51), shape: [51] };
const csgo = (frames: number): Record<string, TestDataset> =>
  Object.fromEntries(
    Array.from({ length: frames }, (_, i) => [
      [`frame_${i}_x`, picture] as const,
      [`frame_${i}_y`, action] as const,
    ]).flat(),
  );

test("CS:GO files with frames that are missing or of other shapes are named with the dataset", async () => {
  const directory = join(folder, "csgo");
  mkdirSync(directory);
  const { frame_1_x: _, ...gap } = csgo(4);
  const { frame_2_y: __, ...actionless } = csgo(4);
  const cases: readonly (readonly [Record<string, TestDataset>, string])[] = [
    [gap, 'dataset "frame_1_x": missing, though the file holds 3 frames'],
    [actionless, 'dataset "frame_2_y": missing'],
    [
      { ...csgo(4), frame_3_x: { data: new Uint8Array(150 * 280), shape: [150, 280] } },
      'dataset "frame_3_x": expected [150 280 3] uint8, found [150 280]',
    ],
    [{ ...csgo(4), frame_0_y: { data: new Float64Array(50), shape: [50] } }, 'dataset "frame_0_y": expected [51]'],
    [
      { ...csgo(4), frame_1_y: { data: new Float64Array(51).fill(NaN), shape: [51] } },
      'dataset "frame_1_y": entry 0 is NaN',
    ],
    [{ other: action }, 'dataset "frame_0_x": missing; this is no CS:GO episode'],
  ];
  for (const [i, [datasets, message]] of cases.entries()) {
    const name = `hdf5_dm_july2021_${i + 1}`;
    const file = join(directory, `${name}.hdf5`);
    await writeTestHdf5(file, datasets);
    const source = await openCsgo({ directory });
    await expect(source.read({ name, start: 0 }, 4)).rejects.toThrow(`${file}: ${message}`);
  }
  // Training goes on without what cannot be opened, and says so.
  await writeTestHdf5(join(directory, "hdf5_dm_july2021_9.hdf5"), csgo(2));
  const told: string[] = [];
  const source = await openCsgo({ directory, onBroken: ({ message }) => told.push(message) });
  expect((await source.episodes()).map(({ name }) => name)).toContain("hdf5_dm_july2021_9");
  expect(told.some((message) => message.includes("hdf5_dm_july2021_1.hdf5"))).toBe(true);
});

test("RECON files whose datasets are missing or do not fit each other are named, the rest is converted", async () => {
  const input = join(folder, "recon");
  mkdirSync(input);
  const numbers = (...shape: number[]): TestDataset => {
    return { data: new Float64Array(shape.reduce((product, size) => product * size, 1)), shape };
  };
  const good = {
    "images/rgb_left": ["no picture", "none"],
    "jackal/position": numbers(2, 3),
    "jackal/yaw": numbers(2),
  };
  const { "jackal/yaw": _, ...yawless } = good;
  const cases: Readonly<Record<string, readonly [Record<string, TestDataset>, string]>> = {
    counts: [{ ...good, "jackal/position": numbers(3, 3) }, "2 pictures, 3 positions and 2 yaws; there must be"],
    shape: [{ ...good, "jackal/position": numbers(6) }, 'dataset "jackal/position": expected [T 3], found [6]'],
    yaw: [yawless, 'dataset "jackal/yaw": missing'],
    picture: [good, 'dataset "images/rgb_left"'],
  };
  for (const [name, [datasets]] of Object.entries(cases)) await writeTestHdf5(join(input, `${name}.hdf5`), datasets);
  const output = join(folder, "recon-out");
  const { written, problems } = await convertRecon({ input, output });
  const messages = problems.map(({ message }) => message);
  for (const [name, [, message]] of Object.entries(cases)) {
    expect(messages.some((told) => told.startsWith(join(input, `${name}.hdf5`)) && told.includes(message))).toBe(true);
  }
  expect(written).toBe(0);
  expect(readdirSync(output)).toEqual([]);
  await expect(convertRecon({ input, output, strict: true })).rejects.toThrow(/counts\.hdf5/);
});

test("a converted RECON trajectory with a cut JPEG is named by the picture, and code in its pickle is not run", async () => {
  const directory = join(folder, "trajectories");
  const trajectory = join(directory, "t");
  mkdirSync(trajectory, { recursive: true });
  const data_HWC = Uint8Array.from({ length: 48 * 64 * 3 }, (_, i) => (i * 7919) >> 3);
  const jpeg = await encodeImage({ data_HWC, height: 48, width: 64 }, "jpg");
  for (const i of [0, 1, 2]) writeFileSync(join(trajectory, `${i}.jpg`), i === 1 ? jpeg.subarray(0, 700) : jpeg);
  const poses = trajectoryBytes({ position: new Float64Array(6), yaw: new Float64Array(3), yawShape: [3] });
  writeFileSync(join(trajectory, "traj_data.pkl"), poses);
  const source = await openRecon({ directory });
  await expect(source.read({ name: "t", start: 0 }, 3)).rejects.toThrow(
    `${join(trajectory, "1.jpg")}: not a readable picture`,
  );
  const proof = join(folder, "was-run");
  const evil = join(directory, "evil");
  mkdirSync(evil);
  copyFileSync(join(trajectory, "0.jpg"), join(evil, "0.jpg"));
  writeFileSync(join(evil, "traj_data.pkl"), `cos\nsystem\n(S'touch ${proof}'\ntR.`);
  const told: string[] = [];
  const rest = await openRecon({ directory, onBroken: ({ message }) => told.push(message) });
  expect((await rest.episodes()).map(({ name }) => name)).toEqual(["t"]);
  expect(told).toEqual([expect.stringContaining(join(evil, "traj_data.pkl"))]);
  expect(existsSync(proof)).toBe(false);
});
