// The only two things diffusion knows of a network: what it is told besides the noisy latents, and what it answers.
// Axes: B batch, T frames, C channels, H height, W width, L context tokens, D context width, A action channels.

import type { Tensor } from "@vid2world/torch";

/** Everything a prediction depends on besides the noisy latents and their noise levels. */
export interface Conditioning {
  /** Text and image tokens [B L D]. */
  readonly context?: Tensor;
  /** Latents joined to the noisy ones along the channels; may hold more frames than the window, the first ones are used. */
  readonly concat_BTCHW?: Tensor;
  /** Actions already shifted: entry t led to frame t (see `shiftActions`). */
  readonly actions_BTA?: Tensor;
  /** 1 keeps, 0 drops the action of entry t. Absent: all kept. */
  readonly actionMask_BT?: Tensor;
  /** Frames per second, or the frame stride, as the network was trained with. */
  readonly fps_B?: Tensor;
}

/** A network as it is: noisy latents, integer timesteps, conditioning -> its output (v, eps or x0), [B T C H W]. */
export type Network = (x_BTCHW: Tensor, levels_BT: Tensor, conditioning: Conditioning) => Tensor;

/** Predicts the clean latents of a whole window. Networks of any parameterisation are wrapped into this (`denoiserOf`). */
export type Denoiser = (x_BTCHW: Tensor, levels_BT: Tensor, conditioning: Conditioning) => Tensor;

/** Conditioning of one new frame. */
export interface FrameConditioning {
  readonly context?: Tensor;
  readonly concat_BCHW?: Tensor;
  /** The action that leads to this frame. */
  readonly action_BA?: Tensor;
  readonly actionMask_B?: Tensor;
  readonly fps_B?: Tensor;
}

/**
 * Evaluates one new frame against a history computed once. A `History` is an immutable value: to fork a world is to share it.
 * Implemented by networks whose temporal layers are strictly causal.
 */
export interface StreamingDenoiser<History> {
  /** Computes the history of finished (noised) frames. */
  begin(history_BTCHW: Tensor, levels_BT: Tensor, conditioning: Conditioning): History;
  /** The clean latents of one new frame; `history` is not touched. */
  denoise(history: History, frame_BCHW: Tensor, level_B: Tensor, conditioning: FrameConditioning): Tensor;
  /** `history` with one finished frame appended. */
  commit(history: History, frame_BCHW: Tensor, level_B: Tensor, conditioning: FrameConditioning): History;
}
