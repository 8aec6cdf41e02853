// Pictures of any size as first frames of a world: cut to its shape around the centre and resized.
//   K context frames, H rows, W columns, 3 colours, uint8

import sharp from "sharp";
import type { FrameSize } from "../frame-encoder.js";

/** A picture's bytes [H W 3] -> the same in another size. */
export async function fitFrame(pixels: Uint8Array, from: FrameSize, to: FrameSize): Promise<Uint8Array> {
  if (from.width === to.width && from.height === to.height) return pixels;
  const raw = { width: from.width, height: from.height, channels: 3 } as const;
  const { width, height } = to;
  const fitted = await sharp(pixels, { raw }).resize({ width, height, fit: "cover", kernel: "lanczos3" }).raw().toBuffer(); // prettier-ignore
  return new Uint8Array(fitted);
}

/** The newest K of some frames as one block; where there are fewer, the first is repeated before them: the world stood still. */
export function contextOf(frames: readonly Uint8Array[], contextFrames: number): Uint8Array {
  const [first] = frames;
  if (!first) throw new RangeError("no frame to start from");
  const missing = Math.max(0, contextFrames - frames.length);
  const context = [...Array.from({ length: missing }, () => first), ...frames].slice(-contextFrames);
  return Uint8Array.from(Buffer.concat(context));
}
