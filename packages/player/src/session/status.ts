// How the page stands with its server and session: one of these at a time.
import type { ErrorCode } from "../protocol.js";

/** What the page is doing, or waiting for. */
export type Status =
  | { readonly kind: "loading" }
  /** The server wants a token; `wrong`: another one than it was given. */
  | { readonly kind: "token"; readonly wrong: boolean }
  | { readonly kind: "unreachable"; readonly message: string }
  | { readonly kind: "choosing" }
  | { readonly kind: "opening"; readonly what: string }
  | { readonly kind: "queued"; readonly position: number }
  | { readonly kind: "ready" }
  /** The connection was lost, or refused because of `why`; it is tried again. */
  | { readonly kind: "lost"; readonly why?: string }
  /** Another tab goes on with the session. */
  | { readonly kind: "taken" }
  /** It ended, and does not go on by itself. */
  | { readonly kind: "ended"; readonly code: ErrorCode; readonly message: string };

/** Something to be told once. */
export interface Notice {
  readonly id: number;
  readonly tone: "good" | "plain" | "bad";
  readonly text: string;
}

/** Titles of ends, for people. */
export const END_TITLES: Partial<Record<ErrorCode, string>> = {
  "server-full": "Every place is taken",
  "out-of-memory": "The device is out of memory",
  "engine-failed": "The engine stopped",
  "shutting-down": "The server is shutting down",
  "too-many-frames": "This session is full",
  "wrong-protocol": "This page is of another version than its server",
  "wrong-origin": "The server does not take requests from this address",
  "unknown-session": "That session is gone",
  "unknown-start": "That start is gone",
  "bad-upload": "That file cannot be used",
  "too-large": "That file is too large",
  "too-fast": "Too many requests",
};
