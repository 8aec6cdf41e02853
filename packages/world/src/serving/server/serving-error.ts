// What the server refuses or fails at, as clients are told it: a code, and a message for people that holds nothing of the machine.

import { EngineError, type EngineErrorCode } from "../engine.js";
import type { ErrorCode } from "../protocol/messages.js";

/** An error that a client is told of. Its message goes out as it is: it must name no path and no other client's data. */
export class ServingError extends Error {
  override readonly name = "ServingError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What a client is told where the engine refuses or fails: never the engine's own words. */
const ENGINE_ERRORS: Record<EngineErrorCode, readonly [ErrorCode, string]> = {
  "unknown-session": ["unknown-session", "the engine does not know this session any more; open a new one"],
  "unknown-node": ["unknown-node", "this session has no such node"],
  "bad-action": ["bad-action", "the world cannot take this action; GET /api/v1/world lists its channels"],
  "bad-settings": ["bad-message", "frames cannot be drawn with these settings; GET /api/v1/world says what there is"],
  "bad-snapshot": ["bad-upload", "this snapshot is not a session of this world"],
  "bad-start": ["bad-upload", "the world cannot start from this"],
  "out-of-memory": ["out-of-memory", "the engine has no memory left for this frame; close other sessions or try again"],
  lost: ["engine-failed", "the engine was lost and did not come back in time; try again"],
  failed: ["engine-failed", "the engine could not draw this frame"],
};

/** Any error as one that a client may see. What went wrong inside is its `cause`, for the log. */
export function toServingError(error: unknown): ServingError {
  if (error instanceof ServingError) return error;
  if (error instanceof EngineError) {
    const [code, message] = ENGINE_ERRORS[error.code];
    return new ServingError(code, message, { cause: error });
  }
  return new ServingError("internal", "a fault inside the server; its log says more", { cause: error });
}

const STATUS: Record<ErrorCode, number> = {
  "bad-message": 400,
  "wrong-protocol": 400,
  "wrong-token": 401,
  "wrong-origin": 403,
  "unknown-session": 404,
  "unknown-node": 404,
  "unknown-start": 404,
  "bad-action": 400,
  "bad-upload": 422,
  "too-large": 413,
  "too-fast": 429,
  "too-many-frames": 409,
  "server-full": 503,
  "out-of-memory": 507,
  "engine-failed": 502,
  "shutting-down": 503,
  internal: 500,
};

/** HTTP status of an error. */
export function httpStatus(code: ErrorCode): number {
  return STATUS[code];
}
