// Reads clips of an RT-1 episode as bytes: of the `.npz` file only the frames that are asked for, letterboxed, and their actions.
//   T frames, H rows, W columns, C = 3 (red, green, blue), A = 13 action numbers
import { FormatError } from "@vid2world/formats";
import { readNpz } from "@vid2world/formats/npy/npz";
import { byteLetterbox, type ResizePositions } from "../byte-letterbox.js";
import { takeRows, type Span } from "../spans.js";
import type { PictureSize } from "../transforms.js";

/** Numbers of an RT-1 action. */
export const RT1_ACTION_DIM = 13;

/** An episode's file and how its pictures are handed out. */
export interface Rt1Files extends PictureSize {
  readonly media: "rt1";
  readonly path: string;
  readonly frames: number;
  readonly stored: PictureSize;
  readonly inside: PictureSize;
  readonly positions: ResizePositions;
}

/** Frames and actions as they stand in the file. */
export interface StoredRt1Clip {
  /** uint8 [T H W 3] of the stored size. */
  readonly frames_THWC: Uint8Array;
  readonly actions_TA: Float32Array;
}

/** The letterboxed frames of a span, rounded to whole levels, and its actions. */
export async function readRt1ClipInto(files: Rt1Files, span: Span, target_THWC: Uint8Array): Promise<Float32Array> {
  const { frames_THWC, actions_TA } = await readStoredRt1(files, span);
  const { stored, inside, height, width, positions } = files;
  const letterbox = byteLetterbox({ stored, inside, whole: { height, width }, positions });
  const [oldBytes, bytes] = [stored.height * stored.width * 3, height * width * 3];
  for (let t = 0; t < span.frames; t++) letterbox(frames_THWC, t * oldBytes, target_THWC, t * bytes);
  return actions_TA;
}

/** Frames and actions of a span. */
export async function readStoredRt1(
  { path, stored, frames }: Pick<Rt1Files, "path" | "stored" | "frames">,
  span: Span,
): Promise<StoredRt1Clip> {
  const arrays = await readNpz(path, { names: ["image", "action"] });
  const images = arrays.get("image")?.data;
  if (!(images instanceof Uint8Array)) throw new FormatError(path, "image: expected [T H W 3] uint8");
  return {
    frames_THWC: takeRows(images, stored.height * stored.width * 3, span),
    actions_TA: takeRows(rt1Actions(path, frames, arrays), RT1_ACTION_DIM, span),
  };
}

/** All actions of an episode [T A], each number checked. */
export async function readRt1Actions({ path, frames }: Pick<Rt1Files, "path" | "frames">): Promise<Float32Array> {
  return rt1Actions(path, frames, await readNpz(path, { names: ["action"] }));
}

function rt1Actions(path: string, frames: number, arrays: Awaited<ReturnType<typeof readNpz>>): Float32Array {
  const data = arrays.get("action")?.data;
  if (!(data instanceof Float32Array || data instanceof Float64Array)) {
    throw new FormatError(path, "action: expected [T 13] float");
  }
  const actions_TA = Float32Array.from(data.subarray(0, frames * RT1_ACTION_DIM));
  const bad = actions_TA.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new FormatError(path, `action: row ${Math.floor(bad / RT1_ACTION_DIM)} holds ${actions_TA[bad]}`);
  return actions_TA;
}
