// The videos show the right frame at the right time.

import { expect, test } from "vitest";
import { startAt } from "../starts.js";
import { spread, stripOf, truthBesideModel, variantsSideBySide } from "./compositions.js";

const [height, width, size] = [2, 2, 12];
const clip = {
  height,
  width,
  frames_THWC: Uint8Array.from({ length: 10 * size }, (_, i) => Math.floor(i / size)),
  actions_TA: new Float32Array(10),
};
const start = startAt("a", clip, 4, 2, 3);
const prediction_THWC = new Uint8Array(3 * size).fill(200);

/** Value of the pixel in the middle of panel `column` of `columns`. */
function panelValue(
  picture: { height: number; width: number; data_HWC: Uint8Array },
  column: number,
): number | undefined {
  // 4 pixels of border, then panels of 2 x 2 pixels enlarged once, then 4 pixels between.
  return picture.data_HWC[(22 * picture.width + 4 + column * (width + 4)) * 3];
}

test("known frames are shown on both sides, then the truth beside the prediction", () => {
  const pictures = [...truthBesideModel([{ start, prediction_THWC }], { height, width, scale: 1 })];
  expect(pictures).toHaveLength(5);
  expect(pictures.map((picture) => panelValue(picture, 0))).toEqual([2, 3, 4, 5, 6]);
  expect(pictures.map((picture) => panelValue(picture, 1))).toEqual([2, 3, 200, 200, 200]);
  expect(new Set(pictures.map(({ height: h, width: w }) => `${h}x${w}`)).size).toBe(1);
});

test("all variants begin with the same known frames", () => {
  const variants = [10, 20, 30, 40, 50].map((value) => ({
    label: `${value}`,
    frames_THWC: new Uint8Array(3 * size).fill(value),
  }));
  const pictures = [...variantsSideBySide(start, variants, { height, width, scale: 1 })];
  expect(pictures).toHaveLength(5);
  expect([0, 1, 2].map((column) => panelValue(pictures[0] as (typeof pictures)[0], column))).toEqual([2, 2, 2]);
  expect([0, 1, 2].map((column) => panelValue(pictures[4] as (typeof pictures)[0], column))).toEqual([10, 20, 30]);
});

test("a strip spreads its frames over the clip, ends included", () => {
  expect(spread(3, 8)).toEqual([0, 1, 2]);
  expect(spread(16, 4)).toEqual([0, 5, 10, 15]);
  expect(spread(5, 1)).toEqual([0]);
  expect(stripOf(clip.frames_THWC, 4, { height, width }).width).toBe(4 * (width + 2) - 2);
});
