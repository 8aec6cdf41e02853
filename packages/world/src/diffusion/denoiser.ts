// The only two things diffusion knows of a network: what it is told besides the noisy latents, and what it answers.
// Axes: B batch, T frames, C channels, H height, W width, L context tokens, D context width, A action channels.

import type { Tensor } from "@vid2world/torch";

/** Everything a prediction depends on besides the noisy latents and their noise levels. */
export interface Conditioning {
  /** Text and image tokens [B L D], or what the network made of them once. */
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

/** What a network remembers of a rollout's frames: an immutable value. To fork a world is to share one; the last owner disposes of it. */
export interface NetworkMemory {
  /** Bytes held: bounded by the window. */
  readonly bytes: number;
  /** Everything it holds, in an order that is the network's own; the batch is every tensor's first axis. */
  readonly tensors: readonly Tensor[];
  dispose(): void;
}

/**
 * A network that evaluates each frame of a window once, and then only the newest one. Every call is given a whole window, as a `Network`
 * is; what is said of the frames before the newest is not looked at again.
 */
export interface StreamingNetwork {
  /** Evaluates all frames of a window: what is remembered of them. */
  begin(x_BTCHW: Tensor, levels_BT: Tensor, conditioning: Conditioning): NetworkMemory;
  /**
   * The output for a window whose frames but the newest are remembered, [B T C H W]; `memory` is not touched. The batch may be a multiple
   * of the memory's: branches that differ in the newest frame only (guidance) share one memory.
   */
  predict(memory: NetworkMemory, x_BTCHW: Tensor, levels_BT: Tensor, conditioning: Conditioning): Tensor;
  /** The memory with the window's newest frame. */
  commit(memory: NetworkMemory, x_BTCHW: Tensor, levels_BT: Tensor, conditioning: Conditioning): NetworkMemory;
  /** The same on a thread of its own, while JavaScript goes on. What is given may be disposed of at once. */
  commitAside(
    memory: NetworkMemory,
    x_BTCHW: Tensor,
    levels_BT: Tensor,
    conditioning: Conditioning,
  ): Promise<NetworkMemory>;
  /** One memory for rollouts that go on side by side, of memories of equally many frames. Those given stay their owners'. */
  join(memories: readonly NetworkMemory[]): NetworkMemory;
  /** The memories of the rollouts in one, each in tensors of its own. */
  split(memory: NetworkMemory): NetworkMemory[];
  /** A memory that was stored: `tensors` are those of one like `model`, for another number of frames perhaps. They become the memory's. */
  remake(model: NetworkMemory, tensors: readonly Tensor[]): NetworkMemory;
}
