// Stored latents: made once, gone on with after an interruption, refused where they belong to something else, read clip by clip.
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FormatError } from "@vid2world/formats";
import { arange, liveTensors, manualSeed, scope, stack } from "@vid2world/torch";
import type { Tensor } from "@vid2world/torch";
import type { ClipBatch, ClipSource } from "../clip-source.js";
import { clipTable, drawClips, spreadClips } from "../clip-table.js";
import { drawFor } from "../draws.js";
import type { TrainingEpisode } from "../episodes.js";
import type { FrameEncoder } from "../frame-encoder.js";
import { liveClips } from "../live-clips.js";
import { liveReader } from "../live-reader.js";
import { cacheIsComplete, planShards } from "./cache-index.js";
import { cachedClips } from "./cached-clips.js";
import { encodeLatents, type EncodeLatentsOptions } from "./encode-latents.js";
import { type CacheIdentity, picturesChecksum, recordingsChecksum } from "./identity.js";

/** Frames of 5x4 pixels whose bytes count up from `first`, in two pieces; the action at each frame is its byte, twice. */
function episode(name: string, first: number, frames: number, actionDim = 2): TrainingEpisode {
  const bytes = Uint8Array.from({ length: frames * 60 }, (_, i) => first + Math.floor(i / 60));
  const actions_TA = Float32Array.from({ length: frames * actionDim }, (_, i) => first + Math.floor(i / actionDim));
  return {
    ...{ name, frames, height: 5, width: 4, actions_TA, actionDim },
    readClip: (start, count) => Promise.resolve(bytes.slice(start * 60, (start + count) * 60)),
    async *readFrames() {
      yield await Promise.resolve({ data: bytes.subarray(0, 120), frames: 2 });
      yield { data: bytes.subarray(120), frames: frames - 2 };
    },
  };
}
const episodes = [episode("a", 0, 5), episode("b", 100, 4), episode("c", 200, 3)];

let folder: string;
let encoded: number;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "latents-"));
  encoded = 0;
});
afterEach(() => rm(folder, { recursive: true }));

/** The mean is that of the frame's bytes, in one channel, the deviation 0; tokens are the mean and its double. */
const encoder: FrameEncoder = {
  latent: [1, 1, 1],
  tokens: { shape: [2, 1], dtype: "float32" },
  moments(frames_NHWC) {
    encoded += frames_NHWC.size(0);
    const mean = meanOf(frames_NHWC).reshape([-1, 1, 1, 1]);
    return stack([mean, mean.mul(0)], { dim: 1 });
  },
  imageTokens: (frames_NHWC) =>
    meanOf(frames_NHWC)
      .reshape([-1, 1, 1])
      .mul(arange(1, 3).reshape([1, 2, 1])),
};
const meanOf = (frames_NHWC: Tensor): Tensor => frames_NHWC.float().mean([1, 2, 3]);

const identityOf = (of: readonly TrainingEpisode[], change: Partial<CacheIdentity> = {}): CacheIdentity => ({
  ...{ autoencoder: "e1", frames: "5x4", tokens: "none", augmentation: "none", recordings: recordingsChecksum(of) },
  ...change,
});
const encode = (more: Partial<EncodeLatentsOptions> = {}): Promise<number> =>
  encodeLatents({
    ...{ folder, episodes, encoder, identity: identityOf(episodes) },
    ...{ augmentation: "none", augmentationSeed: 0, shardBytes: 1, ...more }, // a file for each episode
  });
const openCached = (frames = 3, more: object = {}): Promise<ClipSource> =>
  cachedClips({ folder, episodes, identity: identityOf(episodes), frames, scale: 0.5, device: "cpu", ...more });
const files = async (): Promise<Record<string, string>> =>
  Object.fromEntries(
    await Promise.all(
      (await readdir(folder)).sort().map(async (name) => [
        name,
        createHash("sha256")
          .update(await readFile(path.join(folder, name)))
          .digest("hex"),
      ]),
    ),
  ) as Record<string, string>;

test("every frame is encoded once; what is there is not encoded again", async () => {
  const progress: number[] = [];
  await encode({ onProgress: (done, total) => progress.push(done / total) });
  expect(encoded).toBe(12);
  expect(progress.at(-1)).toBe(1);
  expect(await cacheIsComplete({ folder, episodes, identity: identityOf(episodes), variants: 1 })).toBe(true);
  await encode();
  expect(encoded).toBe(12);
});

