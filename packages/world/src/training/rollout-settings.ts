// The settings of rollouts inside training: how often, how many, and by what they are judged.
import { z } from "zod";

/** Rollouts of held-out clips while training goes on, with the moving average of the weights. */
export const rolloutValidationSchema = z.strictObject({
  /** Optimiser steps between two; one more takes place at the end. */
  every: z.int().min(1),
  /** Held-out clips that are rolled out, spread over all of them: the same ones with the same noise every time. */
  clips: z.int().min(1).default(4),
  /** Frames to predict from each; absent: as many as the model's window holds beside `contextFrames`. */
  frames: z.int().min(1).optional(),
  /**
   * `whole-clip` samples all frames of a clip together, which takes one rollout's time for all its frames, and shows the model only the first;
   * `frame-by-frame` is how a finished world is played. Absent: frame by frame, or whole clips for a base model, which is not causal.
   */
  order: z.enum(["frame-by-frame", "whole-clip"]).optional(),
  /** Clips of the training data that are sampled and kept as videos beside, but not measured. */
  trainingClips: z.int().min(0).default(0),
  /** Denoising steps per frame; absent: those of `sampler`. */
  steps: z.int().min(1).optional(),
  /** Clips that are rolled out as one batch: what memory allows. Metrics are means over all clips, whatever the batch. */
  batch: z.int().min(1).default(4),
  /**
   * `psnr` (dB), `ssim`, `mse` (pixels in [-1, 1]) against what really happened; `gainOverRepeat`: dB above the last known frame shown again
   * and again; `gainOverShuffled`: dB above the same model under the actions of other clips, which doubles the work. A world that does not
   * gain over shuffled actions does not obey yet. `lpips`, `dreamsim`, `fid` and `fvd` need networks (`vid2world weights pull metrics`), of all
   * clips together; without their weights they are named at the start and left out.
   */
  metrics: z
    .array(z.enum(["psnr", "ssim", "mse", "gainOverRepeat", "gainOverShuffled", "lpips", "dreamsim", "fid", "fvd"]))
    .min(1)
    .default(["psnr", "ssim", "gainOverRepeat"]),
});

/** Checked settings of rollouts while training goes on. */
export type RolloutValidationConfig = z.output<typeof rolloutValidationSchema>;
