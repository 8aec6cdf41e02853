// From stored bytes to the pictures that the full-size networks take, as tensors in -1..1.
//   T frames, H rows, W columns, C = 3 (red, green, blue)
import { invalid } from "@vid2world/formats";
import { fromTypedArray, scope, type Tensor } from "@vid2world/torch";
import { centreCrop, levelsToPixels, resizeBilinear, type ResizeOptions } from "./resize.js";
import type { PictureSize } from "./transforms.js";

/** Height and width that the published networks work on. */
export const PUBLISHED_SIZE: PictureSize = { height: 320, width: 512 };

/** Frames in memory, uint8 [T H W 3]. */
export interface StoredFrames extends PictureSize {
  readonly frames_THWC: Uint8Array;
  readonly frames: number;
}

/** How pictures are brought to a size. */
export interface LetterboxOptions extends ResizeOptions {
  /** Size of the picture inside the bars; what is larger than the whole is cut from the centre. */
  readonly inside: PictureSize;
  /** Default: {@link PUBLISHED_SIZE}. */
  readonly whole?: PictureSize;
}

/** uint8 [T H W 3] -> float32 [T 3 H' W'] in -1..1, levels not rounded; bars are black, -1. */
export function letterbox(stored: StoredFrames, options: LetterboxOptions): Tensor {
  const { inside, whole = PUBLISHED_SIZE } = options;
  return scope(() => {
    const resized_TCHW = resizeBilinear(levels_TCHW(stored), inside, options);
    return levelsToPixels(centreCrop(resized_TCHW, whole));
  });
}

/** uint8 [T H W 3] -> float32 [T 3 H W] in -1..1, with the published order of operations. */
export function framesToPixels(stored: StoredFrames): Tensor {
  return scope(() => levelsToPixels(levels_TCHW(stored)));
}

function levels_TCHW({ frames_THWC, frames, height, width }: StoredFrames): Tensor {
  if (frames_THWC.length !== frames * height * width * 3) {
    throw invalid("frames_THWC", `${frames} x ${height} x ${width} x 3 bytes`, frames_THWC.length);
  }
  return fromTypedArray(frames_THWC, [frames, height, width, 3]).permute([0, 3, 1, 2]).float().contiguous();
}
