// Reads clips of a CS:GO episode as bytes from the released hdf5 files: `frame_{i}_x` [150 280 3] uint8 (blue, green, red) and
// `frame_{i}_y` [51].
//   T frames, H rows, W columns, C = 3 (red, green, blue), A = 51 action numbers
import { FormatError } from "@vid2world/formats";
import { openHdf5, type Hdf5File } from "@vid2world/formats/hdf5";
import { byteLetterbox, type ResizePositions } from "../byte-letterbox.js";
import { checkSpan, type Span } from "../spans.js";
import type { PictureSize } from "../transforms.js";
import { CSGO_ACTION_DIM } from "./csgo-actions.js";

/** Size of the pictures in the files. */
export const CSGO_STORED: PictureSize = { height: 150, width: 280 };
/** Every file of the release holds this many frames. */
export const CSGO_EPISODE_FRAMES = 1000;

/** An episode's file and how its pictures are handed out. */
export interface CsgoFiles extends PictureSize {
  readonly media: "csgo";
  readonly path: string;
  readonly frames: number;
  readonly inside: PictureSize;
  readonly positions: ResizePositions;
  /** What lies behind the last frame: an error, or black frames and actions of zeros, which the published loader gives. */
  readonly pastEnd?: "error" | "black";
}

/** Size of the picture inside the bars: as wide as the whole, rows rounded up; for 320x512 the published 275x512. */
export function csgoInside({ width }: PictureSize): PictureSize {
  return { height: Math.ceil((CSGO_STORED.height * width) / CSGO_STORED.width), width };
}

/** The letterboxed frames of a span and its actions. */
export async function readCsgoClipInto(files: CsgoFiles, span: Span, target_THWC: Uint8Array): Promise<Float32Array> {
  using episode = await openHdf5(files.path);
  return readOpenCsgoClip(episode, files, span, target_THWC);
}

/** The same from an open file; `frames` is counted if it is not known. */
export function readOpenCsgoClip(
  episode: Hdf5File,
  {
    path,
    inside,
    height,
    width,
    positions,
    pastEnd = "error",
    ...files
  }: Omit<CsgoFiles, "frames"> & { frames?: number },
  span: Span,
  target_THWC: Uint8Array,
): Float32Array {
  const { start, frames, stride } = span;
  const held = files.frames ?? countCsgoFrames(episode, path);
  checkSpan(path, pastEnd === "black" ? { ...span, frames: 1 } : span, held);
  const letterbox = byteLetterbox({ stored: CSGO_STORED, inside, whole: { height, width }, bgr: true, positions });
  const bytes = height * width * 3;
  const actions_TA = new Float32Array(frames * CSGO_ACTION_DIM);
  for (let t = 0; t < frames; t++) {
    const i = start + t * stride;
    if (i >= held) {
      target_THWC.fill(0, t * bytes);
      break;
    }
    letterbox(readFrame(episode, path, i), 0, target_THWC, t * bytes);
    readAction(episode, path, i, actions_TA, t);
  }
  return actions_TA;
}

/** All actions of an open file [T A]. */
export function readCsgoActions(episode: Hdf5File, path: string): Float32Array {
  const actions_TA = new Float32Array(countCsgoFrames(episode, path) * CSGO_ACTION_DIM);
  for (let t = 0; t * CSGO_ACTION_DIM < actions_TA.length; t++) readAction(episode, path, t, actions_TA, t);
  return actions_TA;
}

/** Frames are numbered from 0 without gaps: the last one of a full file is looked for first, listing all names takes longer. */
export function countCsgoFrames(episode: Hdf5File, path: string): number {
  const last = CSGO_EPISODE_FRAMES - 1;
  if (episode.has(`frame_${last}_x`) && !episode.has(`frame_${last + 1}_x`)) return CSGO_EPISODE_FRAMES;
  const present = new Set(episode.keys());
  let frames = 0;
  while (present.has(`frame_${frames}_x`)) frames++;
  const pictures = [...present].filter((name) => /^frame_\d+_x$/.test(name)).length;
  if (pictures === 0) throw new FormatError(path, `dataset "frame_0_x": missing; this is no CS:GO episode`);
  if (pictures > frames) {
    throw new FormatError(path, `dataset "frame_${frames}_x": missing, though the file holds ${pictures} frames`);
  }
  return frames;
}

function readFrame(episode: Hdf5File, path: string, i: number): Uint8Array {
  const { shape, data } = episode.numbers(`frame_${i}_x`);
  const { height, width } = CSGO_STORED;
  if (shape.join() === `${height},${width},3` && data instanceof Uint8Array) return data;
  const found = `[${shape.join(" ")}] ${data.constructor.name}`;
  throw new FormatError(path, `dataset "frame_${i}_x": expected [${height} ${width} 3] uint8, found ${found}`);
}

function readAction(episode: Hdf5File, path: string, i: number, target_TA: Float32Array, t: number): void {
  const { shape, data } = episode.numbers(`frame_${i}_y`);
  if (shape.length !== 1 || data.length !== CSGO_ACTION_DIM) {
    throw new FormatError(path, `dataset "frame_${i}_y": expected [${CSGO_ACTION_DIM}], found [${shape.join(" ")}]`);
  }
  for (let a = 0; a < CSGO_ACTION_DIM; a++) {
    const value = Number(data[a]);
    if (!Number.isFinite(value)) throw new FormatError(path, `dataset "frame_${i}_y": entry ${a} is ${value}`);
    target_TA[t * CSGO_ACTION_DIM + a] = value;
  }
}
