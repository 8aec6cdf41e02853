// How the whole picture moved between two frames: sideways, up and down, and apart (as when walking into it).
// Axes: H height, W width, C colour (RGB, uint8).
import type { PictureSize } from "../../data/transforms.js";
import { imageShift } from "./image-shift.js";

/** Kinds of motion that are told apart. */
export const motionKinds = ["sideways", "vertical", "expansion"] as const;
/** One of {@link motionKinds}. */
export type MotionKind = (typeof motionKinds)[number];

/** How motion is measured. */
export interface ImageMotionOptions extends PictureSize {
  /** Horizontal field of view in degrees, where it is known: sideways motion is then that of the picture's middle under a turn. */
  readonly fieldOfView?: number;
}

/** In pixels: `sideways` to the right, `vertical` down, `expansion` of the right half away from the left one. Undefined where it is in doubt. */
export type ImageMotion = Readonly<Record<MotionKind, number | undefined>>;

/** Measures the motion of the chosen kinds from one picture of H*W*3 bytes to the next; kinds that are not asked for stay undefined. */
export function imageMotion(
  before_HWC: Uint8Array,
  after_HWC: Uint8Array,
  { height, width, fieldOfView }: ImageMotionOptions,
  kinds: readonly MotionKind[] = motionKinds,
): ImageMotion {
  const none = { sideways: undefined, vertical: undefined, expansion: undefined };
  const measured = kinds.map((kind) => {
    switch (kind) {
      case "sideways": {
        const size = { height, width, ...(fieldOfView !== undefined && { fieldOfView }) };
        return [kind, confidentShift(before_HWC, after_HWC, size)];
      }
      case "vertical": {
        const turned = (picture: Uint8Array): Uint8Array => transposed(picture, height, width);
        return [kind, confidentShift(turned(before_HWC), turned(after_HWC), { height: width, width: height })];
      }
      case "expansion": {
        const half = Math.floor(width / 2);
        const of = (from: number): number | undefined => {
          const cut = (picture: Uint8Array): Uint8Array => columns(picture, { height, width }, from, half);
          return confidentShift(cut(before_HWC), cut(after_HWC), { height, width: half });
        };
        const [left, right] = [of(0), of(width - half)];
        return [kind, left === undefined || right === undefined ? undefined : (right - left) / 2];
      }
    }
  });
  return { ...none, ...(Object.fromEntries(measured) as Partial<ImageMotion>) };
}

/** Motions between all consecutive frames of a clip: T*H*W*3 bytes in, T - 1 motions out. */
export function imageMotions(
  frames_THWC: Uint8Array,
  options: ImageMotionOptions,
  kinds: readonly MotionKind[] = motionKinds,
): ImageMotion[] {
  const size = options.height * options.width * 3;
  const frame = (t: number): Uint8Array => frames_THWC.subarray(t * size, (t + 1) * size);
  const pairs = Math.max(0, Math.floor(frames_THWC.length / size) - 1);
  return Array.from({ length: pairs }, (_, t) => imageMotion(frame(t), frame(t + 1), options, kinds));
}

function confidentShift(
  before: Uint8Array,
  after: Uint8Array,
  options: Parameters<typeof imageShift>[2],
): number | undefined {
  const { shift, confident } = imageShift(before, after, options);
  return confident ? shift : undefined;
}

/** Rows and columns exchanged: up and down become left and right. */
function transposed(picture_HWC: Uint8Array, height: number, width: number): Uint8Array {
  const turned = new Uint8Array(picture_HWC.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) turned[(x * height + y) * 3 + c] = picture_HWC[(y * width + x) * 3 + c] as number;
  return turned;
}

/** `count` columns of a picture from column `from` on. */
function columns(picture_HWC: Uint8Array, { height, width }: PictureSize, from: number, count: number): Uint8Array {
  const cut = new Uint8Array(height * count * 3);
  for (let y = 0; y < height; y++) {
    const start = (y * width + from) * 3;
    cut.set(picture_HWC.subarray(start, start + count * 3), y * count * 3);
  }
  return cut;
}
