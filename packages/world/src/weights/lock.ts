// One process at a time writes a file: two that append to the same part would spoil it.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import { WeightsError } from "./weights-error.js";

/** Runs `work` while holding `path` + ".lock"; a lock that a dead process left is taken over. */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  await mkdir(dirname(path), { recursive: true });
  await acquire(lock);
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function acquire(lock: string): Promise<void> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      return await writeFile(lock, String(process.pid), { flag: "wx" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const holder = Number(await readFile(lock, "utf8").catch(() => ""));
      if (holder > 0 && isAlive(holder)) {
        throw new WeightsError("BUSY", `${lock}: process ${holder} is getting this file; wait for it, or end it`);
      }
      await rm(lock, { force: true });
    }
  }
  throw new WeightsError("BUSY", `${lock}: another process took it; try again`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // alive, somebody else's
  }
}
