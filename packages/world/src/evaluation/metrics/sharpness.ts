// How sharp predicted pictures are beside the true ones: PSNR rewards a blurred mean of what might be seen, this does not.
// Axes: T frames, H height, W width, C colours (RGB bytes).

import { invalid } from "@vid2world/formats";
import type { PictureSize } from "../../data/transforms.js";

/**
 * Mean absolute difference of neighbouring pixels (to the right and below, all colours) of pictures T*H*W*3 bytes, in steps of a byte.
 */
export function edgeContrast(frames_THWC: Uint8Array, { height, width }: PictureSize): number {
  const row = width * 3;
  const size = height * row;
  const frames = frames_THWC.length / size;
  if (!Number.isInteger(frames) || frames < 1)
    throw invalid("frames_THWC", `whole ${height} x ${width} RGB pictures, ${size} bytes each`, frames_THWC.length);
  let sum = 0;
  for (let start = 0; start < frames_THWC.length; start += size) {
    for (let i = start; i < start + size; i++) {
      const value = frames_THWC[i] ?? 0;
      if ((i - start) % row < row - 3) sum += Math.abs((frames_THWC[i + 3] ?? 0) - value);
      if (i < start + size - row) sum += Math.abs((frames_THWC[i + row] ?? 0) - value);
    }
  }
  return sum / (frames * 3 * (height * (width - 1) + (height - 1) * width));
}

/** Edge contrast of predictions as a share of that of the true pictures: below 1 blurred, above 1 noisier than the truth. */
export function sharpness(
  predictions: readonly Uint8Array[],
  targets: readonly Uint8Array[],
  size: PictureSize,
): number {
  const total = (clips: readonly Uint8Array[]): number =>
    clips.reduce((sum, clip) => sum + edgeContrast(clip, size), 0) / clips.length;
  return total(predictions) / total(targets);
}
