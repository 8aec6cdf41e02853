// The one error of both clients, over HTTP and over WebSocket: the server refused, or could not.

import type { FrameMessage } from "./frame-codec.js";
import type { ErrorCode } from "./messages.js";

/** The server refused, or could not. */
export class RemoteError extends Error {
  override readonly name = "RemoteError";
  readonly code: ErrorCode;
  /** Of HTTP; absent over a WebSocket. */
  readonly status: number | undefined;
  /** Of a request for several frames over HTTP: those that were drawn all the same, each in its place. */
  readonly frames: readonly (FrameMessage | undefined)[];

  constructor(code: ErrorCode, message: string, status?: number, frames: RemoteError["frames"] = []) {
    super(message);
    this.code = code;
    this.status = status;
    this.frames = frames;
  }
}
