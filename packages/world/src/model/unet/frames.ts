// Changes between the three forms in which features appear. None of them copies when the feature maps are stored channels last.
// Axes: F = B * T frames folded into the batch, N = H * W positions, C channels.
import { rearrange, type Tensor } from "@vid2world/torch";

import type { TimePass } from "./time-pass.js";

/** How many clips, and how many frames of each, are folded into the batch axis. */
export interface Window {
  readonly batch: number;
  readonly frames: number;
  /** A causal layer sees a frame and at most `reach - 1` before it. Absent: all before it. */
  readonly reach?: number;
  /** Present where the evaluation continues an earlier one or is to be continued. */
  readonly time?: TimePass;
}

/** `[F C H W] -> [B C T N]`: the form in which time is an axis that convolutions and norms can run over. */
export function unfoldFrames(x_FCHW: Tensor, window: Window): Tensor {
  return rearrange(x_FCHW, "(b t) c h w -> b c t (h w)", { b: window.batch });
}

/** `[B C T N] -> [F C H W]` */
export function foldFrames(x_BCTN: Tensor, height: number): Tensor {
  return rearrange(x_BCTN, "b c t (h w) -> (b t) c h w", { h: height });
}

/** `[F C H W] -> [F N C]` */
export function mapToTokens(x_FCHW: Tensor): Tensor {
  return rearrange(x_FCHW, "f c h w -> f (h w) c");
}

/** `[F N C] -> [F C H W]` */
export function tokensToMap(x_FNC: Tensor, height: number): Tensor {
  return rearrange(x_FNC, "f (h w) c -> f c h w", { h: height });
}
