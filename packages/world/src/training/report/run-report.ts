// Puts the report of a run together: history, curves, videos, configuration, versions.
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { writeFileAtomically } from "@vid2world/formats";
import type { StartEvent } from "../events.js";
import { redactor } from "../sinks/redact.js";
import { chartPng, chartSvg, lightPalette } from "../../page/chart.js";
import type { Curve } from "../../page/curve.js";
import { pagePalette } from "../../page/html.js";
import { curvesOf } from "./curves.js";
import { type PageVideos, type ReportPage, reportHtml } from "./page.js";
import { type HistoryLine, type RunHistory, readHistory, stepOf } from "./read-history.js";

/** Where a report goes. */
export interface RunReportOptions {
  readonly html: string;
  /** Folder for every curve as SVG. */
  readonly svg?: string | undefined;
  /** Folder for every curve as PNG. */
  readonly png?: string | undefined;
}

/** What a report was made of. */
export interface RunReport {
  /** Files that were written. */
  readonly files: readonly string[];
  /** One sentence: where the run stands. */
  readonly summary: string;
}

/** Videos together may be this large: mail and browsers take such a page. */
const MOST_VIDEO_BYTES = 24e6;
/** Steps at which the first clip is shown, so that its progress can be seen. */
const SHOWN_STEPS = 6;

/** Writes the report of the run in `folder`. A run that is still going on is reported as far as it is. */
export async function writeRunReport(folder: string, { html, svg, png }: RunReportOptions): Promise<RunReport> {
  const history = await readHistory(folder);
  const redact = redactor();
  const curves = curvesOf(history);
  const marks = history.parts.slice(1).map(({ firstStep }) => firstStep);
  const charts = [];
  for (const curve of curves) {
    const { title, note } = curve;
    charts.push({ title, note, svg: await chartSvg(curve, { palette: pagePalette, marks }) });
  }
  const configuration = await readFile(path.join(folder, "config.yaml"), "utf8").catch(() => "not kept");
  const summary = summaryOf(history);
  const page: ReportPage = {
    ...{ title: path.basename(path.resolve(folder)), summary, figures: figuresOf(history), charts },
    videos: await videosOf(folder, history),
    parts: history.parts,
    incidents: history.incidents.map((line) => redact(incidentText(line)) as string),
    facts: factsOf(history),
    configuration: redact(configuration) as string,
  };
  await mkdir(path.dirname(html), { recursive: true });
  await writeFileAtomically(html, reportHtml(page));
  return { files: [html, ...(await writeCurves(curves, marks, { svg, png }))], summary };
}

/** Every curve as a file of its own, on white. */
async function writeCurves(
  curves: readonly Curve[],
  marks: readonly number[],
  { svg, png }: Pick<RunReportOptions, "svg" | "png">,
): Promise<string[]> {
  const files: string[] = [];
  const write = async (folder: string, name: string, content: string | Uint8Array): Promise<void> => {
    await mkdir(folder, { recursive: true });
    files.push(path.join(folder, name));
    await writeFileAtomically(path.join(folder, name), content);
  };
  if (svg === undefined && png === undefined) return files;
  for (const curve of curves) {
    const drawn = await chartSvg(curve, { palette: lightPalette, marks, width: 520, height: 260 });
    if (svg !== undefined) await write(svg, `${curve.id}.svg`, drawn);
    if (png !== undefined) await write(png, `${curve.id}.png`, await chartPng(drawn));
  }
  return files;
}

function summaryOf({ parts, progress }: RunHistory): string {
  const [last, final] = [progress.at(-1), parts.at(-1)];
  if (!last || !final) return "Nothing was trained yet.";
  const share = typeof last["progress"] === "number" ? `${Math.floor(100 * last["progress"])} % of its budget, ` : "";
  const minutes = typeof last["minutes"] === "number" ? `${duration(last["minutes"])} of training` : "";
  const interruptions = parts.length > 1 ? ` in ${parts.length} parts` : "";
  const states = {
    finished: "Finished",
    interrupted: "Interrupted",
    failed: "Failed",
    "no end recorded": "Running, or ended without a word",
  };
  return `${states[final.ending]} at step ${stepOf(last)}: ${share}${minutes}${interruptions}.`;
}

