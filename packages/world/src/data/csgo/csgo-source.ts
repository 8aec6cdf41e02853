// Clips of CS:GO from the released hdf5 files: frames 275x512 between black bars, and 51 action numbers.
import { invalid } from "@vid2world/formats";
import { openHdf5 } from "@vid2world/formats/hdf5";
import {
  PUBLISHED_FPS,
  unlessBroken,
  type ClipStart,
  type DomainEpisode,
  type DomainSplit,
  type EpisodeSource,
  type EpisodeSourceOptions,
} from "../domain-clip.js";
import { framesToPixels, PUBLISHED_SIZE } from "../letterbox.js";
import { RESIZE_POSITIONS } from "../resize.js";
import { stableStart } from "../stable-start.js";
import { CSGO_ACTION_DIM, csgoChannels } from "./csgo-actions.js";
import {
  countCsgoFrames,
  CSGO_EPISODE_FRAMES,
  csgoInside,
  readCsgoActions,
  readOpenCsgoClip,
  type CsgoFiles,
} from "./csgo-clips.js";
import { findCsgoFiles, readCsgoStarts, type CsgoFile } from "./csgo-files.js";

/** The published starts are below this number, so that 16 frames follow. */
const START_PLACES = CSGO_EPISODE_FRAMES - 16;

/** Where CS:GO is, and which part of it. */
export interface CsgoOptions extends EpisodeSourceOptions {
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
  const { directory, split = "all", testSplit, startIndices, pastEnd = "error", size = PUBLISHED_SIZE } = options;
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
  const filesOf = ({ file: path }: CsgoFile): Omit<CsgoFiles, "frames"> => {
    return { media: "csgo", path, ...size, inside: csgoInside(size), positions: RESIZE_POSITIONS, pastEnd };
  };
  return {
    domain: "csgo",
    actionDim: CSGO_ACTION_DIM,
    size,
    channels: csgoChannels(),
    missing,
    list: () => starts,
    read: async ({ name, start }, frames, stride = 1) => {
      const file = find(name);
      using episode = await openHdf5(file.file);
      const frames_THWC = new Uint8Array(frames * size.height * size.width * 3);
      const actions_TA = readOpenCsgoClip(episode, filesOf(file), { start, frames, stride }, frames_THWC);
      const frames_TCHW = framesToPixels({ frames_THWC, frames, ...size });
      return { name, start, frames_TCHW, actions_TA, actionDim: CSGO_ACTION_DIM, fps: PUBLISHED_FPS };
    },
    async episodes() {
      const counted: DomainEpisode[] = [];
      for (const file of files) {
        const frames = await unlessBroken(() => countFrames(file), options);
        if (frames === undefined) continue;
        counted.push({ name: file.name, frames, files: { ...filesOf(file), frames } });
      }
      return counted;
    },
    async actions(name) {
      const { file } = find(name);
      using episode = await openHdf5(file);
      return readCsgoActions(episode, file);
    },
    close: () => Promise.resolve(),
  };
}

async function countFrames({ file }: CsgoFile): Promise<number> {
  using episode = await openHdf5(file);
  return countCsgoFrames(episode, file);
}

function sortAsPublished(starts: ClipStart[], startOf: ReadonlyMap<string, number>): void {
  const place = new Map([...startOf.keys()].map((name, i) => [name, i]));
  starts.sort((a, b) => (place.get(a.name) ?? 0) - (place.get(b.name) ?? 0));
}
