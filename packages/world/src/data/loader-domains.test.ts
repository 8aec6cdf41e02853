// The loader on the published domains and still images: the same bytes as their sources give, in other threads, in any size.
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeImage } from "@vid2world/formats";
import { openHdf5 } from "@vid2world/formats/hdf5";
import { fromTypedArray, scope, upsampleBilinear2d, round } from "@vid2world/torch";
import { beforeAll, describe, expect, test } from "vitest";
import { convertCsgo } from "./csgo/csgo-convert.js";
import { createLoader, type LoaderOptions } from "./loader.js";
import type { SkippedEpisode } from "./broken-episodes.js";
import { openDomain, openTrainingClips, openValidationClips, type DomainPlace } from "./open-dataset.js";
import { centreCrop } from "./resize.js";
import { example, largestDifference, temporaryFolder } from "./testing/oracle.js";
import { tensorToFrames } from "./transforms.js";

const folder = temporaryFolder();
const npz = example("formats/expected/train_eps_00000000.npz");
const tar = example("formats/csgo_tar/hdf5_dm_july2021_1_to_200.tar");
const recon = example("formats/recon_processed/jackal_2019-08-02-16-20-11_0_r00");
const testSplit = example("splits/csgo/test_split.txt");

const places: Record<"rt1" | "csgo" | "recon" | "stills", DomainPlace> = {
  rt1: { domain: "rt1", folder: join(folder, "rt1") },
  csgo: { domain: "csgo", folder: join(folder, "csgo", "full_res") },
  recon: { domain: "recon", folder: join(folder, "recon") },
  stills: { domain: "stills", folder: join(folder, "stills") },
};

beforeAll(async () => {
  mkdirSync(join(folder, "rt1"));
  if (npz !== undefined) for (const i of [0, 1]) symlinkSync(npz, join(folder, "rt1", `train_eps_0000000${i}.npz`));
  if (tar !== undefined) await convertCsgo({ input: tar, output: join(folder, "csgo") });
  mkdirSync(join(folder, "recon"));
  if (recon !== undefined) for (const name of ["a", "b"]) symlinkSync(recon, join(folder, "recon", name));
  for (const name of ["1", "2"]) {
    const data_HWC = Uint8Array.from({ length: 40 * 60 * 3 }, (_, i) => (i * i + 31 * i) % 256);
    await writeImage(join(folder, "stills", `${name}.png`), { data_HWC, height: 40, width: 60 });
  }
});

interface ReadClip {
  readonly name: string;
  readonly start: number;
  readonly frames: Uint8Array;
  readonly actions: Float32Array;
}

async function clips(
  place: DomainPlace,
  options: Partial<LoaderOptions> & { frames?: number; frameSkip?: number } = {},
) {
  const { frames = 3, frameSkip = 1, ...rest } = options;
  const dataset = await openTrainingClips(place, { frames, frameSkip, shuffleSeed: 1 });
  await using loader = createLoader(dataset, {
    batch: 2,
    epochs: 1,
    onSkip: ({ reason }) => reasons.push(reason),
    ...rest,
  });
  const reasons: string[] = [];
  const all: ReadClip[] = [];
  for await (const batch of loader) {
    const size = batch.frames_BTHWC.length / batch.batch;
    const actions = batch.actions_BTA.length / batch.batch;
    batch.clips.forEach(({ episode, start }, b) =>
      all.push({
        ...{ name: episode.name, start },
        frames: batch.frames_BTHWC.slice(b * size, (b + 1) * size),
        actions: batch.actions_BTA.slice(b * actions, (b + 1) * actions),
      }),
    );
  }
  expect(reasons).toEqual([]);
  return { dataset, all };
}

describe.each([
  ["rt1", npz, 1],
  ["csgo", tar, 0],
  ["recon", recon, 0],
  ["stills", "", 1],
] as const)("%s", (domain, present, tolerance) => {
  const place = places[domain];

  test.skipIf(present === undefined).each([
    [320, 512, 1],
    [96, 160, 2],
  ])("clips have the frames and actions that the source gives (%ix%i, every %i)", async (height, width, frameSkip) => {
    const sized = { ...place, height, width };
    const { dataset, all } = await clips(sized, { frameSkip });
    expect(dataset).toMatchObject({ height, width });
    expect(all).toHaveLength(dataset.length);
    const source = await openDomain(sized, place.folder, "all");
    for (const { name, start, frames, actions } of all.slice(0, 6)) {
      const clip = await source.read({ name, start }, 3, frameSkip);
      using frames_TCHW = clip.frames_TCHW;
      using frames_BTCHW = frames_TCHW.unsqueeze(0);
      // Where the source does not round, ours may round to the other side of a half.
      expect(largestDifference(frames, tensorToFrames(frames_BTCHW).frames_BTHWC)).toBeLessThanOrEqual(tolerance);
      const last = domain === "recon" ? dataset.actionWidth : 0; // the source knows nothing behind its clip, the loader does
      expect(actions.slice(0, actions.length - last)).toEqual(clip.actions_TA.slice(0, actions.length - last));
      expect(actions).toHaveLength(3 * dataset.actionWidth);
    }
  });

  test.skipIf(present === undefined)("one worker and three give the same clips, memory is used again", async () => {
    const one = await clips(place, { workers: 1 });
    const three = await clips(place, { workers: 3, prefetch: 4 });
    expect(three.all.map(({ name, start }) => [name, start])).toEqual(one.all.map(({ name, start }) => [name, start]));
    three.all.forEach(({ frames, actions }, i) => {
      expect(Buffer.compare(frames, one.all[i]?.frames ?? frames.subarray(1))).toBe(0);
      expect(actions).toEqual(one.all[i]?.actions);
    });
  });
});

