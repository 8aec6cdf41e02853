// Imports one camera of a LeRobot dataset with its actions as a recording.
//   T frames, A numbers of an action
import { basename, resolve, sep } from "node:path";
import {
  copyFileAtomically,
  decodeImage,
  FormatError,
  invalid,
  probeVideo,
  readImage,
  writeVideo,
  type RgbImage,
} from "@vid2world/formats";
import { readParquetRows, type ParquetRow } from "@vid2world/formats/parquet";
import type { Channel } from "../action-space.js";
import { channelNames, rangesOfRows, widenRanges } from "./channels.js";
import { openLeRobot, type LeRobotDataset, type LeRobotEpisode, type LeRobotFeature } from "./lerobot-dataset.js";
import { buildRecording, splitOf, type ClipPlan, type ImportOptions, type ImportReport } from "./recording-builder.js";
import { transcodeVideo } from "./transcode.js";

/** What to import. */
export interface ImportLeRobotOptions extends ImportOptions {
  readonly input: string;
  readonly output: string;
  readonly name?: string;
  /** The feature with the pictures. Default: the only one; needed where there are several. */
  readonly camera?: string;
  /** Size of the recording's pictures. Default: that of the camera. */
  readonly width?: number;
  readonly height?: number;
  /** Every n-th episode is for validation; 0: none. Default 10. */
  readonly validationEvery?: number;
  readonly licence?: string;
}

/** Imports every episode. Actions are read first, all of them, because the ranges of the channels come from them. */
export async function importLeRobot(options: ImportLeRobotOptions): Promise<ImportReport> {
  const { input, output, validationEvery = 10, strict = false } = options;
  const dataset = await openLeRobot(input);
  const camera = chooseCamera(dataset, options.camera);
  const action = dataset.features.get("action");
  if (action === undefined)
    throw new FormatError(input, `has no feature "action"; it has ${[...dataset.features.keys()].join(", ")}`);
  const [height = 0, width = 0] = sizeOf(dataset.features.get(camera), options);
  const problems: FormatError[] = [];
  const episodes: { episode: LeRobotEpisode; actions: number[][] }[] = [];
  for (const episode of dataset.episodes) {
    options.signal?.throwIfAborted();
    try {
      episodes.push({ episode, actions: await readActions(episode) });
    } catch (error) {
      const known = error instanceof FormatError || (error as NodeJS.ErrnoException).code === "ENOENT";
      if (strict || !known) throw error;
      problems.push(error instanceof FormatError ? error : new FormatError(episode.rows.file, "missing"));
    }
  }
  if (episodes.length === 0) throw problems[0] ?? new FormatError(input, "holds no episode");
  const channels = channelsOf(action, episodes.map(({ actions }) => actions)); // prettier-ignore
  const plans = episodes.map(({ episode, actions }): ClipPlan => ({
    name: `episode_${String(episode.index).padStart(6, "0")}`,
    make: async (path) => {
      await bringPictures({ dataset, episode, camera, width, height, path, signal: options.signal });
      const info = episode.tasks.length === 0 ? {} : { info: { task: episode.tasks.join("; ") } };
      return { split: splitOf(episode.index, validationEvery), frames: episode.length, ...info, actions };
    },
  })); // prettier-ignore
  const header = {
    name: options.name ?? basename(resolve(input)),
    description: `LeRobot dataset (${dataset.version}), camera ${camera}${dataset.robot === undefined ? "" : `, ${dataset.robot}`}`,
    fps: dataset.fps,
    width,
    height,
    channels,
    licence: options.licence ?? "see the dataset's own page",
    source: `LeRobot dataset ${basename(resolve(input))}`,
  };
  const report = await buildRecording(output, header, plans, options);
  return { ...report, problems: [...problems, ...report.problems] };
}

function chooseCamera(dataset: LeRobotDataset, wanted: string | undefined): string {
  const cameras = [...dataset.features]
    .filter(([, { dtype }]) => dtype === "video" || dtype === "image")
    .map(([name]) => name);
  const fitting =
    wanted === undefined ? cameras : cameras.filter((name) => name === wanted || name.endsWith(`.${wanted}`));
  const [camera] = fitting;
  if (camera !== undefined && fitting.length === 1) return camera;
  throw invalid("camera", `one of the dataset's cameras (${cameras.join(", ") || "it has none"})`, wanted);
}

/** Height and width, even as 4:2:0 colour needs them. */
function sizeOf(feature: LeRobotFeature | undefined, { height, width }: ImportLeRobotOptions): [number, number] {
  // [H, W, C] in version 2.1 and later, [C, H, W] in some earlier files.
  const [a = 0, b = 0, c = 0] = feature?.shape ?? [];
  const [h, w] = a === 3 && c !== 3 ? [b, c] : [a, b];
  const size: [number, number] = [height ?? h - (h % 2), width ?? w - (w % 2)];
  if (size.every((side) => side > 0 && side % 2 === 0)) return size;
  throw invalid("width, height", "positive even numbers", size);
}

