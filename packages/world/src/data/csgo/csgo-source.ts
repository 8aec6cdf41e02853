// Clips of CS:GO from the released hdf5 files: `frame_{i}_x` [150 280 3] uint8 (blue, green, red) and `frame_{i}_y` [51].
//   T frames, A = 51 action numbers
import { FormatError, invalid } from "@vid2world/formats";
import { openHdf5, type Hdf5File } from "@vid2world/formats/hdf5";
import {
  PUBLISHED_FPS,
  type ClipStart,
  type DomainClip,
  type DomainEpisode,
  type DomainSplit,
  type EpisodeSource,
} from "../domain-clip.js";
import { letterbox, PUBLISHED_SIZE } from "../letterbox.js";
import { checkSpan, type Span } from "../spans.js";
import { stableStart } from "../stable-start.js";
import { CSGO_ACTION_DIM } from "./csgo-actions.js";
import { findCsgoFiles, readCsgoStarts, type CsgoFile } from "./csgo-files.js";

/** Size of the picture between the bars: 22 black rows above, 23 below. */
export const CSGO_INSIDE = { height: 275, width: 512 };

const [HEIGHT, WIDTH] = [150, 280];
/** Every file of the release holds this many frames. */
const EPISODE_FRAMES = 1000;
/** The published starts are below this number, so that 16 frames follow. */
const START_PLACES = EPISODE_FRAMES - 16;

/** Where CS:GO is, and which part of it. */
export interface CsgoOptions {
  /** Folder of `1-200/hdf5_dm_july2021_1.hdf5` and so on; other folders inside of it are looked through as well. */
  readonly directory: string;
  /** Default: all. The other two need `testSplit`. */
  readonly split?: DomainSplit;
  /** Text file with the held-out files' names, one a line. */
  readonly testSplit?: string;
  /** `.npy` file with the published start of each held-out episode. Default: {@link stableStart}. */
  readonly startIndices?: string;
  /**
   * What lies behind the last frame of an episode: an error (default), or black frames and actions of zeros, which the
   * published loader gives.
   */
  readonly pastEnd?: "error" | "black";
}

/** Opens CS:GO. Frames become 275x512 (bilinear, rounded to whole levels as published) with black bars above and below. */
export async function openCsgo(options: CsgoOptions): Promise<EpisodeSource> {
  const { directory, split = "all", testSplit, startIndices, pastEnd = "error" } = options;
  const { files, missing } = await findCsgoFiles(directory, split, testSplit);
  const published = split === "val" && startIndices !== undefined && testSplit !== undefined;
  const startOf = published ? await readCsgoStarts(testSplit, startIndices) : new Map<string, number>();
  const starts = files.map(({ name }): ClipStart => {
    return { name, start: startOf.get(name) ?? stableStart(`${name}.hdf5`, START_PLACES) };
  });
  if (published) sortAsPublished(starts, startOf);
  const byName = new Map(files.map((file) => [file.name, file]));
  const find = (name: string): CsgoFile => {
    const file = byName.get(name);
    if (file === undefined) throw invalid("start.name", `an episode of ${directory}`, name);
    return file;
  };
  return {
    domain: "csgo",
    actionDim: CSGO_ACTION_DIM,
    size: PUBLISHED_SIZE,
    missing,
    list: () => starts,
    read: async ({ name, start }, frames, stride = 1) => {
      using episode = await openHdf5(find(name).file);
      return readClip(episode, find(name), { start, frames, stride }, pastEnd);
    },
    async episodes() {
      const counted: DomainEpisode[] = [];
      for (const { name, file } of files) {
        using episode = await openHdf5(file);
        counted.push({ name, frames: countFrames(episode, file) });
      }
      return counted;
    },
    async actions(name) {
      const { file } = find(name);
      using episode = await openHdf5(file);
      const actions_TA = new Float32Array(countFrames(episode, file) * CSGO_ACTION_DIM);
      for (let t = 0; t * CSGO_ACTION_DIM < actions_TA.length; t++) readAction(episode, file, t, actions_TA, t);
      return actions_TA;
    },
    close: () => Promise.resolve(),
  };
}

function sortAsPublished(starts: ClipStart[], startOf: ReadonlyMap<string, number>): void {
  const place = new Map([...startOf.keys()].map((name, i) => [name, i]));
  starts.sort((a, b) => (place.get(a.name) ?? 0) - (place.get(b.name) ?? 0));
}

function readClip(episode: Hdf5File, { name, file }: CsgoFile, span: Span, pastEnd: "error" | "black"): DomainClip {
  const { start, frames, stride } = span;
  const held = countFrames(episode, file);
  checkSpan(file, pastEnd === "black" ? { ...span, frames: 1 } : span, held);
  const bytes = HEIGHT * WIDTH * 3;
  const frames_THWC = new Uint8Array(frames * bytes);
  const actions_TA = new Float32Array(frames * CSGO_ACTION_DIM);
  for (let t = 0; t < frames; t++) {
    const i = start + t * stride;
    if (i >= held) break;
    frames_THWC.set(readFrame(episode, file, i), t * bytes);
    readAction(episode, file, i, actions_TA, t);
  }
  const stored = { frames_THWC, frames, height: HEIGHT, width: WIDTH };
  return {
    name,
    start,
    frames_TCHW: letterbox(stored, { inside: CSGO_INSIDE, bgr: true, wholeLevels: true }),
    actions_TA,
    actionDim: CSGO_ACTION_DIM,
    fps: PUBLISHED_FPS,
  };
}

/** Frames are numbered from 0 without gaps: the last one of a full file is looked for first, listing all names takes longer. */
function countFrames(episode: Hdf5File, file: string): number {
  if (episode.has(`frame_${EPISODE_FRAMES - 1}_x`) && !episode.has(`frame_${EPISODE_FRAMES}_x`)) return EPISODE_FRAMES;
  const present = new Set(episode.keys());
  let frames = 0;
  while (present.has(`frame_${frames}_x`)) frames++;
  if (frames === 0) throw new FormatError(file, `dataset "frame_0_x": missing; this is no CS:GO episode`);
  return frames;
}

function readFrame(episode: Hdf5File, file: string, i: number): Uint8Array {
  const { shape, data } = episode.numbers(`frame_${i}_x`);
  if (shape.join() === `${HEIGHT},${WIDTH},3` && data instanceof Uint8Array) return data;
  throw new FormatError(
    file,
    `dataset "frame_${i}_x": expected [${HEIGHT} ${WIDTH} 3] uint8, found [${shape.join(" ")}] ${data.constructor.name}`,
  );
}

function readAction(episode: Hdf5File, file: string, i: number, target_TA: Float32Array, t: number): void {
  const { shape, data } = episode.numbers(`frame_${i}_y`);
  if (shape.length !== 1 || data.length !== CSGO_ACTION_DIM) {
    throw new FormatError(file, `dataset "frame_${i}_y": expected [${CSGO_ACTION_DIM}], found [${shape.join(" ")}]`);
  }
  for (let a = 0; a < CSGO_ACTION_DIM; a++) {
    const value = Number(data[a]);
    if (!Number.isFinite(value)) throw new FormatError(file, `dataset "frame_${i}_y": entry ${a} is ${value}`);
    target_TA[t * CSGO_ACTION_DIM + a] = value;
  }
}
