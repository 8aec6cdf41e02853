// Files that are on this machine already: where they may lie in a folder, and taking them over without a second copy where possible.
import { constants } from "node:fs";
import { copyFile, link, mkdir, readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { WEIGHTS, type WeightFile } from "./manifest.js";
import { PARTIAL_ENDING } from "./partial-file.js";

/** The file below `folder` that is `file`, by the layouts that people have: ours, the published code's, the hub's cache, a flat folder. */
export async function findIn(file: WeightFile, folder: string): Promise<string | undefined> {
  for (const path of await candidates(file, folder)) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() === true && (file.size === undefined || found.size === file.size)) return path;
  }
  return undefined;
}

async function candidates(file: WeightFile, folder: string): Promise<string[]> {
  const { destination, origin } = file;
  const own = [join(folder, destination), join(folder, "checkpoints", destination)];
  if (origin.kind === "url")
    return [...own, ...flat(file, folder), join(folder, "hub", "checkpoints", basename(destination))];
  const [, repository = ""] = origin.repository.split("/");
  const folders = [join(folder, repository), ...(await snapshots(origin.repository, folder))];
  const named = origin.path === undefined ? [] : folders.map((each) => join(each, origin.path ?? ""));
  const only = await Promise.all(folders.map((each) => onlyFile(each, origin.ending)));
  return [...own, ...named, ...only.filter((path) => path !== undefined), ...flat(file, folder)];
}

/** In one folder with others: only under a name that no other file of the manifest has. */
function flat({ name, destination, origin }: WeightFile, folder: string): string[] {
  const names = [basename(destination), ...(origin.kind === "hub" && origin.path !== undefined ? [origin.path] : [])];
  const others = new Set(WEIGHTS.filter((each) => each.name !== name).map((each) => basename(each.destination)));
  return [...names.filter((each) => !others.has(each)), `${name}.ckpt`].map((each) => join(folder, each));
}

/** The versions of a repository in a folder of the hub's cache, newest name last. */
async function snapshots(repository: string, folder: string): Promise<string[]> {
  const inside = join(folder, `models--${repository.replace("/", "--")}`, "snapshots");
  const revisions = await readdir(inside).catch(() => []);
  return revisions.map((revision) => join(inside, revision));
}

async function onlyFile(folder: string, ending: string): Promise<string | undefined> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(ending));
  return names.length === 1 ? join(folder, names[0] ?? "") : undefined;
}

/** Gives `source` a second name, `destination`; copies it where a link cannot be. Says which. */
export async function takeOver(source: string, destination: string): Promise<"linked" | "copied"> {
  await mkdir(dirname(destination), { recursive: true });
  const temporary = `${destination}.${process.pid}${PARTIAL_ENDING}`;
  const whole = await realpath(source); // the hub's cache holds symbolic links, whose targets are the files
  try {
    const how = await link(whole, temporary).then(
      () => "linked" as const,
      // Another file system, or one without hard links. FICLONE: free of cost where the file system can.
      () => copyFile(whole, temporary, constants.COPYFILE_FICLONE).then(() => "copied" as const),
    );
    await rename(temporary, destination);
    return how;
  } finally {
    await rm(temporary, { force: true });
  }
}
