// Reading single clips for training while the main thread is busy: in decoding threads where an episode lies in files.
// Axes: T frames of a clip, H height, W width.
import { augmentFrames, type AugmentationChoice } from "../data/augmentation.js";
import { clipBytes } from "../data/clip-files.js";
import { createDecodePool, FrameReadError } from "../data/decode-pool.js";
import type { TrainingEpisode } from "./episodes.js";

/** Reads clips. */
export interface LiveReader {
  /** Bytes [T H W 3], augmented; or what is wrong with the episode's files. */
  read(
    episode: TrainingEpisode,
    start: number,
    frames: number,
    augmentation?: AugmentationChoice,
  ): Promise<Uint8Array | FrameReadError>;
  /** Ends the threads. */
  close(): Promise<void>;
}

/** Starts decoding threads. */
export function liveReader(workers: number): LiveReader {
  const pool = createDecodePool(workers);
  return {
    async read(episode, start, frames, augmentation) {
      const { files } = episode;
      if (!files) {
        const clip_THWC = await episode.readClip(start, frames);
        return augmentation ? augmentFrames(clip_THWC, episode, augmentation) : clip_THWC;
      }
      const clip_THWC = new Uint8Array(new SharedArrayBuffer(clipBytes(files, frames)));
      try {
        await pool.read(files, { start, frames, stride: 1 }, clip_THWC, augmentation);
        return clip_THWC;
      } catch (error) {
        if (error instanceof FrameReadError) return error;
        throw error; // ours, not the file's
      }
    },
    close: () => pool.close(),
  };
}
