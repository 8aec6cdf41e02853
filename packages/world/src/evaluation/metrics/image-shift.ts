// How far the picture moved sideways between two frames, by matching bands of grey pixels; plain typed arrays, no tensors.
// Axes: H height, W width, C colour (RGB, uint8), V view angle (columns of the unrolled band).

import { invalid } from "@vid2world/formats";

/** Options of {@link imageShift}. Every length is relative, so the same settings fit every picture size. */
export interface ImageShiftOptions {
  /** Height of the picture in pixels. */
  readonly height: number;
  /** Width of the picture in pixels. */
  readonly width: number;
  /** Rows that are compared, as shares of the height. The default leaves out the weapon and the ground below it. */
  readonly band?: readonly [top: number, bottom: number];
  /** Horizontal field of view in degrees; with it the picture is unrolled onto a cylinder, where a turn is a pure shift. */
  readonly fieldOfView?: number;
  /** Largest shift looked for, as a share of the width. */
  readonly maxShift?: number;
}

/** A measured sideways movement. */
export interface ImageShift {
  /**
   * Pixels that the middle of the picture moved, to the right positive. Turning the camera *left* moves what is seen to
   * the *right*: a left turn is a positive shift, a right turn a negative one.
   */
  readonly shift: number;
  /** Correlation of the two pictures at that shift, -1..1. */
  readonly correlation: number;
  /** `correlation` less that of the best clearly different shift: near zero where the answer is ambiguous. */
  readonly margin: number;
  /** Whether the match is good and unambiguous enough to be counted, see {@link minimumCorrelation} and {@link minimumMargin}. */
  readonly confident: boolean;
}

/** A match below this correlation is not counted (calibrated on the bundled recordings, see the test beside this file). */
export const minimumCorrelation = 0.7;
/** A match whose runner-up is nearer than this is not counted: repeating textures match at several shifts. */
export const minimumMargin = 0.05;

/** Rows of the unrolled band: enough to tell textures apart, few enough to be quick. */
const bandRows = 24;
/** Two pictures that overlap less than this share of the width say nothing about each other. */
const minimumOverlap = 0.3;

interface Band {
  readonly columns: number;
  readonly values_RV: Float64Array;
}

/**
 * Sideways movement of the picture from `before_HWC` to `after_HWC` (RGB bytes, H*W*3 each): the shift with the highest
 * normalised cross-correlation over a band of rows. Means and variances are taken over the overlap of each candidate, so
 * neither brightness nor a flash matters.
 *
 * ```ts
 * const { shift, confident } = imageShift(frame0, frame1, { height: 120, width: 160, fieldOfView: 90 });
 * ```
 */
export function imageShift(before_HWC: Uint8Array, after_HWC: Uint8Array, options: ImageShiftOptions): ImageShift {
  const { height, width, band: rows = [0.1, 0.6], fieldOfView, maxShift = 0.6 } = options;
  for (const [name, picture] of [
    ["before_HWC", before_HWC],
    ["after_HWC", after_HWC],
  ] as const) {
    if (picture.length !== height * width * 3) {
      throw invalid(name, `${height} x ${width} x 3 bytes`, `${picture.length} bytes`);
    }
  }
  const before = unroll(before_HWC, height, width, rows, fieldOfView);
  const after = unroll(after_HWC, height, width, rows, fieldOfView);
  const reach = Math.min(Math.round(maxShift * width), Math.floor((1 - minimumOverlap) * width));
  const correlations = Float64Array.from({ length: 2 * reach + 1 }, (_, index) =>
    correlationAt(before, after, index - reach),
  );

  const best = indexOfMaximum(correlations, () => true);
  // A peak is a few pixels wide; its own flanks are no rival.
  const flank = Math.max(3, Math.round(width / 16));
  const rival = indexOfMaximum(correlations, (index) => Math.abs(index - best) > flank);
  const correlation = correlations[best] ?? 0;
  const margin = correlation - (correlations[rival] ?? 0);
  return {
    shift: centrePixels(best - reach, width, fieldOfView),
    correlation,
    margin,
    confident: correlation >= minimumCorrelation && margin >= minimumMargin,
  };
}

