// Clips of RT-1 from the published `.npz` files: `image` [T 256 320 3] uint8 and `action` [T 13], one file per episode.
//   T frames, A = 13 action numbers
import { FormatError, invalid } from "@vid2world/formats";
import { readNpz } from "@vid2world/formats/npy/npz";
import {
  PUBLISHED_FPS,
  type ClipStart,
  type DomainClip,
  type DomainSplit,
  type EpisodeSource,
} from "../domain-clip.js";
import { letterbox, PUBLISHED_SIZE } from "../letterbox.js";
import { sizeOfShorterSide } from "../resize.js";
import { checkSpan, takeRows } from "../spans.js";
import { stableStart } from "../stable-start.js";
import { evaluatedEpisodes, findRt1Files, readRt1Episodes, RT1_ACTION_DIM, type Rt1Episode } from "./rt1-episodes.js";

/** Where RT-1 is, and which part of it. */
export interface Rt1Options {
  /** Folder of `.npz` files. */
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
  const { directory, split = "all", heldOut, frames: clipFrames = 16 } = options;
  const { files, missing } = await findRt1Files(directory, split, heldOut);
  const episodes = await readRt1Episodes(directory, files);
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
    size: PUBLISHED_SIZE,
    missing,
    list: () => starts,
    read: ({ name, start }, frames, stride = 1) => readClip(find(name), start, frames, stride),
    episodes: () => Promise.resolve(episodes),
    actions: async (name) => {
      const episode = find(name);
      return actionsOf(episode, await readNpz(episode.file, { names: ["action"] }));
    },
    close: () => Promise.resolve(),
  };
}

async function readClip(episode: Rt1Episode, start: number, frames: number, stride: number): Promise<DomainClip> {
  const { name, file, height, width } = episode;
  const span = { start, frames, stride };
  checkSpan(file, span, episode.frames);
  const arrays = await readNpz(file, { names: ["image", "action"] });
  const images = arrays.get("image")?.data;
  if (!(images instanceof Uint8Array)) throw new FormatError(file, "image: expected [T H W 3] uint8");
  const frames_THWC = takeRows(images, height * width * 3, span);
  return {
    name,
    start,
    frames_TCHW: letterbox(
      { frames_THWC, frames, height, width },
      { inside: sizeOfShorterSide({ height, width }, PUBLISHED_SIZE.height) },
    ),
    actions_TA: takeRows(actionsOf(episode, arrays), RT1_ACTION_DIM, span),
    actionDim: RT1_ACTION_DIM,
    fps: PUBLISHED_FPS,
  };
}

function actionsOf({ file, frames }: Rt1Episode, arrays: Awaited<ReturnType<typeof readNpz>>): Float32Array {
  const data = arrays.get("action")?.data;
  if (!(data instanceof Float32Array || data instanceof Float64Array)) {
    throw new FormatError(file, "action: expected [T 13] float");
  }
  const actions_TA = Float32Array.from(data.subarray(0, frames * RT1_ACTION_DIM));
  const bad = actions_TA.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new FormatError(file, `action: row ${Math.floor(bad / RT1_ACTION_DIM)} holds ${actions_TA[bad]}`);
  return actions_TA;
}
