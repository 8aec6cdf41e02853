// The training loss of diffusion forcing: independent noise per frame, dynamic rescale of the clean latents, v target, the first
// frame as image condition, actions shifted by one frame and dropped per timestep (arXiv:2505.14357, arXiv:2407.01392).
// Axes: B batch, T frames, C channels, H height, W width, L context tokens, D context width, A action channels.

import { type Generator, type Tensor, rand, randnLike } from "@vid2world/torch";
import * as z from "zod";
import { actionDropoutMask, shiftActions } from "./actions.js";
import type { Conditioning, Network } from "./denoiser.js";
import { imageCondition } from "./image-condition.js";
import { atLevels } from "./level-tables.js";
import { type DrawOptions, type SampledLevels, sampleLevels } from "./noise-levels.js";
import { addNoise, targetOf } from "./parameterization.js";
import type { NoiseSchedule } from "./schedule.js";

/** Configuration of the loss. The defaults are the published ones. */
export const lossSchema = z.strictObject({
  /** Independent noise per frame (diffusion forcing), one level per clip, or the end of a clip after a clean beginning. */
  levels: z.enum(["per-frame", "per-sample", "continuation"]).default("per-frame"),
  actionDropout: z.number().min(0).max(1).default(0.2),
  actionDropoutPerTimestep: z.boolean().default(true),
  /** Largest standard deviation of the noise added to the image condition, drawn anew per clip: a rollout sees its own imperfect frames. */
  imageNoise: z.number().min(0).default(0),
});

/** The resolved loss part of a configuration. */
export type LossConfig = z.infer<typeof lossSchema>;

/** A batch of clips as latents. Actions are unshifted: entry t was taken at frame t. */
export interface LatentBatch {
  readonly latents_BTCHW: Tensor;
  readonly actions_BTA?: Tensor;
  readonly context?: Tensor;
  readonly fps_B?: Tensor;
}

/** Random draws; what is not given is drawn from `generator`. Tests and golden runs give them. */
export interface LossDraws {
  readonly generator?: Generator;
  /** [B T], or [B] for one level per clip. */
  readonly levels?: Tensor;
  readonly noise_BTCHW?: Tensor;
  readonly actionMask_BT?: Tensor;
}

/** The loss and what logging and tests want to see of it; all on the device, nothing was waited for. */
export interface DiffusionLoss {
  /** Mean over all scored frames: a scalar with gradients. */
  readonly loss: Tensor;
  /** Mean over channels and pixels, detached: which frames and levels are hard. */
  readonly perFrame_BT: Tensor;
  /** The timesteps used, [B T] or [B]. */
  readonly levels: Tensor;
  /** 1 for frames that count in the loss, else 0; absent: all count. */
  readonly scored_BT?: Tensor;
  readonly noisy_BTCHW: Tensor;
  readonly target_BTCHW: Tensor;
  readonly output_BTCHW: Tensor;
}

/** Noises a batch, asks the network, and compares with its target. Run it inside a `scope`. */
export function diffusionLoss(
  network: Network,
  schedule: NoiseSchedule,
  batch: LatentBatch,
  config: LossConfig = lossSchema.parse({}),
  draws: LossDraws = {},
): DiffusionLoss {
  const { latents_BTCHW } = batch;
  const [b, t] = latents_BTCHW.dims("B T C H W");
  const random = { device: latents_BTCHW.device, ...(draws.generator && { generator: draws.generator }) };
  const { levels, scored_BT }: SampledLevels = draws.levels
    ? { levels: draws.levels }
    : sampleLevels(config.levels, b, t, schedule.numTimesteps, random);
  const noise_BTCHW =
    draws.noise_BTCHW ?? randnLike(latents_BTCHW, draws.generator ? { generator: draws.generator } : {});

  const clean_BTCHW = latents_BTCHW.mul(atLevels(schedule, "scale", levels));
  const noisy_BTCHW = addNoise(schedule, clean_BTCHW, noise_BTCHW, levels);
  const target_BTCHW = targetOf(schedule, clean_BTCHW, noise_BTCHW, levels);

  const levels_BT = levels.shape.length === 1 ? levels.unsqueeze(1).expand([b, t]).contiguous() : levels;
  const conditioning = trainingConditioning(batch, schedule, config, draws, random);
  const output_BTCHW = network(noisy_BTCHW, levels_BT, conditioning);
  const perFrame_BT = output_BTCHW.float().sub(target_BTCHW).square().mean([2, 3, 4]);
  return {
    loss: scored_BT ? perFrame_BT.mul(scored_BT).sum().div(scored_BT.sum()) : perFrame_BT.mean(),
    perFrame_BT: perFrame_BT.detach(),
    levels,
    ...(scored_BT && { scored_BT }),
    noisy_BTCHW,
    target_BTCHW,
    output_BTCHW,
  };
}

/** Clean frames (not rescaled) as image condition, actions shifted; the dropout mask is not shifted, its entry t drops what led to frame t. */
function trainingConditioning(
  batch: LatentBatch,
  schedule: NoiseSchedule,
  config: LossConfig,
  draws: LossDraws,
  random: DrawOptions,
): Conditioning {
  const { latents_BTCHW, actions_BTA, context, fps_B } = batch;
  const [b, t] = latents_BTCHW.dims("B T C H W");
  const dropout = { ...random, perTimestep: config.actionDropoutPerTimestep };
  const clean_BTCHW = imageCondition(schedule.config.imageCondition, latents_BTCHW);
  return {
    concat_BTCHW: config.imageNoise > 0 ? withNoise(clean_BTCHW, config.imageNoise, random) : clean_BTCHW,
    ...(actions_BTA && {
      actions_BTA: shiftActions(actions_BTA),
      actionMask_BT: draws.actionMask_BT ?? actionDropoutMask(b, t, config.actionDropout, dropout),
    }),
    ...(context && { context }),
    ...(fps_B && { fps_B }),
  };
}

/** Gaussian noise of a standard deviation between 0 and `largest`, one per clip. */
function withNoise(x_BTCHW: Tensor, largest: number, random: DrawOptions): Tensor {
  const std_B = rand([x_BTCHW.size(0), 1, 1, 1, 1], random).mul(largest);
  return x_BTCHW.add(randnLike(x_BTCHW, random.generator ? { generator: random.generator } : {}).mul(std_B));
}
