// The autoencoder's residual block.
import { Conv2d, Dropout, Module, scope, type Tensor } from "@vid2world/torch";

import { ImageNorm } from "./norm.js";

/** Normalisation, SiLU and a 3x3 convolution, twice: `[N C H W] -> [N Co H W]`. */
export class ImageResidualBlock extends Module {
  readonly norm1: ImageNorm;
  readonly conv1: Conv2d;
  readonly norm2: ImageNorm;
  readonly dropout: Dropout;
  readonly conv2: Conv2d;
  readonly skip: Conv2d | undefined;

  constructor(inChannels: number, outChannels: number, options: { normGroups: number; dropout: number }) {
    super();
    this.norm1 = new ImageNorm(options.normGroups, inChannels);
    this.conv1 = new Conv2d(inChannels, outChannels, 3, { padding: 1 });
    this.norm2 = new ImageNorm(options.normGroups, outChannels);
    this.dropout = new Dropout(options.dropout);
    this.conv2 = new Conv2d(outChannels, outChannels, 3, { padding: 1 });
    this.skip = inChannels === outChannels ? undefined : new Conv2d(inChannels, outChannels, 1);
  }

  forward(x_NCHW: Tensor): Tensor {
    return scope(() => {
      const first = this.conv1.forward(this.norm1.forward(x_NCHW).silu());
      const second = this.conv2.forward(this.dropout.forward(this.norm2.forward(first).silu()));
      return (this.skip?.forward(x_NCHW) ?? x_NCHW).add(second);
    });
  }
}
