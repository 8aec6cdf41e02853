// Where saved sessions lie: a folder, which several machines may share, or memory. Files are named after a hash of the session's id, so that
// nothing a client sends ever becomes a path.

import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomically } from "@vid2world/formats";
import { type Keeping, type StoredFile, outlivedFiles } from "./outlived-files.js";

/** Of one session: those of frames are told apart by numbers, and there is one of where it stands. */
export type JournalName = number | "position";

/** Keeps the bytes of sessions by id. */
export interface SessionStore {
  /** Proves that keys and snapshots are this store's; the same for everyone who shares it. 32 bytes. */
  readonly secret: Uint8Array;
  /** In place of what was saved before. */
  save(id: string, bytes: Uint8Array): Promise<void>;
  /** Whether something was saved. */
  has(id: string): Promise<boolean>;
  /** Undefined where nothing was saved. */
  load(id: string): Promise<Uint8Array | undefined>;
  remove(id: string): Promise<void>;
  /** Adds to one of a session's journals; `anew`: in place of what is in it, of which all or nothing remains when this process is killed. */
  append(id: string, journal: JournalName, bytes: Uint8Array, how: { readonly anew: boolean }): Promise<void>;
  /** Empty where there is none. A process that was killed may have left its end torn. */
  journal(id: string, journal: JournalName): Promise<Uint8Array>;
  removeJournals(id: string, journals: readonly JournalName[]): Promise<void>;
  /** Deletes sessions that are kept no longer. -> how many of them for want of room */
  prune(keeping: Keeping): Promise<number>;
}

/** A store that ends with the process. */
export function memoryStore(): SessionStore {
  const kept = new Map<string, { readonly bytes: Uint8Array; readonly since: number }>();
  const name = (id: string, journal: JournalName): string => `${id} ${journal}`;
  const put = (key: string, bytes: Uint8Array): void => void kept.set(key, { bytes, since: Date.now() });
  return {
    secret: randomBytes(32),
    save: (id, bytes) => Promise.resolve(put(id, bytes)),
    has: (id) => Promise.resolve(kept.has(id)),
    load: (id) => Promise.resolve(kept.get(id)?.bytes),
    remove: (id) => Promise.resolve(void kept.delete(id)),
    append(id, journal, bytes, { anew }) {
      const before = anew ? [] : [kept.get(name(id, journal))?.bytes ?? []];
      return Promise.resolve(
        put(name(id, journal), Buffer.concat([...before.map((part) => Buffer.from(part)), bytes])),
      );
    },
    journal: (id, journal) => Promise.resolve(kept.get(name(id, journal))?.bytes ?? new Uint8Array()),
    removeJournals: (id, journals) => Promise.resolve(journals.forEach((one) => kept.delete(name(id, one)))),
    prune(keeping) {
      const files = [...kept].map(([key, { bytes, since }]): StoredFile => {
        return { name: key, session: key.split(" ")[0] ?? key, bytes: bytes.length, since };
      });
      const { names, crowdedOut } = outlivedFiles(files, keeping);
      for (const key of names) kept.delete(key);
      return Promise.resolve(crowdedOut);
    },
  };
}

/** A session, its journals, and what a process that was killed had not finished writing. */
const OWN_FILES = /^\.?([0-9a-f]{64})\..*(session|journal|tmp)$/;

/** A store in a folder, which is made if it is not there, for this user alone; who may read one that is there is its owner's to say. */
export async function openFolderStore(folder: string): Promise<SessionStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = (id: string, ending: string): string =>
    join(folder, `${createHash("sha256").update(id).digest("hex")}.${ending}`);
  const session = (id: string): string => file(id, "session");
  const journalFile = (id: string, journal: JournalName): string => file(id, `${journal}.journal`);
  return {
    secret: await secretIn(folder),
    save: (id, bytes) => writeFileAtomically(session(id), bytes),
    has: async (id) => (await stat(session(id)).catch(absent)) !== undefined,
    load: (id) => readFile(session(id)).catch(absent),
    remove: (id) => rm(session(id), { force: true }),
    append: (id, journal, bytes, { anew }) =>
      anew
        ? replaceFile(journalFile(id, journal), bytes)
        : writeFile(journalFile(id, journal), bytes, { mode: 0o600, flag: "a" }),
    journal: async (id, journal) => (await readFile(journalFile(id, journal)).catch(absent)) ?? new Uint8Array(),
    async removeJournals(id, journals) {
      await Promise.all(journals.map((journal) => rm(journalFile(id, journal), { force: true })));
    },
    async prune(keeping) {
      const files: StoredFile[] = [];
      for (const name of await readdir(folder)) {
        const session = OWN_FILES.exec(name)?.[1];
        const found = session === undefined ? undefined : await stat(join(folder, name)).catch(absent);
        if (session !== undefined && found) files.push({ name, session, bytes: found.size, since: found.mtimeMs });
      }
      const { names, crowdedOut } = outlivedFiles(files, keeping);
      for (const name of names) await rm(join(folder, name), { force: true });
      return crowdedOut;
    },
  };
}

/** All or nothing, but not flushed to the disk as whole sessions are: players wait for it. */
async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    await writeFile(temporary, bytes, { mode: 0o600, flag: "wx" });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
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
