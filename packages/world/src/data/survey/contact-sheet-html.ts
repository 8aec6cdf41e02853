// One HTML file that shows what is in a data set: numbers per channel, and frames with the actions that lead out of them.
import { encodeImage, writeFileAtomically } from "@vid2world/formats";
import { escapeUTF8 } from "entities";
import { actionStatistics, type ChannelStatistics } from "./statistics.js";
import type { Survey, SurveyEpisode } from "./survey.js";

/** How much is shown. */
export interface ContactSheetOptions {
  /** Episodes, spread evenly. Default 12. */
  readonly episodes?: number;
  /** Frames of each, spread evenly. Default 8. */
  readonly frames?: number;
}

const STYLE = `body{font:14px/1.4 system-ui,sans-serif;margin:2em;background:#fff;color:#222}table{border-collapse:collapse}
td,th{padding:2px 10px;text-align:right}td:first-child,th:first-child{text-align:left}.strip{display:flex;gap:8px;overflow-x:auto;margin:0 0 2em}
figure{margin:0;flex:none;width:180px}img{width:180px;display:block}figcaption{font-size:11px;white-space:pre-wrap}
.bars{display:inline-flex;align-items:flex-end;height:24px;gap:1px}.bars i{width:5px;background:#47a}
@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}}`;

/** Writes the file; it needs nothing else, no network either. */
export async function writeContactSheet(
  file: string,
  survey: Survey,
  options: ContactSheetOptions = {},
): Promise<void> {
  const { episodes: count = 12, frames = 8 } = options;
  const chosen = spread(survey.episodes.length, count).map((i) => survey.episodes[i]);
  const strips: string[] = [];
  for (const episode of chosen) if (episode !== undefined) strips.push(await strip(survey, episode, frames));
  const title = escapeUTF8(survey.kind);
  const rows = actionStatistics(survey).map(channelRow).join("\n");
  const head = "<tr><th>channel<th>kind<th>min<th>max<th>mean<th>not 0<th>histogram";
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><style>${STYLE}</style>
<h1>${title}</h1><p>${escapeUTF8(survey.folder)}: ${survey.episodes.length} episodes, ${survey.width}x${survey.height}</p>
<table>${head}\n${rows}</table>\n${strips.join("\n")}</html>\n`;
  await writeFileAtomically(file, html);
}

function channelRow({ name, kind, minimum, maximum, mean, active, histogram }: ChannelStatistics): string {
  const top = Math.sqrt(Math.max(1, ...histogram));
  const bars = histogram.map(
    (rows) => `<i style="height:${((Math.sqrt(rows) / top) * 100).toFixed(0)}%" title="${rows}"></i>`,
  );
  const cells = [escapeUTF8(name), kind, short(minimum), short(maximum), short(mean), `${(active * 100).toFixed(0)} %`];
  return `<tr>${cells.map((cell) => `<td>${cell}`).join("")}<td><span class="bars">${bars.join("")}</span>`;
}

async function strip(survey: Survey, episode: SurveyEpisode, frames: number): Promise<string> {
  const title = `<h2>${escapeUTF8(episode.name)}</h2><p>${episode.frames} frames${episode.split === undefined ? "" : `, ${episode.split}`}</p>`;
  const wanted = new Set(spread(episode.frames, frames));
  const figures: string[] = [];
  try {
    let t = 0;
    for await (const data_HWC of episode.pictures()) {
      if (wanted.has(t)) figures.push(await figure(survey, episode, t, data_HWC));
      t++;
    }
  } catch (error) {
    return `${title}<p><b>${escapeUTF8((error as Error).message)}</b></p>`; // shown, because this is where it is looked for
  }
  return `${title}<div class="strip">${figures.join("")}</div>`;
}

async function figure(survey: Survey, episode: SurveyEpisode, t: number, data_HWC: Uint8Array): Promise<string> {
  const { height, width, channels } = survey;
  const jpeg = await encodeImage({ data_HWC, height, width }, "jpg", { quality: 75 });
  const row = episode.actions[t] ?? [];
  const values = channels.map(({ name }, i) => [name, row[i] ?? 0] as const).filter(([, value]) => value !== 0);
  const caption = values.map(([name, value]) => `${name} ${short(value)}`).join("\n") || "at rest";
  const source = `data:image/jpeg;base64,${Buffer.from(jpeg).toString("base64")}`;
  return `<figure><img src="${source}" alt="frame ${t}"><figcaption>frame ${t}\n${escapeUTF8(caption)}</figcaption></figure>`;
}

/** Up to `wanted` numbers below `count`, evenly spread, the first one and the last one among them. */
function spread(count: number, wanted: number): number[] {
  if (count <= wanted) return Array.from({ length: count }, (_, i) => i);
  return Array.from({ length: wanted }, (_, i) => Math.round((i * (count - 1)) / Math.max(1, wanted - 1)));
}

function short(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(3);
}
