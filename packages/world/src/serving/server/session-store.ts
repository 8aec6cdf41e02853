// Where saved sessions lie: a folder, which several machines may share, or memory. Files are named after a hash of the session's id, so that
// nothing a client sends ever becomes a path.

import { createHash, randomBytes } from "node:crypto";
import { appendFile, mkdir, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomically } from "@vid2world/formats";

/** Keeps the bytes of sessions by id. */
export interface SessionStore {
  /** Proves that keys and snapshots are this store's; the same for everyone who shares it. 32 bytes. */
  readonly secret: Uint8Array;
  /** In place of what was saved before, and of its journal. */
  save(id: string, bytes: Uint8Array): Promise<void>;
  /** Adds to the journal of what was saved. */
  append(id: string, bytes: Uint8Array): Promise<void>;
  /** Undefined where nothing was saved. */
  load(id: string): Promise<StoredSession | undefined>;
  remove(id: string): Promise<void>;
  /** Deletes what was saved longer ago. */
  prune(days: number): Promise<void>;
}

/** What a store has of a session. */
export interface StoredSession {
  readonly saved: Uint8Array;
  /** Empty where there is none. A process that was killed may have left its end torn. */
  readonly journal: Uint8Array;
}

/** A store that ends with the process. */
export function memoryStore(): SessionStore {
  const kept = new Map<string, StoredSession & { readonly since: number }>();
  return {
    secret: randomBytes(32),
    save: (id, saved) => Promise.resolve(void kept.set(id, { saved, journal: new Uint8Array(), since: Date.now() })),
    append(id, bytes) {
      const before = kept.get(id);
      if (before) kept.set(id, { ...before, journal: Buffer.concat([before.journal, bytes]) });
      return Promise.resolve();
    },
    load: (id) => Promise.resolve(kept.get(id)),
    remove: (id) => Promise.resolve(void kept.delete(id)),
    prune(days) {
      for (const [id, { since }] of kept) if (tooOld(since, days)) kept.delete(id);
      return Promise.resolve();
    },
  };
}

const ENDING = ".session";
const JOURNAL = ".journal";

/** A store in a folder, which is made if it is not there, for this user alone; who may read one that is there is its owner's to say. */
export async function openFolderStore(folder: string): Promise<SessionStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = (id: string, ending = ENDING): string =>
    join(folder, createHash("sha256").update(id).digest("hex") + ending);
  return {
    secret: await secretIn(folder),
    async save(id, bytes) {
      await writeFileAtomically(file(id), bytes);
      await rm(file(id, JOURNAL), { force: true }); // who is killed before this leaves frames that are passed over
    },
    append: (id, bytes) => appendFile(file(id, JOURNAL), bytes, { mode: 0o600 }),
    async load(id) {
      const saved = await readFile(file(id)).catch(absent);
      const journal = await readFile(file(id, JOURNAL)).catch(absent);
      return saved && { saved, journal: journal ?? new Uint8Array() };
    },
    async remove(id) {
      await Promise.all([ENDING, JOURNAL].map((ending) => rm(file(id, ending), { force: true })));
    },
    async prune(days) {
      for (const name of await readdir(folder)) {
        if (![ENDING, JOURNAL].some((ending) => name.endsWith(ending))) continue;
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
