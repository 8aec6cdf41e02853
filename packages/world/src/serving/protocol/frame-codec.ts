// Frames as binary messages: a head of fixed size, the action that led to the frame, then its pixels. Needs neither Node nor a library.
//
// All numbers are little-endian.
//   offset 0   4 bytes  "V2WF"
//          4   u8       version, 1
//          5   u8       format: 0 rgb, 1 jpeg, 2 webp
//          6   u16      A, number of action values
//          8   u32      node
//         12   u32      parent (0xffffffff: none)
//         16   u32      number of the frame, counted from the first context frame
//         20   u32      request that asked for it (0xffffffff: none, it was played)
//         24   u32      sequence of the newest `action` message that it knew of (0xffffffff: none)
//         28   u16      width
//         30   u16      height
//         32   5 * f32  milliseconds: waited for its turn, model, decode, encode, and since the action was received
//         52   u32      frames computed in the same pass (batch)
//         56   A * f32  the action, one value per channel
//         ...           pixels, to the end

import type { FrameFormat } from "./messages.js";

/** A frame on its way to a client. */
export interface FrameMessage {
  readonly format: FrameFormat;
  readonly node: number;
  readonly parent?: number;
  readonly frame: number;
  readonly request?: number;
  readonly sequence?: number;
  readonly width: number;
  readonly height: number;
  readonly timings: FrameTimings;
  readonly batch: number;
  /** One value per channel, in order; empty where no action led here. */
  readonly action: Float32Array;
  readonly pixels: Uint8Array;
}

/** Where the time of a frame went, milliseconds. */
export interface FrameTimings {
  readonly wait: number;
  readonly model: number;
  readonly decode: number;
  readonly encode: number;
  /** Since the newest action that it knew of was received by the server. */
  readonly sinceAction: number;
}

const FORMATS: readonly FrameFormat[] = ["rgb", "jpeg", "webp"];
const MAGIC = 0x46573256; // "V2WF", little-endian
const HEAD_BYTES = 56;
const NONE = 0xffff_ffff;

/** A frame as the bytes of one binary message. */
export function encodeFrame(message: FrameMessage): Uint8Array<ArrayBuffer> {
  const { action, pixels, timings } = message;
  const bytes = new Uint8Array(HEAD_BYTES + 4 * action.length + pixels.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint8(4, 1);
  view.setUint8(5, FORMATS.indexOf(message.format));
  view.setUint16(6, action.length, true);
  const { node, parent = NONE, frame, request = NONE, sequence = NONE } = message;
  [node, parent, frame, request, sequence].forEach((value, i) => view.setUint32(8 + 4 * i, value, true));
  view.setUint16(28, message.width, true);
  view.setUint16(30, message.height, true);
  const { wait, model, decode, encode, sinceAction } = timings;
  [wait, model, decode, encode, sinceAction].forEach((value, i) => view.setFloat32(32 + 4 * i, value, true));
  view.setUint32(52, message.batch, true);
  action.forEach((value, i) => view.setFloat32(HEAD_BYTES + 4 * i, value, true));
  bytes.set(pixels, HEAD_BYTES + 4 * action.length);
  return bytes;
}

/** The frame in a binary message; its pixels are a view of `bytes`. Throws a `RangeError` that says what is wrong with them. */
export function decodeFrame(bytes: Uint8Array): FrameMessage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEAD_BYTES || view.getUint32(0, true) !== MAGIC)
    throw new RangeError(
      `not a frame: ${bytes.length} bytes that do not begin with "V2WF" and a head of ${HEAD_BYTES}`,
    );
  if (view.getUint8(4) !== 1)
    throw new RangeError(`a frame of version ${view.getUint8(4)}; this program reads version 1`);
  const format = FORMATS[view.getUint8(5)];
  if (format === undefined) throw new RangeError(`unknown frame format ${view.getUint8(5)}`);
  const begin = HEAD_BYTES + 4 * view.getUint16(6, true);
  if (bytes.length < begin)
    throw new RangeError(`a frame cut short: ${bytes.length} bytes, its action ends at ${begin}`);
  const [node = 0, parent = NONE, frame = 0, request = NONE, sequence = NONE] = [8, 12, 16, 20, 24].map((offset) =>
    view.getUint32(offset, true),
  );
  const [wait = 0, model = 0, decode = 0, encode = 0, sinceAction = 0] = [32, 36, 40, 44, 48].map((offset) =>
    view.getFloat32(offset, true),
  );
  const action = Float32Array.from({ length: (begin - HEAD_BYTES) / 4 }, (_, i) =>
    view.getFloat32(HEAD_BYTES + 4 * i, true),
  );
  return {
    format,
    node,
    ...(parent !== NONE && { parent }),
    frame,
    ...(request !== NONE && { request }),
    ...(sequence !== NONE && { sequence }),
    width: view.getUint16(28, true),
    height: view.getUint16(30, true),
    timings: { wait, model, decode, encode, sinceAction },
    batch: view.getUint32(52, true),
    action,
    pixels: bytes.subarray(begin),
  };
}
