// From recorded frames to what an autoencoder takes: range and size. Padding is at the bottom and right, as a world's codec does it.
// Axes: N frames, H height, W width, C colour channels.
import { invalid } from "@vid2world/formats";
import { pad } from "@vid2world/torch";
import type { Tensor } from "@vid2world/torch";
import type { PictureSize } from "../data/transforms.js";

/** Turns recorded frames into network input: uint8 [N H W 3] in 0..255 -> float32 [N 3 H' W'] in [-1, 1]. */
export type ToPixels = (frames_NHWC: Tensor) => Tensor;

/** The conversion of frames of size `from` to the size `to` that the networks work on, the edges repeated. */
export function toPixels(from: PictureSize, to: PictureSize): ToPixels {
  const [rows, columns] = [to.height - from.height, to.width - from.width];
  if (rows < 0 || columns < 0) {
    throw invalid(
      "data.paddedHeight, data.paddedWidth",
      `at least ${from.height}, ${from.width}`,
      `${to.height}, ${to.width}`,
    );
  }
  return (frames_NHWC) => {
    const pixels_NCHW = frames_NHWC.permute([0, 3, 1, 2]).float().div(127.5).sub(1).contiguous();
    return rows + columns === 0 ? pixels_NCHW : pad(pixels_NCHW, [0, columns, 0, rows], { mode: "replicate" });
  };
}
