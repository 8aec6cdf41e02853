// Resize of byte pictures, bit for bit as the Python library Pillow does it (and so torchvision with a PIL image): a filter
// stretched over the pixels it covers, rows first, then columns, in whole numbers, rounded to bytes in between.
//   H rows, W columns, C = 3 (red, green, blue), uint8
import type { RgbImage } from "@vid2world/formats";
import { coverageOf, PRECISION_BITS, TAPS, type PillowFilter } from "./pillow-coverage.js";
import type { PictureSize } from "./transforms.js";

/** Added before the bits are dropped, so that sums are rounded. */
const HALF = 1 << (PRECISION_BITS - 1);

/** Resizes a picture; the same size is the same picture. */
export function resizeLikePillow(
  image: RgbImage,
  { height, width }: PictureSize,
  filter: PillowFilter = "bilinear",
): RgbImage {
  const wide = image.width === width ? image : resizeRows(image, width, filter);
  return wide.height === height ? wide : resizeColumns(wide, height, filter);
}

function resizeRows({ data_HWC, height, width: oldWidth }: RgbImage, width: number, filter: PillowFilter): RgbImage {
  const { first, weights, taps } = coverageOf(oldWidth, width, filter);
  const result_HWC = new Uint8ClampedArray(height * width * 3); // it cuts to 0..255
  const resize = taps === TAPS ? resizeRow4 : resizeRow;
  for (let y = 0; y < height; y++) {
    resize(data_HWC, y * oldWidth * 3, result_HWC, y * width * 3, width, first, weights, taps);
  }
  return { data_HWC: new Uint8Array(result_HWC.buffer), height, width };
}

function resizeRow(
  source: Uint8Array,
  row: number,
  target: Uint8ClampedArray,
  to: number,
  width: number,
  first: Int32Array,
  weights: Int32Array,
  taps: number,
): void {
  for (let x = 0, out = to; x < width; x++, out += 3) {
    let from = row + (first[x] as number) * 3;
    let [red, green, blue] = [HALF, HALF, HALF];
    for (let tap = x * taps; tap < (x + 1) * taps; tap++, from += 3) {
      const weight = weights[tap] as number;
      red = (red + Math.imul(source[from] as number, weight)) | 0;
      green = (green + Math.imul(source[from + 1] as number, weight)) | 0;
      blue = (blue + Math.imul(source[from + 2] as number, weight)) | 0;
    }
    target[out] = red >> PRECISION_BITS;
    target[out + 1] = green >> PRECISION_BITS;
    target[out + 2] = blue >> PRECISION_BITS;
  }
}

/** The same with four taps written out, which is what halving a picture takes: twice as fast. */
function resizeRow4(
  source: Uint8Array,
  row: number,
  target: Uint8ClampedArray,
  to: number,
  width: number,
  first: Int32Array,
  weights: Int32Array,
): void {
  for (let x = 0; x < width; x++) {
    const [i, w] = [row + (first[x] as number) * 3, x * TAPS];
    const [a, b] = [weights[w] as number, weights[w + 1] as number];
    const [c, d] = [weights[w + 2] as number, weights[w + 3] as number];
    for (let k = 0; k < 3; k++) {
      const near = Math.imul(source[i + k + 3] as number, b) + Math.imul(source[i + k + 6] as number, c);
      const far = Math.imul(source[i + k] as number, a) + Math.imul(source[i + k + 9] as number, d);
      target[to + x * 3 + k] = ((near + far + HALF) | 0) >> PRECISION_BITS;
    }
  }
}

/** A whole row at a time, so that memory is read in order. */
function resizeColumns(
  { data_HWC, height: oldHeight, width }: RgbImage,
  height: number,
  filter: PillowFilter,
): RgbImage {
  const { first, weights, taps } = coverageOf(oldHeight, height, filter);
  const row = width * 3;
  const sums = new Int32Array(row);
  const result_HWC = new Uint8ClampedArray(height * row);
  for (let y = 0; y < height; y++) {
    const [from, w, to] = [(first[y] as number) * row, y * taps, y * row];
    if (taps === TAPS) {
      mixRows4(data_HWC, from, row, weights, w, result_HWC, to);
      continue;
    }
    sums.fill(HALF);
    for (let k = 0; k < taps; k++) addRow(data_HWC, from + k * row, weights[w + k] as number, sums);
    for (let i = 0; i < row; i++) result_HWC[to + i] = (sums[i] as number) >> PRECISION_BITS;
  }
  return { data_HWC: new Uint8Array(result_HWC.buffer), height, width };
}

function addRow(source: Uint8Array, from: number, weight: number, sums: Int32Array): void {
  for (let i = 0; i < sums.length; i++) {
    sums[i] = ((sums[i] as number) + Math.imul(source[from + i] as number, weight)) | 0;
  }
}

function mixRows4(
  source: Uint8Array,
  from: number,
  row: number,
  weights: Int32Array,
  w: number,
  target: Uint8ClampedArray,
  to: number,
): void {
  const [a, b] = [weights[w] as number, weights[w + 1] as number];
  const [c, d] = [weights[w + 2] as number, weights[w + 3] as number];
  for (let i = from, out = to; out < to + row; i++, out++) {
    const near = Math.imul(source[i + row] as number, b) + Math.imul(source[i + 2 * row] as number, c);
    const far = Math.imul(source[i] as number, a) + Math.imul(source[i + 3 * row] as number, d);
    target[out] = ((near + far + HALF) | 0) >> PRECISION_BITS;
  }
}