test("clips are consecutive frames of one episode, scaled, with their actions and the first frame's tokens", async () => {
  await encode();
  const source = await openCached();
  const table = clipTable(source.episodes, 3);
  for (const places of [drawClips(table, drawFor(1, 2), 16), spreadClips(table, 5)]) {
    const raw = await source.read(places, drawFor(1, 3));
    const before = liveTensors();
    const { latents, actions, tokens } = scope(() => numbers(source.clips(raw)));
    expect(liveTensors()).toBe(before);
    places.forEach(({ episode: e, start }, b) => {
      const first = [0, 100, 200][e] as number;
      const frames = [0, 1, 2].map((t) => first + start + t);
      expect(latents.slice(3 * b, 3 * b + 3)).toEqual(frames.map((value) => value * 0.5));
      expect(actions.slice(6 * b, 6 * b + 6)).toEqual(frames.flatMap((value) => [value, value]));
      expect(tokens.slice(2 * b, 2 * b + 2)).toEqual([first + start, 2 * (first + start)]);
    });
  }
  await source.close();
});

const numbers = ({ latents_BTCHW, actions_BTA, tokens_BND }: ClipBatch) => ({
  latents: latents_BTCHW.toNumbers(),
  actions: actions_BTA?.toNumbers() ?? [],
  tokens: tokens_BND?.toNumbers() ?? [],
});

test("stored and live clips are the same, sample by sample", async () => {
  const noisy: FrameEncoder = { ...encoder, moments: (frames) => encoder.moments(frames).add(1) };
  await encode({ encoder: noisy, shardBytes: 300 });
  const stored = await openCached();
  const reader = liveReader(1);
  const live = liveClips({
    episodes,
    encoder: noisy,
    augmentation: "none",
    frames: 3,
    scale: 0.5,
    device: "cpu",
    reader,
  });
  const places = spreadClips(clipTable(episodes, 3), 6);
  const [one, two] = await Promise.all(
    [stored, live].map(async (source) => {
      const raw = await source.read(places, drawFor(0, 0));
      return () => {
        manualSeed(1);
        return scope(() => numbers(source.clips(raw)));
      };
    }),
  );
  expect(two?.()).toEqual(one?.());
  await Promise.all([stored.close(), reader.close()]);
});

test("a run that was killed goes on, and gives the files of one that was not", async () => {
  const stop = new AbortController();
  const interrupted = encode({
    signal: stop.signal,
    onProgress: (done) => done > 6 && stop.abort(new Error("stopped")),
  });
  await expect(interrupted).rejects.toThrow("stopped");
  expect(Object.keys(await files())).toEqual(["index.json", "variant-0-00000.safetensors"]);
  const kept = (await stat(path.join(folder, "variant-0-00000.safetensors"))).mtimeMs;
  await expect(openCached()).rejects.toThrow("lacks 2 of its 3 files");
  await encode({ shardBytes: 1e9 }); // what was begun decides
  expect((await stat(path.join(folder, "variant-0-00000.safetensors"))).mtimeMs).toBe(kept);
  const resumed = await files();
  await rm(folder, { recursive: true });
  await encode();
  expect(await files()).toEqual(resumed);
});

test("several processes share the files of one folder", async () => {
  await Promise.all([0, 1].map((index) => encode({ part: { index, of: 2 } })));
  expect(encoded).toBe(12);
  await (await openCached()).close();
});

test("variants are augmented differently, and more of them are added to those that are there", async () => {
  const augmented = {
    augmentation: "standard",
    identity: identityOf(episodes, { augmentation: "standard, seed 0" }),
  } as const;
  await encode({ ...augmented, variants: 2 });
  const two = await files();
  await encode({ ...augmented, variants: 3 });
  expect(encoded).toBe(36);
  const three = await files();
  expect(three).toMatchObject({ ...two, "index.json": expect.any(String) as string });
  expect(new Set([0, 1, 2].map((v) => three[`variant-${v}-00001.safetensors`])).size).toBe(3);
  await encode(augmented); // says no number: those that are there
  expect(encoded).toBe(36);
  const source = await openCached(1, { identity: augmented.identity });
  const seen = new Set<number>();
  for (let stream = 0; stream < 20; stream++) {
    const raw = await source.read([{ episode: 1, start: 0 }], drawFor(0, stream));
    seen.add(scope(() => numbers(source.clips(raw))).latents[0] as number);
  }
  expect(seen.size).toBe(3);
  await source.close();
});

