import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "./dataset.js";
import { createDataset } from "./open-dataset.js";
import { createLoader, type Batch, type LoaderOptions } from "./loader.js";
import type { SkippedEpisode } from "./broken-episodes.js";
import { openRecording, readClip } from "./recording.js";
import { writeSyntheticRecording } from "./testing/synthetic.js";

const folder = mkdtempSync(join(tmpdir(), "vid2world-loader-"));
afterAll(() => rmSync(folder, { recursive: true }));

let dataset: Dataset;
beforeAll(async () => {
  // Images, which need no ffmpeg: the tests are about order. The first one repeats itself with videos.
  await writeSyntheticRecording(join(folder, "whole"), { train: [9, 6, 7], images: true });
  dataset = createDataset([await openRecording(join(folder, "whole"))], { split: "train", frames: 4, shuffleSeed: 1 });
  expect(dataset.length).toBe(6 + 3 + 4);
});

const names = ({ clips }: Plain): string => clips.map(({ episode, start }) => `${episode.name}@${start}`).join(" ");

/** A batch as plain data, which can be compared. */
type Plain = Omit<Batch, typeof Symbol.dispose | "frames_BTHWC"> & { readonly frames_BTHWC: Uint8Array };
const plain = (batch: Batch | undefined): Plain => {
  const { [Symbol.dispose]: _, frames_BTHWC, ...rest } = batch as Batch;
  return { ...rest, frames_BTHWC: frames_BTHWC.slice() };
};

async function batches(options: LoaderOptions, count = Infinity, from = dataset): Promise<Plain[]> {
  await using loader = createLoader(from, options);
  const all: Plain[] = [];
  while (all.length < count) {
    const batch = await loader.next();
    if (batch === undefined) break;
    all.push(plain(batch));
  }
  return all;
}

