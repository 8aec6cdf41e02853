// All sessions of a server: opens, finds and forks them, saves them when nobody is there, and brings them back from the store.

import { createHmac, randomBytes } from "node:crypto";
import type { EngineEvent } from "../engine-process.js";
import { type Engine, type EngineStart, type SnapshotOptions, withSettings } from "../engine.js";
import type { SessionNode } from "../protocol/messages.js";
import { Admission, type AdmissionDecision, type AdmissionRequest } from "./admission.js";
import type { ServingLimits } from "./limits.js";
import { PlayedSession, type SessionSurroundings } from "./played-session.js";
import { AddressRates } from "./rate-limit.js";
import { sameText } from "./same-text.js";
import { SharedRequest } from "./shared-request.js";
import type { SavedSession } from "./saved-session.js";
import { ServingError, toServingError } from "./serving-error.js";
import type { SessionStore } from "./session-store.js";
import { SessionVault, type VaultSession } from "./session-vault.js";

/** What a session begins with. */
export interface Opening {
  readonly start: EngineStart;
  readonly gallery?: string;
  readonly truthFrames: number;
  /** Nodes to make again by playing, and the one to stand at then. */
  readonly script?: readonly SessionNode[];
  readonly scriptEnd?: number;
}

/** What becomes of a session: it enters the engine, leaves it for the store, or is forgotten. */
export interface SessionEvent {
  readonly kind: "opened" | "restored" | "resumed" | "saved" | "put away" | "closed";
  readonly session: string;
  readonly nodes: number;
}

/** What the table needs. */
export interface SessionTableParts {
  readonly engine: Engine;
  readonly store: SessionStore;
  readonly limits: ServingLimits;
  readonly onFrame?: SessionSurroundings["onFrame"];
  /** Told of sessions that came back after their engine was lost. */
  readonly onRestored?: SessionSurroundings["onRestored"];
  /** Told of everything that happens to sessions. */
  readonly onEvent?: (event: SessionEvent) => void;
  /** Told who was let in, put into the queue, or refused. */
  readonly onAdmission?: (decision: AdmissionDecision) => void;
  /** Told how many saved sessions were deleted before their time, for want of room. */
  readonly onCrowdedOut?: (sessions: number) => void;
  /** Told of what went wrong where nobody asked. */
  readonly onError?: (error: unknown) => void;
}

interface Entry {
  readonly session: PlayedSession;
  readonly address: string | undefined;
  readonly leave: () => void;
}

/** The sessions of a server. */
export class SessionTable {
  readonly #parts: SessionTableParts;
  readonly #vault: SessionVault;
  readonly #admission: Admission;
  readonly #rates: AddressRates;
  readonly #entries = new Map<string, Entry>();
  /** Sessions on their way from the store, so that several requests share one. */
  readonly #returning = new Map<
    string,
    { readonly request: SharedRequest; readonly session: Promise<PlayedSession> }
  >();
  /** Sessions on their way to it. */
  readonly #leaving = new Map<string, Promise<void>>();
  readonly #sweep: NodeJS.Timeout;
  #closing = false;
  #pruned = 0;

