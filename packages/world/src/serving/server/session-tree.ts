// What a session has become: its nodes, where it stands, how it goes on, and what of a replayed file is still to come. This, and what the engine
// knows, is all that is saved of it; what it does is played-session.ts's.

import { type EngineStep, type FullSettings, withSettings } from "../engine.js";
import type { SessionNode } from "../protocol/messages.js";
import type { Position } from "./journal-entry.js";
import type { SessionRecord } from "./saved-session.js";
import { ServingError } from "./serving-error.js";

/** A frame that is wanted. */
export interface Wanted {
  readonly from: number;
  readonly row: EngineStep["action"];
  readonly settings: FullSettings;
}

/** The tree of a session. */
export class SessionTree {
  /** The node to go on from. */
  current: number;
  /** Of the frames to come. */
  settings: FullSettings;
  fps: number;
  readonly #fixed: Pick<SessionRecord, "id" | "seed" | "start" | "gallery" | "truthFrames" | "scriptEnd">;
  readonly #nodes: Map<number, SessionNode>;
  #script: SessionNode[];

  constructor({ nodes, current, settings, fps, script, ...fixed }: SessionRecord) {
    this.#fixed = fixed;
    this.#nodes = new Map(nodes.map((node) => [node.node, node]));
    this.current = current;
    this.settings = settings;
    this.fps = fps;
    this.#script = [...script];
  }

  /** All nodes, in the order in which they were made. */
  get nodes(): SessionNode[] {
    return [...this.#nodes.values()];
  }

  /** How many there are. */
  get size(): number {
    return this.#nodes.size;
  }

  /** Nodes of a replayed file that are still to come. */
  get scripted(): number {
    return this.#script.length;
  }

  /** A node by its number. Throws `unknown-node`. */
  node(number: number): SessionNode {
    const node = this.#nodes.get(number);
    if (!node) throw new ServingError("unknown-node", `this session has no node ${number}`);
    return node;
  }

  /** A new node, which becomes the current one. */
  add(node: SessionNode): void {
    this.#nodes.set(node.node, node);
    this.current = node.node;
  }

  /** The next frame of a replayed file; undefined where there is none. */
  nextScripted(): Wanted | undefined {
    const next = this.#script.shift();
    if (!next) return undefined;
    const { parent = 0, action = [], settings } = next;
    const { seed: _, ...usual } = this.settings; // a frame without one had the session's
    return { from: parent, row: action, settings: withSettings(usual, settings) };
  }

  /** Stands where the player of a replayed file stood, after its last frame. */
  endScript(): void {
    const { scriptEnd } = this.#fixed;
    if (scriptEnd !== undefined && this.#nodes.has(scriptEnd)) this.current = scriptEnd;
  }

  /** Goes its own way instead of a replayed file's. */
  leaveScript(): void {
    this.#script = [];
  }

  /** How it stands, to be noted where that changes without a frame. */
  position(): Position {
    const { size, current, settings, fps, scripted } = this;
    return { nodes: size, current, settings, fps, scripted };
  }

  /** Everything needed to go on later, besides the engine's snapshot. */
  record(): SessionRecord {
    const { nodes, current, settings, fps } = this;
    return { ...this.#fixed, nodes, current, fps, settings, script: [...this.#script] };
  }
}
