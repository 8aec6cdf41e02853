// One session as the server sees it: what is asked of it turn by turn, what is held, and asking the engine for its frames, one at a time. Knows
// neither HTTP nor WebSocket.

import { type Engine, type EngineStart, type HeldAction, isLost, type KeptFrame, withSettings } from "../engine.js"; // prettier-ignore
import type { SessionNode, SessionState, Settings } from "../protocol/messages.js";
import type { Position } from "./journal-entry.js";
import { Pace } from "./pace.js";
import type { SessionRecord } from "./saved-session.js";
import { SaveSchedule } from "./save-schedule.js";
import { ServingError, toServingError } from "./serving-error.js";
import type { DrawnFrame, SessionViewer } from "./session-viewer.js";
import { SessionTree, type Wanted } from "./session-tree.js";
import { type Spare, Turns } from "./turns.js";

/** What a session works with. */
export interface SessionSurroundings {
  readonly engine: Engine;
  readonly limits: { readonly frames: number; readonly waiting: number };
  /** Saves the session. Where that is not possible somebody else tells why. */
  readonly save: (session: PlayedSession) => Promise<void>;
  /** Keeps a frame until the session is saved again. Never rejects: somebody else tells what is wrong. */
  readonly note: (session: PlayedSession, frame: KeptFrame) => Promise<void>;
  /** The same of how it stands. */
  readonly notePosition: (session: PlayedSession, position: Position) => Promise<void>;
  /** Called with every frame drawn, and whenever the session is back after its engine was lost. */
  readonly onFrame?: (frame: DrawnFrame, session: PlayedSession) => void;
  readonly onRestored?: (session: PlayedSession) => void;
}

