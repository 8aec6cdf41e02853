// Noise levels of a training batch: independent per frame for diffusion forcing (arXiv:2407.01392), one per clip for the base model.

import { type Device, type Generator, type Tensor, arange, randint, where } from "@vid2world/torch";

/**
 * `per-frame`: diffusion forcing. `per-sample`: one level for all frames of a clip, as the base model was trained. `continuation`: diffusion
 * forcing of a clip's end after a nearly clean beginning of random length, as a rollout sees it; only the end is scored. What an action
 * does can only be learned where the frames before are seen clearly, which is rare when all levels are independent.
 */
export type LevelSampling = "per-frame" | "per-sample" | "continuation";

/** Timesteps up to which the beginning of a `continuation` is noised: the range that rollouts choose their history level from. */
const HISTORY_LEVELS = 50;

/** Levels of a batch, and which frames count in the loss: 1 or 0, [B T]; absent: all. */
export interface SampledLevels {
  readonly levels: Tensor;
  readonly scored_BT?: Tensor;
}

/** Where random numbers come from and where they go. */
export interface DrawOptions {
  readonly device?: Device;
  readonly generator?: Generator;
}

/** Uniform integer timesteps [B T] in [0, numTimesteps), drawn as {@link LevelSampling} says. */
export function sampleLevels(
  sampling: LevelSampling,
  batch: number,
  frames: number,
  numTimesteps: number,
  options: DrawOptions = {},
): SampledLevels {
  const draw = (below: number, columns: number): Tensor => randint(0, below, [batch, columns], options);
  switch (sampling) {
    case "per-frame":
      return { levels: draw(numTimesteps, frames) };
    case "per-sample":
      return { levels: draw(numTimesteps, 1).expand([batch, frames]).contiguous() };
    case "continuation": {
      const beginning_B1 = draw(Math.max(1, frames - 1), 1).add(1);
      const isEnd_BT = arange(0, frames, { device: options.device ?? "cpu" })
        .unsqueeze(0)
        .ge(beginning_B1);
      const levels = where(isEnd_BT, draw(numTimesteps, frames), draw(HISTORY_LEVELS, frames));
      return { levels, scored_BT: isEnd_BT.to("float32") };
    }
    default:
      throw unreachable(sampling);
  }
}

const unreachable = (value: never): Error => new Error(`internal: level sampling ${String(value)}`);
