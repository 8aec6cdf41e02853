// Published data sets as training reads them: lengths, actions and bytes are those of their sources.
import { join } from "node:path";
import { expect, test } from "vitest";
import { convertCsgo } from "../data/csgo/csgo-convert.js";
import { csgoChannels } from "../data/csgo/csgo-actions.js";
import { openCsgo } from "../data/csgo/csgo-source.js";
import { example, largestDifference, temporaryFolder } from "../data/testing/oracle.js";
import { actionWidth, channelsSchema } from "../data/action-space.js";
import { reconChannels } from "../data/recon/recon-channels.js";
import { rt1Channels } from "../data/rt1/rt1-channels.js";
import { domainDataSchema } from "./published-settings.js";
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
