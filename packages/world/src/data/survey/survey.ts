// What a folder of training data is, seen alike for every format: episodes with frames and actions, and what is unreadable.
//   T frames, H rows, W columns, C = 3 colours
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "@vid2world/formats";
import { surveyCsgo } from "./survey-csgo.js";
import { surveyEpisodeArrays } from "./survey-npz.js";
import { surveyRecon } from "./survey-recon.js";
import { surveyRecording } from "./survey-recording.js";

/** One episode; the frames are read only when they are asked for. */
export interface SurveyEpisode {
  readonly name: string;
  /** File of the actions, for messages. */
  readonly file: string;
  readonly split: "train" | "val" | undefined;
  readonly frames: number;
  /** One row per frame, one value per channel. */
  readonly actions: readonly (readonly number[])[];
  /** The video file, where there is one. */
  readonly video: string | undefined;
  /** Frames [H W 3] in order. */
  readonly pictures: () => AsyncIterable<Uint8Array>;
  /** Files and folders that make the episode, for quarantine. */
  readonly parts: readonly string[];
}

/** An episode that cannot be opened. */
export interface BrokenEpisode {
  readonly error: FormatError;
  readonly parts: readonly string[];
}

/** A channel of the actions. */
export interface SurveyChannel {
  readonly name: string;
  readonly kind: "continuous" | "binary" | "choice";
  /** Range that is declared, where one is. */
  readonly range: readonly [number, number] | undefined;
}

/** A folder of training data. */
export interface Survey {
  readonly folder: string;
  /** For people: "a recording (vid2world-recording/1)". */
  readonly kind: string;
  readonly fps: number | undefined;
  readonly height: number;
  readonly width: number;
  readonly channels: readonly SurveyChannel[];
  readonly episodes: readonly SurveyEpisode[];
  readonly broken: readonly BrokenEpisode[];
}

/** Opens a folder that can be trained on: a recording, published .npz files, CS:GO, RECON. Others are named, with what to do. */
export async function openSurvey(folder: string): Promise<Survey> {
  const names = await readdir(folder);
  if (names.includes("actions.json")) return surveyRecording(folder);
  if (names.some((name) => name.endsWith(".npz"))) return surveyEpisodeArrays(folder, names);
  const below = await namesBelow(folder, names);
  if (below.has("traj_data.pkl")) return surveyRecon(folder);
  if ([...names, ...below].some((name) => /^hdf5_dm_.*\.hdf5$/.test(name))) return surveyCsgo(folder);
  throw new FormatError(folder, whatElse(folder, [...names, ...below]));
}

/** Names in the first folders of the folder. */
async function namesBelow(folder: string, names: readonly string[]): Promise<ReadonlySet<string>> {
  const inner = await Promise.all(names.slice(0, 50).map((name) => readdir(join(folder, name)).catch(() => [])));
  return new Set(inner.flat());
}

function whatElse(folder: string, names: readonly string[]): string {
  const has = (pattern: RegExp): boolean => names.some((name) => pattern.test(name));
  if (existsSync(join(folder, "meta/info.json")))
    return "a LeRobot dataset; import it first: vid2world data import lerobot";
  if (has(/^dataset_info\.json$|\.tfrecord-|^\d+\.\d+\.\d+$/)) {
    return "a TFDS dataset; convert it first: vid2world data convert rt1";
  }
  if (has(/\.(hdf5|h5)$/)) return "HDF5 files; those of RECON are converted first: vid2world data convert recon";
  if (has(/\.tar$/)) return "tar archives; convert them first: vid2world data convert csgo";
  if (has(/\.(mp4|mkv|mov|webm|avi)$/i))
    return "videos without actions.json; import them first: vid2world data import folder";
  return "no training data that is known: neither actions.json (a recording) nor .npz episodes are in it";
}
