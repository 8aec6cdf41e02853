// Halving and doubling of the resolution between the levels of the U-Net.
import { Conv2d, Module, upsampleNearest2d, type Tensor } from "@vid2world/torch";

/** Convolution of stride two: `[F C H W] -> [F C ceil(H/2) ceil(W/2)]`. */
export class Downsample extends Module {
  readonly conv: Conv2d;

  constructor(channels: number) {
    super();
    this.conv = new Conv2d(channels, channels, 3, { stride: 2, padding: 1 });
  }

  forward(x_FCHW: Tensor): Tensor {
    return this.conv.forward(x_FCHW);
  }
}

/** Nearest neighbour to twice the size, then a convolution: `[F C H W] -> [F Co 2H 2W]`. */
export class Upsample extends Module {
  readonly conv: Conv2d;

  constructor(channels: number, outChannels: number = channels) {
    super();
    this.conv = new Conv2d(channels, outChannels, 3, { padding: 1 });
  }

  forward(x_FCHW: Tensor): Tensor {
    return this.conv.forward(upsampleNearest2d(x_FCHW, [x_FCHW.size(2) * 2, x_FCHW.size(3) * 2]));
  }
}
