// Convolutions that look only backwards along their first spatial axis.
import { Conv2d, conv1d, conv2d, conv3d, pad, type Tensor } from "@vid2world/torch";
import { invalid } from "@vid2world/formats";

/** Options of {@link causalConv}. */
export interface CausalConvOptions {
  readonly bias?: Tensor;
  /** Dilation along the causal axis. */
  readonly dilation?: number;
}

/**
 * Convolves `x [N C L ...]` with `weight [Co C k ...]` of one to three spatial axes. Output position i of the first spatial axis sees the inputs
 * up to i (zeros before the start); the other axes are symmetric. The size stays the same: odd kernels on the other axes.
 */
export function causalConv(x: Tensor, weight: Tensor, options: CausalConvOptions = {}): Tensor {
  const [, , ...kernel] = weight.shape;
  const dilation = options.dilation ?? 1;
  const past = ((kernel[0] ?? 1) - 1) * dilation;
  // `pad` counts axes from the last one backwards, two numbers each.
  const padding = [...kernel.slice(1).flatMap(() => [0, 0]), past, 0];
  const symmetric = [0, ...kernel.slice(1).map((size) => (size - 1) / 2)];
  const padded = past === 0 ? x : pad(x, padding);
  const shared = {
    padding: symmetric,
    dilation: [dilation, ...kernel.slice(1).map(() => 1)],
    ...(options.bias === undefined ? {} : { bias: options.bias }),
  };
  switch (kernel.length) {
    case 1:
      return conv1d(padded, weight, shared);
    case 2:
      return conv2d(padded, weight, shared);
    case 3:
      return conv3d(padded, weight, shared);
    default:
      throw invalid("weight", "a convolution weight with 1 to 3 spatial axes", `shape [${weight.shape.join(", ")}]`);
  }
}

/**
 * A 2-D convolution that is causal along the image's *height*: output row r sees rows r-2..r. The published world model's output
 * convolution is one by accident, and its checkpoints depend on it.
 */
export class HeightCausalConv2d extends Conv2d {
  /** `[N C H W] -> [N Co H W]` */
  override forward(x_NCHW: Tensor): Tensor {
    return causalConv(x_NCHW, this.weight, this.bias === undefined ? {} : { bias: this.bias });
  }
}
