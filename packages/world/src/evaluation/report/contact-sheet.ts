// The contact sheet: one self-contained HTML page with the pictures inlined. Makes text from data; writes no file.

import { escapeHtml as escape } from "../../page/escape.js";
import type { HorizonScores } from "../metrics/horizon.js";

/** A strip of frames with its caption. */
export interface SheetRow {
  readonly caption: string;
  /** PNG, JPEG or WebP bytes and their media type. */
  readonly image: Uint8Array;
  readonly mediaType: "image/png" | "image/jpeg" | "image/webp";
  /** What the picture shows, for those who cannot see it. */
  readonly alt: string;
}

/** A heading with rows below it. */
export interface SheetSection {
  readonly title: string;
  readonly note?: string;
  readonly rows: readonly SheetRow[];
}

/** Everything that a contact sheet shows. */
export interface ContactSheet {
  readonly title: string;
  readonly summary: string;
  /** Name and scores of the model and of every baseline, the model first. */
  readonly scores: ReadonlyArray<readonly [name: string, scores: HorizonScores]>;
  readonly sections: readonly SheetSection[];
  readonly links: ReadonlyArray<readonly [text: string, href: string]>;
}

const style = `
:root { color-scheme: light dark; --page: #fbfbfa; --text: #1d1f22; --quiet: #5d636b; --line: #d9dbde; --model: #0b62c4; --other: #9a5b13; --third: #6b7280; }
@media (prefers-color-scheme: dark) { :root { --page: #16181b; --text: #e8e9ea; --quiet: #a0a6ae; --line: #33373c; --model: #6db3ff; --other: #e0a458; --third: #9aa3ad; } }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 76rem; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2.25rem 0 .25rem; }
p { margin: .25rem 0 1rem; color: var(--quiet); max-width: 48rem; } a { color: var(--model); }
figure { margin: .5rem 0; } figcaption { font-size: .85rem; color: var(--quiet); }
.strip { overflow-x: auto; } .strip img { display: block; height: 96px; image-rendering: pixelated; border-radius: 3px; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; } th:first-child { text-align: left; }
svg { max-width: 34rem; width: 100%; height: auto; margin-top: 1rem; } svg text { fill: var(--quiet); font-size: 11px; }
`;

/** The page as text. All given texts are escaped. */
export function contactSheetHtml(sheet: ContactSheet): string {
  const horizons = sheet.scores[0]?.[1].psnr.length ?? 0;
  const head = Array.from({ length: horizons }, (_, h) => `<th scope="col">${h + 1}</th>`).join("");
  const body = sheet.scores.map(([name, { psnr, psnrMean, ssimMean }]) => {
    const cells = psnr.map((value) => `<td>${value.toFixed(1)}</td>`).join("");
    return `<tr><th scope="row">${escape(name)}</th>${cells}<td>${psnrMean.toFixed(2)}</td><td>${ssimMean.toFixed(3)}</td></tr>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(sheet.title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escape(sheet.title)}</h1>
<p>${escape(sheet.summary)}</p>
<p>${sheet.links.map(([text, href]) => `<a href="${escape(href)}">${escape(text)}</a>`).join(" · ")}</p>
<h2>PSNR by horizon (dB)</h2>
<p>How near each predicted frame is to what really happened; higher is better. Column 1 is the first predicted frame.</p>
<div class="scroll"><table>
<thead><tr><th scope="col">frames from</th>${head}<th scope="col">mean</th><th scope="col">SSIM</th></tr></thead>
<tbody>${body.join("\n")}</tbody>
</table></div>
${chart(sheet.scores)}
${sheet.sections.map(section).join("\n")}
</body>
</html>
`;
}

function section({ title, note, rows }: SheetSection): string {
  const figures = rows.map(({ caption, image, mediaType, alt }) => {
    const source = `data:${mediaType};base64,${Buffer.from(image).toString("base64")}`;
    return `<figure><figcaption>${escape(caption)}</figcaption><div class="strip"><img src="${source}" alt="${escape(alt)}"></div></figure>`;
  });
  return `<h2>${escape(title)}</h2>\n${note === undefined ? "" : `<p>${escape(note)}</p>`}\n${figures.join("\n")}`;
}

const colours = ["var(--model)", "var(--other)", "var(--third)"];
const [chartWidth, chartHeight, margin] = [420, 180, 34];

/** PSNR against horizon as lines. */
function chart(scores: ContactSheet["scores"]): string {
  const values = scores.flatMap(([, { psnr }]) => psnr);
  const horizons = scores[0]?.[1].psnr.length ?? 0;
  if (horizons < 2) return "";
  const low = Math.floor(Math.min(...values));
  const high = Math.max(Math.ceil(Math.max(...values)), low + 1);
  const x = (h: number): number => margin + ((chartWidth - 2 * margin) * h) / (horizons - 1);
  const y = (value: number): number =>
    chartHeight - margin + ((2 * margin - chartHeight) * (value - low)) / (high - low);
  const lines = scores.map(([name, { psnr }], index) => {
    const colour = colours[index % colours.length] ?? "currentColor";
    const points = psnr.map((value, h) => `${x(h).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    const label = `<text x="${margin + 10 + index * 120}" y="14" style="fill:${colour}">${escape(name)}</text>`;
    return `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="2"/>${label}`;
  });
  return `<svg viewBox="0 0 ${chartWidth} ${chartHeight}" role="img" aria-label="PSNR by horizon">
<line x1="${margin}" x2="${chartWidth - margin}" y1="${chartHeight - margin}" y2="${chartHeight - margin}" stroke="var(--line)"/>
<text x="${margin - 6}" y="${y(low) + 4}" text-anchor="end">${low}</text><text x="${margin - 6}" y="${y(high) + 4}" text-anchor="end">${high}</text>
<text x="${margin}" y="${chartHeight - margin + 16}">1</text><text x="${x(horizons - 1)}" y="${chartHeight - margin + 16}" text-anchor="end">${horizons}</text>
<text x="${chartWidth / 2}" y="${chartHeight - 6}" text-anchor="middle">predicted frame</text>
${lines.join("\n")}
</svg>`;
}
