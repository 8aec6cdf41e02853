// Whoever looks at a session while it plays, and what is shown.

import type { EngineFrame, HeldAction } from "../engine.js";
import type { SessionNode, SessionState } from "../protocol/messages.js";
import type { ServingError } from "./serving-error.js";

/** A frame as it was drawn. */
export interface DrawnFrame {
  readonly node: SessionNode;
  readonly pixels: Uint8Array;
  readonly timings: EngineFrame["timings"];
  readonly batch: number;
  /** When it is in the session's journal: nobody is shown a frame that a server which is killed would forget. Never rejects. */
  readonly noted: Promise<void>;
  /** What was held when it was begun, where it was played by that. */
  readonly held?: HeldAction;
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
