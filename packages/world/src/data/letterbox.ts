// From stored bytes to the pictures that the full-size networks take: resized, with black bars, in -1..1.
//   T frames, H rows, W columns, C = 3 (red, green, blue)
import { invalid } from "@vid2world/formats";
import { fromTypedArray, round, scope, type Tensor } from "@vid2world/torch";
import { centreCrop, levelsToPixels, resizeBilinear, type ResizeOptions } from "./resize.js";
import type { PictureSize } from "./transforms.js";

/** Height and width that the published networks work on. */
export const PUBLISHED_SIZE: PictureSize = { height: 320, width: 512 };

/** Frames in memory, uint8 [T H W 3]. */
export interface StoredFrames extends PictureSize {
  readonly frames_THWC: Uint8Array;
  readonly frames: number;
}

/** How pictures are brought to {@link PUBLISHED_SIZE}. */
export interface LetterboxOptions extends ResizeOptions {
  /** Size of the picture inside the bars; what is larger than the whole is cut from the centre. */
  readonly inside: PictureSize;
  /** Blue, green, red in the file. */
  readonly bgr?: boolean;
  /** Round to whole levels after resizing (half to even), which torchvision does with byte tensors. */
  readonly wholeLevels?: boolean;
}

/** uint8 [T H W 3] -> float32 [T 3 320 512] in -1..1; bars are black, -1. */
export function letterbox({ frames_THWC, frames, height, width }: StoredFrames, options: LetterboxOptions): Tensor {
  if (frames_THWC.length !== frames * height * width * 3) {
    throw invalid("frames_THWC", `${frames} x ${height} x ${width} x 3 bytes`, frames_THWC.length);
  }
  const { inside, bgr = false, wholeLevels = false } = options;
  return scope(() => {
    const bytes_THWC = fromTypedArray(frames_THWC, [frames, height, width, 3]);
    const rgb_TCHW = (bgr ? bytes_THWC.flip([3]) : bytes_THWC).permute([0, 3, 1, 2]).float().contiguous();
    const resized_TCHW = resizeBilinear(rgb_TCHW, inside, options);
    const levels_TCHW = wholeLevels ? round(resized_TCHW) : resized_TCHW;
    return levelsToPixels(centreCrop(levels_TCHW, PUBLISHED_SIZE));
  });
}
