// The report of a run as one HTML page that needs nothing else: no script, no request, light and dark, wide and narrow screens.
import { escapeHtml as escape } from "../../page/escape.js";
import { chartFigure as chart, factsTable, type PageChart, pageHtml, section } from "../../page/html.js";
import type { RunPart } from "./read-history.js";

/** A video, or a picture, with its caption. */
export interface PageVideo {
  readonly caption: string;
  /** H.264 in MP4, or PNG. */
  readonly bytes: Uint8Array;
  readonly isPicture: boolean;
}

/** Videos under a heading. */
export interface PageVideos {
  readonly title: string;
  readonly note: string;
  readonly videos: readonly PageVideo[];
}

/** Everything that the page shows. */
export interface ReportPage {
  readonly title: string;
  /** One sentence: where the run stands. */
  readonly summary: string;
  /** The most important numbers, with what they are. */
  readonly figures: ReadonlyArray<readonly [value: string, what: string]>;
  readonly charts: readonly PageChart[];
  readonly videos: readonly PageVideos[];
  readonly parts: readonly RunPart[];
  readonly incidents: readonly string[];
  /** Versions and machine. */
  readonly facts: ReadonlyArray<readonly [name: string, value: string]>;
  /** YAML. */
  readonly configuration: string;
}

/** The page as text. All given texts are escaped; charts are taken as they are. */
export function reportHtml(page: ReportPage): string {
  const { title, summary, figures, charts, videos, parts, incidents, facts, configuration } = page;
  const sections = [
    section("Curves", resumedNote(parts), `<div class="grid">\n${charts.map(chart).join("\n")}\n</div>`),
    ...videos.map((group) =>
      section(group.title, group.note, `<div class="grid">\n${group.videos.map(video).join("\n")}\n</div>`),
    ),
    section("Parts", "Stretches between interruptions; times are UTC.", partsTable(parts)),
    ...(incidents.length > 0
      ? [section("Incidents", "", `<ul>${incidents.map((text) => `<li>${escape(text)}</li>`).join("")}</ul>`)]
      : []),
    section("Made with", "", factsTable(facts)),
    section(
      "Configuration",
      "",
      `<details><summary>as resolved, every default filled in</summary><pre>${escape(configuration)}</pre></details>`,
    ),
  ];
  const body = [
    `<dl class="figures">${figures.map(([value, what]) => `<div><dt>${escape(what)}</dt><dd>${escape(value)}</dd></div>`).join("")}</dl>`,
    ...sections,
  ];
  return pageHtml({ title, summary, body: body.join("\n") });
}

function resumedNote(parts: readonly RunPart[]): string {
  return parts.length > 1 ? "Dashed: where the run was interrupted and went on." : "";
}

function video({ caption, bytes, isPicture }: PageVideo): string {
  const text = escape(caption);
  if (isPicture) {
    const picture = `data:image/png;base64,${Buffer.from(bytes).toString("base64")}`;
    return `<figure class="wide"><img src="${picture}" alt="${text}"><figcaption>${text}</figcaption></figure>`;
  }
  const source = `data:video/mp4;base64,${Buffer.from(bytes).toString("base64")}`;
  return `<figure><video src="${source}" controls loop muted playsinline preload="metadata" aria-label="${text}"></video><figcaption>${text}</figcaption></figure>`;
}

function partsTable(parts: readonly RunPart[]): string {
  const rows = parts.map(({ began, ended, firstStep, lastStep, redone, ending, reason }, i) => {
    const why = reason === undefined ? ending : `${ending}: ${reason}`;
    const cells = [utc(began), utc(ended), `${firstStep} to ${lastStep}`, redone > 0 ? String(redone) : "", why];
    return `<tr><th scope="row">${i + 1}</th>${cells.map((cell) => `<td>${escape(cell)}</td>`).join("")}</tr>`;
  });
  const head = ["", "began", "last record", "steps", "done again", "ended"].map(
    (name) => `<th scope="col">${name}</th>`,
  );
  return `<div class="scroll"><table class="parts"><thead><tr>${head.join("")}</tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}

/** "2026-11-22 21:32" */
function utc(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
}
