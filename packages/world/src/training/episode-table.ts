// All frames of a set of episodes in one table, and the clips that can be cut out of it: frames of different episodes are never mixed.
// Axes: N frames of all episodes one after the other, B batch, T frames of a clip, A action channels.
import { invalid } from "@vid2world/formats";
import type { Draw } from "./draws.js";

/** Where one episode lies in the table. */
export interface EpisodeSpan {
  readonly name: string;
  /** Index of its first frame in the table. */
  readonly start: number;
  readonly frames: number;
}

/** Lays episodes of these lengths one after the other. */
export function layOut(episodes: readonly { readonly name: string; readonly frames: number }[]): EpisodeSpan[] {
  let start = 0;
  return episodes.map(({ name, frames }) => {
    const span = { name, start, frames };
    start += frames;
    return span;
  });
}

/** Frame indices of `batch` random clips of `frames` consecutive frames each, [B * T]; every possible clip is equally likely. */
export function drawClips(spans: readonly EpisodeSpan[], draw: Draw, batch: number, frames: number): BigInt64Array {
  const counts = spans.map((span) => Math.max(0, span.frames - frames + 1));
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) throw invalid("frames", "a clip length that some episode reaches", frames);
  const indices = new BigInt64Array(batch * frames);
  for (let b = 0; b < batch; b++) {
    let clip = draw.below(total);
    let e = 0;
    while (clip >= (counts[e] ?? 0)) clip -= counts[e++] ?? 0;
    const first = (spans[e]?.start ?? 0) + clip;
    for (let t = 0; t < frames; t++) indices[b * frames + t] = BigInt(first + t);
  }
  return indices;
}

/** Frame indices of `count` clips spread evenly over the table, [count * T]: the same ones every time, for validation. */
export function spreadClips(spans: readonly EpisodeSpan[], count: number, frames: number): BigInt64Array {
  let next = 0;
  const total = spans.reduce((sum, span) => sum + Math.max(0, span.frames - frames + 1), 0);
  const evenly: Draw = { below: (bound) => Math.min(bound - 1, Math.floor(((next++ + 0.5) * total) / count)) };
  return drawClips(spans, evenly, count, frames);
}

/** Names what `drawClips` draws with the same arguments: "episode 120-135", or "episode 120" for single frames. */
export function nameClips(spans: readonly EpisodeSpan[], draw: Draw, batch: number, frames: number): readonly string[] {
  const indices = drawClips(spans, draw, batch, frames);
  return Array.from({ length: batch }, (_, b) => {
    const first = Number(indices[b * frames]);
    const span = spans.find(({ start, frames: length }) => first >= start && first < start + length);
    const frame = first - (span?.start ?? 0);
    return `${span?.name ?? "?"} ${frames === 1 ? frame : `${frame}-${frame + frames - 1}`}`;
  });
}
