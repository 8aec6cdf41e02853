// Sessions on their way to the store and back: signed, of this world only, and what is written of a session last is what was taken last.

import type { Engine } from "../engine.js";
import type { PlayedSession } from "./played-session.js";
import { type SavedSession, packSession, unpackSession } from "./saved-session.js";
import { ServingError } from "./serving-error.js";
import type { SessionStore } from "./session-store.js";

/** Saved sessions of one engine's world. */
export class SessionVault {
  readonly #engine: Engine;
  readonly #store: SessionStore;
  /** The writing in work of a session, and all that wait for it. */
  readonly #writing = new Map<string, Promise<void>>();

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
  async putBack(id: string, { record, snapshot }: SavedSession): Promise<void> {
    await (snapshot ? this.#engine.restore(id, snapshot) : this.#engine.open(id, record.start));
  }

  /** Writes a session, after what is being written of it. */
  write(id: string, saved: SavedSession): Promise<void> {
    return this.#after(id, () => this.#store.save(id, this.pack(saved)));
  }

  /** A session that was written; undefined where none was. */
  async read(id: string): Promise<SavedSession | undefined> {
    const bytes = await this.#store.load(id);
    return bytes && this.unpack(bytes);
  }

  /** Deletes a session, after what is being written of it. */
  forget(id: string): Promise<void> {
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
