// Sessions on their way to the store and back: signed, of this world only, and what is written of a session last is what was taken last.

import type { Engine, KeptFrame, SnapshotOptions } from "../engine.js";
import { InOrder } from "./in-order.js";
import type { Position } from "./journal-entry.js";
import type { PlayedSession } from "./played-session.js";
import { type SavedSession, type SessionRecord, packSession, unpackSession } from "./saved-session.js";
import { ServingError } from "./serving-error.js";
import { type NotedFrames, SessionJournals } from "./session-journals.js";
import type { SessionStore } from "./session-store.js";

/** A session as it was saved, and what was noted of it since. */
export interface VaultSession extends SavedSession {
  readonly noted?: NotedFrames;
}

/** Saved sessions of one engine's world. */
export class SessionVault {
  readonly #engine: Engine;
  readonly #store: SessionStore;
  readonly #journals: SessionJournals;
  readonly #writing = new InOrder();

  constructor(engine: Engine, store: SessionStore) {
    this.#engine = engine;
    this.#store = store;
    this.#journals = new SessionJournals(store);
  }

  /** What a session is now. Only in its turn; the engine alone is waited for. */
  async take(session: PlayedSession, how: SnapshotOptions = {}): Promise<SavedSession> {
    const snapshot = await session.ask((engine) => engine.snapshot(session.id, how));
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

  /** Makes the engine know a session, whose frames can be noted from then on. */
  async putBack(id: string, { record, snapshot, noted }: VaultSession): Promise<void> {
    await (snapshot ? this.#engine.restore(id, snapshot) : this.#engine.open(id, record.start));
    if (noted && noted.frames.length > 0) await this.#engine.append(id, noted.frames);
    this.#journals.begin(id, record.nodes.length, noted?.since ?? []);
  }

  /** Writes a session, after what is being written of it. In the turn in which it was taken, so that later frames are noted for themselves. */
  write(id: string, saved: SavedSession): Promise<void> {
    const nodes = saved.record.nodes.length;
    this.#journals.begin(id, nodes);
    return this.#writing.after(id, async () => {
      await this.#store.save(id, this.pack(saved));
      await this.#journals.drop(id, nodes);
    });
  }

  /** Notes a frame: from then on it is known also where this server is killed. Where one could not be noted, none is before the next saving. */
  note(id: string, frame: KeptFrame): Promise<void> {
    return this.#journals.note(id, frame);
  }

  /** Notes how a session stands. */
  notePosition(id: string, position: Position): Promise<void> {
    return this.#journals.notePosition(id, position);
  }

  /** Whether a session was written. */
  has(id: string): Promise<boolean> {
    return this.#store.has(id);
  }

  /** A session that was written, with what was noted since; undefined where none was. */
  async read(id: string): Promise<VaultSession | undefined> {
    const bytes = await this.#store.load(id);
    if (!bytes) return undefined;
    const saved = this.unpack(bytes);
    return withNotes(saved, await this.#journals.read(id, saved.record.nodes.length));
  }

  /** Forgets a session that was written last of all, after what is being written of it; `andDelete` deletes that too. */
  leave(id: string, { andDelete }: { readonly andDelete: boolean }): Promise<void> {
    return this.#writing.after(id, async () => {
      await this.#journals.leave(id, { andDelete });
      if (andDelete) await this.#store.remove(id);
    });
  }
}

/** The session after what was noted: at the last frame, or where its player has gone from that. */
function withNotes(saved: SavedSession, noted: NotedFrames): VaultSession {
  const { position } = noted;
  const record = withFrames(saved.record, noted.frames);
  if (!position) return { ...saved, noted, record };
  const { fps, current, settings, scripted } = position;
  const stands = position.nodes === record.nodes.length && { current, settings, ...(scripted === 0 && { script: [] }) };
  return { ...saved, noted, record: { ...record, fps, ...stands } };
}

/** The session at the last of these frames. A replay that was interrupted ends there. */
function withFrames(record: SessionRecord, frames: readonly KeptFrame[]): SessionRecord {
  const last = frames.at(-1);
  if (last === undefined) return record;
  const nodes = [...record.nodes];
  for (const { node, parent, action, settings } of frames)
    nodes.push({ node, parent, frame: (nodes[parent]?.frame ?? 0) + 1, action: [...action], settings });
  const { scriptEnd: _, ...rest } = record;
  return { ...rest, nodes, current: last.node, settings: last.settings, script: [] };
}
