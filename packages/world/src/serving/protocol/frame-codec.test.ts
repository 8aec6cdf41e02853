// Frames as bytes and back.
import { describe, expect, test } from "vitest";
import { type FrameMessage, decodeFrame, encodeFrame } from "./frame-codec.js";
import { clientMessageSchema } from "./messages.js";

const frame: FrameMessage = {
  format: "jpeg",
  node: 7,
  parent: 5,
  frame: 6,
  request: 3,
  sequence: 0,
  width: 160,
  height: 120,
  timings: { wait: 0.5, model: 30, decode: 2, encode: 1, sinceAction: 40 },
  batch: 2,
  action: Float32Array.of(1, -0.5, 0),
  pixels: Uint8Array.of(9, 8, 7, 6),
};

describe("a frame", () => {
  test("comes back as it was", () => {
    expect(decodeFrame(encodeFrame(frame))).toEqual(frame);
  });

  test("without parent, request and sequence comes back without them", () => {
    const { parent: _parent, request: _request, sequence: _sequence, ...context } = frame;
    expect(decodeFrame(encodeFrame(context))).toEqual(context);
  });

  test("comes back from the middle of a larger buffer", () => {
    const bytes = encodeFrame(frame);
    const larger = new Uint8Array(bytes.length + 5);
    larger.set(bytes, 5);
    expect(decodeFrame(larger.subarray(5))).toEqual(frame);
  });

  test("that is cut short, foreign or of another version says so", () => {
    const bytes = encodeFrame(frame);
    expect(() => decodeFrame(bytes.subarray(0, 20))).toThrow("not a frame: 20 bytes");
    expect(() => decodeFrame(new Uint8Array(100))).toThrow("not a frame");
    expect(() => decodeFrame(bytes.subarray(0, 60))).toThrow("a frame cut short: 60 bytes, its action ends at 68");
    expect(() => decodeFrame(bytes.with(4, 2))).toThrow("a frame of version 2");
    expect(() => decodeFrame(bytes.with(5, 9))).toThrow("unknown frame format 9");
  });
});

test("a request number that a frame cannot carry is no request", () => {
  const step = (request: number): boolean =>
    clientMessageSchema.safeParse({ type: "step", request, action: {} }).success;
  expect([step(0), step(0xffff_fffe), step(0xffff_ffff), step(2 ** 32 + 1), step(0.5)]).toEqual([true, true, false, false, false]); // prettier-ignore
});
