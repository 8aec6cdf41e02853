// A session as bytes: what the server knows of it, its first frames, and the engine's snapshot, signed, so that only what a server of the same
// store made is ever given to an engine.
//
//   offset 0   8 bytes   "V2WSESS1"
//          8   32 bytes  HMAC-SHA256 of all that follows, by the store's secret
//          40  u32       length of the head, little-endian
//          44  ...       head, JSON; then the context's frames; then the snapshot, if any, to the end

import { createHmac, timingSafeEqual } from "node:crypto";
import type { EngineStart, FullSettings } from "../engine.js";
import type { SessionNode } from "../protocol/messages.js";
import { ServingError } from "./serving-error.js";

/** Everything that makes a session what it is, but for what the engine knows of it. */
export interface SessionRecord {
  readonly id: string;
  readonly seed: number;
  readonly start: EngineStart;
  /** Id of its start in the gallery. */
  readonly gallery?: string;
  /** True frames of the recording that follow the start. */
  readonly truthFrames: number;
  readonly nodes: readonly SessionNode[];
  readonly current: number;
  readonly fps: number;
  readonly settings: FullSettings;
  /** Nodes that are still to be made again, of a session file that is replayed. */
  readonly script: readonly SessionNode[];
  /** The node to stand at when they are made. */
  readonly scriptEnd?: number;
}

/** A session that can go on. */
export interface SavedSession {
  readonly record: SessionRecord;
  /** The engine's. Absent: nothing was drawn yet, and the session is its start. */
  readonly snapshot?: Uint8Array;
  /** sha256 of the world's weights: with others the snapshot means nothing. */
  readonly checksum: string;
}

interface Head {
  readonly record: Omit<SessionRecord, "start"> & { readonly start: Omit<SessionRecord["start"], "frames"> };
  readonly frameBytes: number;
  readonly checksum: string;
}

const MAGIC = Buffer.from("V2WSESS1");
const SIGNED_FROM = 40;

/** The bytes of a saved session. */
export function packSession({ record, snapshot, checksum }: SavedSession, secret: Uint8Array): Uint8Array {
  const { frames, ...start } = record.start;
  const head: Head = { record: { ...record, start }, frameBytes: frames.length, checksum };
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  const body = [length, text, frames, ...(snapshot ? [snapshot] : [])];
  return Buffer.concat([MAGIC, sign(body, secret), ...body]);
}

/** The session in these bytes. Throws `bad-upload` where they are not a session that a server with this secret saved. */
export function unpackSession(bytes: Uint8Array, secret: Uint8Array): SavedSession {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < SIGNED_FROM + 4 || !view.subarray(0, 8).equals(MAGIC))
    throw new ServingError("bad-upload", "this is no snapshot of a session");
  const body = view.subarray(SIGNED_FROM);
  if (!timingSafeEqual(sign([body], secret), view.subarray(8, SIGNED_FROM)))
    throw new ServingError("bad-upload", "this snapshot was changed, or made by a server that this one shares no store with"); // prettier-ignore
  const textEnd = 4 + body.readUInt32LE(0);
  const { record, frameBytes, checksum } = JSON.parse(body.toString("utf8", 4, textEnd)) as Head;
  const frames = Uint8Array.from(body.subarray(textEnd, textEnd + frameBytes));
  const snapshot = body.subarray(textEnd + frameBytes);
  return {
    record: { ...record, start: { ...record.start, frames } },
    ...(snapshot.length > 0 && { snapshot }),
    checksum,
  };
}

function sign(parts: readonly Uint8Array[], secret: Uint8Array): Buffer {
  const mac = createHmac("sha256", secret);
  for (const part of parts) mac.update(part);
  return mac.digest();
}
