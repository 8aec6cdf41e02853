// All clips of T frames that recordings hold, by number, and their order in an epoch. Nothing is decoded here.
//   T frames of a clip, A network inputs per action
import { createHash } from "node:crypto";
import { invalid } from "@vid2world/formats";
import type { Channel } from "./action-space.js";
import { permutation } from "./random.js";
import type { Split } from "./recording-format.js";
import type { Episode, Recording } from "./recording.js";

/** Which clips to make. */
export interface DatasetOptions {
  readonly split: Split;
  /** T: frames of a clip. */
  readonly frames: number;
  /** Distance in the recording between neighbouring frames of a clip. Default 1. */
  readonly frameSkip?: number;
  /** Distance in the recording between the starts of neighbouring clips. Default 1: every possible clip. */
  readonly clipStride?: number;
  /** Whether epochs are shuffled, and by which seed. Default: not, for a stable validation. */
  readonly shuffleSeed?: number;
}

/** One clip: frames start, start + skip, ... of an episode. */
export interface ClipRef {
  readonly episode: Episode;
  readonly start: number;
}

/** Clips by number. */
export interface Dataset {
  readonly length: number;
  readonly frames: number;
  readonly frameSkip: number;
  readonly height: number;
  readonly width: number;
  readonly actionWidth: number;
  readonly channels: readonly Channel[];
  readonly episodes: readonly Episode[];
  /** Changes when clips, their order or their actions' meaning change; a saved position is only valid for one value. */
  readonly fingerprint: string;
  clip(index: number): ClipRef;
  /** The clip at a place of an epoch (0 <= place < length). */
  inEpoch(epoch: number, place: number): ClipRef;
}

/** Lists the clips of one split of several recordings, which must agree in picture size and channels. */
export function createDataset(recordings: readonly Recording[], options: DatasetOptions): Dataset {
  const { split, frames, frameSkip = 1, clipStride = 1, shuffleSeed } = options;
  for (const [name, value] of Object.entries({ frames, frameSkip, clipStride })) {
    if (!Number.isInteger(value) || value < 1) throw invalid(name, "a whole number >= 1", value);
  }
  const first = sameKind(recordings);
  // Every frame of a clip has all of its skipped actions, also the last one.
  const span = frames * frameSkip;
  const episodes = recordings.flatMap((recording) => recording.episodes).filter((episode) => episode.split === split);
  const usable = episodes.filter((episode) => episode.frames >= span);
  const ends: number[] = []; // running number of clips
  for (const { frames: held } of usable) ends.push((ends.at(-1) ?? 0) + Math.floor((held - span) / clipStride) + 1);
  const length = ends.at(-1) ?? 0;
  if (length === 0) {
    const longest = Math.max(0, ...episodes.map((episode) => episode.frames));
    throw invalid("frames", `clips that fit: the longest ${split} episode has ${longest} frames`, span);
  }

  const clip = (index: number): ClipRef => {
    if (!Number.isInteger(index) || index < 0 || index >= length) throw invalid("index", `0 to ${length - 1}`, index);
    let low = 0;
    for (let high = ends.length - 1; low < high;) {
      const middle = (low + high) >> 1;
      if ((ends[middle] ?? 0) > index) high = middle;
      else low = middle + 1;
    }
    const episode = usable[low];
    if (episode === undefined) throw new Error(`internal: no episode holds clip ${index}`);
    return { episode, start: (index - (ends[low - 1] ?? 0)) * clipStride };
  };

  let ordered: { epoch: number; order: Uint32Array } | undefined;
  const inEpoch = (epoch: number, place: number): ClipRef => {
    if (shuffleSeed === undefined) return clip(place);
    if (ordered?.epoch !== epoch) ordered = { epoch, order: permutation(length, shuffleSeed, epoch) };
    return clip(ordered.order[place] ?? -1);
  };

  const facts = usable.map((episode) => [episode.recording, episode.name, episode.frames]);
  const { header, actionWidth } = first;
  const identity = JSON.stringify([facts, frames, frameSkip, clipStride, shuffleSeed ?? null, meaning(first)]);
  return {
    length,
    frames,
    frameSkip,
    height: header.height,
    width: header.width,
    actionWidth,
    channels: header.channels,
    episodes: usable,
    fingerprint: createHash("sha256").update(identity).digest("hex").slice(0, 16),
    clip,
    inEpoch,
  };
}

/**
 * Actions of a clip [T A]: row t leads from the clip's frame t to its frame t + 1. With a frame skip, a row stands for the
 * actions in between: mean of a continuous channel, 1 if a binary one was on at all, the first of a choice.
 */
export function clipActions({ episode, start }: ClipRef, frames: number, frameSkip: number): Float32Array {
  const width = episode.actionWidth;
  if (frameSkip === 1) return episode.actions_TA.slice(start * width, (start + frames) * width);
  const actions_TA = new Float32Array(frames * width);
  const kinds = episode.channels.flatMap((channel) =>
    channel.kind === "choice" ? channel.options.map(() => channel.kind) : [channel.kind],
  );
  for (let t = 0; t < frames; t++) {
    for (const [a, kind] of kinds.entries()) {
      const values = Array.from(
        { length: frameSkip },
        (_, k) => episode.actions_TA[(start + t * frameSkip + k) * width + a] ?? 0,
      );
      actions_TA[t * width + a] =
        kind === "continuous"
          ? values.reduce((sum, value) => sum + value, 0) / frameSkip
          : kind === "binary"
            ? Math.max(...values)
            : (values[0] ?? 0);
    }
  }
  return actions_TA;
}

function sameKind(recordings: readonly Recording[]): Recording {
  const [first, ...others] = recordings;
  if (first === undefined) throw invalid("recordings", "at least one", "none");
  for (const other of others) {
    if (meaning(other) === meaning(first)) continue;
    const expected = `one picture size and one list of channels, those of ${first.header.name}`;
    throw invalid("recordings", expected, `${other.header.name}, which has others`);
  }
  return first;
}

/** What must agree for clips to be mixed: picture size, and the channels' names, kinds, ranges and options. */
function meaning({ header }: Recording): string {
  const channels = header.channels.map((channel) => {
    if (channel.kind === "continuous") return [channel.name, channel.kind, channel.range];
    return channel.kind === "choice" ? [channel.name, channel.kind, channel.options] : [channel.name, channel.kind];
  });
  return JSON.stringify([header.width, header.height, channels]);
}
