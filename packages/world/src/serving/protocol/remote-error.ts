// The one error of both clients, over HTTP and over WebSocket: the server refused, or could not.

import type { ErrorCode } from "./messages.js";

/** The server refused, or could not. */
export class RemoteError extends Error {
  override readonly name = "RemoteError";
  readonly code: ErrorCode;
  /** Of HTTP; absent over a WebSocket. */
  readonly status: number | undefined;

  constructor(code: ErrorCode, message: string, status?: number) {
    super(message);
    this.code = code;
    this.status = status;
  }
}
