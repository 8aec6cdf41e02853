// A metric of one system beside that of another, and when a difference counts.
import type { FolderReport } from "../scores/evaluate-folder.js";
import type { MetricName } from "../scores/metric-networks.js";
import { metricTitles } from "../scores/score-text.js";
import type { PairedComparison } from "../statistics/bootstrap.js";

/** One folder of rollouts. */
export interface ComparedSystem {
  /** Short and unlike the others: as much of the folder's path as it takes. */
  readonly name: string;
  readonly report: FolderReport;
}

/** A metric of a system against that of the first one, over the clips of both. */
export interface ComparedMetric extends PairedComparison {
  readonly system: string;
  /** Index and name of the part of the frames. */
  readonly part: number;
  readonly frames: string;
  readonly metric: MetricName;
  /** Whether the system is the better one; undefined where chance alone may give the difference (p >= 0.05). */
  readonly better?: boolean;
}

const significant = 0.05;

/** With the verdict, where chance alone hardly gives the difference. */
export function judged(found: Omit<ComparedMetric, "better">): ComparedMetric {
  if (!(found.pValue < significant)) return found;
  const { value } = found.difference;
  return { ...found, better: metricTitles[found.metric].better === "higher" ? value > 0 : value < 0 };
}