describe("a loader", () => {
  it.each([true, false])(
    "hands out the frames and actions of its clips, every clip once (images: %s)",
    async (images) => {
      const path = join(folder, `all-${images}`);
      await writeSyntheticRecording(path, { train: [9, 6, 7], images });
      const from = createDataset([await openRecording(path)], { split: "train", frames: 4, shuffleSeed: 1 });
      const whole = new Map<string, Uint8Array>();
      const recording = await openRecording(path);
      for (const episode of recording.episodes) whole.set(episode.name, (await readClip(episode)).frames_THWC);
      const all = await batches({ batch: 4, epochs: 1 }, Infinity, from);
      expect(all.map(({ batch }) => batch)).toEqual([4, 4, 4, 1]);
      expect(new Set(all.flatMap((batch) => names(batch).split(" "))).size).toBe(13);
      const frame = 16 * 24 * 3;
      for (const { clips, frames_BTHWC, actions_BTA, fps_B } of all) {
        for (const [b, { episode, start }] of clips.entries()) {
          const expected = whole.get(episode.name)?.subarray(start * frame, (start + 4) * frame) ?? new Uint8Array();
          expect(Buffer.compare(frames_BTHWC.subarray(b * 4 * frame, (b + 1) * 4 * frame), expected)).toBe(0);
          expect(actions_BTA.subarray(b * 20, (b + 1) * 20)).toEqual(
            episode.actions_TA?.subarray(start * 5, start * 5 + 20),
          );
          expect(fps_B[b]).toBe(10);
        }
      }
    },
  );

  it("gives the same batches with and without a cache, with one worker and with three", async () => {
    const one = await batches({ batch: 3, workers: 1 }, 6);
    const three = await batches({ batch: 3, workers: 3, prefetch: 3, cacheBytes: 0 }, 6);
    expect(three).toEqual(one);
  });

  it("keeps no more decoded frames than its limit allows", async () => {
    const bytes = 16 * 24 * 3 * 8; // only the two shorter episodes can fit, and only one at a time
    await using loader = createLoader(dataset, { batch: 4, epochs: 1, cacheBytes: bytes });
    for await (const batch of loader) expect(batch.frames).toBe(4);
    expect(loader.cachedBytes).toBeGreaterThan(0);
    expect(loader.cachedBytes).toBeLessThanOrEqual(bytes);
  });

  it("uses the memory of batches that were given back, and never that of others", async () => {
    const alone = await batches({ batch: 3 }, 12);
    await using loader = createLoader(dataset, { batch: 3, prefetch: 2 });
    const held: Batch[] = [];
    for (let i = 0; i < 12; i++) {
      const batch = await loader.next();
      expect(plain(batch)).toEqual(alone[i]);
      if (i % 6 === 0) held.push(batch as Batch);
      else batch?.[Symbol.dispose]();
    }
    expect(held.map(plain)).toEqual([alone[0], alone[6]]);
    expect(loader.batchBytes / (3 * 4 * 16 * 24 * 3)).toBeLessThanOrEqual(2 + 1 + held.length);
  });

  it("goes through every frame once, episode by episode", async () => {
    const recording = await openRecording(join(folder, "whole"));
    const once = createDataset([recording], { split: "train", frames: 4, everyFrameOnce: true });
    const all = await batches({ batch: 1, epochs: 1 }, Infinity, once);
    expect(all.map(({ frames, frames_BTHWC }) => [frames, frames_BTHWC.length / (16 * 24 * 3)])).toEqual(
      [4, 4, 1, 4, 2, 4, 3].map((frames) => [frames, frames]),
    );
    const greens = all.flatMap(({ frames_BTHWC, frames }) =>
      Array.from({ length: frames }, (_, t) => frames_BTHWC[t * 16 * 24 * 3 + 1]),
    );
    expect(greens).toEqual([9, 6, 7].flatMap((frames) => Array.from({ length: frames }, (_, t) => t)));
    expect(() => createLoader(once, { batch: 2 })).toThrow("batch: expected 1");
  });

  it("skips frames and lowers the rate", async () => {
    const [episode] = dataset.episodes;
    const recording = await openRecording(join(folder, "whole"));
    const skipping = createDataset([recording], { split: "train", frames: 3, frameSkip: 3 });
    for (const cacheBytes of [0, 2 ** 20]) {
      const [batch] = await batches({ batch: 1, cacheBytes }, 1, skipping);
      const greens = [0, 1, 2].map((t) => batch?.frames_BTHWC[t * 16 * 24 * 3 + 1]);
      expect([batch?.clips[0]?.episode.name, ...greens]).toEqual([episode?.name, 0, 3, 6]);
      expect(batch?.fps_B[0]).toBeCloseTo(10 / 3);
    }
  });

  it("goes on after a saved state with the very batches that would have come", async () => {
    const expected = await batches({ batch: 3 }, 9);
    await using loader = createLoader(dataset, { batch: 3 });
    for (let i = 0; i < 5; i++) await loader.next(); // 15 of 13 clips: in the second epoch
    const state = JSON.parse(JSON.stringify(loader.state())) as ReturnType<typeof loader.state>;
    expect(state.position).toBe(15);
    expect(await batches({ batch: 3, state }, 4)).toEqual(expected.slice(5));
  });

  it("refuses a state of other clips or of another rank", () => {
    const state = { fingerprint: "other", position: 3, rank: 0, ranks: 1 };
    expect(() => createLoader(dataset, { batch: 1, state })).toThrow(/state: expected one saved with the same clips/);
    const mine = { ...state, fingerprint: dataset.fingerprint };
    expect(() => createLoader(dataset, { batch: 1, state: mine, rank: 1, ranks: 2 })).toThrow(/rank 1 of 2/);
  });

  it("shares an epoch among ranks without a clip in two of them", async () => {
    const parts = await Promise.all([0, 1].map((rank) => batches({ batch: 2, epochs: 1, rank, ranks: 2 })));
    const clips = parts.map((part) => part.flatMap((batch) => names(batch).split(" ")));
    expect(clips.map(({ length }) => length)).toEqual([7, 6]);
    expect(new Set(clips.flat()).size).toBe(13);
  });

  it("answers calls made at once with batches in order", async () => {
    const expected = await batches({ batch: 2 }, 4);
    await using loader = createLoader(dataset, { batch: 2 });
    const all = await Promise.all([loader.next(), loader.next(), loader.next(), loader.next()]);
    expect(all.map(plain)).toEqual(expected);
  });

  it("can be closed in the middle of its work, twice, and then says so", async () => {
    const loader = createLoader(dataset, { batch: 2 });
    const open = loader.next();
    await Promise.all([loader.close(), expect(open).rejects.toThrow(/closed/)]);
    await loader.close();
    await expect(loader.next()).rejects.toThrow("the loader is closed");
  });
});

