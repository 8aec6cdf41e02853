import { arange, fromTypedArray, liveTensors } from "@vid2world/torch";
import { expect, test } from "vitest";
import { tensorToFrames } from "./transforms.js";

test("channels come after columns, and nothing is left behind", () => {
  const before = liveTensors();
  {
    // One clip, one frame of one row and two columns: red 0 1, green 2 3, blue 4 5.
    using x_BTCHW = fromTypedArray(Float32Array.of(0, 1, 2, 3, 4, 5).map((level) => level / 127.5 - 1)).reshape([
      ...[1, 1, 3, 1, 2],
    ]);
    expect(tensorToFrames(x_BTCHW)).toEqual({
      ...{ batch: 1, frames: 1, height: 1, width: 2 },
      frames_BTHWC: Uint8Array.of(0, 2, 4, 1, 3, 5),
    });
  }
  expect(liveTensors() - before).toBeLessThanOrEqual(1); // the one before reshape, left to the garbage collector
});

test("each of the 256 levels comes back", () => {
  using x_BTCHW = arange(0, 256, { dtype: "float32" }).div(127.5).sub(1).repeat([3]).reshape([1, 1, 3, 16, 16]);
  const { frames_BTHWC } = tensorToFrames(x_BTCHW);
  expect([...frames_BTHWC]).toEqual(Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)));
});

test("values are clipped and rounded to the nearest", () => {
  using x_BTCHW = fromTypedArray(Float32Array.of(-3, 3, 0.4999 / 127.5 - 1), [1, 1, 3, 1, 1]);
  expect([...tensorToFrames(x_BTCHW).frames_BTHWC]).toEqual([0, 255, 0]);
});
