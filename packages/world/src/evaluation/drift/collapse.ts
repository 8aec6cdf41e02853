// Tells when a rollout has left what recordings look like, and names the first bad frame.
import { type FrameStatistics, type StatisticName, statisticNames } from "./frame-statistics.js";

/** What recorded frames stay within, by statistic. */
export type UsualRanges = Readonly<Record<StatisticName, readonly [low: number, high: number]>>;

/** Where a rollout has collapsed. */
export interface Collapse {
  /** The first bad frame, from 1. */
  readonly frame: number;
  /** What left its range, and the value there. */
  readonly statistic: StatisticName;
  /** NaN (in JSON null) where the frame was not finite. */
  readonly value: number;
  readonly range: readonly [low: number, high: number];
}

/** Share of recorded frames that lie beyond each end of the inner range. */
const tail = 0.005;
/** The range reaches beyond by this share of its own width: the recordings did not show everything. */
const slack = 0.1;
/** So many bad frames in a row are a collapse; a flash or a turn to a dark corner passes sooner. */
const lasting = 4;

/** Ranges of recorded frames. */
export function usualRanges(recorded: readonly FrameStatistics[]): UsualRanges {
  const ranges = statisticNames.map((name) => {
    const sorted = recorded.map((statistics) => statistics[name]).sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? NaN;
    const [low, high] = [at(tail), at(1 - tail)];
    const margin = slack * (high - low);
    // A frame that does not change is no fault: nothing may be pressed.
    return [name, [name === "motion" ? 0 : Math.max(0, low - margin), high + margin]] as const;
  });
  return Object.fromEntries(ranges) as unknown as UsualRanges;
}

/** The ranges, widened to hold these frames too: a world that is blurred from the beginning has not collapsed yet. */
export function widened(ranges: UsualRanges, frames: readonly FrameStatistics[]): UsualRanges {
  const wider = statisticNames.map((name) => {
    const [low, high] = ranges[name];
    const values = frames.map((statistics) => statistics[name]).filter(Number.isFinite);
    const margin = slack * (high - low);
    return [name, [Math.max(0, Math.min(low, ...values.map((v) => v - margin))), Math.max(high, ...values.map((v) => v + margin))]] as const; // prettier-ignore
  });
  return Object.fromEntries(wider) as unknown as UsualRanges;
}

/** The beginning of the first stretch of bad frames that lasts, or reaches the end with at least half that length; undefined if none. */
export function findCollapse(frames: readonly FrameStatistics[], ranges: UsualRanges): Collapse | undefined {
  let start = 0;
  for (let t = 0; t <= frames.length; t++) {
    const statistics = frames[t];
    if (statistics !== undefined && faultOf(statistics, ranges) !== undefined) continue;
    const length = t - start;
    const ended = statistics === undefined;
    if (length >= lasting || (ended && length >= lasting / 2)) {
      const first = frames[start] as FrameStatistics;
      const statistic = faultOf(first, ranges) as StatisticName;
      return { frame: start + 1, statistic, value: first[statistic], range: ranges[statistic] };
    }
    start = t + 1;
  }
  return undefined;
}

const faultOf = (statistics: FrameStatistics, ranges: UsualRanges): StatisticName | undefined =>
  statisticNames.find((name) => {
    const [low, high] = ranges[name];
    // Written so that NaN is a fault too.
    return !(statistics[name] >= low && statistics[name] <= high);
  });
