// What was drawn of a session since it was saved last, as bytes that only ever grow at their end: one entry per frame, each signed, so that
// what a killed server leaves is read as far as it is whole.
//
//   u32      length of what follows the signature, little-endian
//   32 bytes HMAC-SHA256 of what it is (a frame, a position), the session's id and what follows, by the store's secret
//   u32      length of the head
//   ...      head, JSON: node, parent, action, settings; then the latent, float32
//
// Where a session stands is an entry of the same form, alone in its journal, without a latent.

import { createHmac, timingSafeEqual } from "node:crypto";
import type { KeptFrame } from "../engine.js";
import type { SessionRecord } from "./saved-session.js";

const HEAD_FROM = 36;

/** How a session stands between two frames. */
export interface Position extends Pick<SessionRecord, "current" | "settings" | "fps"> {
  /** How many nodes there are: with more, it was before the newest frame. */
  readonly nodes: number;
  /** Nodes of a replayed file that are still to come. */
  readonly scripted: number;
}

/** A frame as an entry. */
export function packEntry(id: string, { latent, ...head }: KeptFrame, secret: Uint8Array): Uint8Array {
  return pack(head, new Uint8Array(latent.buffer, latent.byteOffset, latent.byteLength), `journal of ${id}`, secret);
}

/** A position as an entry. */
export function packPosition(id: string, position: Position, secret: Uint8Array): Uint8Array {
  return pack(position, new Uint8Array(), `position of ${id}`, secret);
}

/** The frames of a journal, up to the first entry that is not whole. */
export function readJournal(id: string, bytes: Uint8Array, secret: Uint8Array): KeptFrame[] {
  return [...entries(bytes, `journal of ${id}`, secret)].map(({ head, rest }): KeptFrame => {
    return { ...(head as Omit<KeptFrame, "latent">), latent: new Float32Array(Uint8Array.from(rest).buffer) };
  });
}

/** The position in a journal; undefined where there is none, or none that is whole. */
export function readPosition(id: string, bytes: Uint8Array, secret: Uint8Array): Position | undefined {
  const [entry] = entries(bytes, `position of ${id}`, secret);
  return entry?.head as Position | undefined;
}

function pack(head: object, rest: Uint8Array, of: string, secret: Uint8Array): Uint8Array {
  const text = Buffer.from(JSON.stringify(head));
  const body = [u32(text.length), text, rest];
  const length = body.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([u32(length), sign(of, body, secret), ...body]);
}

function* entries(bytes: Uint8Array, of: string, secret: Uint8Array): Generator<{ head: unknown; rest: Uint8Array }> {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + HEAD_FROM <= view.length;) {
    const end = at + HEAD_FROM + view.readUInt32LE(at);
    const body = view.subarray(at + HEAD_FROM, end);
    if (end > view.length || !timingSafeEqual(sign(of, [body], secret), view.subarray(at + 4, at + HEAD_FROM))) return;
    const textEnd = 4 + body.readUInt32LE(0);
    yield { head: JSON.parse(body.toString("utf8", 4, textEnd)), rest: body.subarray(textEnd) };
    at = end;
  }
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function sign(of: string, parts: readonly Uint8Array[], secret: Uint8Array): Buffer {
  const mac = createHmac("sha256", secret).update(`${of}\n`);
  for (const part of parts) mac.update(part);
  return mac.digest();
}
