// Sessions on their way to the store and back: signed, of this world only, and what is written of a session last is what was taken last.

import type { Engine, KeptFrame } from "../engine.js";
import type { PlayedSession } from "./played-session.js";
import { packEntry, readJournal } from "./session-journal.js";
import { type SavedSession, packSession, unpackSession } from "./saved-session.js";
import { ServingError } from "./serving-error.js";
import type { SessionStore } from "./session-store.js";

/** A session as it was saved, and the frames that were drawn since. */
export interface VaultSession extends SavedSession {
  readonly journal?: readonly KeptFrame[];
}

/** Saved sessions of one engine's world. */
export class SessionVault {
  readonly #engine: Engine;
  readonly #store: SessionStore;
  /** The writing in work of a session, and all that wait for it. */
  readonly #writing = new Map<string, Promise<void>>();
  /** Sessions of whose journal a frame is missing. */
  readonly #torn = new Set<string>();

  constructor(engine: Engine, store: SessionStore) {
    this.#engine = engine;
    this.#store = store;
  }

  /** What a session is now. Only in its turn; the engine alone is waited for. */
  async take(session: PlayedSession): Promise<SavedSession> {
    const snapshot = await session.ask((engine) => engine.snapshot(session.id));
    return { record: session.record(), snapshot, checksum: this.#engine.world.checksum };
  }

  /** A saved session as bytes. */
  pack(saved: SavedSession): Uint8Array {
    return packSession(saved, this.#store.secret);
  }

  /** The session in these bytes. Throws `bad-upload` where they are not of this store and world. */
  unpack(bytes: Uint8Array): SavedSession {
    const saved = unpackSession(bytes, this.#store.secret);
    if (saved.checksum !== this.#engine.world.checksum)
      throw new ServingError("bad-upload", "this session was played in another world, or with other weights");
    return saved;
  }

  /** Makes the engine know a session. */
  async putBack(id: string, { record, snapshot, journal = [] }: VaultSession): Promise<void> {
    await (snapshot ? this.#engine.restore(id, snapshot) : this.#engine.open(id, record.start));
    if (journal.length > 0) await this.#engine.append(id, journal);
  }

  /** Writes a session, after what is being written of it. In its turn, so that no frame comes between what was taken and what is noted next. */
  write(id: string, saved: SavedSession): Promise<void> {
    return this.#after(id, async () => {
      await this.#store.save(id, this.pack(saved));
      this.#torn.delete(id);
    });
  }

  /** Notes a frame, after what is being written of its session. Where one could not be noted, none is before the session is written again. */
  note(id: string, frame: KeptFrame): Promise<void> {
    return this.#after(id, async () => {
      if (this.#torn.has(id)) return;
      try {
        await this.#store.append(id, packEntry(id, frame, this.#store.secret));
      } catch (error) {
        this.#torn.add(id);
        throw error;
      }
    });
  }

  /** A session that was written, with the frames that were noted since; undefined where none was. */
  async read(id: string): Promise<VaultSession | undefined> {
    const stored = await this.#store.load(id);
    if (!stored) return undefined;
    const saved = this.unpack(stored.saved);
    const noted = readJournal(id, stored.journal, this.#store.secret);
    return withJournal(
      saved,
      noted.filter(({ node }) => node >= saved.record.nodes.length),
    );
  }

  /** Deletes a session, after what is being written of it. */
  forget(id: string): Promise<void> {
    this.#torn.delete(id);
    return this.#after(id, () => this.#store.remove(id));
  }

  #after(id: string, work: () => Promise<void>): Promise<void> {
    const done = (this.#writing.get(id) ?? Promise.resolve()).catch(() => undefined).then(work);
    this.#writing.set(id, done);
    const ended = (): void => void (this.#writing.get(id) === done && this.#writing.delete(id));
    done.then(ended, ended);
    return done;
  }
}

/** The session after the frames of its journal: it stands at the last one. A replay that was interrupted ends there. */
function withJournal(saved: SavedSession, journal: readonly KeptFrame[]): VaultSession {
  const last = journal.at(-1);
  if (last === undefined) return saved;
  const nodes = [...saved.record.nodes];
  for (const { node, parent, action, settings } of journal)
    nodes.push({ node, parent, frame: (nodes[parent]?.frame ?? 0) + 1, action: [...action], settings });
  const { scriptEnd: _, ...record } = saved.record;
  return { ...saved, journal, record: { ...record, nodes, current: last.node, settings: last.settings, script: [] } };
}
