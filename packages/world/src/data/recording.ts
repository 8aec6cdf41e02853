// Opens a recording (a folder of clips with their actions), checks it, and reads clips from it.
//   T frames, H rows, W columns, C = 3 colours, A network inputs per action
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { FormatError, invalid, probeVideo } from "@vid2world/formats";
import { actionWidth, encodeActions, type Channel } from "./action-space.js";
import { frameBytes, imageNames, readFramesInto, type FrameFiles } from "./frames.js";
import {
  HEADER_FILE,
  readClipFile,
  readHeader,
  type ClipFile,
  type RecordingHeader,
  type Split,
} from "./recording-format.js";

/** One continuous piece of play: pictures on disk, actions in memory. */
export interface Episode extends FrameFiles {
  readonly name: string;
  /** Name of the recording it belongs to. */
  readonly recording: string;
  readonly split: Split;
  readonly fps: number;
  readonly channels: readonly Channel[];
  readonly actionWidth: number;
  /** Row t is what is pressed between frame t and frame t + 1, as the network sees it. */
  readonly actions_TA: Float32Array;
  readonly state: Readonly<Record<string, readonly number[]>>;
  readonly info: Readonly<Record<string, string | number | boolean>>;
}

/** An opened recording. */
export interface Recording {
  readonly folder: string;
  readonly header: RecordingHeader;
  readonly actionWidth: number;
  /** In the order of their names. */
  readonly episodes: readonly Episode[];
}

/** Frames with their actions, in memory. */
export interface Clip {
  readonly frames_THWC: Uint8Array;
  readonly actions_TA: Float32Array;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  readonly actionWidth: number;
  readonly source: ClipSource;
}

/** Where a clip comes from. */
export interface ClipSource {
  readonly recording: string;
  readonly episode: string;
  readonly start: number;
}

const ACTIONS_ENDING = ".actions.json";
const FILES_AT_ONCE = 8;

/** Opens a recording and checks its JSON files; the pictures are checked when they are read, or by checkRecording. */
export async function openRecording(folder: string): Promise<Recording> {
  const header = await readHeader(join(folder, HEADER_FILE));
  const entries = new Set(await readdir(folder));
  const names = [...entries].filter((entry) => entry.endsWith(ACTIONS_ENDING)).sort();
  if (names.length === 0)
    throw new FormatError(folder, `holds no clip; each needs a NAME.mp4 and a NAME${ACTIONS_ENDING}`);
  const episodes: Episode[] = [];
  for (let i = 0; i < names.length; i += FILES_AT_ONCE) {
    const some = names.slice(i, i + FILES_AT_ONCE).map((name) => openEpisode(folder, header, entries, name));
    episodes.push(...(await Promise.all(some)));
  }
  return { folder, header, actionWidth: actionWidth(header.channels), episodes };
}

async function openEpisode(
  folder: string,
  header: RecordingHeader,
  entries: ReadonlySet<string>,
  actionsName: string,
): Promise<Episode> {
  const name = actionsName.slice(0, -ACTIONS_ENDING.length);
  const actionsFile = join(folder, actionsName);
  const video = entries.has(`${name}.mp4`);
  if (!video && !entries.has(name)) {
    throw new FormatError(
      actionsFile,
      `has no pictures beside it; ${name}.mp4 or a folder ${name} of images is needed`,
    );
  }
  const clip: ClipFile = await readClipFile(actionsFile, header.channels);
  return {
    name,
    recording: header.name,
    split: clip.split,
    media: video ? "video" : "images",
    path: join(folder, video ? `${name}.mp4` : name),
    actionsFile,
    frames: clip.frames,
    height: header.height,
    width: header.width,
    fps: header.fps,
    channels: header.channels,
    actionWidth: actionWidth(header.channels),
    actions_TA: encodeActions(header.channels, clip.actions),
    state: clip.state ?? {},
    info: clip.info ?? {},
  };
}

/** Reads frames `start` (default 0) up to `end` (default: all) of an episode with their actions. */
export async function readClip(
  episode: Episode,
  { start = 0, end = episode.frames, signal }: { start?: number; end?: number; signal?: AbortSignal } = {},
): Promise<Clip> {
  if (!(start >= 0 && start < end && end <= episode.frames)) {
    throw invalid("start, end", `0 <= start < end <= ${episode.frames}`, `${start}, ${end}`);
  }
  const frames_THWC = new Uint8Array(frameBytes(episode, end - start));
  await readFramesInto(episode, { start, end }, frames_THWC, signal === undefined ? {} : { signal });
  return clipOf(episode, start, end, frames_THWC);
}

/** Joins frames that were read with their actions. */
export function clipOf(episode: Episode, start: number, end: number, frames_THWC: Uint8Array): Clip {
  const { height, width, actionWidth: columns } = episode;
  return {
    frames_THWC,
    actions_TA: episode.actions_TA.slice(start * columns, end * columns),
    frames: end - start,
    height,
    width,
    actionWidth: columns,
    source: { recording: episode.recording, episode: episode.name, start },
  };
}

/** Which episodes to go through, and in which pieces. */
export interface EpisodesOptions {
  /** Default: both. */
  readonly split?: Split;
  /** Largest number of frames of a piece; long episodes come in several, in order. Default: whole episodes. */
  readonly pieceFrames?: number;
  readonly signal?: AbortSignal;
}

/** All frames of recordings, episode by episode, for work that sees each frame once, such as encoding latents. */
export async function* episodes(
  recordings: readonly Recording[],
  { split, pieceFrames = Infinity, signal }: EpisodesOptions = {},
): AsyncGenerator<Clip & { readonly episode: Episode }, void> {
  if (!(pieceFrames >= 1)) throw invalid("pieceFrames", "at least 1", pieceFrames);
  for (const episode of recordings.flatMap((recording) => recording.episodes)) {
    if (split !== undefined && episode.split !== split) continue;
    for (let start = 0; start < episode.frames; start += pieceFrames) {
      const end = Math.min(episode.frames, start + pieceFrames);
      yield { ...(await readClip(episode, { start, end, ...(signal && { signal }) })), episode };
    }
  }
}

/** Checks that every episode's pictures are there, of the size and number announced; returns what is wrong, or nothing. */
export async function checkRecording(recording: Recording): Promise<FormatError[]> {
  const problems: FormatError[] = [];
  for (const episode of recording.episodes) {
    try {
      await checkPictures(episode);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      problems.push(error);
    }
  }
  return problems;
}

async function checkPictures(episode: Episode): Promise<void> {
  if (episode.media === "images") {
    const found = (await imageNames(episode.path)).length;
    if (found === episode.frames)
      return readFramesInto(episode, { start: 0, end: 1 }, new Uint8Array(frameBytes(episode, 1)));
    const by = basename(episode.actionsFile);
    throw new FormatError(episode.path, `holds ${found} images, but ${by} announces ${episode.frames} frames`);
  }
  const { frames, height, width } = await probeVideo(episode.path);
  if (frames === episode.frames && height === episode.height && width === episode.width) return;
  const announced = `${basename(episode.actionsFile)} announces ${episode.frames} of ${episode.width}x${episode.height}`;
  throw new FormatError(episode.path, `holds ${frames} frames of ${width}x${height}, but ${announced}`);
}
