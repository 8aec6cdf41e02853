// Structural similarity of images (Wang et al. 2004), with the settings of the published evaluation.
// Axes: B images, C colours, H height, W width; M maps that are filtered together.

import { cat, ShapeError, type Tensor } from "@vid2world/torch";
import { imageMean, requirePairs } from "./psnr.js";

/** Width of the Gaussian window; a picture must be at least this high and wide. */
export const ssimWindow = 11;
const sigma = 1.5;
/** (k L)^2 for k = 0.01 and 0.03 and the value range L = 1. */
const [c1, c2] = [0.01 ** 2, 0.03 ** 2];

/**
 * SSIM of every image: Gaussian window of 11 pixels and sigma 1.5, no padding (the border of 5 pixels is not scored), mean
 * over positions and colours. Values in [0, 1]; [B C H W], [B C H W] -> [B] float64, at most 1. Each image is computed
 * alone, in float64: independent of the batch, and of the number of threads, to the last bit.
 */
export function ssim(prediction_BCHW: Tensor, target_BCHW: Tensor): Tensor {
  const [height, width] = prediction_BCHW.shape.slice(-2);
  if (height === undefined || width === undefined || height < ssimWindow || width < ssimWindow) {
    throw new ShapeError(
      `ssim: pictures are [${prediction_BCHW.shape.join(", ")}]; the window needs at least ${ssimWindow} x ${ssimWindow} pixels`,
    );
  }
  requirePairs("ssim", prediction_BCHW, target_BCHW);
  // One at a time: what is kept for a picture in float64 is five times eight bytes a value.
  const alone = (x_BCHW: Tensor, image: number): Tensor => x_BCHW.narrow(0, image, 1).to("float64").contiguous();
  const scores = Array.from({ length: prediction_BCHW.size(0) }, (_, image) => {
    const maps = similarityMaps(alone(prediction_BCHW, image), alone(target_BCHW, image));
    return imageMean(maps.luminance.mul(maps.contrast));
  });
  return cat(scores);
}

/** SSIM and its second factor per image and colour. */
export interface ColourScores {
  readonly ssim_BC: Tensor;
  /** Contrast and structure without the luminance term. */
  readonly contrast_BC: Tensor;
}

/** The same per colour, with the contrast and structure term alone beside it: [B C H W], [B C H W] -> [B C] float64 each. */
export function ssimPerColour(prediction_BCHW: Tensor, target_BCHW: Tensor): ColourScores {
  const maps = similarityMaps(prediction_BCHW.to("float64"), target_BCHW.to("float64"));
  return { ssim_BC: maps.luminance.mul(maps.contrast).mean([2, 3]), contrast_BC: maps.contrast.mean([2, 3]) };
}

/** Both factors of SSIM at every position of the window: [B C H W] -> [B C H-10 W-10]. */
function similarityMaps(x_BCHW: Tensor, y_BCHW: Tensor): { readonly luminance: Tensor; readonly contrast: Tensor } {
  const [batch, colours] = x_BCHW.dims("B C H W");
  const flat = (x: Tensor): Tensor => x.flatten({ startDim: 0, endDim: 1 }).unsqueeze(1);
  const [x_N1HW, y_N1HW] = [flat(x_BCHW), flat(y_BCHW)];
  const maps_M1HW = cat([x_N1HW, y_N1HW, x_N1HW.square(), y_N1HW.square(), x_N1HW.mul(y_N1HW)], { dim: 0 });
  const smooth_M1HW = blurAlong(blurAlong(maps_M1HW, 3), 2);
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
  const unflat = (x: Tensor): Tensor => x.reshape([batch, colours, x.size(2), x.size(3)]);
  return {
    contrast: unflat(covariance.mul(2).add(c2).div(variances.add(c2))),
    luminance: unflat(meanProduct.mul(2).add(c1).div(meanSquares.add(c1))),
  };
}

/**
 * Weighted sums of neighbours along one axis, without padding. A convolution in float64 has no fast kernel: it copies every pixel eleven
 * times before it multiplies, and takes four times as long.
 */
function blurAlong(x: Tensor, axis: number): Tensor {
  const size = x.size(axis) - ssimWindow + 1;
  const [first = 0, ...others] = gaussianWindow();
  return others.reduce(
    (sum, weight, i) => sum.add_(x.narrow(axis, i + 1, size), { alpha: weight }),
    x.narrow(axis, 0, size).mul(first),
  );
}

/** The Gaussian window, normalised to sum 1. */
export function gaussianWindow(): Float64Array {
  const values = Float64Array.from({ length: ssimWindow }, (_, i) =>
    Math.exp(-((i - (ssimWindow - 1) / 2) ** 2) / (2 * sigma ** 2)),
  );
  const sum = values.reduce((a, b) => a + b, 0);
  return values.map((value) => value / sum);
}
