// Reads clips of an RT-1 episode as bytes: of the `.npz` file only the frames that are asked for, letterboxed, and their actions.
//   T frames, H rows, W columns, C = 3 (red, green, blue), A = 13 action numbers
import { FormatError } from "@vid2world/formats";
import type { NpyArray } from "@vid2world/formats/npy/dtypes";
import { readNpzRows } from "@vid2world/formats/npy/npz-rows";
import { byteLetterbox, type ResizePositions } from "../byte-letterbox.js";
import { checkSpan, takeRows, type Span } from "../spans.js";
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
  checkSpan(path, span, frames);
  const { start } = span;
  const end = start + (span.frames - 1) * span.stride + 1;
  const arrays = await readNpzRows(path, { names: ["image", "action"], start, end });
  const [image, action] = [arrays.get("image"), arrays.get("action")];
  if (image?.dtype !== "uint8" || image.data.length !== (end - start) * stored.height * stored.width * 3) {
    throw new FormatError(path, `image: expected [T ${stored.height} ${stored.width} 3] uint8`);
  }
  const local = { ...span, start: 0 };
  return {
    frames_THWC: takeRows(image.data as Uint8Array, stored.height * stored.width * 3, local),
    actions_TA: takeRows(checkedActions(path, action, start), RT1_ACTION_DIM, local),
  };
}

/** All actions of an episode [T A], each number checked. */
export async function readRt1Actions({ path, frames }: Pick<Rt1Files, "path" | "frames">): Promise<Float32Array> {
  const arrays = await readNpzRows(path, { names: ["action"], start: 0, end: frames });
  return checkedActions(path, arrays.get("action"), 0);
}

function checkedActions(path: string, action: NpyArray | undefined, firstRow: number): Float32Array {
  if (!(action?.data instanceof Float32Array || action?.data instanceof Float64Array)) {
    throw new FormatError(path, "action: expected [T 13] float");
  }
  const actions_TA = Float32Array.from(action.data);
  const bad = actions_TA.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return actions_TA;
  throw new FormatError(path, `action: row ${firstRow + Math.floor(bad / RT1_ACTION_DIM)} holds ${actions_TA[bad]}`);
}
