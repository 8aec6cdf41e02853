// Structural similarity of images (Wang et al. 2004), with the settings of the published evaluation.
// Axes: B images, C colours, H height, W width; M maps that are filtered together.

import { cat, conv2d, fromTypedArray, ShapeError, type Tensor } from "@vid2world/torch";
import { perImage } from "./psnr.js";

/** Width of the Gaussian window; a picture must be at least this high and wide. */
export const ssimWindow = 11;
const sigma = 1.5;
/** (k L)^2 for k = 0.01 and 0.03 and the value range L = 1. */
const [c1, c2] = [0.01 ** 2, 0.03 ** 2];

/**
 * SSIM of every image: Gaussian window of 11 pixels and sigma 1.5, no padding (the border of 5 pixels is not scored), mean
 * over positions and colours. Values in [0, 1]; [B C H W], [B C H W] -> [B] float64, at most 1. Each image is computed
 * alone, in float64: independent of the batch to the last bit.
 */
export function ssim(prediction_BCHW: Tensor, target_BCHW: Tensor): Tensor {
  const [height, width] = prediction_BCHW.shape.slice(-2);
  if (height === undefined || width === undefined || height < ssimWindow || width < ssimWindow) {
    throw new ShapeError(
      `ssim: pictures are [${prediction_BCHW.shape.join(", ")}]; the window needs at least ${ssimWindow} x ${ssimWindow} pixels`,
    );
  }
  const window = gaussianWindow();
  const kernel = fromTypedArray(window, [1, 1, 1, ssimWindow]).to(prediction_BCHW.device);
  return perImage("ssim", prediction_BCHW, target_BCHW, (x_1CHW, y_1CHW) =>
    ssimOfOne(x_1CHW, y_1CHW, kernel).reshape([1]),
  );
}

function ssimOfOne(x_1CHW: Tensor, y_1CHW: Tensor, kernel: Tensor): Tensor {
  const x_C1HW = x_1CHW.transpose(0, 1);
  const y_C1HW = y_1CHW.transpose(0, 1);
  // All five maps in one convolution: colours are independent, so they can stand on the batch axis.
  const maps_M1HW = cat([x_C1HW, y_C1HW, x_C1HW.square(), y_C1HW.square(), x_C1HW.mul(y_C1HW)], { dim: 0 });
  const rows_M1HW = conv2d(maps_M1HW, kernel);
  const smooth_M1HW = conv2d(rows_M1HW, kernel.transpose(2, 3).contiguous());
  const [meanX, meanY, meanXX, meanYY, meanXY] = smooth_M1HW.chunk(5, { dim: 0 }) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const meanProduct = meanX.mul(meanY);
  const meanSquares = meanX.square().add(meanY.square());
  const variances = meanXX.add(meanYY).sub(meanSquares);
  const covariance = meanXY.sub(meanProduct);
  const contrast = covariance.mul(2).add(c2).div(variances.add(c2));
  const luminance = meanProduct.mul(2).add(c1).div(meanSquares.add(c1));
  return luminance.mul(contrast).mean();
}

/** The Gaussian window, normalised to sum 1. */
export function gaussianWindow(): Float64Array {
  const values = Float64Array.from({ length: ssimWindow }, (_, i) =>
    Math.exp(-((i - (ssimWindow - 1) / 2) ** 2) / (2 * sigma ** 2)),
  );
  const sum = values.reduce((a, b) => a + b, 0);
  return values.map((value) => value / sum);
}
