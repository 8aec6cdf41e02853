// Reads clips of a data set through the decode pool. Own recordings' episodes are kept whole in shared memory until a limit is reached,
// since a video has to be decoded from a key frame on; nothing is ever evicted, so memory is bounded and reading order is free. The files
// of the published domains give any frame at once, and are read clip by clip.
//   T frames, A network inputs per action
import { clipBytes } from "./clip-files.js";
import { clipActions, type ClipEpisode, type ClipRef, type Dataset } from "./dataset.js";
import type { DecodePool, SharedBytes } from "./decode-pool.js";
import { takeRows } from "./spans.js";

/** Reads clips. */
export interface ClipReader {
  /** Reads the frames of a clip into `target_THWC` and gives its actions [T A]. */
  read(clip: ClipRef, target_THWC: SharedBytes): Promise<Float32Array>;
  /** Bytes of decoded episodes that are kept. */
  readonly cachedBytes: number;
}

/** Makes a reader that keeps at most `cacheBytes` of decoded frames. */
export function createClipReader(dataset: Dataset, pool: DecodePool, cacheBytes: number): ClipReader {
  const kept = new Map<ClipEpisode, Promise<SharedBytes>>();
  let used = 0;

  const wholeEpisode = (episode: ClipEpisode): Promise<SharedBytes> | undefined => {
    const known = kept.get(episode);
    if (known !== undefined) return known;
    const { files, frames } = episode;
    const bytes = clipBytes(files, frames);
    if ((files.media !== "video" && files.media !== "images") || used + bytes > cacheBytes) return undefined;
    used += bytes;
    const target_THWC = new Uint8Array(new SharedArrayBuffer(bytes));
    const read = pool.read(files, { start: 0, frames, stride: 1 }, target_THWC).then(() => target_THWC);
    kept.set(episode, read); // also a failed one: an unreadable episode is not tried again
    read.catch(() => (used -= bytes));
    return read;
  };

  return {
    async read(clip, target_THWC) {
      const { episode, start, frames } = clip;
      const span = { start, frames, stride: dataset.frameSkip };
      const whole_THWC = await wholeEpisode(episode);
      const actions_TA =
        whole_THWC === undefined
          ? await pool.read(episode.files, span, target_THWC)
          : target_THWC.set(takeRows(whole_THWC, clipBytes(episode.files, 1), span));
      const stored_TA = episode.actions_TA;
      return stored_TA === undefined ? (actions_TA ?? new Float32Array()) : clipActions(dataset, stored_TA, clip);
    },
    get cachedBytes() {
      return used;
    },
  };
}
