// Noise levels of a training batch: independent per frame for diffusion forcing (arXiv:2407.01392), one per clip for the base model.

import { type Device, type Generator, type Tensor, randint } from "@vid2world/torch";

/** `per-frame`: diffusion forcing. `per-sample`: one level for all frames of a clip, as the base model was trained. */
export type LevelSampling = "per-frame" | "per-sample";

/** Where random numbers come from and where they go. */
export interface DrawOptions {
  readonly device?: Device;
  readonly generator?: Generator;
}

/** Uniform integer timesteps [B T] in [0, numTimesteps); with `per-sample` every row holds one value T times. */
export function sampleLevels(
  sampling: LevelSampling,
  batch: number,
  frames: number,
  numTimesteps: number,
  options: DrawOptions = {},
): Tensor {
  const drawn = sampling === "per-frame" ? frames : 1;
  const levels = randint(0, numTimesteps, [batch, drawn], { ...options, dtype: "int64" });
  return drawn === frames ? levels : levels.expand([batch, frames]).contiguous();
}
