// Reads a still image as a clip in bytes: one picture, letterboxed and repeated, with the action of rest.
//   T frames, H rows, W columns, C = 3 (red, green, blue), A action numbers
import { readImage } from "@vid2world/formats";
import { byteLetterbox, type ResizePositions } from "../byte-letterbox.js";
import { csgoInside } from "../csgo/csgo-clips.js";
import type { Span } from "../spans.js";
import type { PictureSize } from "../transforms.js";

/** A picture and how it is handed out. */
export interface StillFiles extends PictureSize {
  readonly media: "still";
  readonly path: string;
  /** How often it is repeated. */
  readonly frames: number;
  /** The action of every frame. */
  readonly action: readonly number[];
  readonly positions: ResizePositions;
}

/** The letterboxed picture, rounded to whole levels and repeated, and its actions. */
export async function readStillInto(
  { path, height, width, action, positions }: StillFiles,
  { frames }: Span,
  target_THWC: Uint8Array,
): Promise<Float32Array> {
  const { data_HWC, ...stored } = await readImage(path);
  const whole = { height, width };
  byteLetterbox({ stored, inside: csgoInside(whole), whole, positions })(data_HWC, 0, target_THWC, 0);
  const bytes = height * width * 3;
  for (let t = 1; t < frames; t++) target_THWC.copyWithin(t * bytes, 0, bytes);
  return Float32Array.from({ length: frames * action.length }, (_, i) => action[i % action.length] ?? 0);
}
