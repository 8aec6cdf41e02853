// Imports a folder of videos with timestamped inputs beside them (NAME.mp4 and NAME.csv, say) as a recording.
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { extname, join } from "node:path";
import { copyFileAtomically, FormatError, probeVideo, type VideoInfo } from "@vid2world/formats";
import { loadConfig } from "../../config/load.js";
import { rowProblem } from "../action-space.js";
import type { ClipFile } from "../recording-format.js";
import { frameTimes, irregularities } from "./frame-times.js";
import { parseKeyEvent, resampleEvents } from "./key-events.js";
import { mappingSchema, type Mapping } from "./mapping.js";
import { buildRecording, splitOf, type ClipPlan, type ImportOptions, type ImportReport } from "./recording-builder.js";
import { resampleInputs, timesOf } from "./sampled-inputs.js";
import { readTable, TABLE_ENDINGS } from "./table.js";
import { transcodeVideo } from "./transcode.js";

/** What to import. */
export interface ImportFolderOptions extends ImportOptions {
  /** Folder of videos. */
  readonly input: string;
  /** Folder of the recording. */
  readonly output: string;
  /** The mapping file (YAML or JSON). */
  readonly mapping: string;
}

const VIDEO = /\.(mp4|mkv|mov|webm|avi|m4v)$/i;

/** Imports every video that is in the folder itself. */
export async function importFolder(options: ImportFolderOptions): Promise<ImportReport> {
  const { input, output } = options;
  const mapping = await loadConfig(options.mapping, mappingSchema);
  const videos = (await readdir(input)).filter((name) => VIDEO.test(name)).sort();
  if (videos.length === 0) throw new FormatError(input, "holds no video (.mp4, .mkv, .mov, .webm, .avi, .m4v)");
  checkNames(input, videos);
  const notes: string[] = [];
  const plans = videos.map((video, i): ClipPlan => {
    const name = video.slice(0, -extname(video).length);
    const make = (path: string): Promise<ClipFile> =>
      importClip({ ...options, mapping, video, name, path, index: i, notes });
    return { name, make };
  });
  return buildRecording(output, headerOf(mapping), plans, options, notes);
}

/** The header of a recording with this mapping. */
export function headerOf({ name, description, licence, source, fps, width, height, channels }: Mapping) {
  return { name, licence, source, fps, width, height, channels, ...(description === undefined ? {} : { description }) };
}

/** One video with its inputs. */
export interface ClipJob {
  readonly input: string;
  readonly mapping: Mapping;
  readonly video: string;
  readonly name: string;
  readonly path: string;
  readonly index: number;
  readonly notes: string[];
  /** Inputs were stamped by the video's clock: all of them may lie before its first frame. Otherwise that is taken for a wrong unit. */
  readonly sameClock?: boolean;
  readonly signal?: AbortSignal;
}

/** Checks inputs, brings the video to the recording's rate and size at `path`, and returns the clip's actions. */
export async function importClip(job: ClipJob): Promise<ClipFile> {
  const { input, mapping, video, name, index } = job;
  const file = join(input, video);
  const inputsFile = findInputs(input, name, mapping.inputs.file);
  const info = await probeVideo(file);
  // The inputs first: they are checked in no time, and a video takes long.
  const rowsFor = await readInputs(inputsFile, info, job);
  const ahead = rowsFor(Math.ceil((info.frames / info.fps) * mapping.fps) + 1);
  for (const [t, row] of ahead.entries()) {
    const problem = rowProblem(mapping.channels, row);
    if (problem === undefined) continue;
    throw new FormatError(inputsFile, `at frame ${t} (second ${(t / mapping.fps).toFixed(3)}): ${problem}`);
  }
  const { frames } = await bringVideo(job, file, info);
  const actions = frames <= ahead.length ? ahead.slice(0, frames) : rowsFor(frames);
  const { validation } = mapping;
  const val = Array.isArray(validation) ? validation.includes(name) : splitOf(index, validation.every) === "val";
  return { split: val ? "val" : "train", frames, actions };
}

/** Copies a video that fits as it is, and converts any other. */
async function bringVideo(job: ClipJob, file: string, info: VideoInfo): Promise<VideoInfo> {
  const { mapping, path, notes, video, signal } = job;
  const { fps, width, height, fit } = mapping;
  const sameSize = info.width === width && info.height === height;
  const sameRate = Math.abs(info.fps - fps) < 1e-3 * fps && irregularities(await frameTimes(file), fps).length === 0;
  if (sameSize && sameRate && extname(video).toLowerCase() === ".mp4") {
    await copyFileAtomically(file, path);
    return info;
  }
  const made = await transcodeVideo(file, path, {
    fps,
    width,
    height,
    fit,
    ...(signal === undefined ? {} : { signal }),
  });
  const varies = sameSize && Math.abs(info.fps - fps) < 1e-3 * fps && !sameRate ? " (a variable rate)" : "";
  const from = `${info.width}x${info.height} at ${Number(info.fps.toFixed(3))} frames/s${varies}`;
  notes.push(`${video}: converted from ${from} to ${width}x${height} at ${fps}`);
  return made;
}

/** Reads and checks inputs; the result makes one row per frame. */
async function readInputs(
  file: string,
  video: VideoInfo,
  { mapping, sameClock = false }: Pick<ClipJob, "mapping" | "sameClock">,
): Promise<(frames: number) => number[][]> {
  const { inputs, channels, columns, fps } = mapping;
  const rows = await readTable(file);
  if (rows.length === 0 && inputs.kind === "samples") throw new FormatError(file, "holds no row");
  const times = timesOf(file, rows, inputs, video.fps);
  const seconds = video.frames / video.fps;
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  if (!sameClock && rows.length > 0 && (first >= seconds || last < 0)) {
    const span = `seconds ${first.toFixed(3)} to ${last.toFixed(3)}`;
    throw new FormatError(
      file,
      `its ${span} do not meet the video's 0 to ${seconds.toFixed(3)}; look at inputs.unit and inputs.offset`,
    );
  }
  if (inputs.kind === "samples") {
    const sampled = { file, rows, times, channels, columns };
    return (frames) => resampleInputs(sampled, frames, fps);
  }
  const events = rows.map((row, i) => ({ time: times[i] ?? 0, event: parseKeyEvent(file, row) }));
  return (frames) => resampleEvents(channels, events, frames, fps);
}

function findInputs(folder: string, name: string, pattern: string | undefined): string {
  const tried =
    pattern === undefined ? TABLE_ENDINGS.map((ending) => name + ending) : [pattern.replaceAll("{name}", name)];
  const found = tried.map((each) => join(folder, each)).find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new FormatError(join(folder, name), `has no inputs beside it; ${tried.join(" or ")} is needed`);
}

function checkNames(folder: string, videos: readonly string[]): void {
  const names = videos.map((video) => video.slice(0, -extname(video).length));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new FormatError(folder, `holds two videos called "${twice}"; a clip needs a name of its own`);
}
