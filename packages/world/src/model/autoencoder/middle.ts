// The lowest level of encoder and decoder: two residual blocks with self attention between them.
import { Conv2d, Module, scaledDotProductAttention, scope, type Tensor } from "@vid2world/torch";

import { ImageNorm } from "./norm.js";
import { ImageResidualBlock } from "./residual-block.js";

/** Self attention of one head over all positions of an image: `[N C H W] -> [N C H W]`. */
export class ImageAttention extends Module {
  readonly norm: ImageNorm;
  readonly query: Conv2d;
  readonly key: Conv2d;
  readonly value: Conv2d;
  readonly output: Conv2d;

  constructor(channels: number, options: { normGroups: number }) {
    super();
    this.norm = new ImageNorm(options.normGroups, channels);
    this.query = new Conv2d(channels, channels, 1);
    this.key = new Conv2d(channels, channels, 1);
    this.value = new Conv2d(channels, channels, 1);
    this.output = new Conv2d(channels, channels, 1);
  }

  forward(x_NCHW: Tensor): Tensor {
    return scope(() => {
      const [batch, channels, height, width] = x_NCHW.dims("N C H W");
      const normalised = this.norm.forward(x_NCHW);
      const tokens = (projection: Conv2d): Tensor =>
        projection
          .forward(normalised)
          .permute([0, 2, 3, 1])
          .reshape([batch, 1, height * width, channels]);
      const mixed = scaledDotProductAttention(tokens(this.query), tokens(this.key), tokens(this.value));
      return x_NCHW.add(this.output.forward(mixed.reshape([batch, height, width, channels]).permute([0, 3, 1, 2])));
    });
  }
}

/** Residual block, attention, residual block. */
export class Middle extends Module {
  readonly residualIn: ImageResidualBlock;
  readonly attention: ImageAttention;
  readonly residualOut: ImageResidualBlock;

  constructor(channels: number, options: { normGroups: number; dropout: number }) {
    super();
    this.residualIn = new ImageResidualBlock(channels, channels, options);
    this.attention = new ImageAttention(channels, options);
    this.residualOut = new ImageResidualBlock(channels, channels, options);
  }

  forward(x_NCHW: Tensor): Tensor {
    return this.residualOut.forward(this.attention.forward(this.residualIn.forward(x_NCHW)));
  }
}