test("latents of other weights or other recordings are refused, and it is said what differs", async () => {
  await encode();
  await expect(encode({ identity: identityOf(episodes, { autoencoder: "e2" }) })).rejects.toThrow(
    "made with other autoencoder (e1, not e2)",
  );
  const renewed = [episode("a", 7, 5), ...episodes.slice(1)];
  await expect(openCached(3, { identity: identityOf(renewed) })).rejects.toThrow("other recordings");
  expect(encoded).toBe(12);
});

test("an episode that cannot be read is left out, told about, and no clip is of it, whoever encoded it", async () => {
  const cut: TrainingEpisode = {
    ...(episodes[1] as TrainingEpisode),
    async *readFrames() {
      yield await Promise.resolve({ data: new Uint8Array(60), frames: 1 });
      throw new FormatError("b.mp4", "cut short");
    },
  };
  const some = [episodes[0], cut, episodes[2]] as TrainingEpisode[];
  const told: string[] = [];
  const onBroken = (message: string): void => void told.push(message);
  await encode({ episodes: some, shardBytes: 1e9, onBroken });
  expect(told).toEqual(["left out of training, 1 of 3 episodes so far: b.mp4: cut short"]);
  const source = await openCached(3, { onBroken });
  expect(told).toHaveLength(2);
  const table = clipTable(source.episodes, 3);
  expect(table.length).toBe(3 + 1);
  const raw = await source.read([table.at(3)]);
  expect(scope(() => numbers(source.clips(raw))).latents).toEqual([100, 100.5, 101]);
  await source.close();
  const both = [cut, { ...cut, name: "c" }, ...some.slice(0, 1)];
  await rm(folder, { recursive: true });
  await expect(encode({ episodes: both })).rejects.toThrow("2 of 3 episodes cannot be read");
});

test("what a killed run left half written is removed, another process's is not, nor what it does not know", async () => {
  const names = ["safetensors.999999999.ab.tmp", `safetensors.${process.ppid}.ab.tmp`].map(
    (end) => `.variant-0-00001.${end}`,
  );
  await mkdir(folder, { recursive: true });
  for (const name of [...names, "notes.txt"]) await writeFile(path.join(folder, name), "");
  await encode();
  expect((await readdir(folder)).filter((name) => !/^(variant|index)/.test(name))).toEqual([names[1], "notes.txt"]);
});

test("other pictures of the same names, lengths and actions are others", async () => {
  const at = (name: string): string => path.join(folder, name);
  const of = (name: string): TrainingEpisode[] => [{ ...episodes[0], files: { path: at(name) } } as TrainingEpisode];
  for (const [name, text] of [["a.mp4", "one"], ["copy.mp4", "one"], ["b.mp4", "two"]] as const) await writeFile(at(name), text); // prettier-ignore
  const [a, copy, b] = await Promise.all(["a.mp4", "copy.mp4", "b.mp4"].map((name) => picturesChecksum(of(name))));
  expect(copy).toBe(a);
  expect(b).not.toBe(a);
  expect(await picturesChecksum(episodes)).toBe("none");
  expect(await picturesChecksum(of("absent.mp4"))).not.toBe(b);
  const identity = identityOf(episodes, { pictures: a, precision: "float32" });
  await encode(); // an earlier version's, which does not say
  await (await openCached(3, { identity })).close();
  await rm(folder, { recursive: true });
  await encode({ identity });
  await (await openCached(3, { identity: { ...identity, precision: "bfloat16" } })).close();
  await expect(openCached(3, { identity: { ...identity, pictures: b } })).rejects.toThrow("other pictures");
});

test("a damaged frame is named when it is read, and others are not", async () => {
  await encode({ shardBytes: 1e9 });
  const file = path.join(folder, "variant-0-00000.safetensors");
  const handle = await open(file, "r+");
  const size = (await handle.stat()).size;
  await handle.write(Uint8Array.of(255), 0, 1, size - 12 * 4 - 12 * 8 - 12 * 4 - 1); // the last byte of the moments
  await handle.close();
  const source = await openCached(1);
  await source.read([{ episode: 0, start: 0 }]);
  await expect(source.read([{ episode: 2, start: 2 }])).rejects.toThrow("frame 11 is damaged");
  await source.close();
  await truncate(file, 40);
  await expect(encode()).rejects.toThrow(FormatError);
});

test("files hold whole episodes, about as many bytes as asked for", () => {
  const form = { latent: [1, 1, 1] as const }; // 8 bytes a frame
  expect(planShards([5, 4, 3, 20, 1], form, 75)).toEqual([0, 2, 3, 4]);
});
