// What becomes of episodes that cannot be read: they are left out, told about once and counted, and too many of them end the work.
import type { BrokenFile } from "./dataset.js";

/** An episode that was left out because it could not be opened, or its pictures could not be read. */
export interface SkippedEpisode extends BrokenFile {
  /** How many episodes were left out so far, this one included. */
  readonly skipped: number;
}

/** How many may be left out, and who is told. */
export interface BrokenLimits {
  /** Largest share of the episodes that may be unreadable before the run is stopped. Default 0.1, but one at least. */
  readonly maxBrokenShare?: number | undefined;
  /** Told about each episode that is left out. */
  readonly onSkip?: ((skipped: SkippedEpisode) => void) | undefined;
}

/** Counts what is left out. */
export interface BrokenEpisodes {
  /** @throws BrokenDataError when too many episodes are broken to go on. */
  add(file: string, reason: string): void;
  readonly list: readonly SkippedEpisode[];
}

/** Too many episodes of a dataset could not be read. */
export class BrokenDataError extends Error {
  override readonly name = "BrokenDataError";
  readonly skipped: readonly SkippedEpisode[];

  constructor(skipped: readonly SkippedEpisode[], episodes: number) {
    const listed = skipped.slice(0, 3).map(({ reason }) => reason);
    super(
      `data: ${skipped.length} of ${episodes} episodes cannot be read (${listed.join("; ")}); ` +
        `repair or remove these files (vid2world data check names all of them)`,
    );
    this.skipped = skipped;
  }
}

/** Counts the broken ones of `episodes`; each file counts once. */
export function brokenEpisodes(
  episodes: number,
  { maxBrokenShare = 0.1, onSkip = () => {} }: BrokenLimits = {},
): BrokenEpisodes {
  const known = new Map<string, SkippedEpisode>();
  const allowed = Math.max(1, Math.floor(episodes * maxBrokenShare));
  return {
    add(file, reason) {
      if (known.has(file)) return;
      const skipped = { file, reason, skipped: known.size + 1 };
      known.set(file, skipped);
      onSkip(skipped);
      if (known.size > allowed || known.size === episodes) throw new BrokenDataError([...known.values()], episodes);
    },
    get list() {
      return [...known.values()];
    },
  };
}

/** A warning for people. */
export const leftOutSentence = ({ skipped, reason }: SkippedEpisode, episodes: number): string =>
  `left out of training, ${skipped} of ${episodes} episodes so far: ${reason}`;
