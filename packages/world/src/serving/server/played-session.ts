// One session as the server sees it: its tree of nodes, where it stands, what is held, and the loop that asks the engine for its frames, one
// at a time. Knows neither HTTP nor WebSocket. What the engine forgets when it is lost is put back from the last saved state.

import { type Engine, EngineError, type EngineFrame, type EngineStart, type FullSettings } from "../engine.js";
import type { SessionNode, SessionState, Settings } from "../protocol/messages.js";
import { Pace } from "./pace.js";
import { ServingError, toServingError } from "./serving-error.js";
import { Turns } from "./turns.js";

/** A frame as it was drawn. */
export interface DrawnFrame {
  readonly node: SessionNode;
  readonly pixels: Uint8Array;
  readonly timings: EngineFrame["timings"];
  readonly batch: number;
  /** Number and time of receipt (`performance.now`) of the newest held action that it knew of. */
  readonly held?: HeldAction;
}

/** What is held, as told by an `action` message. */
export interface HeldAction {
  readonly row: readonly number[];
  readonly sequence: number;
  readonly received: number;
}

/** Whoever looks at a session while it plays. Told of everything that it did not ask for. */
export interface SessionViewer {
  /** Whether there is room for one more frame. When there is again, call `nudge`. */
  hasRoom(): boolean;
  played(frame: DrawnFrame): void;
  stateChanged(state: SessionState): void;
  /** The engine was lost, and the session goes on from this state. */
  restored(state: SessionState): void;
  /** Playing stopped because of this. */
  failed(error: ServingError): void;
  /** Somebody else looks at the session from now on. */
  replaced(): void;
}

/** Everything that makes a session what it is, but for what the engine knows of it. */
export interface SessionRecord {
  readonly id: string;
  readonly seed: number;
  readonly start: EngineStart;
  /** Id of its start in the gallery. */
  readonly gallery?: string;
  /** True frames of the recording that follow the start. */
  readonly truthFrames: number;
  readonly nodes: readonly SessionNode[];
  readonly current: number;
  readonly fps: number;
  readonly settings: FullSettings;
  /** Nodes that are still to be made again, of a session file that is replayed. */
  readonly script: readonly SessionNode[];
}

/** What a session works with. */
export interface SessionSurroundings {
  readonly engine: Engine;
  readonly limits: { readonly frames: number; readonly waiting: number };
  /** Saves the session with the engine's snapshot of it. */
  readonly save: (session: PlayedSession) => Promise<void>;
  /** The engine's part of what was saved last, and how many nodes it knows; undefined: nothing was. */
  readonly saved: (session: PlayedSession) => Promise<{ snapshot: Uint8Array; nodes: number } | undefined>;
  /** Called with every frame drawn, and with every loss of the engine. */
  readonly onFrame?: (frame: DrawnFrame, session: PlayedSession) => void;
  readonly onLost?: () => void;
}

/** Fewest frames between two savings; they grow further apart with the session, so that saving costs a constant share. */
const SAVE_EVERY = 64;
/** How often, and how long apart in milliseconds, a lost engine is tried again. */
const TRIES = 40;
const TRY_AGAIN = 500;

/** A session in the engine. */
export class PlayedSession {
  readonly id: string;
  readonly start: EngineStart;
  readonly seed: number;
  readonly gallery: string | undefined;
  readonly truthFrames: number;
  readonly #around: SessionSurroundings;
  readonly #nodes: Map<number, SessionNode>;
  readonly #turns: Turns;
  #script: SessionNode[];
  #current: number;
  #fps: number;
  #settings: FullSettings;
  #pace: Pace | undefined;
  #restoring = false;
  #held: HeldAction | undefined;
  #viewer: SessionViewer | undefined;
  #running = false;
  #closed = false;
  #wake: (() => void) | undefined;
  #savedNodes: number;
  #lastUse = Date.now();

  /** The engine must know the session already. */
  constructor(record: SessionRecord, around: SessionSurroundings) {
    this.id = record.id;
    this.start = record.start;
    this.seed = record.seed;
    this.gallery = record.gallery;
    this.truthFrames = record.truthFrames;
    this.#around = around;
    this.#nodes = new Map(record.nodes.map((node) => [node.node, node]));
    this.#script = [...record.script];
    this.#current = record.current;
    this.#fps = record.fps;
    this.#settings = record.settings;
    this.#savedNodes = record.nodes.length;
    this.#turns = new Turns(around.limits.waiting, () => this.nudge());
  }

