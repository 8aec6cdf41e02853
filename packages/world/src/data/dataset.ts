// All clips of T frames that some episodes hold, by number, and their order in an epoch. Nothing is decoded here, and nothing depends on
// where the episodes come from: open-dataset.ts makes data sets of recordings, of the published domains and of still images.
//   T frames of a clip, A network inputs per action
import { createHash } from "node:crypto";
import { invalid } from "@vid2world/formats";
import { actionWidth, type Channel } from "./action-space.js";
import type { ClipFiles } from "./clip-files.js";
import { numberClips } from "./clip-numbers.js";
import { permutation } from "./random.js";

/** Which clips to make of the episodes. */
export interface ClipOptions {
  /** T: frames of a clip. */
  readonly frames: number;
  /** Distance in the episode between neighbouring frames of a clip. Default 1. */
  readonly frameSkip?: number;
  /** Distance in the episode between the starts of neighbouring clips. Default 1: every possible clip. */
  readonly clipStride?: number;
  /** Whether epochs are shuffled, and by which seed. Default: not, for a stable validation. */
  readonly shuffleSeed?: number;
  /**
   * Every frame exactly once and in order: clips lie back to back, and an episode's last one is shorter than T where its length asks for it.
   * For work that goes through everything once, such as encoding latents; not together with the three options above.
   */
  readonly everyFrameOnce?: boolean;
}

/** One continuous piece of play, of any source: facts, and where its pictures are. */
export interface ClipEpisode {
  readonly name: string;
  /** Name of the recording, or of the data set, that it belongs to. */
  readonly recording: string;
  readonly frames: number;
  /** Frames per second. */
  readonly fps: number;
  readonly files: ClipFiles;
  /** Row t is what is done between frame t and frame t + 1. Absent: it is read from the files together with the frames. */
  readonly actions_TA?: Float32Array;
}

/** One clip: frames start, start + skip, ... of an episode. */
export interface ClipRef {
  readonly episode: ClipEpisode;
  readonly start: number;
  readonly frames: number;
}

/** A file that was left out, and why. */
export interface BrokenFile {
  readonly file: string;
  readonly reason: string;
}

/** Clips by number. */
export interface Dataset {
  readonly length: number;
  /** T, or the most that a clip has. */
  readonly frames: number;
  readonly frameSkip: number;
  readonly height: number;
  readonly width: number;
  readonly actionWidth: number;
  readonly channels: readonly Channel[];
  readonly episodes: readonly ClipEpisode[];
  /** Episodes that a list of names asks for, but that are not there. */
  readonly missing: readonly string[];
  /** Files that could not be opened, and that no clip is of. */
  readonly broken: readonly BrokenFile[];
  readonly everyFrameOnce: boolean;
  /** Changes when clips, their order or their actions' meaning change; a saved position is only valid for one value. */
  readonly fingerprint: string;
  clip(index: number): ClipRef;
  /** The clip at a place of an epoch (0 <= place < length). */
  inEpoch(epoch: number, place: number): ClipRef;
}

/** What all clips of a data set share. */
export interface DatasetFacts {
  readonly height: number;
  readonly width: number;
  readonly channels: readonly Channel[];
  readonly episodes: readonly ClipEpisode[];
  readonly missing?: readonly string[];
  readonly broken?: readonly BrokenFile[];
  /** What errors call the episodes: `train`, `csgo`, ... */
  readonly kind: string;
}

