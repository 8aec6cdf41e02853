// Peak signal-to-noise ratio of images, with the settings of the published evaluation.
// Axes: B images, C colours, H height, W width.

import { cat, ShapeError, type Tensor } from "@vid2world/torch";

/** Added to the mean squared error, so that equal pictures score 80 dB instead of infinity (piqa's constant). */
const epsilon = 1e-8;

/**
 * PSNR in decibels of every image: `10 log10(1 / (mse + 1e-8))`, the error averaged over colours and pixels.
 * Values in [0, 1]; [B C H W], [B C H W] -> [B] float64. Each image is computed alone, so a score does not depend, to the
 * last bit, on what else is in the batch.
 */
export function psnr(prediction_BCHW: Tensor, target_BCHW: Tensor): Tensor {
  return perImage("psnr", prediction_BCHW, target_BCHW, (x_1CHW, y_1CHW) => {
    const error = x_1CHW.sub(y_1CHW).square().mean();
    return error
      .add(epsilon)
      .log()
      .mul(-10 / Math.LN10)
      .reshape([1]);
  });
}

/**
 * Applies a score of two single images, in float64, to every pair of two batches and joins the results.
 * [B C H W], [B C H W] -> [B]. One image at a time: reductions are split among threads by the size of the whole batch, which
 * would otherwise show in the last digits.
 */
export function perImage(
  name: string,
  prediction_BCHW: Tensor,
  target_BCHW: Tensor,
  score: (prediction_1CHW: Tensor, target_1CHW: Tensor) => Tensor,
): Tensor {
  const shape = prediction_BCHW.shape;
  if (shape.length !== 4 || shape[0] === 0 || String(shape) !== String(target_BCHW.shape)) {
    throw new ShapeError(
      `${name}: prediction is [${shape.join(", ")}], target [${target_BCHW.shape.join(", ")}]; ` +
        `both must be the same [B C H W] with B >= 1`,
    );
  }
  const [images] = prediction_BCHW.dims("B C H W");
  const alone = (x_BCHW: Tensor, image: number): Tensor => x_BCHW.narrow(0, image, 1).to("float64").contiguous();
  return cat(
    Array.from({ length: images }, (_, image) => score(alone(prediction_BCHW, image), alone(target_BCHW, image))),
    { dim: 0 },
  );
}