  constructor(parts: SessionTableParts) {
    const { engine, store, limits } = parts;
    this.#parts = parts;
    this.#vault = new SessionVault(engine, store);
    this.#admission = new Admission(limits, parts.onAdmission);
    this.#rates = new AddressRates(limits.opensPerMinute);
    const every = Math.min(2000, limits.idleSeconds * 500);
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
  async open({ start, ...opening }: Opening, request: AdmissionRequest): Promise<PlayedSession> {
    const { world } = this.#parts.engine;
    const nodes = contextNodes(start, world);
    const settings = withSettings(world.settings, start.settings);
    const more = { seed: start.seed, start, nodes, current: nodes.length - 1, settings, fps: world.fps };
    const record = { id: newId(), script: [], ...opening, ...more };
    return this.#begin({ record, checksum: world.checksum }, request, "opened");
  }

  /** A session of one's own, brought back from the store if need be. Throws `unknown-session`, also for a wrong key. */
  async find(id: string, key: string, request: AdmissionRequest = {}): Promise<PlayedSession> {
    if (!sameText(key, this.key(id))) throw unknown();
    const here = this.#entries.get(id)?.session;
    here?.used();
    if (here) return here;
    const returning = this.#returning.get(id);
    if (returning) {
      returning.request.join(request);
      return returning.session;
    }
    const shared = new SharedRequest(request);
    const session = this.#bringBack(id, shared).finally(() => this.#returning.delete(id));
    this.#returning.set(id, { request: shared, session });
    return session;
  }

  /** A new session that begins with everything the other one has; `node` (absent: the same) becomes its current one. */
  async fork(session: PlayedSession, node: number | undefined, request: AdmissionRequest): Promise<PlayedSession> {
    if (node !== undefined) session.node(node);
    return this.#twin(await session.inTurn(() => this.#vault.take(session)), request, node);
  }

  /** Everything needed to go on elsewhere, signed. */
  async snapshot(session: PlayedSession): Promise<Uint8Array> {
    return this.#vault.pack(await session.inTurn(() => this.#vault.take(session)));
  }

  /** A new session from `snapshot`'s bytes. */
  async restore(bytes: Uint8Array, request: AdmissionRequest): Promise<PlayedSession> {
    return this.#twin(this.#vault.unpack(bytes), request);
  }

  /** An engine's process was lost, is back, or has put a session back: the players of its sessions are told. */
  engineEvent(event: EngineEvent): void {
    if (event.kind === "restored") return this.#entries.get(event.session)?.session.engineRestored();
    for (const id of event.sessions) this.#entries.get(id)?.session.engineIs(event.kind === "lost" ? "gone" : "back");
  }

  /** Ends a session and forgets it, on disk too. */
  async close(session: PlayedSession): Promise<void> {
    await this.#remove(session, "closed");
  }

  /** Takes no new sessions and saves those that there are, each with every frame that was shown of it. */
  async closeAll(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#sweep);
    this.#admission.close(stopping());
    await Promise.all([...this.#entries.values()].map(({ session }) => this.#retire(session)));
    await Promise.all(this.#leaving.values());
  }

  #twin({ record, ...saved }: SavedSession, request: AdmissionRequest, node = record.current): Promise<PlayedSession> {
    return this.#begin({ ...saved, record: { ...record, id: newId(), current: node } }, request, "restored");
  }

  /** A session that is new, and in the store from now on. */
  async #begin(saved: SavedSession, request: AdmissionRequest, how: SessionEvent["kind"]): Promise<PlayedSession> {
    const { address } = request;
    if (address !== undefined && !this.#rates.take(address))
      throw new ServingError("too-fast", "too many sessions were opened from your address; wait a moment");
    const session = await this.#admit(request, () => Promise.resolve(saved));
    this.#tell(how, session);
    await this.#vault.write(session.id, saved).catch((error: unknown) => this.#parts.onError?.(error));
    return session;
  }

  async #bringBack(id: string, request: AdmissionRequest): Promise<PlayedSession> {
    await this.#leaving.get(id);
    if (!(await this.#vault.has(id))) throw unknown();
    // Who waits for a place holds no session in memory.
    const read = async (): Promise<VaultSession> => {
      const saved = await this.#vault.read(id);
      if (saved) return saved;
      throw unknown();
    };
    const session = await this.#admit(request, read).catch((error: unknown) => {
      throw noneHere(error);
    });
    this.#tell("resumed", session);
    return session;
  }

  /** Waits for a place and makes the engine know the session. */
  async #admit(request: AdmissionRequest, read: () => Promise<VaultSession>): Promise<PlayedSession> {
    const { address } = request;
    if (this.#admission.hasItsShare(address)) await this.#makeRoom(address);
    else if (this.#admission.isFull) await this.#makeRoom();
    const leave = await this.#admission.enter(request);
    try {
      const saved = await read();
      const { id } = saved.record;
      await this.#vault.putBack(id, saved);
      if (this.#closing) {
        await this.#parts.engine.close(id);
        throw stopping();
      }
      const session = new PlayedSession(saved.record, this.#surroundings());
      this.#entries.set(id, { session, address, leave });
      return session;
    } catch (error) {
      leave();
      throw error;
    }
  }

  #surroundings(): SessionSurroundings {
    const { engine, limits, onFrame, onRestored } = this.#parts;
    const notSaved = (error: unknown): void => this.#parts.onError?.(error);
    return {
      ...{ engine, limits, save: (session) => this.#save(session, { quick: true }) },
      note: ({ id }, frame) => this.#vault.note(id, frame).catch(notSaved),
      notePosition: ({ id }, position) => this.#vault.notePosition(id, position).catch(notSaved),
      ...(onFrame && { onFrame }),
      ...(onRestored && { onRestored }),
    };
  }

  /** Saves a session that goes on: it waits for the engine's part alone, not for the disk. Rejects where that failed, which was told. */
  async #save(session: PlayedSession, how: SnapshotOptions = {}): Promise<void> {
    try {
      const { written } = await session.quietly(async () => {
        const saved = await this.#vault.take(session, how);
        // Whoever ended it meanwhile knows what to keep.
        return { written: session.ended ? undefined : this.#vault.write(session.id, saved) };
      });
      if (!written) return;
      await written;
      this.#tell("saved", session);
    } catch (error) {
      if (!session.ended) this.#parts.onError?.(error);
      throw error;
    }
  }

  /** Saves a session and takes it out of the engine, unless somebody comes back to it meanwhile or it cannot be saved. */
  async #putAway(session: PlayedSession): Promise<void> {
    const { uses } = session;
    try {
      await this.#save(session);
    } catch {
      return session.used(); // tried again after another while
    }
    if (session.uses === uses) await this.#remove(session, "put away");
  }

  /** The same for good: it ends with what was shown last. */
  async #retire(session: PlayedSession): Promise<void> {
    try {
      await this.#vault.write(session.id, await session.retire(stopping(), () => this.#vault.take(session)));
    } catch (error) {
      this.#parts.onError?.(error); // what was saved before remains
    }
    await this.#remove(session, "put away");
  }

  #remove(session: PlayedSession, why: SessionEvent["kind"]): Promise<void> {
    const { id } = session;
    const entry = this.#entries.get(id);
    if (entry?.session !== session) return Promise.resolve();
    this.#entries.delete(id);
    const left = session
      .close()
      .then(() => this.#vault.leave(id, { andDelete: why === "closed" }))
      .catch((error: unknown) => this.#parts.onError?.(error))
      .then(() => {
        entry.leave();
        this.#leaving.delete(id);
        this.#tell(why, session);
      });
    this.#leaving.set(id, left);
    return left;
  }

  #tell(kind: SessionEvent["kind"], { id, nodes }: PlayedSession): void {
    this.#parts.onEvent?.({ kind, session: id, nodes: nodes.length });
  }

  /** Sessions that nobody has looked at go to disk after their time, sooner where somebody waits for a place. */
  async #saveIdle(): Promise<void> {
    const { limits, store, onError, onCrowdedOut } = this.#parts;
    const idle = [...this.#entries.values()].filter(({ session }) => session.idle > limits.idleSeconds * 1000);
    await Promise.all(idle.map(({ session }) => this.#putAway(session)));
    if (this.#admission.waiting > 0) await this.#makeRoom();
    if (Date.now() - this.#pruned < PRUNE_EVERY) return;
    this.#pruned = Date.now();
    try {
      const crowdedOut = await store.prune({ days: limits.keptDays, bytes: limits.keptBytes });
      if (crowdedOut > 0) onCrowdedOut?.(crowdedOut);
    } catch (error) {
      onError?.(error);
    }
  }

  /** Somebody waits: the session (of an address) that nobody has looked at for longest goes to disk, if it is some seconds. */
  async #makeRoom(address?: string): Promise<void> {
    const entries = [...this.#entries.values()].filter((entry) => address === undefined || entry.address === address);
    const longest = entries.sort((a, b) => b.session.idle - a.session.idle)[0]?.session;
    const enough = Math.min(PATIENCE_SECONDS, this.#parts.limits.idleSeconds) * 1000;
    if (longest && longest.idle > enough) await this.#putAway(longest);
  }
}

/** Time to come back after a lost connection, before a session gives its place to somebody who waits. */
const PATIENCE_SECONDS = 10;
const PRUNE_EVERY = 60_000;

function contextNodes(start: EngineStart, { width, height }: Engine["world"]): SessionNode[] {
  return Array.from({ length: start.frames.length / (width * height * 3) }, (_, k) => {
    const action = start.actions?.[k - 1];
    return { node: k, frame: k, ...(k > 0 && { parent: k - 1 }), ...(action && { action: [...action] }) };
  });
}

const newId = (): string => randomBytes(12).toString("base64url");

/** A session that was kept and is none of this world any more (another model is served now) is none to come back to, however often one asks. */
function noneHere(error: unknown): unknown {
  const { code, message } = toServingError(error);
  return code === "bad-upload" ? new ServingError("unknown-session", message) : error;
}

const unknown = (): ServingError =>
  new ServingError("unknown-session", "no such session, or not with this key; it may have been deleted after its time");

const stopping = (): ServingError =>
  new ServingError("shutting-down", "this server is being stopped; your session is saved: try again in a moment");
