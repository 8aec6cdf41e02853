// What was drawn of a session since it was saved last, as bytes that only ever grow at their end: one entry per frame, each signed, so that
// what a killed server leaves is read as far as it is whole.
//
//   u32      length of what follows the signature, little-endian
//   32 bytes HMAC-SHA256 of the session's id and what follows, by the store's secret
//   u32      length of the head
//   ...      head, JSON: node, parent, action, settings; then the latent, float32

import { createHmac, timingSafeEqual } from "node:crypto";
import type { KeptFrame } from "../engine.js";

const HEAD_FROM = 36;

/** A frame as an entry. */
export function packEntry(id: string, { latent, ...head }: KeptFrame, secret: Uint8Array): Uint8Array {
  const text = Buffer.from(JSON.stringify(head));
  const body = [u32(text.length), text, new Uint8Array(latent.buffer, latent.byteOffset, latent.byteLength)];
  const length = body.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([u32(length), sign(id, body, secret), ...body]);
}

/** The frames of a journal, up to the first entry that is not whole. */
export function readJournal(id: string, bytes: Uint8Array, secret: Uint8Array): KeptFrame[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: KeptFrame[] = [];
  for (let at = 0; at + HEAD_FROM <= view.length;) {
    const end = at + HEAD_FROM + view.readUInt32LE(at);
    const body = view.subarray(at + HEAD_FROM, end);
    if (end > view.length || !timingSafeEqual(sign(id, [body], secret), view.subarray(at + 4, at + HEAD_FROM))) break;
    const textEnd = 4 + body.readUInt32LE(0);
    const head = JSON.parse(body.toString("utf8", 4, textEnd)) as Omit<KeptFrame, "latent">;
    frames.push({ ...head, latent: new Float32Array(Uint8Array.from(body.subarray(textEnd)).buffer) });
    at = end;
  }
  return frames;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function sign(id: string, parts: readonly Uint8Array[], secret: Uint8Array): Buffer {
  const mac = createHmac("sha256", secret).update(`journal of ${id}\n`);
  for (const part of parts) mac.update(part);
  return mac.digest();
}
