// The seam to the server: everything of its protocol that the page uses. Types, and the decoder of frames; the schemas stay on the server.
import type { WorldDescription } from "@vid2world/world/serving/protocol/messages";

export { decodeFrame } from "@vid2world/world/serving/protocol/frame-codec";
export type { FrameMessage, FrameTimings } from "@vid2world/world/serving/protocol/frame-codec";
export type { Uploaded } from "@vid2world/world/serving/protocol/http";
export type {
  Action,
  ClientMessageInput,
  ErrorCode,
  GalleryEntry,
  ServerMessage,
  SessionFile,
  SessionNode,
  SessionState,
  Settings,
  Start,
  WorldDescription,
} from "@vid2world/world/serving/protocol/messages";

/** One channel of the declared action space. */
export type Channel = NonNullable<WorldDescription["channels"]>[number];

/** Version of the protocol that this page speaks. */
export const PROTOCOL_VERSION = 1;
