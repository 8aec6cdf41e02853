// The parts that the recorded sampling and training cases share: the schedule and the noise.
import type { Tensor } from "@vid2world/torch";
import type { NoiseSource } from "@vid2world/world/diffusion/noise";
import { type NoiseSchedule, diffusionSchema, noiseSchedule } from "@vid2world/world/diffusion/schedule";
import { manifest } from "@vid2world/world/model/testing/fixtures";

interface RecordedDiffusion {
  readonly config: { readonly linear_start: number; readonly linear_end: number; readonly base_scale: number };
}

/** The schedule of all recorded sampling and training cases. */
export function recordedSchedule(): NoiseSchedule {
  const { linear_start, linear_end, base_scale } = manifest<RecordedDiffusion>("train_loss.json").config;
  return noiseSchedule(
    diffusionSchema.parse({ linearStart: linear_start, linearEnd: linear_end, baseScale: base_scale }),
  );
}

/** Recorded videos are [B C T H W], ours [B T C H W]. The exchange is its own inverse. */
export const framesFirst = (x: Tensor): Tensor => x.transpose(1, 2).contiguous();

/** Looks a recorded tensor up. */
export type Lookup = (key: string) => Tensor;

/** The recorded noise of frame by frame sampling after `context` frames. */
export function autoregressiveNoise(input: Lookup, context: number): NoiseSource {
  return (purpose) => {
    const { kind, frame } = purpose;
    if (kind === "start") return input("in.x_T").select(2, frame);
    if (kind === "step") return input("in.ddim_noise_ar_eta1").select(0, frame).select(0, purpose.step);
    // The newest context frame is noised again when the first new frame begins; its first noise never shows.
    return input(frame < context - 1 ? "in.q_noise_init" : "in.q_noise_history").select(2, frame);
  };
}
