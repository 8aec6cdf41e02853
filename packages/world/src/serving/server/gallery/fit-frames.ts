// Pictures of any size as first frames of a world: cut to its shape around the centre and resized.
//   K context frames, H rows, W columns, 3 colours, uint8

import { probeVideo, readVideo } from "@vid2world/formats";
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

/** What first frames are made for. */
export interface ContextSize extends FrameSize {
  readonly contextFrames: number;
}

/** The beginning of a video as first frames; `check` may refuse its pictures by their size before any is decoded. */
export async function contextOfVideo(
  file: string,
  to: ContextSize,
  { threads, check }: { readonly threads?: number; readonly check?: (pictures: FrameSize) => void } = {},
): Promise<{ readonly frames: Uint8Array; readonly found: number }> {
  const { width, height, frames: found } = await probeVideo(file);
  check?.({ width, height });
  const end = Math.min(found, to.contextFrames);
  const { frames_THWC } = await readVideo(file, { end, ...(threads !== undefined && { threads }) });
  const size = width * height * 3;
  const frames = Array.from({ length: end }, (_, t) => frames_THWC.subarray(t * size, (t + 1) * size));
  const fitted = await Promise.all(frames.map((frame) => fitFrame(frame, { width, height }, to)));
  return { frames: contextOf(fitted, to.contextFrames), found };
}
