// Which data set lies in a folder, told by the names of the files there and below: what `data convert` and `data import` wrote is found also
// from the folder that was given as their output. Whatever is no data set yet is named, with the command that makes it one.
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FormatError } from "@vid2world/formats";
import { HEADER_FILE } from "./recording-format.js";
import { TRAJECTORY_FILE } from "./recon/trajectory-file.js";

/** A data set that can be read. */
export interface FoundDataset {
  readonly domain: "recordings" | "rt1" | "csgo" | "recon";
  /** Its own folder: the one that was asked for, or one below. */
  readonly folder: string;
}

/** How far below the folder is looked, and at how many folders of each level. */
const LEVELS = 3;
const MOST_FOLDERS = 50;

/** A data set by a file of it; `folder` is its own for a file in `holder`, where `asked` is what was asked for. */
const SIGNS: readonly (readonly [
  RegExp,
  FoundDataset["domain"],
  (holder: string, asked: string) => string | undefined,
])[] = [
  [new RegExp(`^${HEADER_FILE.replace(".", "\\.")}$`), "recordings", (holder) => holder],
  [/\.npz$/, "rt1", (holder) => holder],
  [/^hdf5_dm_.*\.hdf5$/, "csgo", (_, asked) => asked], // read wherever they lie below
  [new RegExp(`^${TRAJECTORY_FILE.replace(".", "\\.")}$`), "recon", (holder, asked) => (holder === asked ? undefined : dirname(holder))], // prettier-ignore
];

/** What else there may be, by the name of a file or folder, and what to do with it. */
const OTHERS: readonly (readonly [RegExp, string])[] = [
  [/^dataset_info\.json$|\.tfrecord|^\d+\.\d+\.\d+$/, "a TFDS dataset; convert it first: vid2world data convert rt1"],
  [/\.(hdf5|h5)$/, "HDF5 files; those of RECON are converted first: vid2world data convert recon"],
  [/\.tar$/, "tar archives; convert them first: vid2world data convert csgo"],
  [/\.(mp4|mkv|mov|webm|avi)$/i, "videos without actions.json; import them first: vid2world data import folder"],
];

/** The data set in a folder or below; undefined where there is none. Where there are several on one level, one has to be chosen. */
export async function findDataset(folder: string): Promise<FoundDataset | undefined> {
  for await (const holders of levels(folder)) {
    const found = new Map<string, FoundDataset>();
    for (const { path, names } of holders) {
      const sign = SIGNS.find(([pattern, , at]) => names.some((name) => pattern.test(name)) && at(path, folder));
      const at = sign?.[2](path, folder);
      if (sign && at !== undefined) found.set(at, { domain: sign[1], folder: at });
    }
    const [first, ...others] = found.values();
    if (others.length > 0) {
      const some = [...found.keys()].slice(0, 4).map((each) => basename(each));
      throw new FormatError(folder, `holds ${found.size} data sets; give one of them: ${some.join(", ")}`);
    }
    if (first !== undefined) return first;
  }
  return undefined;
}

/** What is in a folder that holds no data set, and what to do with it. */
export async function whatElse(folder: string): Promise<string> {
  for await (const holders of levels(folder)) {
    const names = holders.flatMap((holder) => holder.names);
    if (names.includes("meta") && (await namesIn(join(folder, "meta"))).includes("info.json"))
      return "a LeRobot dataset; import it first: vid2world data import lerobot";
    const other = OTHERS.find(([pattern]) => names.some((name) => pattern.test(name)));
    if (other) return other[1];
  }
  return "no training data that is known: neither actions.json (a recording), .npz episodes, CS:GO nor RECON is in it";
}

interface Holder {
  readonly path: string;
  readonly names: readonly string[];
}

/** The folder, then those in it, then those in these. */
async function* levels(folder: string): AsyncGenerator<readonly Holder[], void> {
  let paths = [folder];
  for (let level = 0; level <= LEVELS && paths.length > 0; level++) {
    const holders: Holder[] = [];
    const below: string[] = [];
    for (const path of paths) {
      const entries = await readdir(path, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
        const reason = cause.code === "ENOENT" ? "there is no such folder" : cause.code === "ENOTDIR" ? "is no folder" : cause.message; // prettier-ignore
        throw new FormatError(path, reason, undefined, { cause });
      });
      holders.push({ path, names: entries.map(({ name }) => name) });
      for (const entry of entries)
        if (!entry.isFile() && !/^\.|-quarantine$/.test(entry.name)) below.push(join(path, entry.name));
    }
    yield holders;
    paths = await foldersAmong(below);
  }
}

/** A link to a folder is one. */
async function foldersAmong(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    if (found.length === MOST_FOLDERS) break;
    if ((await stat(path).catch(() => undefined))?.isDirectory() === true) found.push(path);
  }
  return found;
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
