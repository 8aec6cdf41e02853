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

/** Goes through all rows. */
export function actionStatistics({ channels, episodes }: Survey): ChannelStatistics[] {
  return channels.map(({ name, kind }, i) => {
    let [minimum, maximum, sum, active, count] = [Infinity, -Infinity, 0, 0, 0];
    const each = (visit: (value: number) => void): void => {
      for (const { actions } of episodes) for (const row of actions) visit(row[i] ?? NaN);
    };
    each((value) => {
      if (!Number.isFinite(value)) return;
      minimum = Math.min(minimum, value);
      maximum = Math.max(maximum, value);
      sum += value;
      active += value === 0 ? 0 : 1;
      count++;
    });
    const histogram = new Array<number>(BINS).fill(0);
    each((value) => {
      const bin = maximum > minimum ? Math.floor(((value - minimum) / (maximum - minimum)) * BINS) : 0;
      const at = Math.min(BINS - 1, bin);
      if (Number.isFinite(value)) histogram[at] = (histogram[at] ?? 0) + 1;
    });
    if (count === 0) [minimum, maximum] = [0, 0];
    return {
      name,
      kind,
      minimum,
      maximum,
      mean: sum / Math.max(1, count),
      active: active / Math.max(1, count),
      histogram,
    };
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
