// Frames of a clip as one small JPEG, one below the other: what a page shows a piece of at a time.
import { encodeImage } from "@vid2world/formats";
import { fromTypedArray, scope, _upsampleBilinear2dAa } from "@vid2world/torch";
import type { PictureSize } from "../../data/transforms.js";

/** A strip with the size of its frames. */
export interface FrameStrip extends PictureSize {
  readonly frames: number;
  readonly jpeg: Uint8Array;
}

/** Wider pictures are made smaller: a page of many must stay one that can be mailed. */
const widest = 224;
/** JPEG pictures cannot be higher. */
const highest = 60_000;

/** The frames `indices` of T*H*W*3 bytes as a strip. */
export async function frameStrip(
  frames_THWC: Uint8Array,
  { height, width }: PictureSize,
  indices: readonly number[],
): Promise<FrameStrip> {
  const scale = Math.min(1, widest / width, highest / (height * indices.length));
  const size = { height: Math.max(1, Math.round(height * scale)), width: Math.max(1, Math.round(width * scale)) };
  const bytes = height * width * 3;
  const frames = indices.map((t) => resized(frames_THWC.subarray(t * bytes, (t + 1) * bytes), { height, width }, size));
  const image = { height: size.height * frames.length, width: size.width, data_HWC: Buffer.concat(frames) };
  return { ...size, frames: frames.length, jpeg: await encodeImage(image, "jpg", { quality: 80 }) };
}

function resized(frame: Uint8Array, from: PictureSize, to: PictureSize): Uint8Array {
  if (from.height === to.height && from.width === to.width) return frame;
  return scope(() => {
    const picture = fromTypedArray(frame, [1, from.height, from.width, 3]).permute([0, 3, 1, 2]).to("float32");
    const small = _upsampleBilinear2dAa(picture, [to.height, to.width], false).round().clamp({ min: 0, max: 255 });
    return small.to("uint8").permute([0, 2, 3, 1]).contiguous().toTypedArray() as Uint8Array;
  });
}
