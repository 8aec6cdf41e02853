// Reads the pictures of an episode, from a video or from a folder of images, into memory that the caller owns.
//   T frames, H rows, W columns, C = 3 (red, green, blue), uint8
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { FormatError, invalid, readVideoInto } from "@vid2world/formats";
import { usePicture } from "./picture-file.js";

/** Where an episode's pictures are, and what its action file says that they are. Plain data: it goes to workers. */
export interface FrameFiles {
  readonly media: "video" | "images";
  /** The video file, or the folder of images. */
  readonly path: string;
  readonly actionsFile: string;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
}

/** Frames `start` up to but not including `end`. */
export interface FrameRange {
  readonly start: number;
  readonly end: number;
}

/** Options of reading frames. */
export interface ReadFramesOptions {
  /** Decoder threads; 0 (the default) leaves it to the decoder. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

/** Bytes of a number of frames of an episode. */
export function frameBytes({ height, width }: FrameFiles, frames: number): number {
  return frames * height * width * 3;
}

/**
 * Reads a range of frames into `target_THWC` (shared memory or not). Throws a FormatError that names the pictures and the
 * action file when they do not agree in length or size.
 */
export async function readFramesInto(
  files: FrameFiles,
  { start, end }: FrameRange,
  target_THWC: Uint8Array,
  options: ReadFramesOptions = {},
): Promise<void> {
  if (target_THWC.length !== frameBytes(files, end - start)) {
    throw invalid("target_THWC", `${frameBytes(files, end - start)} bytes`, `${target_THWC.length} bytes`);
  }
  const by = basename(files.actionsFile);
  if (files.media === "video") {
    const { width, height, frames } = files;
    await readVideoInto(files.path, target_THWC, { ...options, start, end, expect: { width, height, frames, by } });
    return;
  }
  const names = await imageNames(files.path);
  if (names.length !== files.frames) {
    throw new FormatError(files.path, `holds ${names.length} images, but ${by} announces ${files.frames} frames`);
  }
  const bytes = frameBytes(files, 1);
  for (const [i, name] of names.slice(start, end).entries()) {
    options.signal?.throwIfAborted();
    const file = join(files.path, name);
    await usePicture(file, ({ data_HWC, height, width }) => {
      if (height !== files.height || width !== files.width) {
        throw new FormatError(file, `is ${width}x${height}, but ${by} announces ${files.width}x${files.height}`);
      }
      target_THWC.set(data_HWC, i * bytes);
    });
  }
}

/** Image files of a folder in the order of their numbers: 2.png comes before 10.png. */
export async function imageNames(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => /\.(png|jpe?g|webp)$/i.test(name));
  return names.sort(new Intl.Collator("en", { numeric: true }).compare);
}
