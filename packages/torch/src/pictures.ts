// Inner loops over byte pictures and decoding of JPEG, native but without libtorch: threads that only decode load nothing else of this
// package. Callers say what is mixed with which weights; no rule of resizing is known here.
//   C = 3 colours of a pixel, interleaved, uint8
import { createRequire } from "node:module";
import { addonPath } from "./addon-path.js";

/** Where a picture begins in a buffer, and how many bytes its rows lie apart. */
export interface PicturePlace {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly stride: number;
}

/** A picture, or a window of one, to read from. */
export interface PictureWindow extends PicturePlace {
  readonly height: number;
  readonly width: number;
}

/** For each new pixel of an axis two old ones and the share of the second, 0 to 1. */
export interface MixedAxis {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly far: Float32Array;
}

/** For each new pixel of an axis the first of the old ones that it covers, and their weights over 2^22, equally many for each. */
export interface CoveredAxis {
  readonly first: Int32Array;
  readonly weights: Int32Array;
}

/** The addon's functions, see native/src/pictures/addon.cc. */
interface NativePictures {
  mix(
    ...source: [Uint8Array, start: number, stride: number, height: number, width: number, reversed: boolean,
    target: Uint8Array, start: number, stride: number,
    above: Int32Array, below: Int32Array, far: Float32Array, left: Int32Array, right: Int32Array, far: Float32Array] // prettier-ignore
  ): void;
  cover(
    ...source: [Uint8Array, start: number, stride: number, height: number, width: number,
    target: Uint8Array, start: number, stride: number,
    columns: Int32Array, weights: Int32Array, rows: Int32Array, weights: Int32Array] // prettier-ignore
  ): void;
  /** Absent where the build found no libjpeg-turbo. */
  jpeg?(bytes: Uint8Array, target: Uint8Array): readonly [height: number, width: number] | undefined;
}

const native = createRequire(import.meta.url)(addonPath("vid2world_pictures")) as NativePictures;

/** Whether {@link decodeJpeg} decodes anything: whether libjpeg-turbo was there when the addon was built. */
export const decodesJpeg: boolean = native.jpeg !== undefined;

/** A decoded picture: red, green, blue, row by row. */
export interface DecodedPicture {
  readonly data_HWC: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/**
 * Decodes an ordinary JPEG picture in the calling thread, into `room` where that is large enough, else into new memory. Undefined for
 * anything else, which another reader has to judge: other formats, damage, four colours, an orientation or a colour profile to be applied.
 */
export function decodeJpeg(bytes: Uint8Array, room = new Uint8Array(0)): DecodedPicture | undefined {
  const size = native.jpeg?.(bytes, room);
  if (size === undefined) return undefined;
  const [height, width] = size;
  const length = height * width * 3;
  return length > room.length
    ? decodeJpeg(bytes, new Uint8Array(length))
    : { data_HWC: room.subarray(0, length), height, width };
}

/**
 * Each new pixel is a mixture of two columns and two rows, in float32 with the first product not rounded before a sum, as libtorch does
 * it on processors with fused multiply-add; rounded at the end, half to even. `reversed`: the source's colours come in the other order.
 */
export function mixPicture(
  { bytes, start, stride, height, width }: PictureWindow,
  target: PicturePlace,
  { rows, columns, reversed = false }: { rows: MixedAxis; columns: MixedAxis; reversed?: boolean },
): void {
  native.mix(
    ...[bytes, start, stride, height, width, reversed, target.bytes, target.start, target.stride] as const, // prettier-ignore
    ...([rows.first, rows.second, rows.far, columns.first, columns.second, columns.far] as const),
  );
}

/** Each new pixel is a weighted sum in whole numbers, along rows and then along columns, rounded to bytes in between as well. */
export function coverPicture(
  { bytes, start, stride, height, width }: PictureWindow,
  target: PicturePlace,
  { rows, columns }: { rows: CoveredAxis; columns: CoveredAxis },
): void {
  native.cover(
    ...[bytes, start, stride, height, width, target.bytes, target.start, target.stride] as const, // prettier-ignore
    ...([columns.first, columns.weights, rows.first, rows.weights] as const),
  );
}
