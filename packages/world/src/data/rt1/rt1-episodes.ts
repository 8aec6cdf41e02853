// The episodes of a folder of RT-1 `.npz` files, and which of them the published evaluation uses.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, invalid } from "@vid2world/formats";
import { readNpzHeaders } from "@vid2world/formats/npy/npz";
import { unlessBroken, type DomainSplit, type EpisodeSourceOptions } from "../domain-clip.js";
import { findDataset } from "../find-dataset.js";
import { pythonSample } from "../python-random.js";
import { RT1_ACTION_DIM } from "./rt1-clips.js";

/** Most episodes that the published evaluation uses; of more it draws this many. */
const EVALUATED_EPISODES = 1024;
const FILES_AT_ONCE = 16;

/** One `.npz` file. */
export interface Rt1Episode {
  readonly name: string;
  readonly file: string;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
}

/** Some `.npz` files of one folder. */
export interface Rt1Folder {
  readonly directory: string;
  readonly files: readonly string[];
  /** Held-out names that are absent. */
  readonly missing: readonly string[];
}

/**
 * The `.npz` files that belong to a split, in the order of their names: those of the folder, or of the only one below that has any (where
 * `data convert rt1` puts them).
 */
export async function findRt1Files(
  folder: string,
  split: DomainSplit,
  heldOutFile: string | undefined,
): Promise<Rt1Folder> {
  const found = await findDataset(folder);
  if (found?.domain !== "rt1") throw new FormatError(folder, "holds no .npz file of an episode");
  const directory = found.folder;
  const present = (await readdir(directory)).filter((file) => file.endsWith(".npz")).sort();
  if (split === "all") return { directory, files: present, missing: [] };
  if (heldOutFile === undefined) {
    throw invalid("heldOut", `a JSON file with the names of the held-out episodes for split ${split}`, heldOutFile);
  }
  const heldOut = new Set(await readNames(heldOutFile));
  const files = present.filter((file) => heldOut.has(file) === (split === "val"));
  if (files.length === 0) throw new FormatError(directory, `holds no episode of split ${split} (${heldOutFile})`);
  const known = new Set(present);
  return { directory, files, missing: split === "val" ? [...heldOut].filter((file) => !known.has(file)) : [] };
}

/** Reads lengths and picture sizes, not the pictures. Checks what the file promises: `image` [T H W 3] uint8 and `action` [T 13]. */
export async function readRt1Episodes(
  directory: string,
  files: readonly string[],
  options: EpisodeSourceOptions = {},
): Promise<Rt1Episode[]> {
  const episodes: (Rt1Episode | undefined)[] = [];
  for (let i = 0; i < files.length; i += FILES_AT_ONCE) {
    const some = files
      .slice(i, i + FILES_AT_ONCE)
      .map((name) => unlessBroken(() => readEpisode(join(directory, name), name), options));
    episodes.push(...(await Promise.all(some)));
  }
  return episodes.filter((episode) => episode !== undefined);
}

/**
 * The episodes that the published evaluation takes of the held-out ones: those that hold a clip; of more than 1,024 the
 * 1,024 that Python draws after `random.seed(0)`, in that order. (Where there are fewer, the published code gives the clip
 * of the next episode once more in place of one that is too short; here it is left out.)
 */
export function evaluatedEpisodes(heldOut: readonly Rt1Episode[], frames: number): Rt1Episode[] {
  const long = heldOut.filter((episode) => episode.frames >= frames);
  return heldOut.length > EVALUATED_EPISODES && long.length >= EVALUATED_EPISODES
    ? pythonSample(long, EVALUATED_EPISODES, 0)
    : long;
}

async function readEpisode(file: string, name: string): Promise<Rt1Episode> {
  const headers = await readNpzHeaders(file);
  const [image, action] = ["image", "action"].map((key) => headers.get(key));
  if (!image) throw new FormatError(file, "image: missing; [T H W 3] uint8 is needed");
  if (!action) throw new FormatError(file, "action: missing; [T 13] is needed");
  const [frames = 0, height = 0, width = 0, channels] = image.shape;
  if (image.shape.length !== 4 || channels !== 3 || image.dtype !== "uint8") {
    throw new FormatError(file, `image: expected [T H W 3] uint8, found [${image.shape.join(" ")}] ${image.dtype}`);
  }
  if (action.shape.length !== 2 || action.shape[1] !== RT1_ACTION_DIM || !action.dtype.startsWith("float")) {
    throw new FormatError(file, `action: expected [T 13] float, found [${action.shape.join(" ")}] ${action.dtype}`);
  }
  if ((action.shape[0] ?? 0) < frames) {
    throw new FormatError(file, `action: ${action.shape[0]} rows for ${frames} frames; one per frame is needed`);
  }
  return { name: name.slice(0, -".npz".length), file, frames, height, width };
}

async function readNames(file: string): Promise<string[]> {
  const text = await readFile(file, "utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(file, `not valid JSON: ${(cause as Error).message}`, undefined, { cause });
  }
  if (!Array.isArray(value) || !value.every((name) => typeof name === "string")) {
    throw new FormatError(file, `expected a list of file names such as "train_eps_00000000.npz"`);
  }
  return value;
}
