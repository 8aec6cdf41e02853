// Frames as pictures: JPEG or WebP by sharp, off the main thread, or the bytes as they are.
//   H rows, W columns, 3 colours, uint8

import sharp from "sharp";
import type { FrameFormat } from "../protocol/messages.js";

/** Size of a world's frames. */
export interface FrameSize {
  readonly width: number;
  readonly height: number;
}

/** Media types by format, for HTTP. */
export const mediaTypes: Record<FrameFormat, string> = {
  jpeg: "image/jpeg",
  webp: "image/webp",
  rgb: "application/octet-stream",
};

/** H*W*3 bytes -> the bytes of a picture. */
export async function encodePicture(
  pixels: Uint8Array,
  { width, height }: FrameSize,
  format: FrameFormat,
): Promise<Uint8Array> {
  if (format === "rgb") return pixels;
  const picture = sharp(pixels, { raw: { width, height, channels: 3 } });
  // Full chroma: game worlds have thin coloured edges, and at these sizes it costs few bytes.
  return format === "jpeg"
    ? picture.jpeg({ quality: 88, chromaSubsampling: "4:4:4" }).toBuffer()
    : picture.webp({ quality: 88, effort: 1 }).toBuffer();
}
