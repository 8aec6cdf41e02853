// The report of a run as one HTML page that needs nothing else: no script, no request, light and dark, wide and narrow screens.
import { darkPalette, lightPalette, type Palette } from "./chart.js";
import { escapeHtml as escape } from "./escape.js";
import type { RunPart } from "./read-history.js";

/** A drawn curve. */
export interface PageChart {
  readonly title: string;
  readonly note: string;
  /** Drawn with {@link pagePalette}. */
  readonly svg: string;
}

/** A video with its caption. */
export interface PageVideo {
  readonly caption: string;
  /** H.264 in MP4. */
  readonly bytes: Uint8Array;
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

/** Colours that follow the page's mode. */
export const pagePalette: Palette = {
  text: "var(--quiet)",
  grid: "var(--line)",
  series: lightPalette.series.map((_, i) => `var(--series${i})`),
  ordered: lightPalette.ordered.map((_, i) => `var(--ordered${i})`),
};

function variables({ text, grid, series, ordered }: Palette): string {
  const named = (name: string, colours: readonly string[]): string =>
    colours.map((colour, i) => `--${name}${i}: ${colour};`).join(" ");
  return `--quiet: ${text}; --line: ${grid}; ${named("series", series)} ${named("ordered", ordered)}`;
}

const style = `
:root { color-scheme: light dark; --page: #fbfbfa; --card: #ffffff; --text: #1d1f22; ${variables(lightPalette)} }
@media (prefers-color-scheme: dark) { :root { --page: #16181b; --card: #1d2024; --text: #e8e9ea; ${variables(darkPalette)} } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 80rem; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; overflow-wrap: anywhere; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .25rem; } h3 { font-size: .95rem; margin: 0; }
p { margin: .25rem 0 1rem; color: var(--quiet); max-width: 48rem; }
.figures { display: flex; flex-wrap: wrap; gap: .75rem 2.25rem; margin: 1.25rem 0 0; } .figures div { min-width: 6rem; }
.figures dt { font-size: .85rem; color: var(--quiet); } .figures dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.figures div { display: flex; flex-direction: column-reverse; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 23rem), 1fr)); gap: 1rem; }
figure { margin: 0; padding: .85rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: 8px; min-width: 0; }
figure p, figcaption { font-size: .85rem; margin: 0 0 .5rem; color: var(--quiet); } figure svg { display: block; width: 100%; height: auto; }
video { display: block; width: 100%; height: auto; border-radius: 4px; background: #000; } video + figcaption { margin: .5rem 0 0; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { padding: .3rem 1.2rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; } thead th { white-space: nowrap; } tbody th { font-weight: normal; color: var(--quiet); white-space: nowrap; }
td { overflow-wrap: anywhere; } .parts { min-width: 40rem; } pre { overflow-x: auto; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: 8px; font-size: .82rem; line-height: 1.45; }
summary { cursor: pointer; } li { overflow-wrap: anywhere; font-size: .9rem; }
`;

/** Forbids every request: what the page shows is in it. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:";

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
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escape(title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escape(title)}</h1>
<p>${escape(summary)}</p>
<dl class="figures">${figures.map(([value, what]) => `<div><dt>${escape(what)}</dt><dd>${escape(value)}</dd></div>`).join("")}</dl>
${sections.join("\n")}
</body>
</html>
`;
}

function section(title: string, note: string, content: string): string {
  return `<section>\n<h2>${escape(title)}</h2>\n${note === "" ? "" : `<p>${escape(note)}</p>\n`}${content}\n</section>`;
}

function resumedNote(parts: readonly RunPart[]): string {
  return parts.length > 1 ? "Dashed: where the run was interrupted and went on." : "";
}

function chart({ title, note, svg }: PageChart): string {
  // The size in the file is left to the page; the viewBox keeps the proportions.
  const scalable = svg.replace(/<svg([^>]*?)\swidth="[^"]*"\sheight="[^"]*"/, "<svg$1");
  const labelled = scalable.replace("<svg", `<svg role="img" aria-label="${escape(title)}"`);
  return `<figure><h3>${escape(title)}</h3><p>${escape(note)}</p>${labelled}</figure>`;
}

function video({ caption, bytes }: PageVideo): string {
  const source = `data:video/mp4;base64,${Buffer.from(bytes).toString("base64")}`;
  const text = escape(caption);
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

function factsTable(facts: ReportPage["facts"]): string {
  const rows = facts.map(([name, value]) => `<tr><th scope="row">${escape(name)}</th><td>${escape(value)}</td></tr>`);
  return `<div class="scroll"><table><tbody>${rows.join("\n")}</tbody></table></div>`;
}

/** "2026-11-22 21:32" */
function utc(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
}
