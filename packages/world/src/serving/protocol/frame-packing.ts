// Several frames in one answer of HTTP, and in the place of one that could not be drawn, why. Needs neither Node nor a library.

import { type FrameMessage, decodeFrame } from "./frame-codec.js";
import type { ErrorCode } from "./messages.js";

/** Why there is no frame in this place. */
export interface FrameFailure {
  readonly error: { readonly code: ErrorCode; readonly message: string };
}

/** Media type of several binary frames, or JSON objects in place of those that failed, each after its length (u32, little-endian). */
export const FRAMES_TYPE = "application/vnd.vid2world.frames";

/** Binary frames and failures one after the other, each after its length. */
export function packFrames(outcomes: readonly (Uint8Array | FrameFailure)[]): Uint8Array<ArrayBuffer> {
  const frames = outcomes.map((one) => (one instanceof Uint8Array ? one : TEXT.encode(JSON.stringify(one))));
  const bytes = new Uint8Array(frames.reduce((sum, { length }) => sum + 4 + length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const frame of frames) {
    view.setUint32(at, frame.length, true);
    bytes.set(frame, at + 4);
    at += 4 + frame.length;
  }
  return bytes;
}

/** The frames in an answer, and why others are not; pixels are views of `bytes`. Throws a `RangeError` for bytes cut short. */
export function unpackFrames(bytes: Uint8Array): (FrameMessage | FrameFailure)[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: (FrameMessage | FrameFailure)[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 <= bytes.length ? at + 4 + view.getUint32(at, true) : Infinity;
    if (end > bytes.length) throw new RangeError(`frames cut short: ${bytes.length} bytes, the next ends at ${end}`);
    const one = bytes.subarray(at + 4, end);
    frames.push(one[0] === BRACE ? (JSON.parse(new TextDecoder().decode(one)) as FrameFailure) : decodeFrame(one));
    at = end;
  }
  return frames;
}

/** Frames begin with their name, JSON objects with this. */
const BRACE = 0x7b;
const TEXT = new TextEncoder();
