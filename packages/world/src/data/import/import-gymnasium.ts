// Imports episodes of a gymnasium environment: NAME.npz with actions, and frames in it or in NAME.mp4 beside it.
//   T frames, H rows, W columns, C = 3 colours, A numbers of an action
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { copyFileAtomically, FormatError, invalid, probeVideo, writeVideo } from "@vid2world/formats";
import type { NpyArray } from "@vid2world/formats/npy/dtypes";
import { readNpz, readNpzHeaders } from "@vid2world/formats/npy/npz";
import type { Channel } from "../action-space.js";
import type { ClipFile } from "../recording-format.js";
import { channelNames, rangesOfRows, widenRanges, type Range } from "./channels.js";
import { buildRecording, splitOf, type ClipPlan, type ImportOptions, type ImportReport } from "./recording-builder.js";

/** What to import. */
export interface ImportGymnasiumOptions extends ImportOptions {
  readonly input: string;
  readonly output: string;
  readonly name?: string;
  /** Steps a second. Default: that of the videos; needed when frames are in the .npz files. */
  readonly fps?: number;
  /** Names of the options of a discrete action, or of the numbers of a continuous one. */
  readonly actionNames?: readonly string[];
  /** Every n-th episode is for validation; 0: none. Default 10. */
  readonly validationEvery?: number;
  readonly licence?: string;
}

/** Names under which frames and actions are looked for in a .npz file. */
const FRAME_NAMES = ["frames", "observations", "obs", "observation", "images", "image", "rgb"];
const ACTION_NAMES = ["actions", "action"];

interface GymEpisode {
  readonly name: string;
  readonly file: string;
  readonly video: string | undefined;
  readonly framesName: string | undefined;
  readonly height: number;
  readonly width: number;
  readonly fps: number | undefined;
  readonly discrete: boolean;
  readonly actions: readonly (readonly number[])[];
}

/** Imports every .npz file of the folder. All are looked at first, because they share one action space and one size. */
export async function importGymnasium(options: ImportGymnasiumOptions): Promise<ImportReport> {
  const { input, output, validationEvery = 10, strict = false } = options;
  const names = (await readdir(input))
    .filter((name) => name.endsWith(".npz"))
    .sort(new Intl.Collator("en", { numeric: true }).compare);
  if (names.length === 0) throw new FormatError(input, "holds no .npz file with the actions of an episode");
  const episodes: GymEpisode[] = [];
  const problems: FormatError[] = [];
  for (const name of names) {
    try {
      episodes.push(await look(input, name.slice(0, -".npz".length)));
    } catch (error) {
      if (strict || !(error instanceof FormatError)) throw error;
      problems.push(error);
    }
  }
  const [first] = episodes;
  if (first === undefined) throw problems[0] ?? new FormatError(input, "holds no episode that can be read");
  const fps = options.fps ?? first.fps;
  if (fps === undefined) throw invalid("fps", "steps a second, which frames in .npz files do not tell", undefined);
  const channels = channelsOf(episodes, options.actionNames);
  const plans = episodes.map((episode, i): ClipPlan => ({
    name: episode.name,
    make: async (path) => ({ ...(await makeClip(episode, path, fps, first)), split: splitOf(i, validationEvery) }),
  })); // prettier-ignore
  const { height, width } = first;
  const header = {
    name: options.name ?? "gymnasium",
    fps,
    width,
    height,
    channels,
    licence: options.licence ?? "unknown: ask whoever made the episodes",
    source: `gymnasium episodes from ${input}`,
  };
  const report = await buildRecording(output, header, plans, options);
  return { ...report, problems: [...problems, ...report.problems] };
}

/** Reads an episode's actions and what its frames are, not the frames. */
async function look(folder: string, name: string): Promise<GymEpisode> {
  const file = join(folder, `${name}.npz`);
  const headers = await readNpzHeaders(file);
  const actionsName = ACTION_NAMES.find((each) => headers.has(each));
  if (actionsName === undefined)
    throw new FormatError(file, `has no array actions; it holds ${[...headers.keys()].join(", ")}`);
  const array = (await readNpz(file, { names: [actionsName] })).get(actionsName) as NpyArray;
  const actions = rowsOf(file, array);
  const discrete = array.shape.length === 1 && /int|bool/.test(array.dtype);
  const video = join(folder, `${name}.mp4`);
  const common = { name, file, discrete, actions };
  const framesName = FRAME_NAMES.find(
    (each) => headers.get(each)?.shape.length === 4 && headers.get(each)?.dtype === "uint8",
  );
  if (framesName !== undefined) {
    const [frames = 0, height = 0, width = 0, colours] = headers.get(framesName)?.shape ?? [];
    if (colours !== 3) throw new FormatError(file, `${framesName} has ${colours} colours; frames are [T, H, W, 3]`);
    checkLength(file, actions.length, frames);
    return { ...common, framesName, video: undefined, height, width, fps: undefined };
  }
  if (!existsSync(video))
    throw new FormatError(file, `has no uint8 frames [T, H, W, 3] in it and no ${name}.mp4 beside it`);
  const { height, width, fps, frames } = await probeVideo(video);
  checkLength(file, actions.length, frames);
  return { ...common, framesName: undefined, video, height, width, fps };
}

