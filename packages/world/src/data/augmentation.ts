// Augmentation of training clips as published: a shift by up to two pixels and colour jitter, one choice for all frames of a clip.
// Bytes in, bytes out, equal to what the Python library Pillow makes of them.
//   T frames, H rows, W columns, C = 3 (red, green, blue), uint8
import { changeHue } from "./hue.js";
import type { PictureSize } from "./transforms.js";

/** How strongly training clips are changed: not at all, or within one of the two published ranges. */
export type AugmentationKind = "none" | "standard" | "strong";

/** What is done to a clip. */
export interface AugmentationChoice {
  /** Where the picture is cut out of itself with two mirrored pixels on every side, 0 to 4: 2 and 2 leave it where it is. */
  readonly top: number;
  readonly left: number;
  /** Factors; 1 changes nothing. */
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
  /** Turn of the colour circle, -0.5 to 0.5. */
  readonly hue: number;
}

/** Mirrored pixels on every side. */
const PADDING = 2;

/** Half the width of the ranges around 1 (factors) and around 0 (hue). */
const RANGES = {
  standard: { factor: 0.1, hue: 0.05 },
  strong: { factor: 0.4, hue: 0.5 },
} as const;

/** Chooses for one clip. `below(n)` gives uniform whole numbers from 0 to n - 1. */
export function chooseAugmentation(
  kind: Exclude<AugmentationKind, "none">,
  draw: { below(bound: number): number },
): AugmentationChoice {
  const range = RANGES[kind];
  const uniform = (half: number): number => (draw.below(2 ** 24) / (2 ** 24 - 1)) * 2 * half - half;
  const factor = (): number => 1 + uniform(range.factor);
  const [brightness, contrast, saturation] = [factor(), factor(), factor()];
  const hue = uniform(range.hue);
  const place = (): number => draw.below(2 * PADDING + 1);
  return { brightness, contrast, saturation, hue, top: place(), left: place() };
}

/** Shifts and colours frames [T H W 3]; the given ones stay as they are. */
export function augmentFrames(
  frames_THWC: Uint8Array,
  { height, width }: PictureSize,
  choice: AugmentationChoice,
): Uint8Array {
  const bytes = height * width * 3;
  const result_THWC = new Uint8Array(frames_THWC.length);
  const brighter = blendTable(0, choice.brightness);
  for (let start = 0; start < frames_THWC.length; start += bytes) {
    const frame_HWC = result_THWC.subarray(start, start + bytes);
    shift(frames_THWC.subarray(start, start + bytes), frame_HWC, { height, width }, choice);
    look(frame_HWC, brighter);
    look(frame_HWC, blendTable(meanLuminance(frame_HWC), choice.contrast));
    saturate(frame_HWC, choice.saturation);
    changeHue(frame_HWC, choice.hue);
  }
  return result_THWC;
}

/** Moves a picture; what comes in at the edge is mirrored, the edge itself not repeated. */
function shift(
  from_HWC: Uint8Array,
  to_HWC: Uint8Array,
  { height, width }: PictureSize,
  { top, left }: AugmentationChoice,
): void {
  for (let y = 0; y < height; y++) {
    const row = mirrored(y + top - PADDING, height) * width;
    for (let x = 0; x < width; x++) {
      const source = (row + mirrored(x + left - PADDING, width)) * 3;
      const target = (y * width + x) * 3;
      to_HWC[target] = from_HWC[source] as number;
      to_HWC[target + 1] = from_HWC[source + 1] as number;
      to_HWC[target + 2] = from_HWC[source + 2] as number;
    }
  }
}

const mirrored = (place: number, length: number): number => {
  const inside = Math.abs(place);
  return inside < length ? inside : 2 * (length - 1) - inside;
};

/** `base + factor * (level - base)` in single precision; inside of 0..1 it is cut to a whole number, outside clipped as well. */
function blend(base: number, level: number, factor: number): number {
  const mixed = Math.fround(base + Math.fround(factor * (level - base)));
  return Math.trunc(Math.min(255, Math.max(0, mixed)));
}

/** {@link blend} with one base for every level. */
function blendTable(base: number, factor: number): Uint8Array {
  const single = Math.fround(factor);
  return Uint8Array.from({ length: 256 }, (_, level) => blend(base, level, single));
}

function look(frame_HWC: Uint8Array, table: Uint8Array): void {
  for (let i = 0; i < frame_HWC.length; i++) frame_HWC[i] = table[frame_HWC[i] as number] as number;
}

/** 0..255, the colours weighted as ITU-R BT.601 does. */
const luminance = (red: number, green: number, blue: number): number =>
  (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;

function meanLuminance(frame_HWC: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < frame_HWC.length; i += 3)
    sum += luminance(frame_HWC[i] as number, frame_HWC[i + 1] as number, frame_HWC[i + 2] as number);
  return Math.trunc(sum / (frame_HWC.length / 3) + 0.5);
}

function saturate(frame_HWC: Uint8Array, factor: number): void {
  const single = Math.fround(factor);
  for (let i = 0; i < frame_HWC.length; i += 3) {
    const red = frame_HWC[i] as number;
    const green = frame_HWC[i + 1] as number;
    const blue = frame_HWC[i + 2] as number;
    const grey = luminance(red, green, blue);
    frame_HWC[i] = blend(grey, red, single);
    frame_HWC[i + 1] = blend(grey, green, single);
    frame_HWC[i + 2] = blend(grey, blue, single);
  }
}
