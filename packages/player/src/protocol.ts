// The seam to the server: everything of its protocol that the page uses. Types and the two clients; the schemas stay on the server.
import type { WorldDescription } from "@vid2world/world/serving/protocol/messages";

export { RemoteError, remoteWorld } from "@vid2world/world/serving/protocol/client";
export type { RemoteSession, RemoteWorld } from "@vid2world/world/serving/protocol/client";
export { ConnectionLostError, playOver } from "@vid2world/world/serving/protocol/play-socket";
export type {
  PlayAnswers,
  PlayNews,
  PlayRequest,
  PlayStatement,
  PlaySocket,
  SocketLike,
} from "@vid2world/world/serving/protocol/play-socket";
export type { FrameMessage, FrameTimings } from "@vid2world/world/serving/protocol/frame-codec";
export type {
  Action,
  ErrorCode,
  GalleryEntry,
  OpenedSession,
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