function figuresOf({ progress, validations }: RunHistory): [string, string][] {
  const last = progress.at(-1);
  const number = (line: HistoryLine | undefined, name: string): number | undefined =>
    typeof line?.[name] === "number" ? line[name] : undefined;
  const figures: [string, string][] = [];
  const add = (value: number | undefined, what: string): void => {
    if (value !== undefined) figures.push([Number(value.toPrecision(4)).toString(), what]);
  };
  add(last && stepOf(last), "steps");
  add(number(last, "loss"), "training loss");
  for (const name of ["loss", "psnr", "ssim", "gainOverRepeat", "gainOverShuffled"])
    add(
      number(
        validations.findLast((line) => name in line),
        name,
      ),
      name === "loss" ? "held-out loss" : `held-out ${name}`,
    );
  add(
    mean(progress, "framesPerSecond") ?? mean(progress, "stepsPerSecond"),
    mean(progress, "framesPerSecond") === undefined ? "steps per second" : "frames per second",
  );
  return figures;
}

function mean(lines: readonly HistoryLine[], name: string): number | undefined {
  const values = lines.flatMap((line) => (typeof line[name] === "number" ? [line[name]] : []));
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The newest validation's clips, and the first clip through time. Files that are gone are left out. */
async function videosOf(folder: string, { samples }: RunHistory): Promise<PageVideos[]> {
  const newest = samples.at(-1);
  if (!newest) return [];
  const isPicture = (file: string): boolean => file.endsWith(".png");
  let bytesLeft = MOST_VIDEO_BYTES;
  let leftOut = 0;
  const read = async (file: string, caption: string): Promise<PageVideos["videos"]> => {
    // Only of this run: its history may come from somebody else.
    const isInside = !path.isAbsolute(file) && !path.normalize(file).startsWith("..");
    const bytes = isInside ? await readFile(path.join(folder, file)).catch(() => undefined) : undefined;
    if (!bytes) return [];
    if (bytes.length > bytesLeft) {
      leftOut++;
      return [];
    }
    bytesLeft -= bytes.length;
    return [{ caption, bytes, isPicture: isPicture(file) }];
  };
  const filesOf = (line: HistoryLine): string[] => line["files"] as string[];
  const clip = (file: string): string => path.parse(file).name;
  const now: PageVideos["videos"][number][] = [];
  for (const file of filesOf(newest)) now.push(...(await read(file, clip(file))));
  const through: PageVideos["videos"][number][] = [];
  const [first = ""] = filesOf(newest);
  const earlier = samples.filter((line) => line !== newest);
  for (const line of spread(earlier, SHOWN_STEPS)) {
    const same = filesOf(line).find((file) => clip(file) === clip(first));
    if (same !== undefined) through.push(...(await read(same, `step ${stepOf(line)}`)));
  }
  const note = leftOut > 0 ? ` ${leftOut} more would have made the page too large; they are in the run's folder.` : "";
  const groups = [
    {
      title: `Samples at step ${stepOf(newest)}`,
      note: `${filesOf(newest).some(isPicture) ? "Held-out frames above, what the networks make of them below" : "Truth on the left, the model on the right"}.${note}`,
      videos: now,
    },
    { title: "The same clip earlier", note: clip(first), videos: through },
  ];
  return groups.filter(({ videos }) => videos.length > 0);
}

function spread<Item>(items: readonly Item[], most: number): Item[] {
  if (items.length <= most) return [...items];
  return Array.from({ length: most }, (_, i) => items[Math.round((i * (items.length - 1)) / (most - 1))] as Item);
}

function incidentText(line: HistoryLine): string {
  const text = (name: string): string => (line[name] === undefined ? "" : JSON.stringify(line[name]));
  const at = typeof line["step"] === "number" ? `step ${line["step"]}: ` : "";
  if (line.type !== "unstable")
    return `${at}${line.type}: ${typeof line["message"] === "string" ? line["message"] : ""}`;
  const where = typeof line["parameter"] === "string" ? `, first in ${line["parameter"]}` : "";
  // JSON has no word for what is not finite.
  const value = (name: string): string => text(name).replace("null", "not finite");
  return `${at}left out: loss ${value("loss")}, gradient norm ${value("gradientNorm")}${where}`;
}

/** Of the newest part; where an earlier one differed, its value stands behind. */
function factsOf({ parts }: RunHistory): [string, string][] {
  const facts = new Map<string, string[]>();
  for (const { start } of parts) {
    const { kind, versions, machine } = (start ?? {}) as Partial<StartEvent>;
    for (const [name, value] of Object.entries({ ...(kind !== undefined && { kind }), ...versions, ...machine })) {
      const known = facts.get(name) ?? [];
      if (!known.includes(String(value))) facts.set(name, [String(value), ...known]);
    }
  }
  if (facts.size === 0) return [["not recorded", "the run was trained by a version that did not keep this"]];
  return [...facts].map(([name, values]) => [name, values.join("; before: ")]);
}

function duration(minutes: number): string {
  if (minutes < 120) return `${Math.round(minutes)} min`;
  return `${Math.floor(minutes / 60)} h ${Math.round(minutes % 60)} min`;
}