/** How often, and how long apart in milliseconds, an engine that is lost is asked again. */
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
  readonly #tree: SessionTree;
  readonly #turns: Turns;
  readonly #saving: SaveSchedule;
  #pace: Pace | undefined;
  #restoring = false;
  #viewer: SessionViewer | undefined;
  /** Why nothing more is done. */
  #end: ServingError | undefined;
  readonly #ended: Promise<void>;
  #tellEnded: () => void = () => undefined;
  #closed = false;
  #uses = 0;
  #lastUse = Date.now();

  /** The engine must know the session already. */
  constructor(record: SessionRecord, around: SessionSurroundings) {
    this.id = record.id;
    this.start = record.start;
    this.seed = record.seed;
    this.gallery = record.gallery;
    this.truthFrames = record.truthFrames;
    this.#around = around;
    this.#tree = new SessionTree(record);
    this.#saving = new SaveSchedule(record.nodes.length);
    this.#ended = new Promise((resolve) => (this.#tellEnded = resolve));
    this.#turns = new Turns(around.limits.waiting, () => this.#spare());
  }

  /** All nodes, in the order in which they were made. */
  get nodes(): SessionNode[] {
    return this.#tree.nodes;
  }

  /** How it stands. */
  get state(): SessionState {
    const phase = this.#restoring ? "restoring" : this.#pace ? "playing" : "paused";
    const { current, fps, settings } = this.#tree;
    return { phase, node: current, fps, settings };
  }

  /** Nodes of a replayed file that are still to come. */
  get scripted(): number {
    return this.#tree.scripted;
  }

  /** Whether it was closed, or is on its way to the store. */
  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** Milliseconds since it was last of use to anybody. */
  get idle(): number {
    return this.#viewer || this.#turns.running ? 0 : Date.now() - this.#lastUse;
  }

  /** How often it was of use: whoever looks twice sees whether it was meanwhile. */
  get uses(): number {
    return this.#uses;
  }

  /** A node by its number. Throws `unknown-node`. */
  node(number: number): SessionNode {
    return this.#tree.node(number);
  }

  /** Everything needed to go on later, besides the engine's snapshot. */
  record(): SessionRecord {
    return this.#tree.record();
  }

  /** From now on this viewer is told; another one is told that it was replaced. */
  attach(viewer: SessionViewer): void {
    this.used();
    if (this.#viewer !== viewer) {
      this.#viewer?.replaced();
      this.#tellHeld(undefined); // what the one before held, counted by its own numbers
    }
    this.#viewer = viewer;
    this.nudge();
  }

  /** The viewer is gone: the session stops after the frame in work and waits for its return. */
  detach(viewer: SessionViewer): void {
    if (this.#viewer !== viewer) return;
    this.used();
    this.#viewer = undefined;
    this.#tellHeld(undefined);
    this.#pace = undefined;
    this.nudge();
  }

  /** What is held now; every played frame from the next on is drawn with it. */
  hold(row: readonly number[], sequence: number): void {
    this.#tellHeld({ row, sequence, received: performance.now() });
  }

  #tellHeld(held: HeldAction | undefined): void {
    this.#around.engine.hold(this.id, held).catch(() => undefined); // the next frame tells what is wrong with the engine
  }

  /** Frames follow each other from now on. */
  play(fps?: number): Promise<SessionState> {
    return this.#stand(() => {
      this.#tree.fps = fps ?? this.#tree.fps;
      if (this.#viewer) this.#pace = new Pace(this.#tree.fps);
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
  step(row: readonly number[], from?: number, ready?: () => Promise<void> | undefined): Promise<DrawnFrame> {
    return this.inTurn(async () => {
      await this.#unlessEnded(ready?.());
      this.#tree.leaveScript();
      return this.#draw({ from: from ?? this.#tree.current, row, settings: this.#tree.settings });
    });
  }

  /**
   * Frames by several actions, each from the one before, as one request: nothing else of the session happens between them. Where one cannot
   * be drawn, `error` says why, and those before it are there all the same.
   */
  stepAll(
    rows: readonly (readonly number[])[],
    { from, settings = {} }: { readonly from?: number | undefined; readonly settings?: Settings | undefined } = {},
  ): Promise<{ readonly frames: DrawnFrame[]; readonly error?: unknown }> {
    return this.inTurn(async () => {
      const frames: DrawnFrame[] = [];
      const tree = this.#tree;
      tree.leaveScript();
      tree.settings = withSettings(tree.settings, settings);
      try {
        for (const [i, row] of rows.entries()) {
          if (this.#end) throw this.#end;
          const parent = i === 0 && from !== undefined ? from : tree.current;
          frames.push(await this.#draw({ from: parent, row, settings: tree.settings }));
        }
        return { frames };
      } catch (error) {
        await this.#notePosition(); // its settings are there without a frame of it perhaps
        return { frames, error };
      }
    });
  }

  /** Makes a node the current one, and pauses. */
  goTo(node: number): Promise<SessionState> {
    return this.#stand(() => {
      this.#tree.current = this.node(node).node;
      this.#pace = undefined;
      this.#tree.leaveScript();
    });
  }

  /** Changes settings from the next frame on. */
  change(settings: Settings): Promise<SessionState> {
    return this.#stand(() => {
      this.#tree.settings = withSettings(this.#tree.settings, settings);
    });
  }

  /** Changes how it stands, in its turn. Whoever is told of that finds it so even where the server is killed. */
  #stand(change: () => void): Promise<SessionState> {
    return this.inTurn(async () => {
      change();
      await this.#notePosition();
      return this.state;
    });
  }

  #notePosition(): Promise<void> {
    return this.#around.notePosition(this, this.#tree.position());
  }

  /** Runs something between two frames: nothing else of the session happens meanwhile. */
  inTurn<T>(task: () => T | Promise<T>): Promise<T> {
    this.used();
    return this.quietly(task).finally(() => this.used());
  }

  /** The same for what is of no use to anybody who plays: saving. */
  quietly<T>(task: () => T | Promise<T>): Promise<T> {
    return this.#end ? Promise.reject(this.#end) : this.#turns.take(task);
  }

  /** Somebody asked for it. */
  used(): void {
    this.#uses++;
    this.#lastUse = Date.now();
  }

  /** Asks the engine something in this session's name, again where the engine was lost meanwhile: it comes back with the session. Only in turn. */
  async ask<T>(question: (engine: Engine) => Promise<T>): Promise<T> {
    for (let tried = 1; ; tried++) {
      try {
        const answer = await question(this.#around.engine);
        if (tried > 1) this.engineRestored();
        return answer;
      } catch (error) {
        if (!isLost(error) || this.#end || tried === TRIES) throw error;
        this.engineIs("gone");
        await this.#unlessEnded(new Promise((resolve) => setTimeout(resolve, TRY_AGAIN)));
      }
    }
  }

  /** The engine's process went or came back; it puts the session back itself when it is next asked for it. */
  engineIs(now: "gone" | "back"): void {
    if (this.#restoring === (now === "gone")) return;
    this.#restoring = now === "gone";
    this.#viewer?.stateChanged(this.state);
  }

  /** The engine has put the session back. */
  engineRestored(): void {
    this.#restoring = false;
    this.#viewer?.restored(this.state);
    this.#around.onRestored?.(this);
  }

  /** Ends it for now: no frame is begun any more, what waits is refused for this reason, and `last` is its last turn. */
  async retire<T>(reason: ServingError, last: () => Promise<T>): Promise<T> {
    if (this.#end) throw this.#end;
    this.#stop(reason);
    return this.#turns.take(last);
  }

  /** Ends it: what waits for its turn is refused, and after the frame in work the engine forgets it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#end) this.#stop(new ServingError("unknown-session", "this session was closed; open another one"));
    await this.#around.engine.close(this.id).catch(() => undefined); // a lost engine has forgotten it already
  }

  #stop(reason: ServingError): void {
    this.#end = reason;
    this.#pace = undefined;
    this.#turns.refuse(reason);
    this.#tellEnded();
    this.nudge();
  }

  /** Waits, but no longer than the session lives. Throws why it ended. */
  async #unlessEnded(promise: Promise<void> | undefined): Promise<void> {
    if (promise) await Promise.race([promise, this.#ended]);
    if (this.#end) throw this.#end;
  }

  /** Looks whether there is something to do. */
  nudge(): void {
    this.#turns.nudge();
  }

  /** Between two requests: the next frame of a game, or waiting for its time or for room. */
  #spare(): Spare {
    if (!this.#pace) return undefined;
    if (this.#viewer?.hasRoom() !== true) return Infinity;
    const wait = this.#pace.wait();
    return wait > 0.5 ? wait : this.#playOne(this.#pace);
  }

  async #playOne(pace: Pace): Promise<void> {
    pace.beat();
    const scripted = this.#tree.nextScripted();
    const last = scripted !== undefined && this.#tree.scripted === 0;
    const next: Wanted = scripted ?? { from: this.#tree.current, row: "held", settings: this.#tree.settings };
    try {
      const frame = await this.#draw(next);
      this.#viewer?.played(frame);
    } catch (error) {
      this.#pace = undefined;
      if (this.#end) return; // what it was in work on is of no interest any more
      this.#viewer?.failed(toServingError(error));
      this.#viewer?.stateChanged(this.state);
    }
    if (!last) return;
    this.#pace = undefined;
    this.#tree.endScript();
    await this.#notePosition();
    this.#viewer?.stateChanged(this.state);
  }

  async #draw({ from, row, settings }: Wanted): Promise<DrawnFrame> {
    const { frames } = this.#around.limits;
    if (this.#tree.size >= frames)
      throw new ServingError("too-many-frames", `a session holds at most ${frames} frames; save it and begin another`);
    const parent = this.node(from);
    const step = { session: this.id, from, action: row, settings };
    const drawn = await this.ask((engine) => engine.step(step));
    const { node: number, pixels, timings, batch, action, held } = drawn;
    const node: SessionNode = { node: number, parent: from, frame: parent.frame + 1, action: [...action], settings };
    this.#tree.add(node);
    const { latent } = drawn;
    const noted = this.#around.note(this, { node: number, parent: from, action: node.action ?? [], settings, latent });
    const frame = { node, pixels, timings, batch, noted, ...(held && { held }) };
    this.#around.onFrame?.(frame, this);
    this.#saving.look(this.#tree.size, () => this.#around.save(this));
    return frame;
  }
}
