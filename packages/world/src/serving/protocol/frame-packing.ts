// Several frames in one answer of HTTP. Needs neither Node nor a library.

import { type FrameMessage, decodeFrame } from "./frame-codec.js";

/** Media type of several binary frames, each after its length (u32, little-endian). */
export const FRAMES_TYPE = "application/vnd.vid2world.frames";

/** Binary frames one after the other, each after its length. */
export function packFrames(frames: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
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

/** The frames in an answer; pixels are views of `bytes`. Throws a `RangeError` for bytes cut short. */
export function unpackFrames(bytes: Uint8Array): FrameMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: FrameMessage[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 <= bytes.length ? at + 4 + view.getUint32(at, true) : Infinity;
    if (end > bytes.length) throw new RangeError(`frames cut short: ${bytes.length} bytes, the next ends at ${end}`);
    frames.push(decodeFrame(bytes.subarray(at + 4, end)));
    at = end;
  }
  return frames;
}
