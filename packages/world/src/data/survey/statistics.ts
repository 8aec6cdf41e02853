// Numbers about the actions of a data set: range, mean, how often at rest, and a histogram per channel.
import type { Survey } from "./survey.js";

/** Bins of a histogram. */
export const BINS = 16;

/** Numbers about one channel over all rows of all episodes. */
export interface ChannelStatistics {
  readonly name: string;
  readonly kind: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
  /** Share of the rows in which it is not 0. */
  readonly active: number;
  /** Rows per bin, from the minimum to the maximum. */
  readonly histogram: readonly number[];
}

/** Goes through all rows, twice: an episode's rows may be made only when they are looked at. */
export function actionStatistics({ channels, episodes }: Survey): ChannelStatistics[] {
  const sums = channels.map(() => ({ minimum: Infinity, maximum: -Infinity, sum: 0, active: 0, count: 0 }));
  const histograms = channels.map(() => new Array<number>(BINS).fill(0));
  const each = (visit: (value: number, channel: number) => void): void => {
    for (const { actions } of episodes)
      for (const row of actions) for (const i of channels.keys()) if (Number.isFinite(row[i])) visit(row[i] ?? NaN, i);
  };
  each((value, i) => {
    const known = sums[i];
    if (known === undefined) return;
    known.minimum = Math.min(known.minimum, value);
    known.maximum = Math.max(known.maximum, value);
    known.sum += value;
    known.active += value === 0 ? 0 : 1;
    known.count++;
  });
  each((value, i) => {
    const { minimum = 0, maximum = 0 } = sums[i] ?? {};
    const bin = maximum > minimum ? Math.floor(((value - minimum) / (maximum - minimum)) * BINS) : 0;
    const [histogram = [], at] = [histograms[i], Math.min(BINS - 1, bin)];
    histogram[at] = (histogram[at] ?? 0) + 1;
  });
  return channels.map(({ name, kind }, i) => {
    const { minimum = 0, maximum = 0, sum = 0, active = 0, count = 0 } = sums[i] ?? {};
    const range = count === 0 ? { minimum: 0, maximum: 0 } : { minimum, maximum };
    const rows = Math.max(1, count);
    return { name, kind, ...range, mean: sum / rows, active: active / rows, histogram: histograms[i] ?? [] };
  });
}

const BARS = "▁▂▃▄▅▆▇█";

/** A histogram as one line; empty bins are dots, and heights are square roots, so that rare values can be seen. */
export function sparkline(histogram: readonly number[]): string {
  const top = Math.sqrt(Math.max(1, ...histogram));
  return histogram
    .map((count) => (count === 0 ? "·" : BARS[Math.round((Math.sqrt(count) / top) * (BARS.length - 1))]))
    .join("");
}
