// Resizing and centre crops of pictures as tensors, number for number what torchvision does with a tensor of the same type.
//   N pictures, C colours, H rows, W columns; levels are 0..255 as float32
import { invalid } from "@vid2world/formats";
import { _upsampleBilinear2dAa, libtorchVersion, pad, scope, upsampleBilinear2d, type Tensor } from "@vid2world/torch";
import type { ResizePositions } from "./byte-letterbox.js";
import { roundHalfToEven } from "./centre.js";
import type { PictureSize } from "./transforms.js";

/** What the libtorch that runs does, and so what decoding threads have to do to give the same bytes. */
export const RESIZE_POSITIONS: ResizePositions = libtorchVersion.startsWith("1.") ? "float64" : "float32";

/** How pictures are resized. */
export interface ResizeOptions {
  /**
   * Average over all covered pixels when shrinking. torchvision does not do it for tensors before version 0.17, which is
   * what the published models were trained with, so the default is false. It makes no difference when enlarging.
   */
  readonly antialias?: boolean;
}

/** Bilinear resize of [N C H W] (pixel centres at half-integers, edges repeated) to a size; the same size is the same tensor. */
export function resizeBilinear(
  x_NCHW: Tensor,
  { height, width }: PictureSize,
  { antialias = false }: ResizeOptions = {},
): Tensor {
  const [, , oldHeight, oldWidth] = x_NCHW.dims("N C H W");
  if (oldHeight === height && oldWidth === width) return x_NCHW;
  const resize = antialias ? _upsampleBilinear2dAa : upsampleBilinear2d;
  return resize(x_NCHW, [height, width], false);
}

/** The size of which the shorter side is `shorter` and the shape stays, the longer side cut to a whole number. */
export function sizeOfShorterSide({ height, width }: PictureSize, shorter: number): PictureSize {
  if (!Number.isInteger(shorter) || shorter < 1) throw invalid("shorter", "a whole number >= 1", shorter);
  return width <= height
    ? { height: Math.trunc((shorter * height) / width), width: shorter }
    : { height: shorter, width: Math.trunc((shorter * width) / height) };
}

/**
 * Cuts [N C H W] from the centre; a side that is too short is first filled up with zeros, the odd one at the bottom or right.
 * An odd surplus is cut as torchvision cuts it: half of it, rounded to the even number.
 */
export function centreCrop(x_NCHW: Tensor, { height, width }: PictureSize): Tensor {
  const [, , oldHeight, oldWidth] = x_NCHW.dims("N C H W");
  const rows = Math.max(0, height - oldHeight);
  const columns = Math.max(0, width - oldWidth);
  return scope(() => {
    const [left, top] = [Math.floor(columns / 2), Math.floor(rows / 2)];
    const filled = rows + columns === 0 ? x_NCHW : pad(x_NCHW, [left, columns - left, top, rows - top]);
    const [cutTop, cutLeft] = [
      roundHalfToEven((filled.size(2) - height) / 2),
      roundHalfToEven((filled.size(3) - width) / 2),
    ];
    return filled.narrow(2, cutTop, height).narrow(3, cutLeft, width).contiguous();
  });
}

/** Levels 0..255 -> -1..1, with the published order of operations. */
export function levelsToPixels(levels: Tensor): Tensor {
  return scope(() => levels.div(255).sub_(0.5).mul_(2)); // a clip is tens of megabytes
}
