// Reading clips of an episode as bytes, for every kind of source. What says where an episode is, is plain data: it goes to the decoding
// threads, which do without libtorch, so nothing here knows tensors.
//   T frames, H rows, W columns, C = 3 (red, green, blue), A numbers per action
import { invalid } from "@vid2world/formats";
import type { CsgoFiles } from "./csgo/csgo-clips.js";
import type { FrameFiles, ReadFramesOptions } from "./frames.js";
import type { ReconFiles } from "./recon/recon-clips.js";
import type { Rt1Files } from "./rt1/rt1-clips.js";
import { checkSpan, takeRows, type Span } from "./spans.js";
import type { StillFiles } from "./stills/still-clips.js";

/** Where an episode's pictures are, and their actions where they stand in the same files. `height` and `width` are what is handed out. */
export type ClipFiles = FrameFiles | Rt1Files | CsgoFiles | ReconFiles | StillFiles;

/** Bytes of a number of frames. */
export function clipBytes(
  { height, width }: { readonly height: number; readonly width: number },
  frames: number,
): number {
  return frames * height * width * 3;
}

/**
 * Reads the frames of a span into `target_THWC` (shared memory or not) and gives its actions [T A], or undefined where they are no part of
 * these files, as in own recordings. Every error is a FormatError with the file's name.
 */
export async function readClipInto(
  files: ClipFiles,
  span: Span,
  target_THWC: Uint8Array,
  options: ReadFramesOptions = {},
): Promise<Float32Array | undefined> {
  const bytes = clipBytes(files, span.frames);
  if (target_THWC.length !== bytes) throw invalid("target_THWC", `${bytes} bytes`, `${target_THWC.length} bytes`);
  checkSpan(files.path, span, files.frames);
  // A thread loads the readers that it needs: the first batch is there a second earlier than with all of them.
  switch (files.media) {
    case "rt1":
      return (await import("./rt1/rt1-clips.js")).readRt1ClipInto(files, span, target_THWC);
    case "csgo":
      return (await import("./csgo/csgo-clips.js")).readCsgoClipInto(files, span, target_THWC);
    case "recon":
      return (await import("./recon/recon-clips.js")).readReconClipInto(files, span, target_THWC);
    case "still":
      return (await import("./stills/still-clips.js")).readStillInto(files, span, target_THWC);
    default:
      await readRecorded(files, span, target_THWC, options);
      return undefined;
  }
}

async function readRecorded(
  files: FrameFiles,
  span: Span,
  target_THWC: Uint8Array,
  options: ReadFramesOptions,
): Promise<void> {
  const { readFramesInto } = await import("./frames.js");
  const { start, frames, stride } = span;
  const range = { start, end: start + (frames - 1) * stride + 1 };
  if (stride === 1) return readFramesInto(files, range, target_THWC, options);
  const all_THWC = new Uint8Array(clipBytes(files, range.end - range.start)); // a decoder gives what lies between as well
  await readFramesInto(files, range, all_THWC, options);
  target_THWC.set(takeRows(all_THWC, clipBytes(files, 1), { ...span, start: 0 }));
}
