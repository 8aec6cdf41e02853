// Animated GIF from RGB frames, over sharp: the one moving picture that TensorBoard shows.
// Axes: T frames, H rows, W columns, C colours (uint8).
import { invalid } from "./errors.js";

/** Size and rate of the frames. */
export interface EncodeGifOptions {
  readonly height: number;
  readonly width: number;
  /** Frames per second; a GIF counts in hundredths of a second. */
  readonly fps: number;
}

/** Encodes frames, T*H*W*3 bytes, as a GIF that repeats for ever. Colours are reduced to 256. */
export async function encodeGif(
  frames_THWC: Uint8Array,
  { height, width, fps }: EncodeGifOptions,
): Promise<Uint8Array> {
  const frames = frames_THWC.length / (height * width * 3);
  if (!Number.isInteger(frames) || frames < 1)
    throw invalid("frames_THWC", `whole ${width}x${height} RGB frames, at least one`, frames_THWC);
  if (!(fps > 0)) throw invalid("fps", "a positive number", fps);
  // Browsers slow anything faster than 50 a second down to 10.
  const delay = Math.max(20, Math.round(100 / fps) * 10);
  const raw = { width, height: height * frames, channels: 3 as const, pageHeight: height };
  const { default: sharp } = await import("sharp"); // as image.ts does
  return sharp(frames_THWC, { raw, limitInputPixels: false })
    .gif({ loop: 0, keepDuplicateFrames: true, delay: Array.from({ length: frames }, () => delay) })
    .toBuffer();
}
