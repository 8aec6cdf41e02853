// The server's log: JSON lines, one per event. What tells who somebody is (tokens, keys) is never in it.

import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import pino, { type Logger } from "pino";

/** Where a log goes and how much it says. */
export interface ServerLogOptions {
  /** File that it is appended to, or the descriptor of an open stream (2: standard error). */
  readonly to: string | number;
  readonly level?: "debug" | "info" | "warn";
}

/** Opens a log. */
export function openServerLog({ to, level = "info" }: ServerLogOptions): Logger {
  if (typeof to === "string") mkdirSync(dirname(to), { recursive: true });
  const options = {
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: ["token", "key", "req.headers.authorization", "req.headers.cookie"],
  };
  return pino(options, pino.destination({ dest: to, append: true, sync: true }));
}
