// Resizes stored pictures and sets them between black bars, bytes to bytes: number for number what torch's bilinear resize of
// float32 levels gives (no antialiasing, pixel centres at half-integers, edges repeated), rounded half to even as torchvision does it.
// No tensors: it runs in the decoding threads, which do without libtorch.
//   H rows, W columns, C = 3 (red, green, blue), uint8
import { centredAt } from "./centre.js";
import type { PictureSize } from "./transforms.js";

/**
 * How exactly libtorch knows where between two old pixels a new one lies: libtorch 1.13 computes it in float64, 2 in float32. One value
 * in some thousands differs by a level.
 */
export type ResizePositions = "float32" | "float64";

/** From which size, through which, to which. */
export interface ByteLetterboxOptions {
  readonly stored: PictureSize;
  /** Size of the picture inside the bars; what is larger than the whole is cut from the centre. */
  readonly inside: PictureSize;
  readonly whole: PictureSize;
  /** Blue, green, red in the file. */
  readonly bgr?: boolean;
  readonly positions: ResizePositions;
}

/** Sets the picture that begins at `from` of the source into the place at `to` of the target, bars included. */
export type ByteLetterbox = (source: Uint8Array, from: number, target: Uint8Array, to: number) => void;

/** Prepares the letterboxing of many pictures of one size. */
export function byteLetterbox({ stored, inside, whole, bgr = false, positions }: ByteLetterboxOptions): ByteLetterbox {
  const rows = axis(stored.height, inside.height, whole.height, positions);
  const columns = axis(stored.width, inside.width, whole.width, positions);
  if (!bgr && sameSize(stored, inside)) return copyRows(stored, whole, rows, columns);
  const across = spread(columns, bgr);
  const [oldRow, row] = [stored.width * 3, whole.width * 3];
  let [above, below] = [new Float32Array(across.left.length), new Float32Array(across.left.length)];

  return (source, from, target, to) => {
    const picture = target.subarray(to, to + whole.height * row);
    // It rounds what it is given half to even, in one instruction.
    const levels = new Uint8ClampedArray(picture.buffer, picture.byteOffset, picture.length);
    levels.fill(0, 0, rows.before * row);
    levels.fill(0, (rows.before + rows.first.length) * row);
    let [aboveIs, belowIs] = [-1, -1];
    for (let y = 0; y < rows.first.length; y++) {
      const [first, second] = [rows.first[y] as number, rows.second[y] as number];
      if (first !== aboveIs && first === belowIs) {
        [above, below, aboveIs, belowIs] = [below, above, belowIs, aboveIs];
      }
      if (first !== aboveIs) resizeRow(source, from + (aboveIs = first) * oldRow, across, above);
      if (second !== belowIs) resizeRow(source, from + (belowIs = second) * oldRow, across, below);
      const place = (rows.before + y) * row;
      const edge = place + columns.before * 3;
      mixRows(above, below, rows.near[y] as number, rows.far[y] as number, levels, edge);
      levels.fill(0, place, edge);
      levels.fill(0, edge + above.length, place + row);
    }
  };
}

function sameSize(a: PictureSize, b: PictureSize): boolean {
  return a.height === b.height && a.width === b.width;
}

/** Nothing to resize: rows are set between the bars, or cut, as they are. */
function copyRows(stored: PictureSize, whole: PictureSize, rows: Axis, columns: Axis): ByteLetterbox {
  const [oldRow, row, count] = [stored.width * 3, whole.width * 3, columns.first.length * 3];
  return (source, from, target, to) => {
    target.fill(0, to, to + whole.height * row);
    rows.first.forEach((first, y) => {
      const begin = from + first * oldRow + (columns.first[0] ?? 0) * 3;
      target.set(source.subarray(begin, begin + count), to + (rows.before + y) * row + columns.before * 3);
    });
  };
}

/** One axis: between which old pixels each new one lies, and their shares. */
interface Axis {
  /** Black pixels before the picture. */
  readonly before: number;
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly near: Float32Array;
  readonly far: Float32Array;
}

function axis(oldSize: number, size: number, whole: number, positions: ResizePositions): Axis {
  const { before, cut } = centredAt(size, whole);
  const count = Math.min(size, whole);
  const [first, second] = [new Int32Array(count), new Int32Array(count)];
  const [near, far] = [new Float32Array(count), new Float32Array(count)];
  const scale = Math.fround(oldSize / size);
  for (let i = 0; i < count; i++) {
    const exact = scale * (i + cut + 0.5) - 0.5;
    const place = oldSize === size ? i + cut : Math.max(0, positions === "float32" ? Math.fround(exact) : exact);
    first[i] = Math.min(Math.floor(place), oldSize - 1);
    second[i] = Math.min((first[i] as number) + 1, oldSize - 1);
    far[i] = place - (first[i] as number);
    near[i] = 1 - (far[i] as number);
  }
  return { before, first, second, near, far };
}

/** The columns' axis for every byte of a row, colours in the order of the result. */
interface Across {
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly near: Float32Array;
  readonly far: Float32Array;
}

function spread({ first, second, near, far }: Axis, bgr: boolean): Across {
  const colour = (k: number): number => (bgr ? 2 - (k % 3) : k % 3);
  const of = (values: Int32Array | Float32Array, k: number): number => values[Math.floor(k / 3)] as number;
  const count = first.length * 3;
  return {
    left: Int32Array.from({ length: count }, (_, k) => of(first, k) * 3 + colour(k)),
    right: Int32Array.from({ length: count }, (_, k) => of(second, k) * 3 + colour(k)),
    near: Float32Array.from({ length: count }, (_, k) => of(near, k)),
    far: Float32Array.from({ length: count }, (_, k) => of(far, k)),
  };
}

// The processor multiplies and adds in one step there: only the second product is rounded before the sum is.

function resizeRow(source: Uint8Array, from: number, { left, right, near, far }: Across, target: Float32Array): void {
  for (let k = 0; k < target.length; k++) {
    const product = Math.fround((source[from + (right[k] as number)] as number) * (far[k] as number));
    target[k] = (source[from + (left[k] as number)] as number) * (near[k] as number) + product;
  }
}

function mixRows(
  above: Float32Array,
  below: Float32Array,
  near: number,
  far: number,
  target: Uint8ClampedArray,
  to: number,
): void {
  for (let k = 0; k < above.length; k++) {
    const product = Math.fround((below[k] as number) * far);
    target[to + k] = Math.fround((above[k] as number) * near + product);
  }
}
