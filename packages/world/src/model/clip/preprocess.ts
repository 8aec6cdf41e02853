// How pictures become the image tower's input: resized to a square, whatever their shape, and normalised.
// Axes: B batch, C colours, H height, W width.
import { conv2d, fromTypedArray, pad, scope, tensor, upsampleBicubic2d, type Tensor } from "@vid2world/torch";

/** Mean and standard deviation of the colours in CLIP's training pictures, in [0, 1]. */
const MEAN = [0.48145466, 0.4578275, 0.40821073];
const STD = [0.26862954, 0.26130258, 0.27577711];

/** Pictures `[B 3 H W]` in [-1, 1] to `[B 3 size size]`, normalised; computed in float32 at least. */
export function preprocessImages(images_BCHW: Tensor, size: number): Tensor {
  return scope(() => {
    const { device } = images_BCHW;
    const wide_BCHW = images_BCHW.dtype === "float64" ? images_BCHW : images_BCHW.float();
    const row = (values: readonly number[]): Tensor =>
      tensor(values, { dtype: wide_BCHW.dtype, device }).reshape([1, 3, 1, 1]);
    const unit_BCHW = resizeBicubic(wide_BCHW, size).add(1).div(2);
    return unit_BCHW.sub(row(MEAN)).div(row(STD));
  });
}

/**
 * Bicubic resizing to a square with the corners aligned, after a Gaussian blur where an axis shrinks. The result is not clamped, so it may
 * overshoot the input's range. `[B C H W] -> [B C size size]`
 */
export function resizeBicubic(x_BCHW: Tensor, size: number): Tensor {
  const [, , height, width] = x_BCHW.dims("B C H W");
  if (height === size && width === size) return x_BCHW;
  const factors = [height / size, width / size] as const;
  return scope(() => {
    const smooth_BCHW = Math.max(...factors) > 1 ? blur(x_BCHW, factors) : x_BCHW;
    return upsampleBicubic2d(smooth_BCHW, [size, size], true);
  });
}

/** Blurs both axes as strongly as they shrink; one that does not shrink gets the narrowest kernel. */
function blur(x_BCHW: Tensor, [down, across]: readonly [number, number]): Tensor {
  const vertical = gaussianKernel(down);
  const horizontal = gaussianKernel(across);
  const [, channels] = x_BCHW.dims("B C H W");
  const reach = { y: (vertical.length - 1) / 2, x: (horizontal.length - 1) / 2 };
  const padded_BCHW = pad(x_BCHW, [reach.x, reach.x, reach.y, reach.y], { mode: "reflect" });
  const along = (x: Tensor, kernel: Float64Array, shape: readonly number[]): Tensor =>
    conv2d(
      x,
      fromTypedArray(kernel, [1, 1, ...shape])
        .to(x.dtype)
        .to(x.device)
        .repeat([channels, 1, 1, 1]),
      {
        groups: channels,
      },
    );
  return along(along(padded_BCHW, horizontal, [1, horizontal.length]), vertical, [vertical.length, 1]);
}

/** The kernel for an axis that shrinks `factor` times: sigma (factor - 1) / 2, over four sigmas, at least three taps, an odd number. */
function gaussianKernel(factor: number): Float64Array {
  const sigma = Math.max((factor - 1) / 2, 0.001);
  const taps = Math.trunc(Math.max(4 * sigma, 3));
  const odd = taps % 2 === 0 ? taps + 1 : taps;
  const weights = Float64Array.from({ length: odd }, (_, i) =>
    Math.exp(-((i - (odd - 1) / 2) ** 2) / (2 * sigma ** 2)),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
