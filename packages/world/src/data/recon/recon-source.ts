// Clips of RECON in NoMaD's layout: per trajectory a folder with `0.jpg`, `1.jpg`, ... and `traj_data.pkl`.
//   T frames, H rows, W columns, C = 3 (red, green, blue), A = 3: forward, left, turn
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, invalid } from "@vid2world/formats";
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
import { checkSpan } from "../spans.js";
import { stableStart } from "../stable-start.js";
import { reconChannels } from "./recon-channels.js";
import { readReconFramesInto, type ReconCrop } from "./recon-clips.js";
import { readReconIndex, readTrajectoryNames, type ReconIndex } from "./recon-index.js";
import { RECON_ACTION_DIM, reconActions } from "./recon-poses.js";
import { readTrajectory, TRAJECTORY_FILE } from "./trajectory-file.js";

/** Where RECON is, and which part of it. */
export interface ReconOptions extends EpisodeSourceOptions {
  /** Folder of trajectories' folders. */
  readonly directory: string;
  /** Default: all. The other two need `splits`. */
  readonly split?: DomainSplit;
  /** Folder with `train/traj_names.txt` and `test/traj_names.txt`, `time.pkl`, `rollout.pkl`. */
  readonly splits?: string;
  /** The moments of this predefined evaluation instead of one clip per trajectory; needs `splits`. */
  readonly index?: ReconIndex;
  /** Known frames of a clip, the last of which is the index's moment. Default 4. */
  readonly contextFrames?: number;
  /** Frames of a clip, the known ones included. Default 20. */
  readonly frames?: number;
  /**
   * What is cut from the centre before the picture is pressed into the square: 4:3 (default; all of a 640x480 picture), or a
   * square.
   */
  readonly crop?: ReconCrop;
}

/** Opens RECON. Frames become 320x320 as Pillow resizes them (so in whole levels), black columns left and right. */
export async function openRecon(options: ReconOptions): Promise<EpisodeSource> {
  const { directory, split = "all", splits, index, contextFrames = 4, frames: clipFrames = 20 } = options;
  const { crop = "4:3", size = PUBLISHED_SIZE } = options;
  const present = await findTrajectories(directory);
  const wanted = await namesOf(split, splits, present);
  const names = wanted.filter((name) => present.has(name));
  if (names.length === 0) throw new FormatError(directory, `holds no trajectory of split ${split} (${splits})`);
  const lengths = index === undefined ? await readLengths(directory, names, options) : undefined;
  const { starts, absent } =
    index === undefined
      ? { starts: startPerTrajectory(lengths ?? new Map(), clipFrames), absent: [] }
      : await predefinedStarts(splits, index, present, contextFrames);
  const folderOf = (name: string): string => {
    if (!present.has(name)) throw invalid("start.name", `a trajectory of ${directory}`, name);
    return join(directory, name);
  };
  return {
    domain: "recon",
    actionDim: RECON_ACTION_DIM,
    size,
    channels: reconChannels(),
    missing: index === undefined ? wanted.filter((name) => !present.has(name)) : absent,
    list: () => starts,
    async read({ name, start }, frames, stride = 1) {
      const path = folderOf(name);
      const poses = await readTrajectory(path);
      const span = { start, frames, stride };
      checkSpan(join(path, TRAJECTORY_FILE), span, poses.yaw.length);
      const frames_THWC = new Uint8Array(frames * size.height * size.width * 3);
      await readReconFramesInto({ path, crop, ...size }, span, frames_THWC);
      const actions_TA = reconActions(
        poses,
        Array.from({ length: frames }, (_, t) => start + t * stride),
      );
      const frames_TCHW = framesToPixels({ frames_THWC, frames, ...size });
      return { name, start, frames_TCHW, actions_TA, actionDim: RECON_ACTION_DIM, fps: PUBLISHED_FPS };
    },
    async episodes() {
      const counted = lengths ?? (await readLengths(directory, names, options));
      return [...counted].map(([name, frames]): DomainEpisode => {
        return { name, frames, files: { media: "recon", path: folderOf(name), frames, crop, ...size } };
      });
    },
    async actions(name) {
      const poses = await readTrajectory(folderOf(name));
      return reconActions(poses, [...poses.yaw.keys()]);
    },
    close: () => Promise.resolve(),
  };
}

async function findTrajectories(directory: string): Promise<ReadonlySet<string>> {
  const entries = await readdir(directory, { withFileTypes: true });
  const folders = entries.filter((entry) => !entry.isFile() && !entry.name.startsWith("."));
  if (folders.length === 0) {
    throw new FormatError(
      directory,
      "holds no trajectory; RECON's hdf5 files become some by: vid2world data convert recon",
    );
  }
  return new Set(folders.map(({ name }) => name).sort());
}

async function namesOf(
  split: DomainSplit,
  splits: string | undefined,
  present: ReadonlySet<string>,
): Promise<readonly string[]> {
  if (split === "all") return [...present];
  if (splits === undefined)
    throw invalid("splits", `a folder with train/ and test/traj_names.txt for split ${split}`, splits);
  return readTrajectoryNames(splits, split);
}

async function predefinedStarts(
  splits: string | undefined,
  index: ReconIndex,
  present: ReadonlySet<string>,
  contextFrames: number,
): Promise<{ starts: ClipStart[]; absent: string[] }> {
  if (splits === undefined) throw invalid("splits", `a folder with test/${index}.pkl`, splits);
  const moments = await readReconIndex(splits, index);
  const earliest = Math.min(...moments.map(({ time }) => time));
  if (contextFrames > earliest + 1)
    throw invalid("contextFrames", `at most ${earliest + 1} for ${index}.pkl`, contextFrames);
  const starts = moments
    .filter(({ name }) => present.has(name))
    .map(({ name, time }) => ({ name, start: time - contextFrames + 1 }));
  const absent = new Set(moments.map(({ name }) => name).filter((name) => !present.has(name)));
  return { starts, absent: [...absent] };
}

/** Frames of each trajectory. */
async function readLengths(
  directory: string,
  names: readonly string[],
  options: EpisodeSourceOptions,
): Promise<ReadonlyMap<string, number>> {
  const lengths = new Map<string, number>();
  for (const name of names) {
    const poses = await unlessBroken(() => readTrajectory(join(directory, name)), options);
    if (poses !== undefined) lengths.set(name, poses.yaw.length);
  }
  return lengths;
}

/** One clip of each trajectory that is long enough, at the place that {@link stableStart} gives. */
function startPerTrajectory(lengths: ReadonlyMap<string, number>, frames: number): ClipStart[] {
  return [...lengths].flatMap(([name, held]) => {
    if (held < frames) return [];
    const start = stableStart(name, held - frames + 1);
    return [{ name, start, available: held - start }];
  });
}
