// The clean latents joined to the noisy ones along the channels: what a frame is told of the picture it continues.
// Axes: B batch, T frames, C channels, H height, W width.

import { type Tensor, cat } from "@vid2world/torch";

/**
 * `first-frame`: the window's first frame at every frame, as published (arXiv:2310.12190). `previous-frame`: at every frame the one before
 * it, as strictly causal as the actions are: entry t is known when frame t is drawn. A small network then need not carry the picture
 * through its temporal layers, which mix the same position of every frame, and sooner learns what an action moves.
 */
export type ImageCondition = "first-frame" | "previous-frame";

/** The condition of `frames` frames from the clean latents of those before the last, or of all of them: [B T C H W] -> [B frames C H W] */
export function imageCondition(kind: ImageCondition, latents_BTCHW: Tensor, frames = latents_BTCHW.size(1)): Tensor {
  const first_B1CHW = latents_BTCHW.narrow(1, 0, 1);
  if (kind === "first-frame") return first_B1CHW.expand([-1, frames, -1, -1, -1]);
  return frames === 1 ? first_B1CHW : cat([first_B1CHW, latents_BTCHW.narrow(1, 0, frames - 1)], { dim: 1 });
}
