// All sessions of a server: opens, finds and forks them, saves them when nobody is there, and brings them back from the store.

import { createHmac, randomBytes } from "node:crypto";
import type { EngineEvent } from "../engine-process.js";
import type { Engine, EngineStart } from "../engine.js";
import type { SessionNode } from "../protocol/messages.js";
import { Admission, type AdmissionRequest } from "./admission.js";
import type { ServingLimits } from "./limits.js";
import { PlayedSession, type SessionRecord, type SessionSurroundings, withSettings } from "./played-session.js";
import { sameText } from "./same-text.js";
import { type SavedSession, packSession, unpackSession } from "./saved-session.js";
import { ServingError } from "./serving-error.js";
import type { SessionStore } from "./session-store.js";

/** What a session begins with. */
export interface Opening {
  readonly start: EngineStart;
  readonly gallery?: string;
  readonly truthFrames: number;
  /** Nodes to make again by playing. */
  readonly script?: readonly SessionNode[];
}

/** What the table needs. */
export interface SessionTableParts {
  readonly engine: Engine;
  readonly store: SessionStore;
  readonly limits: ServingLimits;
  readonly onFrame?: SessionSurroundings["onFrame"];
  readonly onLost?: SessionSurroundings["onLost"];
  /** Told of sessions that leave memory. */
  readonly onGone?: (id: string) => void;
  /** Told of what went wrong where nobody asked. */
  readonly onError?: (error: unknown) => void;
}

interface Entry {
  readonly session: PlayedSession;
  readonly leave: () => void;
}

/** The sessions of a server. */
export class SessionTable {
  readonly #parts: SessionTableParts;
  readonly #entries = new Map<string, Entry>();
  /** Sessions on their way from the store, so that two requests share one. */
  readonly #returning = new Map<string, Promise<PlayedSession>>();
  readonly #admission: Admission;
  readonly #sweep: NodeJS.Timeout;
  #closing = false;
  #pruned = 0;

  constructor(parts: SessionTableParts) {
    this.#parts = parts;
    this.#admission = new Admission(parts.limits.sessions, parts.limits.queue);
    const every = Math.min(2000, parts.limits.idleSeconds * 500);
    this.#sweep = setInterval(() => void this.#saveIdle(), every).unref();
  }

  /** Sessions in the engine, and clients that wait for one. */
  get counts(): { readonly sessions: number; readonly waiting: number } {
    return { sessions: this.#entries.size, waiting: this.#admission.waiting };
  }

  /** What proves that a session is one's own. */
  key(id: string): string {
    return createHmac("sha256", this.#parts.store.secret).update(`key of ${id}`).digest("base64url");
  }

  /** Opens a new session, after waiting for a place. */
  async open(opening: Opening, request: AdmissionRequest): Promise<PlayedSession> {
    const { engine } = this.#parts;
    const { start, truthFrames, gallery, script = [] } = opening;
    const id = newId();
    const { settings, fps } = engine.world;
    return this.#admit(id, request, async () => {
      await engine.open(id, start);
      const nodes = contextNodes(start, engine.world);
      return {
        ...{ id, seed: start.seed, start, truthFrames, nodes, script, fps },
        ...(gallery !== undefined && { gallery }),
        current: nodes.length - 1,
        settings: withSettings(settings, start.settings),
      };
    });
  }

  /** A session of one's own, brought back from the store if need be. Throws `unknown-session`, also for a wrong key. */
  async find(id: string, key: string, request: AdmissionRequest = {}): Promise<PlayedSession> {
    if (!sameText(key, this.key(id))) throw unknown();
    const entry = this.#entries.get(id);
    if (entry) return entry.session;
    const returning = this.#returning.get(id) ?? this.#bringBack(id, request).finally(() => this.#returning.delete(id));
    this.#returning.set(id, returning);
    return returning;
  }

  /** A new session that begins with everything the other one has; `node` (absent: the same) becomes its current one. */
  async fork(session: PlayedSession, node: number | undefined, request: AdmissionRequest): Promise<PlayedSession> {
    if (node !== undefined) session.node(node);
    return this.restore(await this.snapshot(session), request, node);
  }