test.skipIf(tar === undefined)("CS:GO's bytes are libtorch's resize, rounded, at any size", async () => {
  const path = join(places.csgo.folder, "1-200", "hdf5_dm_july2021_1018.hdf5");
  using file = await openHdf5(path);
  const { data } = file.numbers("frame_3_x");
  for (const [height, width, inside] of [
    [320, 512, 275],
    [160, 256, 138],
    [128, 320, 172],
  ] as const) {
    const { all } = await clips({ ...places.csgo, height, width }, { frames: 1 });
    const ours = all.find(({ name, start }) => name === "hdf5_dm_july2021_1018" && start === 3)?.frames;
    const expected = scope(() => {
      const rgb = fromTypedArray(data as Uint8Array, [1, 150, 280, 3])
        .flip([3])
        .permute([0, 3, 1, 2])
        .float()
        .contiguous();
      const resized = round(upsampleBilinear2d(rgb, [inside, width], false));
      return centreCrop(resized, { height, width }).permute([0, 2, 3, 1]).contiguous();
    });
    expect(largestDifference(ours ?? [], expected.toTypedArray())).toBe(0);
  }
});

test.skipIf(recon === undefined)("a RECON clip's last action leads to the frame behind it", async () => {
  const { all } = await clips(places.recon);
  const source = await openDomain(places.recon, places.recon.folder, "all");
  for (const { name, start, actions } of all) {
    expect(actions).toEqual((await source.actions(name)).slice(start * 3, (start + 3) * 3));
  }
});

test.skipIf(tar === undefined)(
  "files that cannot be opened, and those that break later, are counted and told",
  async () => {
    const bad = join(folder, "csgo-bad");
    for (const i of [1, 2, 3, 4, 5]) {
      cpSync(join(places.csgo.folder, "1-200", "hdf5_dm_july2021_1018.hdf5"), join(bad, `hdf5_dm_july2021_${i}.hdf5`));
    }
    writeFileSync(join(bad, "hdf5_dm_july2021_2.hdf5"), "no hdf5");
    const dataset = await openTrainingClips({ domain: "csgo", folder: bad }, { frames: 4 });
    expect(dataset.broken).toMatchObject([{ file: join(bad, "hdf5_dm_july2021_2.hdf5") }]);
    expect(dataset.episodes).toHaveLength(4);
    writeFileSync(join(bad, "hdf5_dm_july2021_4.hdf5"), "no longer one"); // after it was opened
    const told: SkippedEpisode[] = [];
    const options = { batch: 3, epochs: 1, onSkip: (one: SkippedEpisode) => told.push(one) };
    await using loader = createLoader(dataset, { ...options, maxBrokenShare: 0.4 });
    let clipsSeen = 0;
    for await (const batch of loader) clipsSeen += batch.batch;
    expect(clipsSeen).toBe(3 * 13);
    expect(told.map(({ file, skipped }) => [file.slice(-6), skipped])).toEqual([
      ["2.hdf5", 1],
      ["4.hdf5", 2],
    ]);
    await using strict = createLoader(dataset, { ...options, maxBrokenShare: 0 });
    const all = async (): Promise<void> => {
      for await (const batch of strict) expect(batch.batch).toBe(3);
    };
    await expect(all()).rejects.toThrow(/2 of 5 episodes cannot be read .*_2.hdf5/);
  },
);

test.skipIf(tar === undefined || testSplit === undefined)(
  "episodes that a list names and the folder lacks are told",
  async () => {
    const dataset = await openValidationClips({ ...places.csgo, validationList: testSplit }, { frames: 4 });
    expect(dataset?.missing).toHaveLength(498);
    expect(await openValidationClips(places.csgo, { frames: 4 })).toBeUndefined();
  },
);
