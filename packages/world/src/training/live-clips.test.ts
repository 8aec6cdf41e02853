// Live clips go on without broken episodes, with others that follow from the draw alone.
import { expect, test } from "vitest";
import { stack } from "@vid2world/torch";
import { FrameReadError } from "../data/decode-pool.js";
import { drawFor } from "./draws.js";
import type { TrainingEpisode } from "./episodes.js";
import type { FrameEncoder } from "./frame-encoder.js";
import { liveClips } from "./live-clips.js";
import type { LiveReader } from "./live-reader.js";

const encoder: FrameEncoder = {
  latent: [1, 1, 1],
  moments: (frames) => stack([frames.float().mean([1, 2, 3]), frames.float().mean([1, 2, 3]).mul(0)], { dim: 1 }),
  imageTokens: (frames) => frames,
};
const episodes = Array.from({ length: 20 }, (_, e): TrainingEpisode => {
  const actions_TA = new Float32Array(4).fill(e);
  const readClip = (_start: number, frames: number) => Promise.resolve(new Uint8Array(frames * 3).fill(e));
  const readFrames = (): never => {
    throw new Error("not needed");
  };
  return { name: `e${e}`, frames: 4, height: 1, width: 1, actions_TA, actionDim: 1, readClip, readFrames };
});
const readerWithout = (...broken: number[]): LiveReader => ({
  read: (episode, start, frames) =>
    broken.includes(episodes.indexOf(episode))
      ? Promise.resolve(new FrameReadError(episode.name, `${episode.name}: cut short`))
      : episode.readClip(start, frames),
  close: () => Promise.resolve(),
});
/** Episode 2 is damaged from its third frame on. */
const readerDamaged: LiveReader = {
  read: (episode, start, frames) =>
    episode === episodes[2] && start + frames > 2
      ? Promise.resolve(new FrameReadError(episode.name, `${episode.name}: cut short`))
      : episode.readClip(start, frames),
  close: () => Promise.resolve(),
};
const open = (reader: LiveReader, messages: string[] = []) =>
  liveClips({
    ...{ episodes, encoder, augmentation: "none", frames: 2, scale: 1, device: "cpu", reader },
    onBroken: (message) => messages.push(message),
  });
const places = [1, 2, 3, 2].map((episode) => ({ episode, start: 0 }));

test("a clip that cannot be read is exchanged for the same other one, whatever was known before", async () => {
  const messages: string[] = [];
  const source = open(readerWithout(2), messages);
  const first = await source.read(places, drawFor(0, 0));
  const [one, two, three] = [0, 2, 4].map((i) => first.frames_BTHWC[i * 3]);
  expect([one, three]).toEqual([1, 3]);
  expect(two).not.toBe(2);
  expect([...(first.actions_BTA ?? [])]).toEqual([...first.frames_BTHWC].filter((_, i) => i % 3 === 0)); // theirs
  expect(await source.read(places, drawFor(0, 0))).toEqual(first);
  expect(messages).toEqual(["left out of training, 1 of 20 episodes so far: e2: cut short"]);
});

test("an episode that is damaged in one place gives the same clips, whether its damage was met before or not", async () => {
  const later = [0, 1, 2].map((start) => ({ episode: 2, start }));
  const uninterrupted = open(readerDamaged);
  await uninterrupted.read([{ episode: 2, start: 2 }], drawFor(0, 0));
  const resumed = await open(readerDamaged).read(later, drawFor(0, 1));
  expect(await uninterrupted.read(later, drawFor(0, 1))).toEqual(resumed);
  expect(resumed.frames_BTHWC[0]).toBe(2);
});

test("too many broken episodes end the run, and a held-out one is never exchanged", async () => {
  await expect(open(readerWithout(1, 2, 3)).read(places, drawFor(0, 0))).rejects.toThrow(
    "3 of 20 episodes cannot be read",
  );
  await expect(open(readerWithout(2)).read(places)).rejects.toThrow("e2: cut short");
});
