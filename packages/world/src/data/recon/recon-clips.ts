// Reads clips of a RECON trajectory as bytes from NoMaD's layout: `0.jpg`, `1.jpg`, ... and `traj_data.pkl` in one folder.
//   T frames, H rows, W columns, C = 3 (red, green, blue), A = 3: forward, left, turn
import { join } from "node:path";
import { FormatError, type RgbImage } from "@vid2world/formats";
import type { PictureWindow } from "@vid2world/torch/pictures";
import { blackenAround, placeInside } from "../bars.js";
import { centredAt } from "../centre.js";
import { usePicture } from "../picture-file.js";
import { resizeLikePillowInto } from "../pillow-resize.js";
import { checkSpan, type Span } from "../spans.js";
import type { PictureSize } from "../transforms.js";
import { RECON_ACTION_DIM, reconActions } from "./recon-poses.js";
import { readTrajectory, TRAJECTORY_FILE } from "./trajectory-file.js";

/** Files are read, and pictures that need sharp are decoded, by a pool of threads of the process. */
const PICTURES_AT_ONCE = 8;

/** What is cut from the centre of a picture before it is pressed into a square. */
export type ReconCrop = "4:3" | "1:1";

/** A trajectory's folder and how its pictures are handed out. */
export interface ReconFiles extends PictureSize {
  readonly media: "recon";
  readonly path: string;
  readonly frames: number;
  readonly crop: ReconCrop;
}

/**
 * The letterboxed frames of a span and its actions: row t leads from the span's frame t to the next one, also where that is no longer part
 * of the span. Behind the trajectory's end there is no movement.
 */
export async function readReconClipInto(files: ReconFiles, span: Span, target_THWC: Uint8Array): Promise<Float32Array> {
  const poses = await readTrajectory(files.path);
  if (poses.yaw.length < files.frames) {
    const held = `holds ${poses.yaw.length} poses, there were ${files.frames}`;
    throw new FormatError(join(files.path, TRAJECTORY_FILE), held);
  }
  checkSpan(join(files.path, TRAJECTORY_FILE), span, poses.yaw.length);
  await readReconFramesInto(files, span, target_THWC);
  const places = placesOf({ ...span, frames: span.frames + 1 }).filter((place) => place < poses.yaw.length);
  return reconActions(poses, places).slice(0, span.frames * RECON_ACTION_DIM);
}

/** The letterboxed frames of a span. */
export async function readReconFramesInto(
  { path, crop, height, width }: Omit<ReconFiles, "media" | "frames">,
  span: Span,
  target_THWC: Uint8Array,
): Promise<void> {
  const side = Math.min(height, width);
  const square = { height: side, width: side };
  const places = placesOf(span);
  let broken = false;
  const lane = async (first: number): Promise<void> => {
    for (let t = first; t < places.length && !broken; t += PICTURES_AT_ONCE) {
      const to = t * height * width * 3;
      const place = placeInside(target_THWC, to, { height, width }, square);
      blackenAround(target_THWC, to, { height, width }, square);
      await usePicture(join(path, `${places[t] ?? 0}.jpg`), (picture) =>
        resizeLikePillowInto(centreOf(picture, crop), square, place),
      );
    }
  };
  const lanes = Array.from({ length: PICTURES_AT_ONCE }, (_, first) =>
    lane(first).catch((error: unknown) => {
      broken = true;
      throw error;
    }),
  );
  // All of them, also where one fails: nobody may write into the target after this returns.
  const failed = (await Promise.allSettled(lanes)).find((ended) => ended.status === "rejected");
  if (failed) throw failed.reason;
}

function placesOf({ start, frames, stride }: Span): number[] {
  return Array.from({ length: frames }, (_, t) => start + t * stride);
}

/** The part of a picture that has a shape, a wide one cut in width, any other in height; one that is too narrow for it as it is. */
function centreOf({ data_HWC, height: oldHeight, width: oldWidth }: RgbImage, crop: ReconCrop): PictureWindow {
  const ratio = crop === "4:3" ? 4 / 3 : 1;
  const height = oldWidth > oldHeight ? oldHeight : Math.min(oldHeight, Math.trunc(oldWidth / ratio));
  const width = oldWidth > oldHeight ? Math.min(oldWidth, Math.trunc(oldHeight * ratio)) : oldWidth;
  const [top, left] = [centredAt(oldHeight, height).cut, centredAt(oldWidth, width).cut];
  return { bytes: data_HWC, start: (top * oldWidth + left) * 3, stride: oldWidth * 3, height, width };
}
