// A comparison as rows: a line per metric, a column per system; for terminals, Markdown, pages and CSV.
import { metricNames } from "../scores/metric-networks.js";
import { metricTitles, reasonLines, scoreCsv, type ScoreRow, scoreRows } from "../scores/score-text.js";
import { pValueText } from "../statistics/finding.js";
import type { ComparisonReport } from "./compare-folders.js";

/** Heading and rows of texts. */
export interface TextRows {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Values with intervals: a row per metric (and part of the frames), a column per system. */
export function valueRows({ systems }: ComparisonReport): TextRows {
  const all = systems.map(({ report }) => scoreRows(report));
  const rows = (all[0] ?? []).map((first) => {
    const same = all.map((some) => some.find(({ metric, part }) => metric === first.metric && part === first.part));
    return [titleOf(first), ...same.map((row) => (row ? valueText(row) : ""))];
  });
  return { head: ["metric", ...systems.map(({ name }) => name)], rows };
}

/** Differences from the first system with intervals and p-values. */
export function differenceRows({ systems, comparisons }: ComparisonReport): TextRows {
  const rows = comparisons.map((found) => {
    const { digits } = metricTitles[found.metric];
    const { value, low, high } = found.difference;
    const show = (number: number): string => `${number > 0 ? "+" : ""}${number.toFixed(digits)}`;
    const interval = Number.isNaN(low) ? "" : ` [${show(low)}, ${show(high)}]`;
    const verdict = found.better === undefined ? "no clear difference" : found.better ? "better" : "worse";
    const name = found.frames === "" ? found.metric : `${found.metric}, ${found.frames}`;
    return [
      found.system,
      titleText(found.metric, name),
      `${show(value)}${interval}`,
      pValueText(found.pValue),
      verdict,
    ];
  });
  return { head: ["system", "metric", `difference from ${systems[0]?.name ?? ""}`, "paired p", ""], rows };
}

/** Both tables as Markdown. */
export function comparisonMarkdown(report: ComparisonReport): string {
  const table = ({ head, rows }: TextRows): string => {
    const bar = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
    return [bar(head), bar(head.map(() => "---")), ...rows.map(bar)].join("\n");
  };
  const values = table(valueRows(report));
  return report.comparisons.length === 0 ? values : `${values}\n\n${table(differenceRows(report))}`;
}

/** The tables and everything that a reader must know about them, for a terminal. */
export function comparisonText(report: ComparisonReport): string {
  const notes = remarksOf(report);
  return [comparisonMarkdown(report), ...(notes.length > 0 ? [notes.join("\n")] : [])].join("\n\n");
}

/** What was not computed and why, and what makes numbers worth less. */
export const remarksOf = ({ systems, warnings }: ComparisonReport): string[] => [
  ...new Set([...systems.flatMap(({ report }) => reasonLines(report.missing)), ...warnings]),
];

/** A line per system, clip, part, frame and metric. */
export function comparisonCsv({ systems }: ComparisonReport): string {
  const lines = systems.flatMap(({ name, report }) =>
    scoreCsv(report)
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((line) => `"${name.replaceAll('"', '""')}",${line}`),
  );
  return `${["system,clip,frames,frame,metric,value", ...lines].join("\n")}\n`;
}

/** Metrics by their names, in the order of a report, with the arrow that says which way is better. */
const titleOf = ({ metric, part }: ScoreRow): string => titleText(metric, part === "" ? metric : `${metric}, ${part}`);

function titleText(metric: (typeof metricNames)[number], name: string): string {
  const { title, better } = metricTitles[metric];
  return `${name.replace(metric, title)} ${better === "higher" ? "↑" : "↓"}`;
}

function valueText({ metric, value, low, high, published, missing }: ScoreRow): string {
  if (missing !== undefined || value === undefined) return "not computed";
  const show = (number: number): string => number.toFixed(metricTitles[metric].digits);
  const interval = low === undefined || high === undefined || Number.isNaN(low) ? "" : ` [${show(low)}, ${show(high)}]`;
  return `${show(value)}${interval}${published === undefined ? "" : ` (published script: ${show(published)})`}`;
}
