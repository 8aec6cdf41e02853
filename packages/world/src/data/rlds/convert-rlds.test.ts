// Converting robot episodes: against the published files of a small dataset, and everything that can be wrong with one.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readNpz } from "@vid2world/formats/npy/npz";
import { frameTfRecord } from "@vid2world/formats/tfrecord/tfrecord";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openRecording, readClip } from "../recording.js";
import { rldsRecord, rldsShardFile, writeRldsDataset } from "../testing/rlds-dataset.js";
import { convertRlds } from "./convert-rlds.js";

const formats = join(resolve(process.env.VID2WORLD_SHARED ?? "../shared"), "data/formats");
const withShared = test.skipIf(!existsSync(formats)); // without the shared data: no published files to compare with

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "vid2world-rlds-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a dataset of two shards with two episodes each, or of these shards. */
async function dataset(shards?: readonly (readonly Uint8Array[])[]): Promise<string> {
  const content = shards ?? [
    [await rldsRecord(0), await rldsRecord(1)],
    [await rldsRecord(2), await rldsRecord(3)],
  ];
  await writeRldsDataset(join(folder, "in"), content);
  return join(folder, "in");
}

const shardFile = (i: number, count = 2): string => rldsShardFile(join(folder, "in"), i, count);
const output = (name = "out"): string => join(folder, name);
const written = (name = "out"): string[] => readdirSync(join(folder, name, "fractal20220817_data")).sort();
const messages = (problems: readonly Error[]): string => problems.map(({ message }) => message).join("\n");

withShared(
  "the published .npz of RT-1 comes out: names, types, pixels of libjpeg-turbo, actions in order",
  async () => {
    const report = await convertRlds({ input: join(formats, "rlds"), output: output() });
    expect(report).toMatchObject({ written: 4, skipped: 0, problems: [] });
    expect(written()).toEqual([0, 1, 2, 3].map((i) => `train_eps_0000000${i}.npz`));
    const ours = await readNpz(join(report.folder, "train_eps_00000000.npz"));
    const theirs = await readNpz(join(formats, "expected/train_eps_00000000.npz"));
    const [image, expected] = [ours.get("image"), theirs.get("image")];
    expect([image?.dtype, image?.shape.slice(1), ours.get("action")?.dtype]).toEqual([
      "uint8",
      [256, 320, 3],
      "float32",
    ]);
    expect(ours.get("action")).toEqual(theirs.get("action"));
    const same = Buffer.from(image?.data as Uint8Array).subarray(0, expected?.data.length);
    expect(same.equals(Buffer.from(expected?.data as Uint8Array))).toBe(true);
  },
);

test("a conversion that was stopped goes on, skips what is done, and leaves the same bytes", async () => {
  const input = await dataset();
  await convertRlds({ input, output: output("whole") });
  const stop = new AbortController();
  const onProgress = ({ done }: { done: number }): void => void (done === 2 && stop.abort(new Error("stopped")));
  await expect(convertRlds({ input, output: output(), signal: stop.signal, onProgress })).rejects.toThrow("stopped");
  const before = written().length;
  const report = await convertRlds({ input, output: output() });
  expect([report.skipped, report.written]).toEqual([before, 4 - before]);
  expect(written()).toEqual(written("whole"));
  for (const name of written()) {
    const [a, b] = ["out", "whole"].map((each) => readFileSync(join(folder, each, "fractal20220817_data", name)));
    expect(a).toEqual(b);
  }
});

