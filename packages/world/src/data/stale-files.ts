// Removes temporary files that a killed run left: never under a final name, but in the way of whoever looks at the folder.
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

/** Temporary names end in the number of the process that writes them: `.NAME.123.ab12cd34.tmp`, `NAME.mp4.123.tmp`. */
const TEMPORARY = /\.(\d+)(\.[0-9a-z]+)?\.tmp$/;

/**
 * Removes temporary files of processes that are no more; returns the names of all other entries. A file older than this process is not its
 * own, whatever number it has: in a container every run may have the same one. `isOurs` says which names to look at; absent: all.
 */
export async function removeStale(folder: string, isOurs: (name: string) => boolean = () => true): Promise<string[]> {
  const kept: string[] = [];
  for (const name of await readdir(folder)) {
    const writer = TEMPORARY.exec(name)?.[1];
    const file = join(folder, name);
    if (writer !== undefined && isOurs(name) && (await isStale(file, Number(writer))))
      await rm(file, { recursive: true, force: true });
    else kept.push(name);
  }
  return kept;
}

async function isStale(file: string, writer: number): Promise<boolean> {
  if (writer !== process.pid) return !isRunning(writer);
  const { mtimeMs = Infinity } = (await stat(file).catch(() => undefined)) ?? {};
  return mtimeMs < Date.now() - process.uptime() * 1000;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0); // sends nothing, only asks
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
