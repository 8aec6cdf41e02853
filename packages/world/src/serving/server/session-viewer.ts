// Whoever looks at a session while it plays, and what is shown.

import type { EngineFrame } from "../engine.js";
import type { SessionNode, SessionState } from "../protocol/messages.js";
import type { ServingError } from "./serving-error.js";

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
