// Resize of byte pictures, bit for bit as the Python library Pillow does it (and so torchvision with a PIL image): a filter
// stretched over the pixels it covers, rows first, then columns, in whole numbers, rounded to bytes in between.
//   H rows, W columns, C = 3 (red, green, blue), uint8
import type { RgbImage } from "@vid2world/formats";
import type { PictureSize } from "./transforms.js";

/** Weights are whole numbers over 2^22: a byte times a weight, summed, stays below 2^31. */
const PRECISION_BITS = 32 - 8 - 2;
/** Added before the bits are dropped, so that sums are rounded. */
const HALF = 1 << (PRECISION_BITS - 1);

/** For each new pixel of an axis: which old pixels it covers, and their weights. */
interface Coverage {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** `taps` weights per new pixel. */
  readonly weights: Int32Array;
  readonly taps: number;
}

/** Pillow's filters that are needed here: a triangle, and the cubic with a = -1/2 (Keys 1981). */
export type PillowFilter = "bilinear" | "bicubic";

/** Resizes a picture; the same size is the same picture. */
export function resizeLikePillow(
  image: RgbImage,
  { height, width }: PictureSize,
  filter: PillowFilter = "bilinear",
): RgbImage {
  const wide = image.width === width ? image : resizeRows(image, width, filter);
  return wide.height === height ? wide : resizeColumns(wide, height, filter);
}

interface Kernel {
  /** Half its width, in units of the larger pixels. */
  readonly radius: number;
  readonly at: (distance: number) => number;
}

const kernels: Readonly<Record<PillowFilter, Kernel>> = {
  bilinear: { radius: 1, at: (x) => (x < 1 ? 1 - x : 0) },
  bicubic: {
    radius: 2,
    at: (x) => (x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? -0.5 * (((x - 5) * x + 8) * x - 4) : 0),
  },
};

function resizeRows({ data_HWC, height, width: oldWidth }: RgbImage, width: number, filter: PillowFilter): RgbImage {
  const { first, count, weights, taps } = coverage(oldWidth, width, filter);
  const result_HWC = new Uint8Array(height * width * 3);
  let out = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let from = (y * oldWidth + (first[x] as number)) * 3;
      let [red, green, blue] = [HALF, HALF, HALF];
      const last = x * taps + (count[x] as number);
      for (let tap = x * taps; tap < last; tap++, from += 3) {
        const weight = weights[tap] as number;
        red = (red + Math.imul(data_HWC[from] as number, weight)) | 0;
        green = (green + Math.imul(data_HWC[from + 1] as number, weight)) | 0;
        blue = (blue + Math.imul(data_HWC[from + 2] as number, weight)) | 0;
      }
      result_HWC[out++] = toByte(red);
      result_HWC[out++] = toByte(green);
      result_HWC[out++] = toByte(blue);
    }
  }
  return { data_HWC: result_HWC, height, width };
}

/** A whole row at a time, so that memory is read in order. */
function resizeColumns(
  { data_HWC, height: oldHeight, width }: RgbImage,
  height: number,
  filter: PillowFilter,
): RgbImage {
  const { first, count, weights, taps } = coverage(oldHeight, height, filter);
  const row = width * 3;
  const sums = new Int32Array(row);
  const result_HWC = new Uint8Array(height * row);
  for (let y = 0; y < height; y++) {
    sums.fill(HALF);
    for (let k = 0; k < (count[y] as number); k++) {
      const weight = weights[y * taps + k] as number;
      const from = ((first[y] as number) + k) * row;
      for (let i = 0; i < row; i++)
        sums[i] = ((sums[i] as number) + Math.imul(data_HWC[from + i] as number, weight)) | 0;
    }
    for (let i = 0; i < row; i++) result_HWC[y * row + i] = toByte(sums[i] as number);
  }
  return { data_HWC: result_HWC, height, width };
}

function toByte(sum: number): number {
  const value = sum >> PRECISION_BITS;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/** The filter in units of the larger pixels, normalised per new pixel. */
function coverage(oldSize: number, size: number, filter: PillowFilter): Coverage {
  const scale = oldSize / size;
  const kernel = kernels[filter];
  const stretch = Math.max(1, scale);
  const radius = kernel.radius * stretch;
  const taps = Math.ceil(radius) * 2 + 1;
  const first = new Int32Array(size);
  const count = new Int32Array(size);
  const weights = new Int32Array(size * taps);
  for (let i = 0; i < size; i++) {
    const centre = (i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - radius + 0.5));
    const high = Math.min(oldSize, Math.trunc(centre + radius + 0.5));
    const some = Array.from({ length: high - low }, (_, k) => {
      return kernel.at(Math.abs((k + low - centre + 0.5) * (1 / stretch)));
    });
    const total = some.reduce((sum, weight) => sum + weight, 0);
    first[i] = low;
    count[i] = high - low;
    some.forEach((weight, k) => {
      const whole = (weight / total) * 2 ** PRECISION_BITS;
      weights[i * taps + k] = Math.trunc(whole + Math.sign(whole) / 2);
    });
  }
  return { first, count, weights, taps };
}
