// Where a picture lies between black bars, in bytes.
//   H rows, W columns, C = 3 (red, green, blue), uint8
import type { PicturePlace } from "@vid2world/torch/pictures";
import { centredAt } from "./centre.js";
import type { PictureSize } from "./transforms.js";

/** The place of a picture of a size in the centre of the whole, whose bytes begin at `to`. */
export function placeInside(
  target: Uint8Array,
  to: number,
  whole: PictureSize,
  { height, width }: PictureSize,
): PicturePlace {
  const stride = whole.width * 3;
  const [above, left] = [centredAt(height, whole.height).before, centredAt(width, whole.width).before];
  return { bytes: target, start: to + above * stride + left * 3, stride };
}

/** Blackens what lies around that place. */
export function blackenAround(target: Uint8Array, to: number, whole: PictureSize, inside: PictureSize): void {
  const { start, stride } = placeInside(target, to, whole, inside);
  target.fill(0, to, start);
  for (let y = 0; y < inside.height; y++) {
    const after = start + y * stride + inside.width * 3;
    const next = y + 1 < inside.height ? start + (y + 1) * stride : to + whole.height * stride;
    target.fill(0, after, next);
  }
}
