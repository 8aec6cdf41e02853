// Normalisation in float32: of tokens, and of groups of channels over one frame, a window of frames, or a frame and its past.
// Axes: F = B * T folded frames, G groups, N = H * W positions.
import { GroupNorm, LayerNorm, arange, layerNorm, type Tensor } from "@vid2world/torch";

import { wideGroupNorm, wideType } from "../group-norm.js";
import { foldFrames, unfoldFrames, type Window } from "./frames.js";

/** Group normalisation whose statistics and arithmetic are float32 even where the features are half precision. */
export class FrameNorm extends GroupNorm {
  /** `[F C ...] -> [F C ...]`, each item over its own statistics. */
  override forward(x: Tensor): Tensor {
    return wideGroupNorm(x, this);
  }
}

/** Layer normalisation of tokens, in float32 in the same way: `[... C] -> [... C]`. */
export class TokenNorm extends LayerNorm {
  override forward(x: Tensor): Tensor {
    const { weight, bias, width, eps } = this;
    const dtype = wideType(x);
    return layerNorm(x.to(dtype), [width], { weight: weight?.to(dtype), bias: bias?.to(dtype), eps }).to(x.dtype);
  }
}

/** Over which frames a temporal normalisation takes its statistics. */
export type TemporalStatistics = "window" | "causal";

/**
 * The normalisation of the time-mixing layers. `window` takes joint statistics over all frames, so every frame depends on every other.
 * `causal` takes those of frames 0..i for frame i, from running moments: what was computed for the past stays valid when a frame is added.
 */
export class TemporalNorm extends FrameNorm {
  readonly #statistics: TemporalStatistics;

  constructor(groups: number, channels: number, options: { eps?: number; statistics: TemporalStatistics }) {
    super(groups, channels, options.eps === undefined ? {} : { eps: options.eps });
    this.#statistics = options.statistics;
  }

  /** `[F C H W] -> [F C H W]` for the frames of `window`. */
  forwardFrames(x_FCHW: Tensor, window: Window): Tensor {
    if (this.#statistics === "window") {
      return foldFrames(this.forward(unfoldFrames(x_FCHW, window)), x_FCHW.size(2));
    }
    return this.#forwardCausal(x_FCHW, window);
  }

  #forwardCausal(x_FCHW: Tensor, { batch, frames }: Window): Tensor {
    const { groups, eps } = this;
    const channels = x_FCHW.size(1);
    const dtype = wideType(x_FCHW);
    const x = x_FCHW.to(dtype);
    const framesSoFar_T1 = arange(1, frames + 1, { dtype, device: x.device }).unsqueeze(-1);
    /** The mean over frames 0..i of something that is known per frame and channel. */
    const running = (moment_FC: Tensor): Tensor =>
      moment_FC
        .reshape([batch, frames, groups, channels / groups])
        .mean([3])
        .cumsum(1)
        .div(framesSoFar_T1);
    const mean_BTG = running(x.mean([2, 3]));
    const variance_BTG = running(x.square().mean([2, 3]))
      .sub(mean_BTG.square())
      .clamp({ min: 0 });
    const perChannel = (x_BTG: Tensor): Tensor =>
      x_BTG
        .unsqueeze(3)
        .expand([batch, frames, groups, channels / groups])
        .reshape([batch * frames, channels]);
    const scale_FC = perChannel(variance_BTG.add(eps).rsqrt()).mul((this.weight as Tensor).to(dtype));
    const shift_FC = (this.bias as Tensor).to(dtype).sub(perChannel(mean_BTG).mul(scale_FC));
    const y = x.mul(scale_FC.unsqueeze(-1).unsqueeze(-1)).add(shift_FC.unsqueeze(-1).unsqueeze(-1));
    return y.to(x_FCHW.dtype);
  }
}
