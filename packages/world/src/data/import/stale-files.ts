// Removes temporary files that a killed run left: never under a final name, but in the way of whoever looks at the folder.
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** Temporary names end in the number of the process that writes them: `.NAME.123.ab12cd34.tmp`, `NAME.mp4.123.tmp`. */
const TEMPORARY = /\.(\d+)(\.[0-9a-z]+)?\.tmp$/;

/** Removes temporary files of processes that are no more; returns the names of all other entries. */
export async function removeStale(folder: string): Promise<string[]> {
  const kept: string[] = [];
  for (const name of await readdir(folder)) {
    const writer = TEMPORARY.exec(name)?.[1];
    if (writer !== undefined && !isRunning(Number(writer)))
      await rm(join(folder, name), { recursive: true, force: true });
    else kept.push(name);
  }
  return kept;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0); // sends nothing, only asks
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
