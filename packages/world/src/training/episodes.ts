// Recordings as training reads them: frames in order and one action per frame.
import type { ClipFiles } from "../data/clip-files.js";

/** Consecutive frames, uint8 [n H W 3] row by row. */
export interface FramePiece {
  readonly data: Uint8Array;
  readonly frames: number;
}

/** One episode of the recordings. */
export interface TrainingEpisode {
  readonly name: string;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  /** Action taken AT each frame (it leads to the next one), [T A] row by row. */
  readonly actions_TA: Float32Array;
  /** Numbers per action; 0 where the recordings have none. */
  readonly actionDim: number;
  /** All frames in order, in pieces of any length. */
  readFrames(): AsyncIterable<FramePiece>;
  /** From where a decoding thread reads its clips; absent for invented data, which lies in memory. */
  readonly files?: ClipFiles;
  /** The frames of one clip, uint8 [frames H W 3]. */
  readClip(start: number, frames: number): Promise<Uint8Array>;
}

/** Told while frames are read: `done` of `total` frames. */
export type FrameProgress = (done: number, total: number) => void;

/** The number of frames of all episodes. */
export function countFrames(episodes: readonly { readonly frames: number }[]): number {
  return episodes.reduce((sum, { frames }) => sum + frames, 0);
}
