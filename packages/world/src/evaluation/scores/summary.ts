// From the scores of clips to those of a folder: means over clips with intervals, and the published script's own averages.
import { average } from "../metrics/average.js";
import { bootstrapInterval, type BootstrapOptions, type Interval, meanInterval } from "../statistics/bootstrap.js";

/** A metric over all clips. */
export interface MetricSummary extends Interval {
  /** Mean by frame, in order of time: where quality is lost. */
  readonly byFrame: readonly number[];
  /** What the published script would print: batches of clips are averaged first, and they are not equally large. */
  readonly published: number;
  /** Its interval: clips are drawn, and batches made of them as of the clips themselves. */
  readonly publishedInterval: Pick<Interval, "low" | "high">;
}

/** Averages of one picture metric; `scores[clip][frame]`. */
export function summarise(
  scores: readonly (readonly number[])[],
  batch: number,
  options?: BootstrapOptions,
): MetricSummary {
  const clipMeans = scores.map(average);
  const frames = Math.min(...scores.map(({ length }) => length));
  const byFrame = Array.from({ length: frames }, (_, t) => average(scores.map((clip) => clip[t] ?? NaN)));
  const overBatches = (clips: readonly number[]): number => average(publishedBatches(clips, batch).map(average));
  const own = meanInterval(clipMeans, options);
  // One batch counts every clip alike.
  const published = clipMeans.length <= batch + 1 ? own : bootstrapInterval(clipMeans, overBatches, options);
  const { value, low, high } = published;
  return { ...own, byFrame, published: value, publishedInterval: { low, high } };
}

/**
 * The published script empties its list of clips once it is longer than the batch: the first batch has one clip more than the others, the
 * last what is left. Their means count alike, however many clips they hold.
 */
export function publishedBatches<T>(clips: readonly T[], batch: number): T[][] {
  if (clips.length <= batch + 1) return [[...clips]];
  const batches = [clips.slice(0, batch + 1)];
  for (let start = batch + 1; start < clips.length; start += batch) batches.push(clips.slice(start, start + batch));
  return batches;
}
