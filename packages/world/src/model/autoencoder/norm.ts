// The autoencoder's group normalisation.
import { GroupNorm, type Tensor } from "@vid2world/torch";

import { wideGroupNorm } from "../group-norm.js";

const EPSILON = 1e-6;

/** Group normalisation with the autoencoder's epsilon, in float32 where the features are half precision. `[N C H W] -> [N C H W]` */
export class ImageNorm extends GroupNorm {
  constructor(groups: number, channels: number) {
    super(groups, channels, { eps: EPSILON });
  }

  override forward(x_NCHW: Tensor): Tensor {
    return wideGroupNorm(x_NCHW, this);
  }
}
