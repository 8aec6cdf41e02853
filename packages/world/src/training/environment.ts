// What computes a run, for its records: versions, the repository's commit, the machine.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { arch, availableParallelism, cpus, release, totalmem, type } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { cuda, getNumThreads, libtorchVersion } from "@vid2world/torch";
import type { StartEvent } from "./events.js";

const run = promisify(execFile);

/** Versions and machine of this process; `device` is what the run computes on. */
export async function describeEnvironment(device: string): Promise<Pick<StartEvent, "versions" | "machine">> {
  const commit = await repositoryCommit();
  const { version } = JSON.parse(await readFile(await packageFile(), "utf8")) as { version: string };
  return {
    versions: {
      vid2world: version,
      ...(commit !== undefined && { commit }),
      node: process.version,
      libtorch: libtorchVersion,
    },
    machine: {
      system: `${type()} ${release()} ${arch()}`,
      processor: cpus()[0]?.model.trim() ?? "unknown",
      cores: availableParallelism(),
      threads: getNumThreads(),
      memoryGiB: Math.round((totalmem() / 2 ** 30) * 10) / 10,
      device,
      cudaDevices: cuda.deviceCount(),
    },
  };
}

/** The package.json above this file. */
async function packageFile(): Promise<string> {
  for (let folder = import.meta.dirname; ; folder = path.dirname(folder)) {
    const file = path.join(folder, "package.json");
    const found = await readFile(file, "utf8").catch(() => undefined);
    if (found !== undefined || folder === path.dirname(folder)) return file;
  }
}

/** Of this program's own repository, "+" for changes that are not committed; undefined where it was installed without one. */
async function repositoryCommit(): Promise<string | undefined> {
  const git = async (...args: string[]): Promise<string> =>
    (await run("git", args, { cwd: import.meta.dirname, timeout: 10_000 })).stdout.trim();
  try {
    const root = await git("rev-parse", "--show-toplevel");
    // Installed below somebody else's repository, its commit says nothing about this program.
    const { name } = JSON.parse(await readFile(path.join(root, "package.json"), "utf8")) as { name?: string };
    if (name !== "vid2world-workspace") return undefined;
    const changed = (await git("status", "--porcelain", "--untracked-files=no")) !== "";
    return `${(await git("rev-parse", "HEAD")).slice(0, 12)}${changed ? "+" : ""}`;
  } catch {
    return undefined; // no git, or no repository
  }
}