  /** Everything needed to go on elsewhere, signed. */
  snapshot(session: PlayedSession): Promise<Uint8Array> {
    return session.inTurn(() => this.#pack(session));
  }

  /** A new session from `snapshot`'s bytes. */
  async restore(bytes: Uint8Array, request: AdmissionRequest, node?: number): Promise<PlayedSession> {
    const saved = this.#unpack(bytes);
    const id = newId();
    return this.#admit(id, request, async () => {
      await this.#parts.engine.restore(id, saved.snapshot);
      return { ...saved.record, id, ...(node !== undefined && { current: node }) };
    });
  }

  /** The engine's process was lost, is back, or has put a session back: players are told. */
  engineEvent(event: EngineEvent): void {
    if (event.kind === "restored") {
      this.#parts.onLost?.();
      return this.#entries.get(event.session)?.session.engineRestored();
    }
    for (const { session } of this.#entries.values()) session.engineIs(event.kind === "lost" ? "gone" : "back");
  }

  /** Ends a session and forgets it, on disk too. */
  async close(session: PlayedSession): Promise<void> {
    await this.#remove(session);
    await this.#parts.store.remove(session.id);
  }

  /** Saves all sessions and takes no new ones. */
  async closeAll(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#sweep);
    await Promise.all([...this.#entries.values()].map(({ session }) => this.#putAway(session)));
  }

  async #admit(id: string, request: AdmissionRequest, begin: () => Promise<SessionRecord>): Promise<PlayedSession> {
    if (this.#closing) throw new ServingError("shutting-down", "this server is being stopped; try again in a moment");
    if (this.#admission.taken >= this.#parts.limits.sessions) await this.#makeRoom();
    const leave = await this.#admission.enter(request);
    try {
      const session = new PlayedSession(await begin(), this.#surroundings());
      this.#entries.set(id, { session, leave });
      return session;
    } catch (error) {
      leave();
      throw error;
    }
  }

  #surroundings(): SessionSurroundings {
    const { engine, limits, store, onFrame, onLost } = this.#parts;
    return {
      ...{ engine, limits },
      save: async (session) => store.save(session.id, await this.#pack(session)),
      saved: async ({ id }) => {
        const bytes = await store.load(id);
        if (!bytes) return undefined;
        const { snapshot, record } = this.#unpack(bytes);
        return { snapshot, nodes: record.nodes.length };
      },
      ...(onFrame && { onFrame }),
      ...(onLost && { onLost }),
    };
  }

  /** Only in the session's turn. */
  async #pack(session: PlayedSession): Promise<Uint8Array> {
    const snapshot = await session.ask((engine) => engine.snapshot(session.id));
    const { checksum } = this.#parts.engine.world;
    return packSession({ record: session.record(), snapshot, checksum }, this.#parts.store.secret);
  }

  #unpack(bytes: Uint8Array): SavedSession {
    const saved = unpackSession(bytes, this.#parts.store.secret);
    if (saved.checksum !== this.#parts.engine.world.checksum)
      throw new ServingError("bad-upload", "this session was played in another world, or with other weights");
    return saved;
  }

  async #bringBack(id: string, request: AdmissionRequest): Promise<PlayedSession> {
    const bytes = await this.#parts.store.load(id);
    if (!bytes) throw unknown();
    const { record, snapshot } = this.#unpack(bytes);
    return this.#admit(id, request, async () => {
      await this.#parts.engine.restore(id, snapshot);
      return record;
    });
  }

  async #remove(session: PlayedSession): Promise<void> {
    const entry = this.#entries.get(session.id);
    if (entry?.session !== session) return;
    this.#entries.delete(session.id);
    await session.close();
    entry.leave();
    this.#parts.onGone?.(session.id);
  }

  /** Saves a session and takes it out of the engine. */
  async #putAway(session: PlayedSession): Promise<void> {
    try {
      await this.#parts.store.save(session.id, await this.snapshot(session));
    } catch (error) {
      this.#parts.onError?.(error); // what was saved before remains
    }
    await this.#remove(session);
  }

  /** Sessions that nobody has looked at go to disk after their time, sooner where somebody waits for a place. */
  async #saveIdle(): Promise<void> {
    const { limits, store, onError } = this.#parts;
    const idle = [...this.#entries.values()].filter(({ session }) => session.idle > limits.idleSeconds * 1000);
    for (const { session } of idle) await this.#putAway(session);
    if (this.#admission.waiting > 0) await this.#makeRoom();
    if (Date.now() - this.#pruned < PRUNE_EVERY) return;
    this.#pruned = Date.now();
    await store.prune(limits.keptDays).catch((error: unknown) => onError?.(error));
  }

  /** Somebody waits: the session that nobody has looked at for longest goes to disk, if it is some seconds. */
  async #makeRoom(): Promise<void> {
    const longest = [...this.#entries.values()].sort((a, b) => b.session.idle - a.session.idle)[0]?.session;
    const enough = Math.min(PATIENCE_SECONDS, this.#parts.limits.idleSeconds) * 1000;
    if (longest && longest.idle > enough) await this.#putAway(longest);
  }
}

/** Time to come back after a lost connection, before a session gives its place to somebody who waits. */
const PATIENCE_SECONDS = 10;
const PRUNE_EVERY = 600_000;

function contextNodes(start: EngineStart, { width, height }: Engine["world"]): SessionNode[] {
  return Array.from({ length: start.frames.length / (width * height * 3) }, (_, k) => {
    const action = start.actions?.[k - 1];
    return { node: k, frame: k, ...(k > 0 && { parent: k - 1 }), ...(action && { action: [...action] }) };
  });
}

const newId = (): string => randomBytes(12).toString("base64url");

const unknown = (): ServingError =>
  new ServingError("unknown-session", "no such session, or not with this key; it may have been deleted after its time");
