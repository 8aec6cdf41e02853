// From the scores of clips to those of a folder: means over clips with intervals, and the published script's own averages.
import { average } from "../metrics/average.js";
import { type BootstrapOptions, type Interval, meanInterval } from "../statistics/bootstrap.js";

/** A metric over all clips. */
export interface MetricSummary extends Interval {
  /** Mean by frame, in order of time: where quality is lost. */
  readonly byFrame: readonly number[];
  /** What the published script would print: batches of clips are averaged first, and they are not equally large. */
  readonly published: number;
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
  return {
    ...meanInterval(clipMeans, options),
    byFrame,
    published: average(publishedBatches(clipMeans, batch).map(average)),
  };
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
