// The seam between the server and what computes frames. The server knows nothing of tensors: it talks to an `Engine`, which is a process of
// its own in production (a crash never takes the server down) and may be in the same process in tests and for library use.
//
// A session is a tree of nodes, as in protocol/messages.ts. `step` goes on from any node by an action and makes a new one; what it shows
// depends only on the path to it. Steps of several sessions that are asked for at once are computed as one batch.

import type { SessionState, Settings, WorldDescription } from "./protocol/messages.js";

/** Settings with none left out; `seed` is absent for the session's own. */
export type FullSettings = SessionState["settings"];

/** Settings with some of them changed. */
export function withSettings(settings: FullSettings, changes: Settings = {}): FullSettings {
  const { guidanceScale = settings.guidanceScale, numSteps = settings.numSteps, decoder = settings.decoder } = changes;
  const { seed = settings.seed } = changes;
  return { guidanceScale, numSteps, decoder, ...(seed !== undefined && { seed }) };
}

/** What the engine knows of its world; the server adds its own limits. */
export type EngineWorld = Omit<WorldDescription, "limits" | "protocol"> & {
  /** sha256 over the weights and everything else that decides on its frames: a replay is exact only with the same. */
  readonly checksum: string;
  /** Fewest and most denoising steps that a frame may have. */
  readonly stepsRange: readonly [least: number, most: number];
  /** Bytes that every frame of a session takes for as long as the session lives. */
  readonly latentBytes: number;
};

/** Where a session starts. */
export interface EngineStart {
  /** K*H*W*3 bytes in the world's frame size, oldest first. */
  readonly frames: Uint8Array;
  /** K - 1 rows, one value per channel; absent: at rest. */
  readonly actions?: readonly (readonly number[])[];
  readonly seed: number;
  /** Settings of the first step; absent: the world's own. */
  readonly settings?: Settings;
}

/** What a session's player holds. */
export interface HeldAction {
  /** One value per channel. */
  readonly row: readonly number[];
  /** The caller's, and told back with the frames that it led to: number of the message that told it, `performance.now()` when that came. */
  readonly sequence: number;
  readonly received: number;
}

/** A step asked of the engine. */
export interface EngineStep {
  readonly session: string;
  /** The node to go on from. */
  readonly from: number;
  /** One value per channel; or what is held in the session (`hold`) in the moment in which the pass begins that draws the frame, at rest if nothing is. */
  readonly action: readonly number[] | "held";
  /** Settings this frame is drawn with. */
  readonly settings: FullSettings;
}

/** A drawn frame. */
export interface EngineFrame {
  readonly node: number;
  readonly parent: number;
  /** Number of the frame, counted from the first context frame. */
  readonly frame: number;
  /** What it was drawn with, one value per channel, and where that was held, what was. */
  readonly action: readonly number[];
  readonly held?: HeldAction;
  /** H*W*3 bytes. */
  readonly pixels: Uint8Array;
  /** Milliseconds: before the batch began, in the network, in the decoder. */
  readonly timings: { readonly wait: number; readonly model: number; readonly decode: number };
  /** Sessions whose frames were computed in the same pass. */
  readonly batch: number;
  /** C*h*w numbers, of which the picture was made: with them the session can go on elsewhere. */
  readonly latent: Float32Array;
}

/** A frame that was drawn before, as a journal keeps it. */
export interface KeptFrame extends Pick<EngineFrame, "node" | "parent" | "action" | "latent"> {
  readonly settings: FullSettings;
}

/** Use of an engine. */
export interface EngineLoad {
  /** Engines that run; fewer than there are while one is started again. */
  readonly engines: number;
  readonly sessions: number;
  /** Tensors and snapshots of all sessions, bytes. */
  readonly sessionBytes: number;
  readonly residentBytes: number;
  /** JavaScript objects of the engine processes, bytes, and tensors that nobody has freed, the weights among them. */
  readonly heapBytes: number;
  readonly liveTensors: number;
  readonly framesDrawn: number;
}

/** Use of an engine of which nothing is known yet. */
export const noLoad: EngineLoad = {
  ...{ engines: 0, sessions: 0, sessionBytes: 0, residentBytes: 0, heapBytes: 0, liveTensors: 0, framesDrawn: 0 },
};

/** How a session is written down. */
export interface SnapshotOptions {
  /**
   * For one that plays on: with what the network remembered at one node at most, of some frames ago if that is at hand. Whoever goes on from it
   * waits a little longer, as more is computed again; who plays now does not wait.
   */
  readonly quick?: boolean;
}

/** Computes frames for many sessions. All methods reject with an `EngineError` where the caller's request is at fault or the engine is lost. */
export interface Engine {
  readonly world: EngineWorld;
  /** Begins a session named by the caller; its context frames become nodes 0 to K - 1. */
  open(session: string, start: EngineStart): Promise<void>;
  step(step: EngineStep): Promise<EngineFrame>;
  /** What a session's player holds from now on, for steps by `"held"`; absent: nothing. Sessions that are not known are no error. */
  hold(session: string, held: HeldAction | undefined): Promise<void>;
  /**
   * The picture of any node once more, H*W*3 bytes: as it was shown, or by another decoder (absent: the one it was shown by; context frames
   * are as they were given).
   */
  picture(session: string, node: number, decoder?: FullSettings["decoder"]): Promise<Uint8Array>;
  /** Everything needed to go on exactly from any node of the session, on this engine or another one of the same world. */
  snapshot(session: string, how?: SnapshotOptions): Promise<Uint8Array>;
  /** Puts a session back under a name; nodes keep their numbers. */
  restore(session: string, snapshot: Uint8Array): Promise<void>;
  /** Adds frames to a session that were drawn elsewhere since its snapshot, in the order of their numbers; those that it has are passed over. */
  append(session: string, frames: readonly KeptFrame[]): Promise<void>;
  /** Forgets a session; unknown names are no error. */
  close(session: string): Promise<void>;
  /** Answers soon, if need be with what it knew last. */
  load(): Promise<EngineLoad>;
  /** Frees everything, after the steps in work. */
  shutdown(): Promise<void>;
}

/** What went wrong: `lost` engines come back by themselves, their sessions with them, and may then be asked once more. */
export type EngineErrorCode =
  | "unknown-session"
  | "unknown-node"
  | "bad-action"
  | "bad-settings"
  | "bad-start"
  | "bad-snapshot"
  | "out-of-memory"
  | "lost"
  | "failed";

/** A request that the engine could not fulfil. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: EngineErrorCode;

  constructor(code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whether an engine went before it answered. */
export const isLost = (error: unknown): error is EngineError => error instanceof EngineError && error.code === "lost";
