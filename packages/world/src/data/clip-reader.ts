// Reads clips of a dataset through the decode pool. Whole episodes are kept in shared memory until a limit is reached;
// what does not fit is decoded clip by clip. Nothing is ever evicted, so memory is bounded and reading order is free.
import type { ClipRef } from "./dataset.js";
import type { DecodePool } from "./decode-pool.js";
import { frameBytes } from "./frames.js";
import type { Episode } from "./recording.js";

/** Reads the frames of clips [T H W 3]. */
export interface ClipReader {
  read(clip: ClipRef, frames: number, frameSkip: number): Promise<Uint8Array>;
  /** Bytes of decoded episodes that are kept. */
  readonly cachedBytes: number;
}

/** Makes a reader that keeps at most `cacheBytes` of decoded frames. */
export function createClipReader(pool: DecodePool, cacheBytes: number): ClipReader {
  const kept = new Map<Episode, Promise<Uint8Array>>();
  let used = 0;

  const wholeEpisode = (episode: Episode): Promise<Uint8Array> | undefined => {
    const known = kept.get(episode);
    if (known !== undefined) return known;
    const bytes = frameBytes(episode, episode.frames);
    if (used + bytes > cacheBytes) return undefined;
    used += bytes;
    const frames_THWC = pool.decode(episode, { start: 0, end: episode.frames });
    kept.set(episode, frames_THWC); // also a failed one: an unreadable episode is not tried again
    frames_THWC.catch(() => (used -= bytes));
    return frames_THWC;
  };

  return {
    async read({ episode, start }, frames, frameSkip) {
      const end = start + (frames - 1) * frameSkip + 1;
      const one = frameBytes(episode, 1);
      const whole = await wholeEpisode(episode);
      const piece_THWC = whole?.subarray(start * one, end * one) ?? (await pool.decode(episode, { start, end }));
      if (frameSkip === 1) return piece_THWC;
      const frames_THWC = new Uint8Array(frames * one);
      for (let t = 0; t < frames; t++) {
        frames_THWC.set(piece_THWC.subarray(t * frameSkip * one, (t * frameSkip + 1) * one), t * one);
      }
      return frames_THWC;
    },
    get cachedBytes() {
      return used;
    },
  };
}