/** Lists the clips of episodes of any kind. */
export function datasetOf(facts: DatasetFacts, options: ClipOptions): Dataset {
  const { frames, frameSkip = 1, everyFrameOnce = false, shuffleSeed } = options;
  const { clipStride = everyFrameOnce ? frames : 1 } = options;
  for (const [name, value] of Object.entries({ frames, frameSkip, clipStride })) {
    if (!Number.isInteger(value) || value < 1) throw invalid(name, "a whole number >= 1", value);
  }
  if (everyFrameOnce && (frameSkip !== 1 || clipStride !== frames || shuffleSeed !== undefined)) {
    throw invalid("everyFrameOnce", "no frameSkip, clipStride or shuffleSeed beside it", options);
  }
  // Every frame of a clip has all of its skipped actions, also the last one.
  const span = everyFrameOnce ? 1 : frames * frameSkip;
  const { height, width, channels, episodes, missing = [], broken = [], kind } = facts;
  const usable = episodes.filter((episode) => episode.frames >= span);
  const numbers = numberClips(usable.map(({ frames: held }) => Math.floor((held - span) / clipStride) + 1));
  const { length } = numbers;
  if (length === 0) {
    const longest = Math.max(0, ...episodes.map((episode) => episode.frames));
    throw invalid("frames", `clips that fit: the longest ${kind} episode has ${longest} frames`, span);
  }

  const clip = (index: number): ClipRef => {
    if (!Number.isInteger(index) || index < 0 || index >= length) throw invalid("index", `0 to ${length - 1}`, index);
    const at = numbers.at(index);
    const episode = usable[at.episode];
    if (episode === undefined) throw new Error(`internal: no episode holds clip ${index}`);
    const start = at.clip * clipStride;
    return { episode, start, frames: everyFrameOnce ? Math.min(frames, episode.frames - start) : frames };
  };

  let ordered: { epoch: number; order: Uint32Array } | undefined;
  const inEpoch = (epoch: number, place: number): ClipRef => {
    if (shuffleSeed === undefined) return clip(place);
    if (ordered?.epoch !== epoch) ordered = { epoch, order: permutation(length, shuffleSeed, epoch) };
    return clip(ordered.order[place] ?? -1);
  };

  const names = usable.map((episode) => [episode.recording, episode.name, episode.frames]);
  const how = [frames, frameSkip, clipStride, shuffleSeed ?? null, ...(everyFrameOnce ? ["every frame once"] : [])];
  const identity = JSON.stringify([names, ...how, meaning(facts)]);
  return {
    ...{ length, frames, frameSkip, height, width, channels, missing, broken, everyFrameOnce },
    actionWidth: actionWidth(channels),
    episodes: usable,
    fingerprint: createHash("sha256").update(identity).digest("hex").slice(0, 16),
    clip,
    inEpoch,
  };
}

/**
 * Actions of a clip [T A] from those of its whole episode: row t leads from the clip's frame t to its frame t + 1. With a frame skip, a row
 * stands for the actions in between: mean of a continuous channel, 1 if a binary one was on at all, the first of a choice.
 */
export function clipActions(
  { channels, actionWidth: width, frameSkip }: Pick<Dataset, "channels" | "actionWidth" | "frameSkip">,
  episode_TA: Float32Array,
  { start, frames }: Pick<ClipRef, "start" | "frames">,
): Float32Array {
  if (frameSkip === 1) return episode_TA.slice(start * width, (start + frames) * width);
  const actions_TA = new Float32Array(frames * width);
  const kinds = channels.flatMap((channel) =>
    channel.kind === "choice" ? channel.options.map(() => channel.kind) : [channel.kind],
  );
  for (let t = 0; t < frames; t++) {
    for (const [a, kind] of kinds.entries()) {
      const values = Array.from(
        { length: frameSkip },
        (_, k) => episode_TA[(start + t * frameSkip + k) * width + a] ?? 0,
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

/** What must agree for clips to be mixed: picture size, and the channels' names, kinds, ranges and options. */
export function meaning({ height, width, channels }: Pick<DatasetFacts, "height" | "width" | "channels">): string {
  const described = channels.map((channel) => {
    if (channel.kind === "continuous") return [channel.name, channel.kind, channel.range];
    return channel.kind === "choice" ? [channel.name, channel.kind, channel.options] : [channel.name, channel.kind];
  });
  return JSON.stringify([width, height, described]);
}
