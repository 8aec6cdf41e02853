// The held-out clips that a run is judged on by rolling out: known frames, actions, and what really followed.
// Axes: T frames, H height, W width, C colours (RGB bytes), A action channels.
import { clipTable, spreadClips } from "./clip-table.js";
import type { TrainingEpisode } from "./episodes.js";

/** A place to go on from. Action t is taken at frame t, counted from the first known frame. */
export interface RolloutStart {
  /** Name of the episode. */
  readonly source: string;
  /** Number of the first predicted frame in the episode. */
  readonly frame: number;
  /** K*H*W*3 bytes. */
  readonly context_THWC: Uint8Array;
  /** N*H*W*3 bytes. */
  readonly truth_THWC: Uint8Array;
  /** K - 1 + N rows. */
  readonly actions_TA: Float32Array;
}

/** Which starts are taken. */
export interface RolloutStartOptions {
  readonly clips: number;
  /** Known frames, K. */
  readonly contextFrames: number;
  /** Frames to predict, N. */
  readonly frames: number;
  readonly signal?: AbortSignal | undefined;
}

/** Clips spread evenly over all episodes: the same ones every time. Only their frames are kept. */
export async function rolloutStarts(
  episodes: readonly TrainingEpisode[],
  { clips, contextFrames, frames, signal }: RolloutStartOptions,
): Promise<RolloutStart[]> {
  const length = contextFrames + frames;
  const starts: RolloutStart[] = [];
  for (const { episode: e, start } of spreadClips(clipTable(episodes, length), clips)) {
    signal?.throwIfAborted();
    const episode = episodes[e] as TrainingEpisode;
    const clip = await episode.readClip(start, length);
    const split = contextFrames * episode.height * episode.width * 3;
    starts.push({
      ...{ source: episode.name, frame: start + contextFrames },
      ...{ context_THWC: clip.slice(0, split), truth_THWC: clip.slice(split) },
      actions_TA: episode.actions_TA.slice(start * episode.actionDim, (start + length - 1) * episode.actionDim),
    });
  }
  return starts;
}