async function readActions(episode: LeRobotEpisode): Promise<number[][]> {
  const rows: number[][] = [];
  for await (const row of rowsOf(episode, ["action", "episode_index", "frame_index"])) {
    const place = `row ${(episode.rows.start ?? 0) + rows.length}`;
    if (Number(row.episode_index) !== episode.index || Number(row.frame_index) !== rows.length) {
      const found = `episode ${String(row.episode_index)}, frame ${String(row.frame_index)}`;
      throw new FormatError(
        episode.rows.file,
        `${place}: ${found}, where episode ${episode.index}, frame ${rows.length} should be`,
      );
    }
    const values = (Array.isArray(row.action) ? row.action : [row.action]).map(Number);
    if (!values.every(Number.isFinite))
      throw new FormatError(episode.rows.file, `${place}: action holds ${String(values)}`);
    rows.push(values);
  }
  if (rows.length === episode.length) return rows;
  throw new FormatError(
    episode.rows.file,
    `${rows.length} rows for episode ${episode.index}; meta says ${episode.length}`,
  );
}

function rowsOf(
  episode: LeRobotEpisode,
  columns: readonly string[],
  rowsAtOnce?: number,
): AsyncGenerator<ParquetRow, void> {
  const { file, start } = episode.rows;
  const some = rowsAtOnce === undefined ? {} : { rowsAtOnce };
  return readParquetRows(file, {
    ...{ columns, ...some },
    ...(start !== undefined && { start, end: start + episode.length }),
  });
}

function channelsOf(action: LeRobotFeature, episodes: readonly (readonly (readonly number[])[])[]): Channel[] {
  const width = action.shape.reduce((product, size) => product * size, 1);
  const given = action.names?.length === width ? action.names : Array.from({ length: width }, (_, i) => `action_${i}`);
  const names = channelNames(given);
  const rows = function* (): Generator<readonly number[], void> {
    for (const episode of episodes) yield* episode;
  };
  const ranges = widenRanges(rangesOfRows(rows(), width));
  return names.map((name, i) => ({ name, kind: "continuous", range: ranges[i] ?? [-1, 1], rest: 0, keys: {} }));
}

interface PictureJob {
  readonly dataset: LeRobotDataset;
  readonly episode: LeRobotEpisode;
  readonly camera: string;
  readonly width: number;
  readonly height: number;
  readonly path: string;
  readonly signal: AbortSignal | undefined;
}

/** Copies a video that is the episode's alone and of the right size; cuts and converts any other. */
async function bringPictures(job: PictureJob): Promise<void> {
  const { dataset, episode, camera, width, height, path, signal } = job;
  if (dataset.features.get(camera)?.dtype === "image") return writeImages(job);
  const { file, fromSecond } = episode.video(camera);
  const info = await probeVideo(file);
  const whole = fromSecond === 0 && info.frames === episode.length;
  if (whole && info.width === width && info.height === height) {
    return copyFileAtomically(file, path);
  }
  const end = fromSecond + episode.length / dataset.fps;
  if (info.frames / info.fps < end - 0.5 / dataset.fps) {
    throw new FormatError(
      file,
      `ends at second ${(info.frames / info.fps).toFixed(3)}; episode ${episode.index} needs it to ${end.toFixed(3)}`,
    );
  }
  const part = { start: fromSecond, frames: episode.length, ...(signal === undefined ? {} : { signal }) };
  await transcodeVideo(file, path, { fps: dataset.fps, width, height, ...part });
}

/** Rows with pictures that are in memory at once. */
const PICTURE_ROWS = 128;

/** Pictures that the rows hold, as PNG or JPEG bytes, or that they name: files of the dataset. */
async function writeImages({ dataset, episode, camera, width, height, path }: PictureJob): Promise<void> {
  const { file, start = 0 } = episode.rows;
  const frames = async function* (): AsyncGenerator<Uint8Array, void> {
    let t = 0;
    for await (const row of rowsOf(episode, [camera], PICTURE_ROWS)) {
      const name = `${file} row ${start + t++}`;
      const picture = await pictureOf(dataset.folder, row[camera] ?? {}, camera, name);
      yield cropped(picture, width, height, name);
    }
  };
  await writeVideo(path, frames(), { width, height, fps: dataset.fps });
}

/** A picture as the `datasets` library stores it: its bytes, or where they lie. */
interface StoredPicture {
  readonly bytes?: Uint8Array | null;
  readonly path?: unknown;
}

async function pictureOf(folder: string, stored: StoredPicture, camera: string, name: string): Promise<RgbImage> {
  const { bytes } = stored;
  if (bytes instanceof Uint8Array) return decodeImage(bytes, name);
  const path = stored.path instanceof Uint8Array ? new TextDecoder().decode(stored.path) : stored.path;
  if (typeof path !== "string" || path === "") throw new FormatError(name, `${camera} holds no picture`);
  const file = resolve(folder, path);
  if (!file.startsWith(resolve(folder) + sep)) {
    throw new FormatError(name, `${camera} names "${path}", which is not in the dataset`);
  }
  return readImage(file).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "ENOENT") throw cause;
    throw new FormatError(name, `${camera} names "${path}", which is missing`, undefined, { cause });
  });
}

/** Leaves out an odd last row or column. */
function cropped(
  { data_HWC, width: from, height: rows }: RgbImage,
  width: number,
  height: number,
  name: string,
): Uint8Array {
  if (from === width && rows === height) return data_HWC;
  if (from - width > 1 || rows - height > 1 || from < width || rows < height) {
    throw new FormatError(
      name,
      `is ${from}x${rows}, the recording ${width}x${height}; pictures in Parquet files are not resized`,
    );
  }
  const result = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) result.set(data_HWC.subarray(y * from * 3, y * from * 3 + width * 3), y * width * 3);
  return result;
}
