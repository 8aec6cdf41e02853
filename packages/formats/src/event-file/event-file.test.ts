// What is written is read back, by us and by TensorBoard itself.
import { spawnSync } from "node:child_process";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeGif } from "../gif.js";
import { encodeImage } from "../image.js";
import { writeTfRecords } from "../tfrecord/tfrecord.js";
import { createEventFile, readEventFile } from "./event-file.js";
import type { EventValue, LoggedEvent } from "./event.js";

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "events-"))));
afterEach(() => rm(folder, { recursive: true }));

const [height, width] = [6, 8];
const frames_THWC = Uint8Array.from({ length: 3 * height * width * 3 }, (_, i) => (i * 37) % 256);

async function everyKind(): Promise<EventValue[]> {
  const png = await encodeImage({ data_HWC: frames_THWC.subarray(0, height * width * 3), height, width }, "png");
  const gif = await encodeGif(frames_THWC, { height, width, fps: 8 });
  return [
    { kind: "scalar", tag: "train/loss", value: 0.25 },
    { kind: "scalar", tag: "train/exploded", value: Infinity },
    { kind: "image", tag: "validation/sheet", encoded: png, height, width },
    { kind: "image", tag: "validation/video", encoded: gif, height, width },
    { kind: "text", tag: "run/config", text: "    kind: world\n    ünïcode: yes" },
  ];
}

async function read(file: string): Promise<LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  for await (const event of readEventFile(file)) events.push(event);
  return events;
}

test("scalars, pictures, videos and texts come back as they were written, with step and time", async () => {
  const values = await everyKind();
  const events = createEventFile(folder, { now: () => 1_700_000_000_500 });
  expect(events.file).toContain("events.out.tfevents.1700000000.");
  events.write(7, values);
  events.write(8, []);
  events.close();
  const [version, first, ...more] = await read(events.file);
  expect(version).toEqual({ wallTime: 1_700_000_000.5, step: 0, values: [], fileVersion: "brain.Event:2" });
  expect(first).toMatchObject({ wallTime: 1_700_000_000.5, step: 7 });
  expect(
    first?.values.map((value) => ("encoded" in value ? { ...value, encoded: [...value.encoded] } : value)),
  ).toEqual(values.map((value) => ("encoded" in value ? { ...value, encoded: [...value.encoded] } : value)));
  expect(more).toEqual([]);
  expect(() => events.write(9, values)).toThrow(/an open event file/);
});

test("a record that a killed writer left unfinished is left out, damage inside is an error", async () => {
  const events = createEventFile(folder);
  for (let step = 0; step < 3; step++) events.write(step, [{ kind: "scalar", tag: "loss", value: step }]);
  events.close();
  const whole = await readFile(events.file);
  await appendFile(events.file, whole.subarray(-30, -5)); // no whole header's worth of sense, and cut
  await writeFile(join(folder, "cut"), whole.subarray(0, -5));
  expect((await read(join(folder, "cut"))).map(({ step }) => step)).toEqual([0, 0, 1]);
  whole[60] = (whole[60] ?? 0) ^ 1;
  await writeFile(join(folder, "damaged"), whole);
  await expect(read(join(folder, "damaged"))).rejects.toThrow(/checksum/);
});

test("a file of other records is refused by name", async () => {
  const file = join(folder, "examples.tfrecord");
  await writeTfRecords(file, [Uint8Array.of(8, 1)]);
  await expect(read(file)).rejects.toThrow(/examples\.tfrecord.*tensorflow\.Event|names no version/);
});

const python = [
  process.env["VID2WORLD_TENSORBOARD_PYTHON"],
  join(homedir(), ".cache/vid2world/tensorboard/bin/python"),
  "/usr/bin/python3",
].find((path) => path !== undefined && spawnSync(path, ["-c", "import tensorboard"]).status === 0);

/** All that TensorBoard's own reader finds in the folder. */
const READER = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator, SCALARS, IMAGES, TENSORS
from tensorboard.util import tensor_util
found = EventAccumulator(sys.argv[1], size_guidance={SCALARS: 0, IMAGES: 0, TENSORS: 0})
found.Reload()
tags = found.Tags()
print(json.dumps({
  "scalars": {tag: [[e.step, e.value] for e in found.Scalars(tag)] for tag in tags["scalars"]},
  "images": {tag: [[e.step, e.height, e.width, e.encoded_image_string.hex()] for e in found.Images(tag)] for tag in tags["images"]},
  "texts": {tag: [[e.step, [s.decode() for s in tensor_util.make_ndarray(e.tensor_proto).ravel()], found.SummaryMetadata(tag).plugin_data.plugin_name]
            for e in found.Tensors(tag)] for tag in tags["tensors"]},
}))`;

function readByTensorBoard(): Record<"scalars" | "images" | "texts", Record<string, unknown[]>> {
  const { stdout, stderr } = spawnSync(python as string, ["-c", READER, folder], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout.replaceAll("Infinity", "1e999")) as ReturnType<typeof readByTensorBoard>;
}

const oracle =
  "TensorBoard (skipped unless VID2WORLD_TENSORBOARD_PYTHON names a Python that has it: pip install tensorboard)";
describe.skipIf(python === undefined)(oracle, () => {
  test("reads every kind back", async () => {
    const values = await everyKind();
    const events = createEventFile(folder);
    events.write(7, values);
    events.close();
    const { scalars, images, texts } = readByTensorBoard();
    expect(scalars).toEqual({ "train/loss": [[7, 0.25]], "train/exploded": [[7, Infinity]] });
    const encoded = (tag: string): string => {
      const found = values.find((value) => value.tag === tag);
      return found?.kind === "image" ? Buffer.from(found.encoded).toString("hex") : "";
    };
    expect(images).toEqual({
      "validation/sheet": [[7, height, width, encoded("validation/sheet")]],
      "validation/video": [[7, height, width, encoded("validation/video")]],
    });
    expect(texts).toEqual({ "run/config": [[7, ["    kind: world\n    ünïcode: yes"], "text"]] });
  });

  test("forgets the steps that a resumed run does again", () => {
    const loss = (value: number): EventValue[] => [{ kind: "scalar", tag: "loss", value }];
    const before = createEventFile(folder, { now: () => 1_700_000_000_000 });
    for (let step = 1; step <= 5; step++) before.write(step, loss(step));
    before.close();
    const after = createEventFile(folder, { resumedAt: 4, now: () => 1_700_000_100_000 });
    for (let step = 4; step <= 6; step++) after.write(step, loss(10 * step));
    after.close();
    expect(readByTensorBoard().scalars["loss"]).toEqual([1, 2, 3, 40, 50, 60].map((value, i) => [i + 1, value]));
  });
});
