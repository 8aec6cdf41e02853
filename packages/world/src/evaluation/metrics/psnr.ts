// Mean squared error and peak signal-to-noise ratio of images, with the settings of the published evaluation.
// Axes: B images, C colours, H height, W width.

import { ShapeError, type Tensor } from "@vid2world/torch";

/** Added to the mean squared error, so that equal pictures score 80 dB instead of infinity (piqa's constant). */
const epsilon = 1e-8;

/**
 * Mean squared error of every image over colours and pixels, in the square of the values' unit: [B C H W], [B C H W] -> [B] float64, at least 0.
 * Squares and sums of a row are of the pictures' own type, everything above is float64. A score does not depend, to the last bit, on what else
 * is in the batch or on the number of threads.
 */
export function meanSquaredError(prediction_BCHW: Tensor, target_BCHW: Tensor): Tensor {
  requirePairs("meanSquaredError", prediction_BCHW, target_BCHW);
  const error_BCHW = prediction_BCHW.sub(target_BCHW);
  // In place where no gradient needs the error: half the memory, and a third of the time.
  return imageMean(error_BCHW.requiresGrad ? error_BCHW.square() : error_BCHW.square_());
}

/**
 * PSNR in decibels of every image: `10 log10(1 / (mse + 1e-8))`, the error averaged over colours and pixels.
 * Values in [0, 1]; [B C H W], [B C H W] -> [B] float64. Independent of batch and threads, as {@link meanSquaredError}.
 */
export function psnr(prediction_BCHW: Tensor, target_BCHW: Tensor): Tensor {
  requirePairs("psnr", prediction_BCHW, target_BCHW);
  return meanSquaredError(prediction_BCHW, target_BCHW)
    .add(epsilon)
    .log()
    .mul(-10 / Math.LN10);
}

/**
 * Mean over everything but the images: [B C H W] -> [B] float64. Row by row, then over the rows of each image: one sum over a whole image
 * would be split among threads, by their number and by the size of the batch, and both would show in the last digits.
 */
export function imageMean(x_BCHW: Tensor): Tensor {
  const [images, colours, height, width] = x_BCHW.dims("B C H W");
  const rows_BR = x_BCHW
    .contiguous()
    .sum([3])
    .to("float64")
    .reshape([images, colours * height]);
  return rows_BR.sum([1]).div(colours * height * width);
}

/** @throws ShapeError unless both are the same [B C H W] with at least one image. */
export function requirePairs(name: string, prediction_BCHW: Tensor, target_BCHW: Tensor): void {
  const shape = prediction_BCHW.shape;
  if (shape.length === 4 && shape[0] !== 0 && String(shape) === String(target_BCHW.shape)) return;
  throw new ShapeError(
    `${name}: prediction is [${shape.join(", ")}], target [${target_BCHW.shape.join(", ")}]; ` +
      `both must be the same [B C H W] with B >= 1`,
  );
}
