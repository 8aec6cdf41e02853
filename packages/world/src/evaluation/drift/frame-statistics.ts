// What a picture is like, without knowing what it should show: brightness, contrast, colour, sharpness, and how much has changed.
// Axes: T frames; frames are RGB bytes H*W*3.
import type { PictureSize } from "../../data/transforms.js";
import { pictureChange } from "../metrics/picture-change.js";
import { edgeContrast } from "../metrics/sharpness.js";

/** Names of the statistics, in steps of a byte each. */
export const statisticNames = ["brightness", "contrast", "saturation", "sharpness", "motion"] as const;
/** One of {@link statisticNames}. */
export type StatisticName = (typeof statisticNames)[number];

/**
 * Of one frame: mean; standard deviation of all values; mean of the largest less the smallest colour; mean difference of neighbouring pixels;
 * mean change from the frame before.
 */
export type FrameStatistics = Readonly<Record<StatisticName, number>>;

/** Of a frame that is not finite: nothing is known of it but that it is bad. */
export const unknownStatistics: FrameStatistics = Object.fromEntries(
  statisticNames.map((name) => [name, NaN]),
) as Record<StatisticName, number>;

/** Statistics of every frame of a clip of T*H*W*3 bytes; `before` is the frame ahead of the first one. */
export function frameStatistics(frames_THWC: Uint8Array, before: Uint8Array, size: PictureSize): FrameStatistics[] {
  const bytes = size.height * size.width * 3;
  const frame = (t: number): Uint8Array => (t < 0 ? before : frames_THWC.subarray(t * bytes, (t + 1) * bytes));
  return Array.from({ length: frames_THWC.length / bytes }, (_, t) => ({
    ...colours(frame(t)),
    sharpness: edgeContrast(frame(t), size),
    motion: pictureChange(frame(t - 1), frame(t)),
  }));
}

function colours(frame: Uint8Array): Pick<FrameStatistics, "brightness" | "contrast" | "saturation"> {
  let [sum, squares, spans] = [0, 0, 0];
  for (let i = 0; i < frame.length; i += 3) {
    const [red, green, blue] = [frame[i] as number, frame[i + 1] as number, frame[i + 2] as number];
    sum += red + green + blue;
    squares += red * red + green * green + blue * blue;
    spans += Math.max(red, green, blue) - Math.min(red, green, blue);
  }
  const mean = sum / frame.length;
  const variance = Math.max(0, squares / frame.length - mean * mean);
  return { brightness: mean, contrast: Math.sqrt(variance), saturation: spans / (frame.length / 3) };
}
