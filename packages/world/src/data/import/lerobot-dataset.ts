// A LeRobot dataset on disk, versions 2.0, 2.1 and 3.0: `meta/info.json`, where each episode's rows and videos are.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "@vid2world/formats";
import { readParquetRows } from "@vid2world/formats/parquet";
import { z } from "zod";
import { readJsonLines } from "./table.js";

/** Rows of an episode: a file and the rows in it. */
export interface LeRobotRows {
  readonly file: string;
  /** The rows whose `episode_index` is the episode's; undefined: all of the file. */
  readonly start: number | undefined;
}

/** A video of an episode: a file, and at which second of it the episode begins. */
export interface LeRobotVideo {
  readonly file: string;
  readonly fromSecond: number;
}

/** One episode. */
export interface LeRobotEpisode {
  readonly index: number;
  readonly length: number;
  readonly tasks: readonly string[];
  readonly rows: LeRobotRows;
  /** The video of a camera such as "observation.images.top". */
  readonly video: (camera: string) => LeRobotVideo;
}

/** A feature of info.json. */
export interface LeRobotFeature {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** One per number, where the dataset names them. */
  readonly names: readonly string[] | undefined;
}

/** An opened dataset. */
export interface LeRobotDataset {
  readonly folder: string;
  readonly version: string;
  readonly fps: number;
  readonly robot: string | undefined;
  readonly features: ReadonlyMap<string, LeRobotFeature>;
  readonly episodes: readonly LeRobotEpisode[];
}

// Names are a list, or a mapping such as { motors: [...] }, or missing.
const namesSchema = z
  .union([z.array(z.string()), z.record(z.string(), z.unknown()), z.array(z.array(z.string())), z.null()])
  .optional()
  .catch(undefined);
const infoSchema = z.object({
  codebase_version: z.string(),
  fps: z.number().positive(),
  robot_type: z.string().nullish(),
  chunks_size: z.number().int().positive().default(1000),
  data_path: z.string(),
  video_path: z.string().nullish(),
  features: z.record(z.string(), z.object({ dtype: z.string(), shape: z.array(z.number()), names: namesSchema })),
});
type Info = z.infer<typeof infoSchema>;

/** Opens a dataset and reads the list of its episodes. */
export async function openLeRobot(folder: string): Promise<LeRobotDataset> {
  const file = join(folder, "meta/info.json");
  const info = await readInfo(file);
  const major = /^v?(\d+)\./.exec(info.codebase_version)?.[1];
  if (major !== "2" && major !== "3") {
    throw new FormatError(file, `codebase_version ${info.codebase_version}; versions 2.0 to 3 are read`);
  }
  return {
    folder,
    version: info.codebase_version,
    fps: info.fps,
    robot: info.robot_type ?? undefined,
    features: new Map(
      Object.entries(info.features).map(([name, feature]) => [name, { ...feature, names: flatNames(feature.names) }]),
    ),
    episodes: await (major === "2" ? listVersion2(folder, info) : listVersion3(folder, info)),
  };
}

async function readInfo(file: string): Promise<Info> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, "utf8"));
  } catch (cause) {
    const absent = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new FormatError(
      file,
      absent ? "missing; this is no LeRobot dataset" : `no readable JSON: ${(cause as Error).message}`,
    );
  }
  const parsed = infoSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new FormatError(file, `not as LeRobot writes it: ${z.prettifyError(parsed.error).replace(/\s+/g, " ")}`);
}

function flatNames(names: z.infer<typeof namesSchema>): readonly string[] | undefined {
  if (names === undefined || names === null) return undefined;
  const list = Array.isArray(names) ? names : Object.values(names);
  const flat = list.flat(2).filter((name) => typeof name === "string");
  return flat.length > 0 ? flat : undefined;
}

/** One Parquet file and one video per episode; the list is JSON lines. */
async function listVersion2(folder: string, info: Info): Promise<LeRobotEpisode[]> {
  const file = join(folder, "meta/episodes.jsonl");
  const episodes: LeRobotEpisode[] = [];
  for await (const { place, values } of readJsonLines(file)) {
    const { index, length, tasks } = episodeOf(file, place, values);
    const at = { episode_chunk: Math.floor(index / info.chunks_size), episode_index: index };
    episodes.push({
      index,
      length,
      tasks,
      rows: { file: join(folder, fill(info.data_path, at)), start: undefined },
      video: (camera) => ({
        file: join(folder, fill(videoPath(folder, info), { ...at, video_key: camera })),
        fromSecond: 0,
      }),
    });
  }
  return episodes;
}

/** Many episodes in one Parquet file and one video; the list is Parquet, too. */
async function listVersion3(folder: string, info: Info): Promise<LeRobotEpisode[]> {
  const root = join(folder, "meta/episodes");
  const files = (await readdir(root, { recursive: true })).filter((name) => name.endsWith(".parquet")).sort();
  if (files.length === 0) throw new FormatError(root, "holds no list of episodes (.parquet)");
  const episodes: LeRobotEpisode[] = [];
  const begins = new Map<string, number>(); // row at which the next episode of a data file begins
  for (const name of files) {
    const file = join(root, name);
    let row = 0;
    for await (const values of readParquetRows(file)) {
      const place = `row ${row++}`;
      const number = (key: string): number => {
        const value = Number(values[key] ?? NaN);
        if (Number.isFinite(value)) return value;
        throw new FormatError(file, `${place}: "${key}" is missing or no number`);
      };
      const { index, length, tasks } = episodeOf(file, place, values);
      const at = { chunk_index: number("data/chunk_index"), file_index: number("data/file_index") };
      const data = join(folder, fill(info.data_path, at));
      const start = begins.get(data) ?? 0;
      begins.set(data, start + length);
      const video = (camera: string): LeRobotVideo => {
        const [chunk_index, file_index] = [
          number(`videos/${camera}/chunk_index`),
          number(`videos/${camera}/file_index`),
        ];
        const path = fill(videoPath(folder, info), { video_key: camera, chunk_index, file_index });
        return { file: join(folder, path), fromSecond: number(`videos/${camera}/from_timestamp`) };
      };
      episodes.push({ index, length, tasks, rows: { file: data, start }, video });
    }
  }
  return episodes;
}

function episodeOf(
  file: string,
  place: string,
  values: Readonly<Record<string, unknown>>,
): { index: number; length: number; tasks: readonly string[] } {
  const [index, length] = [Number(values.episode_index ?? NaN), Number(values.length ?? NaN)];
  if (!Number.isInteger(index) || index < 0 || !Number.isInteger(length) || length < 1) {
    throw new FormatError(file, `${place}: episode_index and length must be whole numbers`);
  }
  const tasks = Array.isArray(values.tasks) ? values.tasks.filter((task) => typeof task === "string") : [];
  return { index, length, tasks };
}

function videoPath(folder: string, info: Info): string {
  if (typeof info.video_path === "string") return info.video_path;
  throw new FormatError(join(folder, "meta/info.json"), "names no video_path, so there are no videos");
}

/** Fills a path of Python's format: "episode_{episode_index:06d}.mp4". */
function fill(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)(?::0(\d+)d)?\}/g, (whole, name: string, width: string | undefined) => {
    const value = values[name];
    return value === undefined ? whole : String(value).padStart(Number(width ?? 0), "0");
  });
}
