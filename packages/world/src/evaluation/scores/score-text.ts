// A report as people and programs read it: a table for terminals and Markdown, CSV with a line per clip, frame and metric.
import type { FolderReport, PartReport, ScoreSet } from "./evaluate-folder.js";
import { environments } from "./environments.js";
import { type MetricName, metricNames } from "./metric-networks.js";

/** How a metric is called, which way is better, and how many digits it is worth. */
export const metricTitles: Readonly<
  Record<MetricName, { readonly title: string; readonly digits: number; readonly better: "higher" | "lower" }>
> = {
  mse: { title: "MSE", digits: 5, better: "lower" },
  psnr: { title: "PSNR (dB)", digits: 3, better: "higher" },
  ssim: { title: "SSIM", digits: 4, better: "higher" },
  lpips: { title: "LPIPS", digits: 4, better: "lower" },
  dreamsim: { title: "DreamSim", digits: 4, better: "lower" },
  fid: { title: "FID", digits: 3, better: "lower" },
  fvd: { title: "FVD", digits: 3, better: "lower" },
};

/** One line of the table. */
export interface ScoreRow {
  readonly part: string;
  readonly metric: MetricName;
  /** The value of the report's protocol; absent where it is not computed. */
  readonly value?: number;
  readonly low?: number;
  readonly high?: number;
  /** What the published script would print, where that is another number. */
  readonly published?: number;
  /** Why there is no value. */
  readonly missing?: string;
}

/** Lines of a report, in the order of parts and metrics. */
export function scoreRows(report: FolderReport): ScoreRow[] {
  const { scores, fromVideos, missing, protocol } = report;
  return scores.parts.flatMap((part, index) => {
    const videos = (fromVideos ?? scores).parts[index];
    return metricNames.flatMap((metric): ScoreRow[] => {
      const why = missing[metric];
      if (why !== undefined) return [{ part: part.name, metric, missing: why }];
      const row = rowOf(part, metric, videos, protocol === "published");
      return row ? [row] : [];
    });
  });
}

function rowOf(
  part: PartReport,
  metric: MetricName,
  videos: PartReport | undefined,
  published: boolean,
): ScoreRow | undefined {
  const name = part.name;
  if (metric === "fid" || metric === "fvd") {
    const distance = part[metric];
    if (!distance) return undefined;
    const { value, low, high } = distance;
    const interval = low === undefined || high === undefined ? {} : { low, high };
    return { part: name, metric, value, ...interval, ...other(value, videos?.[metric]?.value) };
  }
  const summary = part.pictures[metric];
  if (!summary) return undefined;
  const value = published ? summary.published : summary.value;
  const { low, high } = published ? summary.publishedInterval : summary;
  return { part: name, metric, value, low, high, ...other(value, videos?.pictures[metric]?.published) };
}

/** The published number, unless it is the same. */
const other = (value: number, published: number | undefined): { published?: number } =>
  published === undefined || Math.abs(published - value) <= 1e-9 * Math.abs(value) ? {} : { published };

/** The table as Markdown, which terminals show well too. */
export function scoreTableText(report: FolderReport): string {
  const rows = scoreRows(report);
  const hasParts = rows.some(({ part }) => part !== "");
  const differs = rows.some(({ published }) => published !== undefined);
  const head = [
    ...(hasParts ? ["frames"] : []),
    "metric",
    "value",
    "95 % interval",
    ...(differs ? ["published script"] : []),
  ];
  const body = rows.map(({ part, metric, value, low, high, published, missing }) => {
    const { title, digits, better } = metricTitles[metric];
    const show = (number: number | undefined): string =>
      number === undefined || Number.isNaN(number) ? "" : number.toFixed(digits);
    const interval = low === undefined || Number.isNaN(low) ? "" : `${show(low)} to ${show(high)}`;
    const name = `${title} ${better === "higher" ? "↑" : "↓"}`;
    const cells = missing === undefined ? [show(value), interval] : ["not computed", ""];
    return [...(hasParts ? [part] : []), name, ...cells, ...(differs ? [show(published)] : [])];
  });
  return alignedTable(head, body);
}

/** Columns of equal width between bars; numbers are written as they come. */
function alignedTable(head: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...body.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...body.map(line)].join("\n");
}

/** The whole report for a terminal or a file of text: the table and everything that a reader must know about it. */
export function scoreText(report: FolderReport): string {
  const { environment, scores, fromVideos, missing, warnings, protocol } = report;
  const frames = (set: ScoreSet): string =>
    ({
      video: "from the videos",
      lossless: "from lossless frames",
      mixed: "from lossless frames where they were kept",
    })[set.source];
  const { length } = scores.clips;
  const lines = [
    `${environments[environment].title}: ${length} clip${length === 1 ? "" : "s"} ${frames(scores)}, ${protocol} protocol`,
    "",
    scoreTableText(report),
  ];
  if (fromVideos)
    lines.push("", "published script: batches of clips averaged first, frames from the videos with their coding loss");
  const notes = [...reasonLines(missing), ...warnings];
  if (notes.length > 0) lines.push("", ...notes);
  const files = Object.entries(report.checksums).map(([file, sha256]) => `${sha256}  ${file}`);
  if (files.length > 0) lines.push("", "SHA-256 of the networks' files:", ...files);
  return lines.join("\n");
}

/** A line for each metric that was not computed, with the reason. */
export const reasonLines = (missing: FolderReport["missing"]): string[] =>
  Object.entries(missing).map(([metric, why]) => `${metricTitles[metric as MetricName].title}: not computed: ${why}`);

/** A line per clip, part, frame and metric: `clip,frames,frame,metric,value`. */
export function scoreCsv({ scores }: FolderReport): string {
  const lines = scores.clips.flatMap(({ name, parts }) =>
    parts.flatMap((part, index) =>
      Object.entries(part).flatMap(([metric, values]) =>
        values.map((value, t) => [quoted(name), quoted(scores.parts[index]?.name ?? ""), t, metric, value].join(",")),
      ),
    ),
  );
  return `${["clip,frames,frame,metric,value", ...lines].join("\n")}\n`;
}

const quoted = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
