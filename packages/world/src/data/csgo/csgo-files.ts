// The hdf5 files of CS:GO, in folders `1-200`, `201-400`, ... or anywhere below a directory, and the published test split.
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { FormatError, invalid } from "@vid2world/formats";
import { readNpy } from "@vid2world/formats/npy/npy";
import type { DomainSplit } from "../domain-clip.js";

const ENDING = ".hdf5";
/** The archives of the release hold this many files each, and are unpacked to a folder each. */
const FILES_PER_FOLDER = 200;

/** One file by the episode's name. */
export interface CsgoFile {
  readonly name: string;
  readonly file: string;
}

/** Files of a split: the held-out ones in the published order, others by their numbers. */
export interface CsgoFiles {
  readonly files: readonly CsgoFile[];
  /** Held-out names that are not in the directory. */
  readonly missing: readonly string[];
}

/** Finds the files of a split. `testSplit` lists the held-out files' names, one a line. */
export async function findCsgoFiles(directory: string, split: DomainSplit, testSplit?: string): Promise<CsgoFiles> {
  const found = new Map<string, CsgoFile>();
  for (const path of await readdir(directory, { recursive: true })) {
    const fileName = basename(path);
    if (!fileName.endsWith(ENDING) || fileName.startsWith(".")) continue;
    const file = join(directory, path);
    const other = found.get(fileName);
    if (other !== undefined)
      throw new FormatError(file, `the same episode is also in ${other.file}; remove one of them`);
    found.set(fileName, { name: fileName.slice(0, -ENDING.length), file });
  }
  if (found.size === 0) {
    throw new FormatError(directory, "holds no .hdf5 file; the archives are unpacked by: vid2world data convert csgo");
  }
  if (split === "all") return { files: [...found.values()].sort(byNumber), missing: [] };
  if (testSplit === undefined)
    throw invalid("testSplit", `a text file of held-out names for split ${split}`, undefined);
  const heldOut = await readLines(testSplit);
  const names = new Set(heldOut);
  const files =
    split === "train"
      ? [...found].flatMap(([name, file]) => (names.has(name) ? [] : [file])).sort(byNumber)
      : heldOut.flatMap((name) => found.get(name) ?? []);
  if (files.length === 0) throw new FormatError(directory, `holds no episode of split ${split} (${testSplit})`);
  return { files, missing: split === "val" ? heldOut.filter((name) => !found.has(name)) : [] };
}

/**
 * Start of each held-out file's clip by the file's name. The published code sorts the paths of the held-out files as text
 * and gives the i-th one the i-th index. Here the order follows from the names alone (file 1018 lies in `1001-1200`), so
 * that an episode keeps its start where others are absent or the folders are named otherwise.
 */
export async function readCsgoStarts(testSplit: string, startIndices: string): Promise<ReadonlyMap<string, number>> {
  const names = (await readLines(testSplit)).map((name) => ({ name, path: publishedPath(testSplit, name) }));
  names.sort((a, b) => (a.path < b.path ? -1 : 1));
  const { data, shape } = await readNpy(startIndices);
  if (shape.length !== 1 || data.length < names.length) {
    const wanted = `expected at least ${names.length} start indices, one per line of ${testSplit}`;
    throw new FormatError(startIndices, `${wanted}, found [${shape.join(" ")}]`);
  }
  return new Map(names.map(({ name }, i) => [name.slice(0, -ENDING.length), Number(data[i])]));
}

/** `hdf5_dm_july2021_1018.hdf5` -> `1001-1200/hdf5_dm_july2021_1018.hdf5`. */
function publishedPath(list: string, name: string): string {
  const number = numberOf(name);
  if (number === undefined) throw new FormatError(list, `"${name}" is not a name such as hdf5_dm_july2021_1.hdf5`);
  const first = Math.floor((number - 1) / FILES_PER_FOLDER) * FILES_PER_FOLDER + 1;
  return `${first}-${first + FILES_PER_FOLDER - 1}/${name}`;
}

function numberOf(name: string): number | undefined {
  const digits = /_(\d+)(\.hdf5)?$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function byNumber(a: CsgoFile, b: CsgoFile): number {
  return (numberOf(a.name) ?? Infinity) - (numberOf(b.name) ?? Infinity) || (a.name < b.name ? -1 : 1);
}

async function readLines(file: string): Promise<string[]> {
  const lines = (await readFile(file, "utf8")).split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "");
}