describe("unreadable files", () => {
  const cut = (file: string): void =>
    writeFileSync(file, readFileSync(file).subarray(0, file.endsWith(".png") ? 50 : 500));
  const broken = async (name: string, images: boolean, episodes: readonly string[]): Promise<Dataset> => {
    const path = join(folder, name);
    await writeSyntheticRecording(path, { train: [9, 6, 7], images });
    for (const episode of episodes) cut(join(path, images ? `${episode}/3.png` : `${episode}.mp4`));
    return createDataset([await openRecording(path)], { split: "train", frames: 4, shuffleSeed: 1 });
  };

  it.each([
    ["videos, decoded whole", false, 2 ** 20],
    ["images, decoded clip by clip", true, 0],
  ])("are left out, counted and reported once (%s)", async (_, images, cacheBytes) => {
    const from = await broken(`one-${images}`, images, ["train_1"]);
    const reports: SkippedEpisode[] = [];
    const all = await batches(
      { batch: 4, epochs: 2, cacheBytes, onSkip: (report) => reports.push(report) },
      Infinity,
      from,
    );
    expect(all.reduce((sum, { batch }) => sum + batch, 0)).toBe(2 * (13 - 3));
    expect(all.map(names).join(" ")).not.toContain("train_1");
    expect(reports).toHaveLength(1);
    expect(reports[0]).toMatchObject({ skipped: 1, file: expect.stringMatching(/train_1(.mp4)?$/) as string });
    expect(reports[0]?.reason).toMatch(/train_1(.mp4|.3.png): not a readable (video|picture): /);
  });

  it("leave the frames of the clips around them as they are, and copy only there", async () => {
    const whole = await openRecording(join(folder, "whole"));
    const from = await broken("around", true, ["train_1"]);
    const frame = 16 * 24 * 3;
    const all = await batches({ batch: 3, epochs: 3, prefetch: 3, cacheBytes: 0 }, Infinity, from);
    const clips = all.flatMap(({ clips, frames_BTHWC }) =>
      clips.map(({ episode, start }, b) => ({ episode, start, frames: frames_BTHWC.subarray(b * 4 * frame) })),
    );
    expect(clips).toHaveLength(3 * (13 - 3));
    for (const { episode, start, frames } of clips) {
      const number = whole.episodes.findIndex(({ name }) => name === episode.name);
      const seen = [0, 1, 2, 3].map((t) => [frames[t * frame], frames[t * frame + 1]]);
      expect(seen).toEqual([0, 1, 2, 3].map((t) => [number, start + t])); // red is the episode, green the frame
    }
  });

  it("stop the run when they are too many", async () => {
    const from = await broken("two", true, ["train_1", "train_2"]);
    await expect(batches({ batch: 4, epochs: 1 }, Infinity, from)).rejects.toThrow(
      /2 of 3 episodes cannot be read .*train_.*data check/,
    );
    const allowed = await batches({ batch: 4, epochs: 1, maxBrokenShare: 0.7 }, Infinity, from);
    expect(allowed.flatMap(({ clips }) => clips).length).toBe(6);
  });
});
