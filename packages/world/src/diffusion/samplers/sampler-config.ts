// How a world is sampled: the schema of the `sampler` part of a configuration.

import * as z from "zod";

/** Spacings of the sampling timesteps; `uniform_trailing` starts at the last timestep, as a zero-terminal-SNR model needs. */
export const spacings = ["uniform", "uniform_trailing", "quad"] as const;

/** One of `spacings`. */
export type Spacing = (typeof spacings)[number];

/** Configuration of sampling. The defaults are those of the published evaluation. */
export const samplerSchema = z.strictObject({
  numSteps: z.int().min(1).max(1000).default(50),
  spacing: z.enum(spacings).default("uniform_trailing"),
  /** Share of fresh noise per step: 0 deterministic, 1 ancestral. */
  eta: z.number().min(0).max(1).default(1),
  /** 1 switches guidance off (and halves the cost). */
  guidanceScale: z.number().default(2.5),
  /** Share of the result whose standard deviation is set back to the conditional prediction's (arXiv:2305.08891 eq. 15-16). */
  guidanceRescale: z.number().min(0).max(1).default(0.7),
  /**
   * Noise level of the history in a rollout: the second smallest sampling timestep (published), none at all, or a fixed timestep.
   * With few steps the published rule noises the history heavily (5 steps: timestep 399): give a number then.
   */
  historyLevel: z.union([z.literal("second-step"), z.literal("clean"), z.int().min(0)]).default("second-step"),
  /**
   * `published`: the last step keeps the noise and the dynamic rescale of the smallest timesteps, and history is not rescaled.
   * `consistent`: the last step returns clean latents at scale 1, and history is rescaled as in training.
   */
  variant: z.enum(["published", "consistent"]).default("published"),
  /** Conditional and unconditional prediction in one call of twice the batch (faster), or one after the other (half the memory). */
  batchedGuidance: z.boolean().default(true),
  seed: z.int().min(0).default(0),
});

/** The resolved `sampler` part of a configuration. */
export type SamplerConfig = z.infer<typeof samplerSchema>;
