// The frame of every report: one HTML page that needs nothing else, light and dark, wide and narrow screens; no request leaves it.
import { createHash } from "node:crypto";
import { darkPalette, lightPalette, type Palette } from "./chart.js";
import { escapeHtml as escape } from "./escape.js";

/** A drawn curve. */
export interface PageChart {
  readonly title: string;
  readonly note: string;
  /** Drawn with {@link pagePalette}. */
  readonly svg: string;
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
video, figure img { display: block; width: 100%; height: auto; border-radius: 4px; background: #000; } video + figcaption, img + figcaption { margin: .5rem 0 0; } .wide { grid-column: 1 / -1; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { padding: .3rem 1.2rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; } thead th { white-space: nowrap; } tbody th { font-weight: normal; color: var(--quiet); white-space: nowrap; }
td { overflow-wrap: anywhere; } .parts { min-width: 40rem; } pre { overflow-x: auto; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: 8px; font-size: .82rem; line-height: 1.45; }
summary { cursor: pointer; } li { overflow-wrap: anywhere; font-size: .9rem; }
`;

/** What {@link pageHtml} frames. */
export interface PageContent {
  readonly title: string;
  /** A sentence below the title. */
  readonly summary: string;
  /** HTML. */
  readonly body: string;
  /** Styles beside the common ones. */
  readonly style?: string;
  /** The only program that the page runs; absent: none. */
  readonly script?: string;
}

/** The page as text. Title and summary are escaped, the body is taken as it is. Its policy forbids every request and any other program. */
export function pageHtml({ title, summary, body, style: own = "", script }: PageContent): string {
  const allowed =
    script === undefined ? "" : `; script-src 'sha256-${createHash("sha256").update(script).digest("base64")}'`;
  const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:${allowed}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escape(title)}</title>
<style>${style}${own}</style>
</head>
<body>
<h1>${escape(title)}</h1>
<p>${escape(summary)}</p>
${body}
${script === undefined ? "" : `<script>${script}</script>\n`}</body>
</html>
`;
}

/** A part of a page under a heading; title and note are escaped, the content is taken as it is. */
export function section(title: string, note: string, content: string): string {
  return `<section>\n<h2>${escape(title)}</h2>\n${note === "" ? "" : `<p>${escape(note)}</p>\n`}${content}\n</section>`;
}

/** A chart with its title and note. */
export function chartFigure({ title, note, svg }: PageChart): string {
  // The size in the file is left to the page; the viewBox keeps the proportions.
  const scalable = svg.replace(/<svg([^>]*?)\swidth="[^"]*"\sheight="[^"]*"/, "<svg$1");
  const labelled = scalable.replace("<svg", `<svg role="img" aria-label="${escape(title)}"`);
  return `<figure><h3>${escape(title)}</h3><p>${escape(note)}</p>${labelled}</figure>`;
}

/** Names and values, a line each. */
export function factsTable(facts: ReadonlyArray<readonly [name: string, value: string]>): string {
  const rows = facts.map(([name, value]) => `<tr><th scope="row">${escape(name)}</th><td>${escape(value)}</td></tr>`);
  return `<div class="scroll"><table><tbody>${rows.join("\n")}</tbody></table></div>`;
}
