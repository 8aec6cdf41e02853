// How well actions are recovered from pictures, channel by channel: the accuracy of telling which of a channel's classes was chosen.
// Axes: T pairs, A action channels.
import { type Channel, channelColumns } from "../../data/action-space.js";
import { bootstrapInterval, type Interval } from "../statistics/bootstrap.js";

/** Actions between the consecutive frames of one clip, T*A numbers each. */
export interface RecoveredClip {
  readonly given_TA: Float32Array;
  readonly recovered_TA: Float32Array;
}

/** Accuracy for one channel. */
export interface ChannelRecovery extends Interval {
  readonly channel: string;
  /** Guessing is right in 1 / `classes` of the cases. */
  readonly classes: number;
  /** Pairs of frames that were counted, and episodes with at least one. */
  readonly pairs: number;
  readonly episodes: number;
}

/** A recorded movement counts as one from this share of the channel's range on either side. */
const decided = 0.1;
/** A class that occurs less often says nothing. */
export const fewest = 10;

interface Judged {
  /** The class that was chosen, and whether it was recovered. */
  readonly chosen: string;
  readonly right: boolean;
}

/**
 * Balanced accuracy (mean over classes of the share that is right) with an interval over clips. Classes: backward and forward of rest for a
 * channel with both directions, used and unused for one with one, off and on, or the options. `usual_A` is the mean action of the recordings:
 * what is above it counts as forward or on, so that a rare class is not overlooked. Channels of which fewer than two classes occur often enough are left out.
 */
export function recoveryByChannel(
  channels: readonly Channel[],
  clips: readonly RecoveredClip[],
  usual_A: ArrayLike<number>,
): ChannelRecovery[] {
  const width = usual_A.length;
  const columns = channelColumns(channels);
  return channels.flatMap((channel, i) => {
    const judge = judgeOf(channel, columns[i] ?? 0, usual_A);
    const judged = clips.map(({ given_TA, recovered_TA }) =>
      Array.from({ length: given_TA.length / width }, (_, t) => {
        const row = (from: Float32Array): Float32Array => from.subarray(t * width, (t + 1) * width);
        return judge(row(given_TA), row(recovered_TA));
      }).filter((found) => found !== undefined),
    );
    const counts = new Map<string, number>();
    for (const { chosen } of judged.flat()) counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
    const classes = [...counts].filter(([, count]) => count >= fewest).map(([name]) => name);
    if (classes.length < 2) return [];
    const counted = judged
      .map((clip) => clip.filter(({ chosen }) => classes.includes(chosen)))
      .filter(({ length }) => length > 0);
    const interval = bootstrapInterval(counted, (sample) => balancedAccuracy(sample.flat(), classes));
    const pairs = counted.flat().length;
    return [{ channel: channel.name, ...interval, classes: classes.length, pairs, episodes: counted.length }];
  });
}

type Judge = (given_A: Float32Array, recovered_A: Float32Array) => Judged | undefined;

function judgeOf(channel: Channel, column: number, usual_A: ArrayLike<number>): Judge {
  if (channel.kind === "choice") {
    const { length } = channel.options;
    const best = (row: Float32Array, offset: ArrayLike<number> | undefined): number => {
      const values = Array.from({ length }, (_, i) => (row[column + i] ?? 0) - (offset?.[column + i] ?? 0));
      return values.indexOf(Math.max(...values));
    };
    return (given, recovered) => {
      const chosen = best(given, undefined);
      return { chosen: String(chosen), right: best(recovered, usual_A) === chosen };
    };
  }
  const usual = usual_A[column] ?? 0;
  if (channel.kind === "binary")
    return (given, recovered) => {
      const on = (given[column] ?? 0) > 0.5;
      return { chosen: String(on), right: (recovered[column] ?? 0) > usual === on };
    };
  const { rest, range } = channel;
  const least = decided * (range[1] - range[0]) * 0.5;
  const oneSided = rest === range[0] || rest === range[1];
  return (given, recovered) => {
    const away = (given[column] ?? 0) - rest;
    const found = recovered[column] ?? 0;
    if (oneSided) {
      const used = Math.abs(away) >= least;
      return { chosen: String(used), right: Math.abs(found - rest) > Math.abs(usual - rest) === used };
    }
    if (Math.abs(away) < least) return undefined;
    return { chosen: String(Math.sign(away)), right: (found - usual) * away > 0 };
  };
}

/** NaN where one of the classes does not occur: a mean over the others would be of something else. */
function balancedAccuracy(judged: readonly Judged[], classes: readonly string[]): number {
  const tally = new Map<string, [right: number, all: number]>();
  for (const { chosen, right } of judged) {
    const [correct, all] = tally.get(chosen) ?? [0, 0];
    tally.set(chosen, [correct + (right ? 1 : 0), all + 1]);
  }
  const shares = classes.map((name) => {
    const [right, all] = tally.get(name) ?? [0, 0];
    return right / all;
  });
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}