function rowsOf(file: string, { shape, data, dtype }: NpyArray): number[][] {
  const [length = 0, width = 1] = shape;
  if (shape.length < 1 || shape.length > 2)
    throw new FormatError(file, `actions have ${shape.length} axes; [T] or [T, A] is needed`);
  const rows = Array.from({ length }, (_, t) => Array.from({ length: width }, (_, i) => Number(data[t * width + i])));
  const bad = rows.findIndex((row) => !row.every(Number.isFinite));
  if (bad >= 0) throw new FormatError(file, `row ${bad} of actions (${dtype}) holds ${String(rows[bad])}`);
  return rows;
}

/** An episode of n steps has n + 1 frames, the last one without an action; some writers leave that one out. */
function checkLength(file: string, actions: number, frames: number): void {
  if (frames === actions || frames === actions + 1) return;
  throw new FormatError(file, `${actions} actions, but ${frames} frames; ${actions} or ${actions + 1} are needed`);
}

function channelsOf(episodes: readonly GymEpisode[], names: readonly string[] | undefined): Channel[] {
  const rows = function* (): Generator<readonly number[], void> {
    for (const { actions } of episodes) yield* actions;
  };
  const width = episodes[0]?.actions[0]?.length ?? 1;
  const other = episodes.find(
    ({ actions, discrete }) => actions[0]?.length !== width || discrete !== episodes[0]?.discrete,
  );
  if (other !== undefined)
    throw new FormatError(other.file, "its actions are of another kind or width than those of the first episode");
  const ranges = rangesOfRows(rows(), width);
  if (episodes[0]?.discrete === true) return [discreteChannel(ranges[0] ?? [0, 1], names)];
  if (names !== undefined && names.length !== width) throw invalid("actionNames", `${width} names`, names);
  const given = channelNames(names ?? Array.from({ length: width }, (_, i) => `action_${i}`));
  return widenRanges(ranges).map((range, i) => ({
    name: given[i] ?? `action_${i}`,
    kind: "continuous",
    range,
    rest: 0,
    keys: {},
  }));
}

function discreteChannel([low, high]: Range, names: readonly string[] | undefined): Channel {
  const count = Math.max(2, high + 1, names?.length ?? 0);
  if (low < 0) throw invalid("actions", "discrete actions from 0 on", low);
  const options = Array.from({ length: count }, (_, i) => names?.[i] ?? `action ${i}`);
  return { name: "action", kind: "choice", options, keys: {} };
}

async function makeClip(
  episode: GymEpisode,
  path: string,
  fps: number,
  first: GymEpisode,
): Promise<Omit<ClipFile, "split">> {
  const { file, video, framesName, height, width, actions } = episode;
  if (height !== first.height || width !== first.width) {
    throw new FormatError(video ?? file, `is ${width}x${height}, but ${first.name} is ${first.width}x${first.height}`);
  }
  const frames =
    video === undefined
      ? await writeFrames(file, framesName ?? "", path, { height, width, fps })
      : await copyVideo(video, path, fps);
  const last = actions.at(-1)?.map(() => 0) ?? [];
  const rows = frames > actions.length ? [...actions, last] : actions;
  return { frames, actions: rows.map((row) => [...row]) };
}

async function copyVideo(video: string, path: string, fps: number): Promise<number> {
  const info = await probeVideo(video);
  if (Math.abs(info.fps - fps) > 1e-3 * fps)
    throw new FormatError(video, `has ${info.fps} frames a second, others have ${fps}`);
  await copyFileAtomically(video, path);
  return info.frames;
}

async function writeFrames(
  file: string,
  name: string,
  path: string,
  options: { height: number; width: number; fps: number },
): Promise<number> {
  const { height, width } = options;
  const array = (await readNpz(file, { names: [name] })).get(name);
  const frames_THWC = array?.data as Uint8Array;
  const size = height * width * 3;
  const frames = Array.from({ length: frames_THWC.length / size }, (_, t) =>
    frames_THWC.subarray(t * size, (t + 1) * size),
  );
  // 4:2:0 colour needs even sizes; and small pictures of games lose much by it, while exact ones stay small.
  const lossless = height % 2 === 1 || width % 2 === 1 || height * width <= 256 * 256;
  return writeVideo(path, frames, { ...options, lossless });
}
