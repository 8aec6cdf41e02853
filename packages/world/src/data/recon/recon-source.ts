// Clips of RECON in NoMaD's layout: per trajectory a folder with `0.jpg`, `1.jpg`, ... and `traj_data.pkl`.
//   T frames, H rows, W columns, C = 3 (red, green, blue), A = 3: forward, left, turn
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, invalid, readImage, type RgbImage } from "@vid2world/formats";
import {
  PUBLISHED_FPS,
  type ClipStart,
  type DomainClip,
  type DomainEpisode,
  type DomainSplit,
  type EpisodeSource,
} from "../domain-clip.js";
import { letterbox, PUBLISHED_SIZE } from "../letterbox.js";
import { roundHalfToEven } from "../resize.js";
import { resizeLikePillow } from "../pillow-resize.js";
import { checkSpan, type Span } from "../spans.js";
import { stableStart } from "../stable-start.js";
import { readReconIndex, readTrajectoryNames, type ReconIndex } from "./recon-index.js";
import { RECON_ACTION_DIM, reconActions } from "./recon-poses.js";
import { readTrajectory, TRAJECTORY_FILE } from "./trajectory-file.js";

/** Side of the square picture between the bars: 96 black columns on either side. */
const SIDE = 320;
/** Decoding happens in other threads. */
const PICTURES_AT_ONCE = 8;

/** Where RECON is, and which part of it. */
export interface ReconOptions {
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
  readonly crop?: "4:3" | "1:1";
}

/** Opens RECON. Frames become 320x320 as Pillow resizes them (so in whole levels), black columns left and right. */
export async function openRecon(options: ReconOptions): Promise<EpisodeSource> {
  const { directory, split = "all", splits, index, contextFrames = 4, frames: clipFrames = 20, crop = "4:3" } = options;
  const present = await findTrajectories(directory);
  const wanted = await namesOf(split, splits, present);
  const names = wanted.filter((name) => present.has(name));
  if (names.length === 0) throw new FormatError(directory, `holds no trajectory of split ${split} (${splits})`);
  const { starts, absent } =
    index === undefined
      ? { starts: await startPerTrajectory(directory, names, clipFrames), absent: [] }
      : await predefinedStarts(splits, index, present, contextFrames);
  const folderOf = (name: string): string => {
    if (!present.has(name)) throw invalid("start.name", `a trajectory of ${directory}`, name);
    return join(directory, name);
  };
  return {
    domain: "recon",
    actionDim: RECON_ACTION_DIM,
    size: PUBLISHED_SIZE,
    missing: index === undefined ? wanted.filter((name) => !present.has(name)) : absent,
    list: () => starts,
    read: ({ name, start }, frames, stride = 1) => readClip(folderOf(name), name, { start, frames, stride }, crop),
    async episodes() {
      const counted: DomainEpisode[] = [];
      for (const name of names) counted.push({ name, frames: (await readTrajectory(folderOf(name))).yaw.length });
      return counted;
    },
    async actions(name) {
      const poses = await readTrajectory(folderOf(name));
      return reconActions(poses, [...poses.yaw.keys()]);
    },
    close: () => Promise.resolve(),
  };
}

async function readClip(folder: string, name: string, span: Span, crop: "4:3" | "1:1"): Promise<DomainClip> {
  const { start, frames, stride } = span;
  const poses = await readTrajectory(folder);
  checkSpan(join(folder, TRAJECTORY_FILE), span, poses.yaw.length);
  const places = Array.from({ length: frames }, (_, t) => start + t * stride);
  const frames_THWC = new Uint8Array(frames * SIDE * SIDE * 3);
  for (let t = 0; t < frames; t += PICTURES_AT_ONCE) {
    const some = places.slice(t, t + PICTURES_AT_ONCE).map(async (i, k) => {
      const picture = cropCentre(await readImage(join(folder, `${i}.jpg`)), crop);
      frames_THWC.set(resizeLikePillow(picture, { height: SIDE, width: SIDE }).data_HWC, (t + k) * SIDE * SIDE * 3);
    });
    await Promise.all(some);
  }
  return {
    name,
    start,
    frames_TCHW: letterbox(
      { frames_THWC, frames, height: SIDE, width: SIDE },
      { inside: { height: SIDE, width: SIDE } },
    ),
    actions_TA: reconActions(poses, places),
    actionDim: RECON_ACTION_DIM,
    fps: PUBLISHED_FPS,
  };
}

/** Cuts a picture to a shape, a wide one in width, any other in height; one that is too narrow for it stays as it is. */
function cropCentre(picture: RgbImage, crop: "4:3" | "1:1"): RgbImage {
  const ratio = crop === "4:3" ? 4 / 3 : 1;
  const { data_HWC, height: oldHeight, width: oldWidth } = picture;
  const height = oldWidth > oldHeight ? oldHeight : Math.min(oldHeight, Math.trunc(oldWidth / ratio));
  const width = oldWidth > oldHeight ? Math.min(oldWidth, Math.trunc(oldHeight * ratio)) : oldWidth;
  if (height === oldHeight && width === oldWidth) return picture;
  const [top, left] = [(oldHeight - height) / 2, (oldWidth - width) / 2].map(roundHalfToEven) as [number, number];
  const cut_HWC = new Uint8Array(height * width * 3);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * oldWidth + left) * 3;
    cut_HWC.set(data_HWC.subarray(from, from + width * 3), y * width * 3);
  }
  return { data_HWC: cut_HWC, height, width };
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

/** One clip of each trajectory that is long enough, at the place that {@link stableStart} gives. */
async function startPerTrajectory(directory: string, names: readonly string[], frames: number): Promise<ClipStart[]> {
  const starts: ClipStart[] = [];
  for (const name of names) {
    const held = (await readTrajectory(join(directory, name))).yaw.length;
    if (held < frames) continue;
    const start = stableStart(name, held - frames + 1);
    starts.push({ name, start, available: held - start });
  }
  return starts;
}
