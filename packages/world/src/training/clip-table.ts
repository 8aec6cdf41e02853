// All clips of T consecutive frames that a set of episodes holds, by number: frames of different episodes are never mixed.
import { invalid } from "@vid2world/formats";
import { numberClips } from "../data/clip-numbers.js";
import type { Draw } from "./draws.js";

/** Where a clip begins: in which episode, at which of its frames. */
export interface ClipPlace {
  readonly episode: number;
  readonly start: number;
}

/** The clips of some episodes. */
export interface ClipTable {
  readonly length: number;
  /** 0 <= index < length; in the order of the episodes and of their frames. */
  at(index: number): ClipPlace;
}

/** Counts the clips of `frames` frames. */
export function clipTable(episodes: readonly { readonly frames: number }[], frames: number): ClipTable {
  const numbers = numberClips(episodes.map((episode) => Math.max(0, episode.frames - frames + 1)));
  if (numbers.length === 0) throw invalid("frames", "a clip length that some episode reaches", frames);
  return {
    length: numbers.length,
    at(index) {
      const { episode, clip } = numbers.at(index);
      return { episode, start: clip };
    },
  };
}

/** Random clips; every possible one is equally likely, and may come again. */
export function drawClips(table: ClipTable, draw: Draw, count: number): ClipPlace[] {
  return Array.from({ length: count }, () => table.at(draw.below(table.length)));
}

/** Clips spread evenly over the table: the same ones every time, for validation. */
export function spreadClips(table: ClipTable, count: number): ClipPlace[] {
  return Array.from({ length: count }, (_, i) => table.at(Math.floor(((i + 0.5) * table.length) / count)));
}

/** Names of clips, for people: "episode 120-135", or "episode 120" for single frames. */
export function nameClips(
  episodes: readonly { readonly name: string }[],
  places: readonly ClipPlace[],
  frames: number,
): string[] {
  return places.map(({ episode, start }) => {
    const name = episodes[episode]?.name ?? "?";
    return `${name} ${frames === 1 ? start : `${start}-${start + frames - 1}`}`;
  });
}
