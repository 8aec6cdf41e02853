// The held-out clips that a run is judged on by rolling out: known frames, actions, and what really followed.
// Axes: T frames, H height, W width, C colours (RGB bytes), A action channels.
import { layOut, spreadClips } from "./episode-table.js";
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
  const spans = layOut(episodes);
  const indices = spreadClips(spans, clips, length);
  const starts: RolloutStart[] = [];
  for (const [e, episode] of episodes.entries()) {
    const from = spans[e]?.start ?? 0;
    const firsts = Array.from({ length: clips }, (_, i) => Number(indices[i * length]) - from).filter(
      (first) => first >= 0 && first < episode.frames,
    );
    if (firsts.length === 0) continue;
    const bytes = await readClips(episode, firsts, length, signal);
    const split = contextFrames * episode.height * episode.width * 3;
    for (const [i, first] of firsts.entries()) {
      const clip = bytes[i] as Uint8Array;
      starts.push({
        ...{ source: episode.name, frame: first + contextFrames },
        ...{ context_THWC: clip.slice(0, split), truth_THWC: clip.slice(split) },
        actions_TA: episode.actions_TA.slice(first * episode.actionDim, (first + length - 1) * episode.actionDim),
      });
    }
  }
  return starts;
}

/** The frames of clips of one length, picked out of one pass through the episode. */
async function readClips(
  episode: TrainingEpisode,
  firsts: readonly number[],
  length: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array[]> {
  const size = episode.height * episode.width * 3;
  const clips = firsts.map(() => new Uint8Array(length * size));
  const end = Math.max(...firsts) + length;
  let frame = 0;
  for await (const { data, frames } of episode.readFrames()) {
    signal?.throwIfAborted();
    for (const [i, first] of firsts.entries()) {
      const [begin, until] = [Math.max(first, frame), Math.min(first + length, frame + frames)];
      if (begin < until)
        clips[i]?.set(data.subarray((begin - frame) * size, (until - frame) * size), (begin - first) * size);
    }
    frame += frames;
    if (frame >= end) break;
  }
  return clips;
}
