// Resizes stored pictures and sets them between black bars, bytes to bytes: number for number what torch's bilinear resize of
// float32 levels gives (no antialiasing, pixel centres at half-integers, edges repeated), rounded half to even as torchvision does it.
// No tensors: it runs in the decoding threads, which do without libtorch.
//   H rows, W columns, C = 3 (red, green, blue), uint8
import { mixPicture, type MixedAxis } from "@vid2world/torch/pictures";
import { blackenAround, placeInside } from "./bars.js";
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
  const rows = mixedAxis(stored.height, inside.height, whole.height, positions);
  const columns = mixedAxis(stored.width, inside.width, whole.width, positions);
  const mixture = { rows, columns, reversed: bgr };
  const placed = { height: rows.first.length, width: columns.first.length };
  return (bytes, start, target, to) => {
    blackenAround(target, to, whole, placed);
    mixPicture({ bytes, start, stride: stored.width * 3, ...stored }, placeInside(target, to, whole, placed), mixture);
  };
}

/** What survives of an axis of `size` pixels on a ground of `whole`: only that is computed. */
function mixedAxis(oldSize: number, size: number, whole: number, positions: ResizePositions): MixedAxis {
  const { cut } = centredAt(size, whole);
  const count = Math.min(size, whole);
  const [first, second, far] = [new Int32Array(count), new Int32Array(count), new Float32Array(count)];
  const scale = Math.fround(oldSize / size);
  for (let i = 0; i < count; i++) {
    const exact = scale * (i + cut + 0.5) - 0.5;
    const place = oldSize === size ? i + cut : Math.max(0, positions === "float32" ? Math.fround(exact) : exact);
    first[i] = Math.min(Math.floor(place), oldSize - 1);
    second[i] = Math.min((first[i] as number) + 1, oldSize - 1);
    far[i] = place - (first[i] as number);
  }
  return { first, second, far };
}