test("a recording opens, holds the same pictures and actions, and goes on after a stop to the same bytes", async () => {
  const input = await dataset();
  const heldOut = new Set(["train_eps_00000003.npz"]);
  const part = await convertRlds({ input, output: output(), format: "recordings", heldOut, maxEpisodes: 2 });
  expect(part.written).toBe(2);
  await convertRlds({ input, output: output(), format: "recordings", heldOut });
  await convertRlds({ input, output: output("whole"), format: "recordings", heldOut });
  const recording = await openRecording(join(output(), "fractal20220817_data"));
  expect(recording.header).toMatchObject({ fps: 3, width: 10, height: 8 });
  expect(recording.episodes.map(({ split }) => split)).toEqual(["train", "train", "train", "val"]);
  expect(recording.header.channels[7]).toMatchObject({ name: "terminate_episode_0", range: [0, 9] });
  const clip = await readClip(recording.episodes[1] as never);
  expect([...clip.actions_TA.subarray(0, 13)]).toEqual([1, 2, 1, 1, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
  expect(clip.frames_THWC[1]).toBe(10);
  for (const name of ["actions.json", "train_eps_00000002.actions.json", "train_eps_00000002/1.png"]) {
    const [a, b] = ["out", "whole"].map((each) => readFileSync(join(folder, each, "fractal20220817_data", name)));
    expect(a).toEqual(b);
  }
});

test("what is broken is named with file, record and byte, the rest is converted, and nothing half is left", async () => {
  const cut = await rldsRecord(1, (features) => {
    const images = features.get("steps/observation/image")?.values as Uint8Array[];
    images[1] = images[1]?.subarray(0, 60) ?? new Uint8Array(0);
  });
  const input = await dataset([
    [await rldsRecord(0), cut, await rldsRecord(2, (features) => void features.delete("steps/action/world_vector"))],
    [
      await rldsRecord(
        3,
        (features) => void features.set("steps/action/rotation_delta", { kind: "float", values: new Float32Array(4) }),
      ),
      await rldsRecord(4, (features) => void features.set("steps/action/rotation_delta", { kind: "float", values: new Float32Array(9).fill(NaN) })), // prettier-ignore
      Buffer.from("no example at all"),
    ],
  ]);
  const report = await convertRlds({ input, output: output() });
  expect(report.written).toBe(1);
  expect(written()).toEqual(["train_eps_00000000.npz"]);
  expect(messages(report.problems)).toMatch(
    /00000-of-00002 record 1 at byte \d+: picture of step 1: not a readable picture/,
  );
  expect(messages(report.problems)).toMatch(
    /record 2 at byte \d+: has no list steps\/action\/world_vector, which features.json promises/,
  );
  expect(messages(report.problems)).toMatch(/rotation_delta holds 4 numbers; 3 steps of 3 need 9/);
  expect(messages(report.problems)).toMatch(
    /00001-of-00002 record 1 at byte \d+: step 0: entry 4 of its action is NaN/,
  );
  expect(messages(report.problems)).toMatch(/record 2 at byte \d+: not a tf.train.Example/);
  await expect(convertRlds({ input, output: output("strict"), strict: true })).rejects.toThrow(/picture of step 1/);
  expect(readdirSync(join(output("strict"), "fractal20220817_data"))).toEqual(["train_eps_00000000.npz"]);
});

test("a truncated or missing shard, a wrong checksum and a wrong count keep the numbers of the other episodes", async () => {
  const input = await dataset();
  const first = readFileSync(shardFile(0));
  const place = first.indexOf("rotation_delta");
  first[place] = 0;
  writeFileSync(shardFile(0), first);
  writeFileSync(shardFile(1), readFileSync(shardFile(1)).subarray(0, -9));
  const report = await convertRlds({ input, output: output() });
  expect(written()).toEqual(["train_eps_00000001.npz", "train_eps_00000002.npz"]);
  expect(messages(report.problems)).toMatch(
    /00000-of-00002 at byte 0: record 0: the checksum of its \d+ bytes is wrong/,
  );
  expect(messages(report.problems)).toMatch(/00001-of-00002 at byte \d+: record 1 is cut short/);
  rmSync(shardFile(0));
  writeFileSync(shardFile(1), frameTfRecord(await rldsRecord(2)));
  const again = await convertRlds({ input, output: output("again") });
  expect(written("again")).toEqual(["train_eps_00000002.npz"]);
  expect(messages(again.problems)).toMatch(/00000-of-00002: missing; dataset_info.json promises 2 episodes/);
  expect(messages(again.problems)).toMatch(/00001-of-00002: 1 records, not the 2 that/);
});

test("another dataset, camera, field or rate that is not there is an error that lists what is", async () => {
  const input = await dataset();
  await expect(convertRlds({ input: folder, output: output() })).rejects.toThrow(/no dataset "fractal20220817_data"/);
  await expect(convertRlds({ input, output: output(), imageKey: "rgb" })).rejects.toThrow(
    /a field with pictures \(image\)/,
  );
  await expect(convertRlds({ input, output: output(), action: ["action/arm"] })).rejects.toThrow(
    /fields of numbers \(action\/base/,
  );
  const own = join(input, "fractal20220817_data");
  await expect(convertRlds({ input: own, output: output(), dataset: "mine", format: "recordings" })).rejects.toThrow(
    /fps: expected/,
  );
  const report = await convertRlds({
    input: own,
    output: output("o"),
    dataset: "mine",
    action: ["action/world_vector", "reward"].slice(0, 1),
  });
  expect((await readNpz(join(report.folder, "train_eps_00000000.npz"))).get("action")?.shape).toEqual([3, 3]);
});

test("a foreign or damaged schema is named before anything is written", async () => {
  const input = await dataset();
  const file = (name: string): string => join(input, "fractal20220817_data/0.1.0", name);
  const [features, info] = ["features.json", "dataset_info.json"].map((name) => readFileSync(file(name), "utf8"));
  const cases = [
    ["features.json", '{"featuresDict": {"features": {"image": {"image": {}}, "label": {}}}}', /features\.json: no RLDS data: a feature "steps" is needed.*its features are image, label/],
    ["features.json", "{", /features\.json: not readable JSON/],
    ["features.json", features?.replaceAll('"image":', '"depth":'), /imageKey/],
    ["dataset_info.json", '{"name": "x"}', /dataset_info\.json: no description of a TFDS dataset/],
    ["dataset_info.json", info?.replace('"tfrecord"', '"array_record"'), /dataset_info\.json: files of format "array_record"; only tfrecord is read/],
  ] as const; // prettier-ignore
  for (const [name, content, message] of cases) {
    writeFileSync(file("features.json"), features ?? "");
    writeFileSync(file("dataset_info.json"), info ?? "");
    writeFileSync(file(name), content ?? "");
    await expect(convertRlds({ input, output: output() })).rejects.toThrow(message);
  }
  expect(existsSync(output())).toBe(false);
});
