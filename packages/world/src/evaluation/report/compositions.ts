// What the demo's videos and strips show, frame by frame. Pictures only: encoding is the video writer's work.
// Axes: T frames, H height, W width, C colours (RGB bytes).

import type { PictureSize } from "../../data/transforms.js";
import type { Start } from "../starts.js";
import { filmStrip, frameOf, joinPanels, type Picture } from "./picture.js";

/** A start and what the world made of it. */
export interface Comparison {
  readonly start: Start;
  /** N*H*W*3 bytes. */
  readonly prediction_THWC: Uint8Array;
}

/** A labelled continuation: one of several under different constant actions. */
export interface Variant {
  readonly label: string;
  readonly frames_THWC: Uint8Array;
}

/** How compositions are drawn. */
export interface CompositionOptions extends PictureSize {
  /** Screen pixels per picture pixel, default 3. */
  readonly scale?: number;
}

/** Truth beside the world's prediction; starts follow each other, the known frames first, marked as known. */
export function* truthBesideModel(
  comparisons: readonly Comparison[],
  options: CompositionOptions,
): Generator<Picture, void> {
  const { height, width, scale = 3 } = options;
  const size = height * width * 3;
  for (const [index, { start, prediction_THWC }] of comparisons.entries()) {
    const known = start.context_THWC.length / size;
    const predicted = prediction_THWC.length / size;
    for (let t = -known; t < predicted; t++) {
      const truth =
        t < 0 ? frameOf(start.context_THWC, t + known, height, width) : frameOf(start.truth_THWC, t, height, width);
      const model = t < 0 ? truth : frameOf(prediction_THWC, t, height, width);
      const panels = [
        { label: "truth", picture: truth },
        { label: t < 0 ? "known to the model" : `model +${t + 1}`, picture: model },
      ];
      yield joinPanels(panels, { scale, footer: `start ${index + 1}/${comparisons.length}  frame ${start.frame + t}` });
    }
  }
}

/** The same start under several actions, in a grid of at most three columns. All variants must be equally long. */
export function* variantsSideBySide(
  start: Start,
  variants: readonly Variant[],
  options: CompositionOptions,
): Generator<Picture, void> {
  const { height, width, scale = 2 } = options;
  const size = height * width * 3;
  const known = start.context_THWC.length / size;
  const frames = (variants[0]?.frames_THWC.length ?? 0) / size;
  const columns = Math.min(3, variants.length);
  for (let t = -known; t < frames; t++) {
    const picture = (clip: Uint8Array): Picture =>
      t < 0 ? frameOf(start.context_THWC, t + known, height, width) : frameOf(clip, t, height, width);
    const panels = variants.map(({ label, frames_THWC }) => ({ label, picture: picture(frames_THWC) }));
    yield joinPanels(panels, { scale, columns, footer: t < 0 ? "known frames" : `predicted frame ${t + 1}` });
  }
}

/** At most `count` frames of a clip, evenly spread from the first to the last, as one strip. */
export function stripOf(frames_THWC: Uint8Array, count: number, { height, width }: PictureSize): Picture {
  return filmStrip(
    spread(frames_THWC.length / (height * width * 3), count).map((t) => frameOf(frames_THWC, t, height, width)),
  );
}

/** At most `count` whole numbers from 0 to `length - 1`, ends included, evenly spread. */
export function spread(length: number, count: number): number[] {
  if (length <= count) return Array.from({ length }, (_, index) => index);
  if (count === 1) return [0];
  return Array.from({ length: count }, (_, index) => Math.round((index * (length - 1)) / (count - 1)));
}