/** Shifts between all consecutive frames of a clip: T frames in, T - 1 shifts out. `frames_THWC`: RGB bytes. */
export function imageShifts(frames_THWC: Uint8Array, options: ImageShiftOptions): ImageShift[] {
  const size = options.height * options.width * 3;
  const frames = Math.floor(frames_THWC.length / size);
  return Array.from({ length: Math.max(0, frames - 1) }, (_, t) =>
    imageShift(
      frames_THWC.subarray(t * size, (t + 1) * size),
      frames_THWC.subarray((t + 1) * size, (t + 2) * size),
      options,
    ),
  );
}

/** Grey values of the chosen rows, sampled by view angle where the field of view is known, else by pixel. */
function unroll(
  picture_HWC: Uint8Array,
  height: number,
  width: number,
  [top, bottom]: readonly [number, number],
  fieldOfView: number | undefined,
): Band {
  const values_RV = new Float64Array(bandRows * width);
  const half = fieldOfView === undefined ? 0 : (fieldOfView * Math.PI) / 360;
  const focal = half === 0 ? 0 : width / 2 / Math.tan(half);
  for (let column = 0; column < width; column++) {
    const angle = half * ((2 * (column + 0.5)) / width - 1);
    const x = half === 0 ? column : width / 2 + focal * Math.tan(angle) - 0.5;
    for (let row = 0; row < bandRows; row++) {
      const planar = (top + ((bottom - top) * (row + 0.5)) / bandRows - 0.5) * height;
      // Away from the middle a cylinder sees the same height stretched by 1 / cos.
      values_RV[row * width + column] = grey(
        picture_HWC,
        height,
        width,
        height / 2 + planar / Math.cos(angle) - 0.5,
        x,
      );
    }
  }
  return { columns: width, values_RV };
}

/** Sum of the three colours at a fractional place, bilinear, clamped to the picture. */
function grey(picture_HWC: Uint8Array, height: number, width: number, y: number, x: number): number {
  const y0 = Math.min(Math.max(Math.floor(y), 0), height - 2);
  const x0 = Math.min(Math.max(Math.floor(x), 0), width - 2);
  const fy = Math.min(Math.max(y - y0, 0), 1);
  const fx = Math.min(Math.max(x - x0, 0), 1);
  const at = (row: number, column: number): number => {
    const i = (row * width + column) * 3;
    return (picture_HWC[i] ?? 0) + (picture_HWC[i + 1] ?? 0) + (picture_HWC[i + 2] ?? 0);
  };
  return (
    (1 - fy) * ((1 - fx) * at(y0, x0) + fx * at(y0, x0 + 1)) +
    fy * ((1 - fx) * at(y0 + 1, x0) + fx * at(y0 + 1, x0 + 1))
  );
}

/** Pearson correlation of `before` and `after` moved back by `shift` columns, over the columns that both have. */
function correlationAt(before: Band, after: Band, shift: number): number {
  const { columns } = before;
  const from = Math.max(0, -shift);
  const to = Math.min(columns, columns - shift);
  let [n, sumA, sumB, sumAA, sumBB, sumAB] = [0, 0, 0, 0, 0, 0];
  for (let row = 0; row < bandRows; row++) {
    for (let column = from; column < to; column++) {
      const a = before.values_RV[row * columns + column] ?? 0;
      const b = after.values_RV[row * columns + column + shift] ?? 0;
      n++;
      sumA += a;
      sumB += b;
      sumAA += a * a;
      sumBB += b * b;
      sumAB += a * b;
    }
  }
  const varianceA = sumAA - (sumA * sumA) / n;
  const varianceB = sumBB - (sumB * sumB) / n;
  // One grey level of noise per pixel: a wall of one colour correlates with nothing.
  const floor = n;
  return (sumAB - (sumA * sumB) / n) / Math.sqrt((varianceA + floor) * (varianceB + floor));
}

function indexOfMaximum(values: Float64Array, allowed: (index: number) => boolean): number {
  let best = -1;
  for (let index = 0; index < values.length; index++) {
    if (allowed(index) && (best < 0 || (values[index] ?? 0) > (values[best] ?? 0))) best = index;
  }
  return best;
}

/** Columns of the unrolled picture -> pixels at the middle of the flat one. */
function centrePixels(columns: number, width: number, fieldOfView: number | undefined): number {
  if (fieldOfView === undefined) return columns;
  const half = (fieldOfView * Math.PI) / 360;
  return (Math.tan((columns * 2 * half) / width) * width) / 2 / Math.tan(half);
}