  /** All nodes, in the order in which they were made. */
  get nodes(): SessionNode[] {
    return [...this.#nodes.values()];
  }

  /** How it stands. */
  get state(): SessionState {
    const phase = this.#restoring ? "restoring" : this.#pace ? "playing" : "paused";
    return { phase, node: this.#current, fps: this.#fps, settings: this.#settings };
  }

  /** Nodes of a replayed file that are still to come. */
  get scripted(): number {
    return this.#script.length;
  }

  /** Whether somebody looks. */
  get viewed(): boolean {
    return this.#viewer !== undefined;
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Milliseconds since it was last of use to anybody. */
  get idle(): number {
    return this.#viewer || this.#running ? 0 : Date.now() - this.#lastUse;
  }

  /** A node by its number. Throws `unknown-node`. */
  node(number: number): SessionNode {
    const node = this.#nodes.get(number);
    if (!node) throw new ServingError("unknown-node", `this session has no node ${number}`);
    return node;
  }

  /** Everything needed to go on later, besides the engine's snapshot. */
  record(): SessionRecord {
    const { id, seed, start, gallery, truthFrames, nodes } = this;
    return {
      ...{ id, seed, start, truthFrames, nodes, current: this.#current, fps: this.#fps, settings: this.#settings },
      ...(gallery !== undefined && { gallery }),
      script: this.#script,
    };
  }

  /** From now on this viewer is told; another one is told that it was replaced. */
  attach(viewer: SessionViewer): void {
    if (this.#viewer !== viewer) {
      this.#viewer?.replaced();
      this.#held = undefined; // what the one before held, counted by its own numbers
    }
    this.#viewer = viewer;
    this.nudge();
  }

  /** The viewer is gone: the session stops after the frame in work and waits for its return. */
  detach(viewer: SessionViewer): void {
    if (this.#viewer !== viewer) return;
    this.#viewer = undefined;
    this.#held = undefined;
    this.#pace = undefined;
    this.nudge();
  }

  /** What is held now; every played frame from the next on is drawn with it. */
  hold(row: readonly number[], sequence: number): void {
    this.#held = { row, sequence, received: performance.now() };
  }

  /** Frames follow each other from now on. */
  play(fps?: number): Promise<SessionState> {
    return this.inTurn(() => {
      this.#fps = fps ?? this.#fps;
      if (this.#viewer) this.#pace = new Pace(this.#fps);
      return this.state;
    });
  }

  /** No frame is begun any more. */
  pause(): Promise<SessionState> {
    return this.inTurn(() => {
      this.#pace = undefined;
      return this.state;
    });
  }

  /** One frame by an action, from a node (absent: the current one), with the settings of now; not begun before `ready`. */
  step(row: readonly number[], from?: number, ready?: () => Promise<void>): Promise<DrawnFrame> {
    return this.inTurn(async () => {
      await ready?.();
      this.#script = [];
      return this.#draw({ from: from ?? this.#current, row, settings: this.#settings });
    });
  }

  /** Makes a node the current one, and pauses. */
  goTo(node: number): Promise<SessionState> {
    return this.inTurn(() => {
      this.#current = this.node(node).node;
      this.#pace = undefined;
      this.#script = [];
      return this.state;
    });
  }

  /** Changes settings from the next frame on. */
  change(settings: Settings): Promise<SessionState> {
    return this.inTurn(() => {
      this.#settings = withSettings(this.#settings, settings);
      return this.state;
    });
  }

  /** Runs something between two frames: nothing else of the session happens meanwhile. */
  inTurn<T>(task: () => T | Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(wasClosed());
    this.#lastUse = Date.now();
    return this.#turns.take(task);
  }

  /** Asks the engine something in this session's name, putting the session back first where the engine was lost. Only in turn. */
  async ask<T>(question: (engine: Engine) => Promise<T>): Promise<T> {
    for (let tried = 0; ; tried++) {
      try {
        return await question(this.#around.engine);
      } catch (error) {
        if (!wasLost(error) || this.#closed || tried === 3) throw error;
        await this.#putBack();
      }
    }
  }

  /** The engine's process went or came back; it puts the session back itself when it is next asked for it. */
  engineIs(now: "gone" | "back"): void {
    this.#restoring = now === "gone";
    this.#viewer?.stateChanged(this.state);
  }

  /** The engine has put the session back. */
  engineRestored(): void {
    this.#restoring = false;
    this.#viewer?.restored(this.state);
  }

  /** Ends it: what waits for its turn is refused, and after the frame in work the engine forgets it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#pace = undefined;
    this.#turns.refuse(wasClosed());
    this.nudge();
    await this.#around.engine.close(this.id).catch(() => undefined); // a lost engine has forgotten it already
  }

  /** Looks whether there is something to do. */
  nudge(): void {
    this.#wake?.();
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (;;) {
      const task = this.#turns.next();
      if (task) await task();
      else if (!this.#pace || this.#closed) break;
      else if (this.#viewer?.hasRoom() !== true) await this.#sleep();
      else if (this.#pace.wait() > 0.5) await this.#sleep(this.#pace.wait());
      else await this.#playOne(this.#pace);
    }
    this.#running = false;
    this.#lastUse = Date.now();
  }

  /** Until nudged, or for some milliseconds. */
  async #sleep(milliseconds?: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (milliseconds !== undefined) timer = setTimeout(resolve, milliseconds);
    });
    clearTimeout(timer);
    this.#wake = undefined;
  }

  async #playOne(pace: Pace): Promise<void> {
    pace.beat();
    const scripted = this.#script.shift();
    const last = scripted !== undefined && this.#script.length === 0;
    const held = this.#held;
    const next = scripted
      ? {
          from: scripted.parent ?? 0,
          row: scripted.action ?? [],
          settings: withSettings(this.#settings, scripted.settings),
        }
      : { from: this.#current, row: held?.row ?? this.#rest(), settings: this.#settings };
    try {
      const frame = await this.#draw({ ...next, ...(held && !scripted && { held }) });
      this.#viewer?.played(frame);
    } catch (error) {
      this.#pace = undefined;
      this.#viewer?.failed(toServingError(error));
      this.#viewer?.stateChanged(this.state);
    }
    if (!last) return;
    this.#pace = undefined;
    this.#viewer?.stateChanged(this.state);
  }

  #rest(): readonly number[] {
    return (this.#around.engine.world.channels ?? []).map((c) => (c.kind === "continuous" ? c.rest : 0));
  }

  async #draw({ from, row, settings, held }: Wanted): Promise<DrawnFrame> {
    const { frames } = this.#around.limits;
    if (this.#nodes.size >= frames)
      throw new ServingError("too-many-frames", `a session holds at most ${frames} frames; save it and begin another`);
    const parent = this.node(from);
    const step = { session: this.id, from, action: row, settings };
    const drawn = await this.ask((engine) => engine.step(step));
    const { node: number, pixels, timings, batch } = drawn;
    const node: SessionNode = { node: number, parent: from, frame: parent.frame + 1, action: [...row], settings };
    this.#nodes.set(number, node);
    this.#current = number;
    const frame = { node, pixels, timings, batch, ...(held && { held }) };
    this.#around.onFrame?.(frame, this);
    if (this.#nodes.size - this.#savedNodes >= Math.max(SAVE_EVERY, this.#nodes.size / 4)) this.#saveSoon();
    return frame;
  }

  #saveSoon(): void {
    this.#savedNodes = this.#nodes.size; // also where saving fails: not again for every frame
    void this.#turns.take(() => this.#around.save(this)).catch(() => undefined);
  }

  /** The engine was lost, this session with it: makes it know the session again. Gives up after some tries. */
  async #putBack(): Promise<void> {
    this.#around.onLost?.();
    this.#restoring = true;
    this.#viewer?.stateChanged(this.state);
    try {
      for (let tried = 1; ; tried++) {
        try {
          await this.#putBackOnce();
          break;
        } catch (error) {
          if (!wasLost(error) || this.#closed || tried === TRIES) throw error;
          await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN));
        }
      }
    } finally {
      this.#restoring = false;
    }
    this.#viewer?.restored(this.state);
  }

  async #putBackOnce(): Promise<void> {
    const { engine } = this.#around;
    await engine.close(this.id);
    const saved = await this.#around.saved(this);
    if (saved) await engine.restore(this.id, saved.snapshot);
    else await engine.open(this.id, this.start);
    const given = this.nodes.filter(({ settings }) => settings === undefined).length;
    for (const { node, parent = 0, action = [], settings } of this.nodes.slice(saved?.nodes ?? given)) {
      const step = { session: this.id, from: parent, action, settings: withSettings(this.#settings, settings) };
      const again = await engine.step(step);
      if (again.node !== node) throw new Error(`node ${node} came back as ${again.node}`);
    }
  }
}

/** Settings with some of them changed. */
export function withSettings(settings: FullSettings, changes: Settings = {}): FullSettings {
  const { guidanceScale = settings.guidanceScale, numSteps = settings.numSteps, decoder = settings.decoder } = changes;
  return { guidanceScale, numSteps, decoder };
}

interface Wanted {
  readonly from: number;
  readonly row: readonly number[];
  readonly settings: FullSettings;
  readonly held?: HeldAction;
}

const wasClosed = (): ServingError => new ServingError("unknown-session", "this session was closed; open another one");

/** A session that the server has and the engine does not know was lost with the engine. */
function wasLost(error: unknown): boolean {
  return error instanceof EngineError && (error.code === "lost" || error.code === "unknown-session");
}
