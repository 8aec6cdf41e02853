// Normalisation in float32: of tokens, and of groups of channels over one frame, a window of frames, or a frame and its past.
// Axes: F = B * T folded frames, G groups, N = H * W positions.
import { GroupNorm, LayerNorm, addcmul, layerNorm, type Tensor } from "@vid2world/torch";

import { groupMoments, wideGroupNorm, wideType } from "../group-norm.js";
import { foldFrames, unfoldFrames, type Window } from "./frames.js";
import { besidePast, newestOf, ofClips, overTime, remembered, withNewest, type FrameMoments } from "./frame-moments.js";

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
 * `causal` takes those of frame i and the frames before it that are within the window's reach: what was computed for the past stays valid
 * when a frame is added. Where an evaluation continues another, the new frame's statistics are those of the past and itself in both.
 */
export class TemporalNorm extends FrameNorm {
  readonly #statistics: TemporalStatistics;

  constructor(groups: number, channels: number, options: { eps?: number; statistics: TemporalStatistics }) {
    super(groups, channels, options.eps === undefined ? {} : { eps: options.eps });
    this.#statistics = options.statistics;
  }

  /** `[F C H W] -> [F C H W]` for the frames of `window`. */
  forwardFrames(x_FCHW: Tensor, window: Window): Tensor {
    if (this.#statistics === "window" && window.time === undefined) {
      return foldFrames(this.forward(unfoldFrames(x_FCHW, window)), x_FCHW.size(2));
    }
    const x = x_FCHW.to(wideType(x_FCHW));
    return this.#apply(x, this.#overTime(groupMoments(x, this.groups), window)).to(x_FCHW.dtype);
  }

  /** From the moments of single frames to those that each frame is normalised by, `[F G]`. */
  #overTime(own_FG: FrameMoments, window: Window): FrameMoments {
    const { batch, frames, reach = frames, time } = window;
    const past = time?.recall(this);
    if (past) {
      time?.keep(this, () => remembered(withNewest(past, own_FG, reach - 1)));
      return besidePast(own_FG, past);
    }
    const own_BTG = ofClips(own_FG, batch);
    time?.keep(this, () => remembered(newestOf(own_BTG, reach - 1)));
    return overTime(own_BTG, this.#statistics === "window" ? "all" : reach);
  }

  /** `(x - mean) / sqrt(variance + eps) * weight + bias` as one product and sum. */
  #apply(x_FCHW: Tensor, { mean, variance }: FrameMoments): Tensor {
    const { groups, eps } = this;
    const perGroup = (y_C: Tensor): Tensor => y_C.to(x_FCHW.dtype).unflatten(0, [groups, -1]);
    const scale_FGK = variance
      .add(eps)
      .rsqrt()
      .unsqueeze(-1)
      .mul(perGroup(this.weight as Tensor));
    const shift_FGK = addcmul(perGroup(this.bias as Tensor), mean.unsqueeze(-1), scale_FGK, { value: -1 });
    const perMap = (y_FGK: Tensor): Tensor => y_FGK.reshape([-1, x_FCHW.size(1), 1, 1]);
    return addcmul(perMap(shift_FGK), x_FCHW, perMap(scale_FGK));
  }
}
