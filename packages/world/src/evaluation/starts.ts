// Choosing places in recordings from which a world is asked to go on: spread evenly, drawn by seed.
// Axes: T frames, H height, W width, C colours (RGB bytes), A action channels.

import { invalid } from "@vid2world/formats";
import type { RolloutJob } from "./evaluated-world.js";

/** What starts are taken from: whole clips, as the data loaders give them. */
export interface StartClip {
  readonly frames_THWC: Uint8Array;
  readonly height: number;
  readonly width: number;
  /** T rows: row t is done at frame t and leads to frame t + 1. */
  readonly actions_TA: Float32Array;
}

/** A start: known frames and actions, and what really followed. */
export interface Start extends RolloutJob {
  /** Name of the clip. */
  readonly source: string;
  /** Number of the first predicted frame in the clip. */
  readonly frame: number;
  /** The true continuation, N*H*W*3 bytes. */
  readonly truth_THWC: Uint8Array;
}

/** `skip` of everything that measures worlds on held-out recordings: while the first frames are shown a weapon is still being raised. */
export const usualSkip = 10;

/** Options of {@link chooseStarts}. */
export interface StartOptions {
  /** Starts in all, at least one. */
  readonly count: number;
  /** Known frames before each start, K. */
  readonly contextFrames: number;
  /** Frames to predict, N. */
  readonly frames: number;
  readonly seed: number;
  /** Frames left out at the beginning of each clip (a weapon being raised, a fade). */
  readonly skip?: number;
}

/**
 * Draws starts: clips take turns; within a clip its length is divided evenly and one start drawn in each part. The same
 * clips and options give the same starts. Throws if a clip is too short. Ordered by clip, then by time.
 */
export function chooseStarts(clips: ReadonlyMap<string, StartClip>, options: StartOptions): Start[] {
  const { count, contextFrames, frames, seed, skip = 0 } = options;
  if (!Number.isInteger(count) || count < 1) throw invalid("count", "a whole number of starts >= 1", count);
  if (clips.size === 0) throw invalid("clips", "at least one recording", "none");
  const random = seededRandom(seed);
  return [...clips].flatMap(([source, clip], index) => {
    const length = clip.frames_THWC.length / (clip.height * clip.width * 3);
    const places = length - skip - contextFrames - frames + 1;
    const share = Math.floor(count / clips.size) + (index < count % clips.size ? 1 : 0);
    if (share > 0 && places < 1) {
      throw invalid("clips", `clips of at least ${skip + contextFrames + frames} frames`, `${source} with ${length}`);
    }
    return Array.from({ length: share }, (_, part) => {
      const place = Math.floor(((part + random()) * places) / share);
      return startAt(source, clip, skip + place + contextFrames, contextFrames, frames);
    });
  });
}

/** The start whose first predicted frame is number `frame` of the clip. */
export function startAt(source: string, clip: StartClip, frame: number, contextFrames: number, frames: number): Start {
  const size = clip.height * clip.width * 3;
  const length = clip.frames_THWC.length / size;
  const width = clip.actions_TA.length / length;
  if (frame < contextFrames || frame + frames > length) {
    throw invalid("frame", `${contextFrames}..${length - frames} in ${source} (${length} frames)`, frame);
  }
  const first = frame - contextFrames;
  return {
    source,
    frame,
    context_THWC: clip.frames_THWC.slice(first * size, frame * size),
    truth_THWC: clip.frames_THWC.slice(frame * size, (frame + frames) * size),
    actions_TA: clip.actions_TA.slice(first * width, (frame + frames - 1) * width),
  };
}

/** A small seeded generator of numbers in [0, 1) (mulberry32): the same on every machine, unlike the tensor library's. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
