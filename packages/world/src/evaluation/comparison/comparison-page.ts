// A comparison as one page: tables with intervals and p-values, curves by frame, the clips side by side, the worst first.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { readVideo } from "@vid2world/formats";
import { chartSvg } from "../../page/chart.js";
import { escapeHtml } from "../../page/escape.js";
import { chartFigure, factsTable, pageHtml, pagePalette, section } from "../../page/html.js";
import { hashFile } from "../../weights/checksum.js";
import { spread } from "../report/compositions.js";
import { type ClipPair, findClipPairs } from "../scores/clip-pairs.js";
import type { FolderReport } from "../scores/evaluate-folder.js";
import type { PictureMetric } from "../scores/score-pair.js";
import { metricTitles } from "../scores/score-text.js";
import { clipMeans, type ComparisonReport } from "./compare-folders.js";
import type { ComparedSystem } from "./compared-metric.js";
import { differenceRows, remarksOf, valueRows } from "./comparison-text.js";
import { frameStrip } from "./frame-strip.js";
import { tableHtml } from "./page-table.js";
import { type ViewedClip, type ViewedPanel, viewerHtml, viewerScript, viewerStyle } from "./viewer.js";

/** What a page says beside the comparison. */
export interface ComparisonPageOptions {
  /** The command that made it, versions, machine. */
  readonly facts: ReadonlyArray<readonly [name: string, value: string]>;
  /** How many of the worst clips are shown, beside the median and the best one. Default 8. */
  readonly clips?: number;
}

/** Frames of a clip that are shown; longer clips are thinned. */
const mostFrames = 64;

/** The page as text. Videos are read again: the folders must still be there. */
export async function comparisonPage(report: ComparisonReport, options: ComparisonPageOptions): Promise<string> {
  const { systems, comparisons, worstFirst } = report;
  const [base] = systems as [ComparedSystem];
  const values = valueRows(report);
  const differences = differenceRows(report);
  const charts = await frameCharts(systems);
  const viewed = await viewedClips(report, shownClips(worstFirst, options.clips ?? 8));
  const remarks = remarksOf(report).map((text) => `<p>${escapeHtml(text)}</p>`);
  const body = [
    section(
      "Scores",
      "Means over clips with 95 % intervals (bootstrap over clips). Arrows say which way is better.",
      tableHtml(values.head, values.rows),
    ),
    comparisons.length === 0
      ? ""
      : section(
          "Differences",
          "Clip by clip against the first system. The p-value is that of a paired randomisation test, clips exchanged between both: how often chance alone gives as much.",
          tableHtml(differences.head, differences.rows),
        ),
    charts.length === 0
      ? ""
      : section("By frame", "Means over clips of every scored frame.", `<div class="grid">${charts.join("\n")}</div>`),
    ...clipSections(viewed.clips, viewed.fps, report),
    remarks.length === 0 ? "" : section("Remarks", "", remarks.join("\n")),
    section("Made with", "", factsTable([...options.facts, ...(await factsOf(systems))])),
  ];
  const title =
    systems.length === 1 ? `Scores of ${base.name}` : `${systems.map(({ name }) => name).join(" against ")}`;
  const summary = `${worstFirst.length} clips, ${base.report.environment} environment, ${base.report.protocol} protocol.`;
  return pageHtml({ title, summary, body: body.join("\n"), style: viewerStyle, script: viewerScript });
}

/** The worst clips, the median one and the best one, each once. */
function shownClips(worstFirst: readonly string[], worst: number): string[] {
  const median = worstFirst[Math.floor((worstFirst.length - 1) / 2)];
  return [...new Set([...worstFirst.slice(0, worst), ...[median, worstFirst.at(-1)].flatMap((name) => name ?? [])])];
}

/** The clips under one bar, with what they are: the worst ones, then the median and the best one. */
function clipSections(clips: readonly ViewedClip[], fps: number, { worstFirst, rankedBy }: ComparisonReport): string[] {
  const place = new Map(worstFirst.map((name, i) => [name, i]));
  const labelled = clips.map((clip) => {
    const at = place.get(clip.title) ?? 0;
    const label =
      at === worstFirst.length - 1 ? "the best" : at === Math.floor((worstFirst.length - 1) / 2) ? "the median" : "";
    return rankedBy && label !== "" && clips.length > 1 ? { ...clip, note: `${clip.note} (${label})` } : clip;
  });
  const order = rankedBy
    ? `By ${metricTitles[rankedBy].title}, mean over systems`
    : "By name: no metric scores single clips";
  const some = clips.length < worstFirst.length ? `, the median and the best one last` : "";
  const text = `${order}; ${clips.length} of ${worstFirst.length}${some}. The bar moves all of them together; the space bar plays.`;
  return [section(rankedBy ? "Clips, the worst first" : "Clips", text, viewerHtml(labelled, fps))];
}

