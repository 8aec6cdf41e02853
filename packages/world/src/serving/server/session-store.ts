// Where saved sessions lie: a folder, which several machines may share, or memory. Files are named after a hash of the session's id, so that
// nothing a client sends ever becomes a path.

import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomically } from "@vid2world/formats";

/** Keeps the bytes of sessions by id. */
export interface SessionStore {
  /** Proves that keys and snapshots are this store's; the same for everyone who shares it. 32 bytes. */
  readonly secret: Uint8Array;
  save(id: string, bytes: Uint8Array): Promise<void>;
  /** Undefined where nothing was saved. */
  load(id: string): Promise<Uint8Array | undefined>;
  remove(id: string): Promise<void>;
  /** Deletes what was saved longer ago. */
  prune(days: number): Promise<void>;
}

/** A store that ends with the process. */
export function memoryStore(): SessionStore {
  const kept = new Map<string, { bytes: Uint8Array; since: number }>();
  return {
    secret: randomBytes(32),
    save: (id, bytes) => Promise.resolve(void kept.set(id, { bytes, since: Date.now() })),
    load: (id) => Promise.resolve(kept.get(id)?.bytes),
    remove: (id) => Promise.resolve(void kept.delete(id)),
    prune(days) {
      for (const [id, { since }] of kept) if (tooOld(since, days)) kept.delete(id);
      return Promise.resolve();
    },
  };
}

const ENDING = ".session";

/** A store in a folder, which is made if it is not there, for this user alone; who may read one that is there is its owner's to say. */
export async function openFolderStore(folder: string): Promise<SessionStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = (id: string): string => join(folder, createHash("sha256").update(id).digest("hex") + ENDING);
  return {
    secret: await secretIn(folder),
    save: (id, bytes) => writeFileAtomically(file(id), bytes),
    load: (id) => readFile(file(id)).catch(absent),
    remove: (id) => rm(file(id), { force: true }),
    async prune(days) {
      for (const name of await readdir(folder)) {
        if (!name.endsWith(ENDING)) continue;
        const path = join(folder, name);
        const since = (await stat(path).catch(absent))?.mtimeMs;
        if (since !== undefined && tooOld(since, days)) await rm(path, { force: true });
      }
    },
  };
}

/** Made by whoever comes first; a process that reads it in the very moment of that has to start again. */
async function secretIn(folder: string): Promise<Uint8Array> {
  const path = join(folder, "secret");
  await writeFile(path, randomBytes(32), { flag: "wx", mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  const secret = await readFile(path);
  if (secret.length === 32) return secret;
  throw new Error(`${path} is not 32 bytes long; remove it (saved sessions are lost with it) and start again`);
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

const tooOld = (since: number, days: number): boolean => Date.now() - since > days * 86_400_000;
