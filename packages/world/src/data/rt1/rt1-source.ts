// Clips of RT-1 from the published `.npz` files: `image` [T 256 320 3] uint8 and `action` [T 13], one file per episode.
//   T frames, A = 13 action numbers
import { invalid } from "@vid2world/formats";
import {
  PUBLISHED_FPS,
  type ClipStart,
  type DomainClip,
  type DomainSplit,
  type EpisodeSource,
  type EpisodeSourceOptions,
} from "../domain-clip.js";
import { letterbox, PUBLISHED_SIZE } from "../letterbox.js";
import { RESIZE_POSITIONS, sizeOfShorterSide } from "../resize.js";
import { checkSpan, type Span } from "../spans.js";
import { stableStart } from "../stable-start.js";
import type { PictureSize } from "../transforms.js";
import { rt1Channels } from "./rt1-channels.js";
import { readRt1Actions, readStoredRt1, RT1_ACTION_DIM, type Rt1Files } from "./rt1-clips.js";
import { evaluatedEpisodes, findRt1Files, readRt1Episodes, type Rt1Episode } from "./rt1-episodes.js";

/** Where RT-1 is, and which part of it. */
export interface Rt1Options extends EpisodeSourceOptions {
  /** Folder of `.npz` files, or with one such folder in it. */
  readonly directory: string;
  /** Default: all. The other two need `heldOut`. */
  readonly split?: DomainSplit;
  /** JSON list of the held-out files' names (the published one has 4,361). */
  readonly heldOut?: string;
  /** Frames of the clips that `list` gives the starts of. Default 16. */
  readonly frames?: number;
}

/**
 * Opens RT-1. Frames become 320x400 (bilinear), with 56 black columns on either side. Starts of clips: the evaluated
 * episodes as published, each at the {@link stableStart} of its file's name, since the published starts are not reproducible.
 */
export async function openRt1(options: Rt1Options): Promise<EpisodeSource> {
  const { split = "all", heldOut, frames: clipFrames = 16, size = PUBLISHED_SIZE } = options;
  const { directory, files, missing } = await findRt1Files(options.directory, split, heldOut);
  const episodes = await readRt1Episodes(directory, files, options);
  const byName = new Map(episodes.map((episode) => [episode.name, episode]));
  const long =
    split === "val" ? evaluatedEpisodes(episodes, clipFrames) : episodes.filter((e) => e.frames >= clipFrames);
  const starts = long.map(({ name, frames }): ClipStart => {
    const start = stableStart(`${name}.npz`, frames - clipFrames + 1);
    return { name, start, available: frames - start };
  });
  const find = (name: string): Rt1Episode => {
    const episode = byName.get(name);
    if (episode === undefined) throw invalid("start.name", `an episode of ${directory}`, name);
    return episode;
  };
  return {
    domain: "rt1",
    actionDim: RT1_ACTION_DIM,
    size,
    channels: rt1Channels(),
    missing,
    list: () => starts,
    read: ({ name, start }, frames, stride = 1) => readClip(find(name), { start, frames, stride }, size),
    episodes: () => Promise.resolve(episodes.map((each) => ({ ...each, files: filesOf(each, size) }))),
    actions: async (name) => {
      const { file: path, frames } = find(name);
      return readRt1Actions({ path, frames });
    },
    close: () => Promise.resolve(),
  };
}

function filesOf({ file: path, frames, height, width }: Rt1Episode, size: PictureSize): Rt1Files {
  const stored = { height, width };
  const inside = rt1Inside(stored, size);
  return { media: "rt1", path, frames, stored, inside, ...size, positions: RESIZE_POSITIONS };
}

async function readClip(
  { name, file: path, frames: held, height, width }: Rt1Episode,
  { start, frames, stride }: Span,
  whole: PictureSize,
): Promise<DomainClip> {
  const stored = { height, width };
  const span = { start, frames, stride };
  checkSpan(path, span, held);
  const { frames_THWC, actions_TA } = await readStoredRt1({ path, stored, frames: held }, span);
  return {
    name,
    start,
    frames_TCHW: letterbox({ frames_THWC, frames, ...stored }, { inside: rt1Inside(stored, whole), whole }),
    actions_TA,
    actionDim: RT1_ACTION_DIM,
    fps: PUBLISHED_FPS,
  };
}

/** The shorter side of the picture becomes that of the whole. */
function rt1Inside(stored: PictureSize, { height, width }: PictureSize): PictureSize {
  return sizeOfShorterSide(stored, Math.min(height, width));
}
