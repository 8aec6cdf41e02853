// Published data sets as training reads them: lengths, actions and bytes are those of their sources.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeNpz } from "@vid2world/formats/npy/npz";
import { expect, test } from "vitest";
import { convertCsgo } from "../data/csgo/csgo-convert.js";
import { csgoChannels } from "../data/csgo/csgo-actions.js";
import { openCsgo } from "../data/csgo/csgo-source.js";
import { example, largestDifference, temporaryFolder } from "../data/testing/oracle.js";
import { actionWidth, channelsSchema } from "../data/action-space.js";
import { reconChannels } from "../data/recon/recon-channels.js";
import { rt1Channels } from "../data/rt1/rt1-channels.js";
import { domainDataSchema } from "./published-settings.js";
import type { TrainingEvent } from "./events.js";
import { frameTable } from "./frame-table.js";
import { loadEpisodes } from "./load-episodes.js";

const folder = temporaryFolder();
const tar = example("formats/csgo_tar/hdf5_dm_july2021_1_to_200.tar");
const testSplit = example("splits/csgo/test_split.txt");
const recon = example("formats/recon_processed");

test.skipIf(tar === undefined || testSplit === undefined)(
  "CS:GO's episodes come in pieces, letterboxed, as exact bytes",
  async () => {
    await convertCsgo({ input: tar ?? "", output: folder });
    const directory = join(folder, "full_res");
    const data = domainDataSchema.parse({
      domain: "csgo",
      folder: directory,
      spatialTransform: "resize_center_crop_csgo",
    });
    const { training, validation, frame, padded, channels } = await loadEpisodes({ data });
    expect([frame, padded]).toEqual([
      { height: 320, width: 512 },
      { height: 320, width: 512 },
    ]);
    expect(validation).toEqual([]);
    expect(training.map(({ name, frames, actionDim }) => [name, frames, actionDim])).toEqual([
      ["hdf5_dm_july2021_1018", 16, 51],
      ["hdf5_dm_july2021_1865", 16, 51],
    ]);
    expect(actionWidth(channels)).toBe(51);
    const source = await openCsgo({ directory });
    const clip = await source.read({ name: "hdf5_dm_july2021_1865", start: 0 }, 16);
    expect(training[1]?.actions_TA).toEqual(clip.actions_TA);
    const pieces: Uint8Array[] = [];
    for await (const { data: bytes } of training[1]?.readFrames() ?? []) pieces.push(bytes);
    const levels = clip.frames_TCHW.permute([0, 2, 3, 1]).add(1).mul(127.5).contiguous().toTypedArray() as Float32Array;
    expect(largestDifference(Buffer.concat(pieces), levels)).toBeLessThan(1e-4); // whole levels already

    // Both files are held out by the published split, so that nothing is left to train on.
    await expect(loadEpisodes({ data: { ...data, validationList: testSplit ?? "" } })).rejects.toThrow(
      "holds no episode of split train",
    );
    const heldOut = { ...data, validationFolder: directory, validationSubsample: true };
    expect((await loadEpisodes({ data: heldOut })).validation).toHaveLength(2);
  },
);

test("episodes that cannot be opened are left out and told about, so are those of a list that are absent", async () => {
  const directory = join(folder, "rt1");
  mkdirSync(directory);
  const names = Array.from({ length: 12 }, (_, i) => `train_eps_0000000${i.toString(16)}.npz`);
  for (const name of names) {
    const image = { dtype: "uint8", shape: [3, 8, 10, 3], data: new Uint8Array(3 * 8 * 10 * 3) } as const;
    const action = { dtype: "float32", shape: [3, 13], data: new Float32Array(39) } as const;
    await writeNpz(join(directory, name), new Map(Object.entries({ image, action })));
  }
  writeFileSync(join(directory, names[3] ?? ""), "no archive");
  const list = join(folder, "held-out.json");
  const absent = Array.from({ length: 7 }, (_, i) => `train_eps_0000010${i}.npz`);
  writeFileSync(list, JSON.stringify([names[0], ...absent]));
  const data = domainDataSchema.parse({ domain: "rt1", folder: directory, validationList: list });
  const told: string[] = [];
  const onEvent = (event: TrainingEvent): void => void (event.type === "warning" && told.push(event.message));
  const { training, validation } = await loadEpisodes({ data }, onEvent);
  expect([training.length, validation.length]).toEqual([10, 1]);
  expect(told).toEqual([
    expect.stringMatching(/left out of training, 1 of 11 episodes so far: .*train_eps_00000003\.npz: not a readable/),
    `${list}: 7 of its episodes are not there: ${absent.slice(0, 5).join(", ")}, 2 more`,
  ]);
  for (const name of names.slice(4, 6)) writeFileSync(join(directory, name), "no archive");
  await expect(loadEpisodes({ data })).rejects.toThrow(
    /2 of 11 episodes cannot be read .*repair or remove these files/,
  );
});

test("frames that do not fit into memory are refused before they are read", async () => {
  const { training } = await loadEpisodes({
    data: { synthetic: { episodes: 2, frames: 20, size: 16, seed: 0, validationEpisodes: 1 } },
  });
  await expect(frameTable(training, { maxBytes: 1000 })).rejects.toThrow(/frames: expected at most .* held in memory/);
});

test.skipIf(recon === undefined)("what a data set cannot give is refused, not ignored", async () => {
  const data = domainDataSchema.parse({ domain: "recon", folder: recon ?? "" });
  const load = (change: object): Promise<unknown> => loadEpisodes({ data: { ...data, ...change } });
  await expect(load({ spatialTransform: "resize_center_crop_csgo" })).rejects.toThrow("data.spatialTransform");
  expect(await load({ height: 160, width: 256 })).toMatchObject({ frame: { height: 160, width: 256 } });
  await expect(load({ domain: "stills" })).rejects.toThrow("data.domain");
});

test("the channels of each domain are valid, and as many as its actions have numbers", () => {
  expect([rt1Channels(), csgoChannels(), reconChannels()].map(actionWidth)).toEqual([13, 51, 3]);
  for (const channels of [rt1Channels(), csgoChannels(), reconChannels()]) {
    expect(channelsSchema.parse(channels)).toEqual(channels);
  }
});
