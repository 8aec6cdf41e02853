import { fromTypedArray, liveTensors } from "@vid2world/torch";
import { describe, expect, it } from "vitest";
import { fitFrames, framesToTensor, tensorToFrames } from "./transforms.js";

const bytes = (batch: number, frames: number, height: number, width: number): Parameters<typeof framesToTensor>[0] => ({
  frames_BTHWC: Uint8Array.from({ length: batch * frames * height * width * 3 }, (_, i) => (i * 31 + (i >> 8)) & 255),
  batch,
  frames,
  height,
  width,
});

describe("bytes and numbers", () => {
  it("meet exactly at -1, 0.2 and 1, channels before rows", () => {
    const data = Uint8Array.of(0, 153, 255, 255, 0, 153); // two pixels in a row
    const x = framesToTensor({ frames_BTHWC: data, batch: 1, frames: 1, height: 1, width: 2 });
    expect(x.shape).toEqual([1, 1, 3, 1, 2]);
    const values = [...(x.toTypedArray() as Float32Array)];
    [-1, 1, 0.2, -1, 1, 0.2].forEach((value, i) => expect(values[i]).toBeCloseTo(value, 6));
  });

  it("come back unchanged, all 256 of them, and leave no tensor behind", () => {
    const before = liveTensors();
    const data = bytes(2, 3, 5, 7);
    const x = framesToTensor(data);
    expect(tensorToFrames(x)).toEqual(data);
    x.dispose();
    expect(liveTensors()).toEqual(before);
  });

  it("are clipped and rounded to the nearest on the way to bytes", () => {
    const values = Float32Array.of(-3, 3, 0.4999 / 127.5 - 1);
    const x = fromTypedArray(values, [1, 1, 3, 1, 1]);
    expect([...tensorToFrames(x).frames_BTHWC]).toEqual([0, 255, 0]);
  });

  it("refuse data of another size", () => {
    expect(() => framesToTensor({ ...bytes(1, 1, 2, 2), width: 3 })).toThrow(
      /frames_BTHWC: expected 1 x 1 x 2 x 3 x 3/,
    );
  });
});

describe("fitting the picture size", () => {
  it("fills by repeating the edge, and is undone by the original size", () => {
    const x = framesToTensor(bytes(1, 2, 120, 160));
    const filled = fitFrames(x, { height: 128, width: 160 });
    expect(filled.shape).toEqual([1, 2, 3, 128, 160]);
    const [data, wide] = [x.toTypedArray() as Float32Array, filled.toTypedArray() as Float32Array];
    expect(wide.subarray(0, 160)).toEqual(data.subarray(0, 160)); // four rows above repeat the first
    expect(wide.subarray(3 * 160, 4 * 160)).toEqual(data.subarray(0, 160));
    expect(wide.subarray(4 * 160, 124 * 160)).toEqual(data.subarray(0, 120 * 160));
    expect(wide.subarray(127 * 160, 128 * 160)).toEqual(data.subarray(119 * 160, 120 * 160));
    expect(fitFrames(filled, { height: 120, width: 160 }).toTypedArray()).toEqual(data);
  });

  it("cuts one axis from the centre while it fills the other, odd differences included", () => {
    const x = fromTypedArray(Float32Array.of(1, 2, 3, 4), [1, 1, 1, 1, 4]);
    const y = fitFrames(x, { height: 2, width: 1 });
    expect([y.shape, [...(y.toTypedArray() as Float32Array)]]).toEqual([
      [1, 1, 1, 2, 1],
      [2, 2],
    ]);
    const odd = fitFrames(x, { height: 1, width: 7 });
    expect([...(odd.toTypedArray() as Float32Array)]).toEqual([1, 1, 2, 3, 4, 4, 4]);
    expect(fitFrames(odd, { height: 1, width: 4 }).toTypedArray()).toEqual(x.toTypedArray());
  });
});