/** How the intervals were drawn. */
function intervalsText({ intervals: { confidence, resamples, seed, distanceResamples } }: FolderReport): string {
  const distances = distanceResamples > 0 ? `basic bootstrap, ${distanceResamples} resamples` : "none";
  return `${100 * confidence} %, bootstrap over clips, ${resamples} resamples, seed ${seed}; of FID and FVD: ${distances}`;
}

async function frameCharts(systems: readonly ComparedSystem[]): Promise<string[]> {
  const [first] = systems;
  const pictures = first?.report.scores.parts[0]?.pictures ?? {};
  const metrics = (Object.keys(pictures) as PictureMetric[]).filter(
    (metric) => (pictures[metric]?.byFrame.length ?? 0) > 1,
  );
  const drawn = metrics.map(async (metric) => {
    const { title, better } = metricTitles[metric];
    const series = systems.map(({ name, report }) => ({
      name,
      points: (report.scores.parts[0]?.pictures[metric]?.byFrame ?? []).map((value, t) => [t + 1, value] as const),
    }));
    const ordered = series.length > pagePalette.series.length;
    const curve = { id: metric, title, note: `${better} is better`, series, xTitle: "frame", ordered };
    return chartFigure({ ...curve, svg: await chartSvg(curve, { palette: pagePalette }) });
  });
  return Promise.all(drawn);
}

async function viewedClips(
  { systems, rankedBy }: ComparisonReport,
  names: readonly string[],
): Promise<{ readonly clips: readonly ViewedClip[]; readonly fps: number }> {
  const pairs = await Promise.all(
    systems.map(async ({ report }) => new Map((await findClipPairs(report.folder)).map((pair) => [pair.name, pair]))),
  );
  let fps = 4;
  const clips: ViewedClip[] = [];
  for (const name of names) {
    const panels: ViewedPanel[] = [];
    const add = async (caption: string, file: string): Promise<void> => {
      const video = await readVideo(file);
      fps = video.fps;
      panels.push({ caption, strip: await frameStrip(video.frames_THWC, video, spread(video.frames, mostFrames)) });
    };
    await add("truth", (pairs[0]?.get(name) as ClipPair).truth);
    const scores: string[] = [];
    const metric = rankedBy && metricTitles[rankedBy];
    for (const [i, system] of systems.entries()) {
      await add(system.name, (pairs[i]?.get(name) as ClipPair).prediction);
      if (rankedBy === undefined) continue;
      const at = system.report.scores.clips.findIndex((clip) => clip.name === name);
      const score = clipMeans(system.report, 0, rankedBy)[at] ?? NaN;
      scores.push(`${system.name}: ${score.toFixed(metricTitles[rankedBy].digits)}`);
    }
    clips.push({ title: name, note: metric ? `${metric.title}: ${scores.join(", ")}` : "", panels });
  }
  return { clips, fps };
}

/** Where each system lies, the checksum of its clips, and how its first rollout says that it was made (seeds among it). */
async function factsOf(systems: readonly ComparedSystem[]): Promise<[string, string][]> {
  const facts: [string, string][] = [];
  for (const { name, report } of systems) {
    const pairs = (await findClipPairs(report.folder)).filter((pair) =>
      report.scores.clips.some((clip) => clip.name === pair.name),
    );
    const hash = createHash("sha256");
    for (const { truth, prediction } of pairs) {
      await hashFile(truth, hash);
      await hashFile(prediction, hash);
    }
    facts.push([`${name}: folder`, report.folder], [`${name}: SHA-256 of its videos`, hash.digest("hex")]);
    const made = pairs[0] && (await madeWith(pairs[0]));
    if (made !== undefined) facts.push([`${name}: made with`, made]);
  }
  const checksums = systems.flatMap(({ report }) => Object.entries(report.checksums));
  for (const [file, sha256] of new Map(checksums)) facts.push([`weights ${path.basename(file)}`, sha256]);
  if (systems[0]) facts.push(["intervals", intervalsText(systems[0].report)]);
  facts.push(["libtorch", systems[0]?.report.libtorch ?? ""]);
  return facts;
}

/** `rollout.json` beside a clip, on one line. */
async function madeWith({ truth }: ClipPair): Promise<string | undefined> {
  const candidates = [path.join(path.dirname(truth), "rollout.json"), truth.replace(/x_gt\.mp4$/, "rollout.json")];
  const file = candidates.find((candidate) => candidate.endsWith(".json") && existsSync(candidate));
  if (file === undefined) return undefined;
  const text = JSON.stringify(JSON.parse(await readFile(file, "utf8")));
  return text.length > 2000 ? `${text.slice(0, 2000)} ...` : text;
}
