// How a world is sampled: the schema of the `sampler` part of a configuration.

import * as z from "zod";

/**
 * Spacings of the sampling timesteps; all but `uniform` and `quad` start at the last timestep, as a zero-terminal-SNR model needs.
 * `log_snr` is uniform in log-SNR, `karras` in the 7th root of sigma.
 */
export const spacings = ["uniform", "uniform_trailing", "quad", "log_snr", "karras"] as const;

/** One of `spacings`. */
export type SpacingName = (typeof spacings)[number];

/** Ways through the noise levels: `ddim` is the published one, the others are of second order. `heun` evaluates twice a step. */
export const solverNames = ["ddim", "dpm-solver++2m", "unipc", "heun"] as const;

/** One of `solverNames`. */
export type SolverName = (typeof solverNames)[number];

const settings = z.strictObject({
  solver: z.enum(solverNames).default("ddim"),
  numSteps: z.int().min(1).max(1000).default(50),
  /** How the timesteps are spread, or the timesteps themselves, `numSteps` of them and all different. */
  spacing: z
    .union([
      z.enum(spacings),
      z
        .array(z.int().min(0))
        .min(1)
        .refine((timesteps) => new Set(timesteps).size === timesteps.length, "expected timesteps that all differ"),
    ])
    .default("uniform_trailing"),
  /** Share of fresh noise per step: 0 deterministic, 1 ancestral. */
  eta: z.number().min(0).max(1).default(1),
  /** 1 switches guidance off (and halves the cost). */
  guidanceScale: z.number().default(2.5),
  /** Share of the result whose standard deviation is set back to the conditional prediction's (arXiv:2305.08891 eq. 15-16). */
  guidanceRescale: z.number().min(0).max(1).default(0.7),
  /** Timesteps from and to which guidance acts, both included; the others cost one evaluation (arXiv:2404.07724). Absent: always. */
  guidanceInterval: z.tuple([z.int().min(0), z.int().min(0)]).optional(),
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
  /**
   * How a rollout evaluates the network. `window`: the whole window at every step, as published. `streaming`: the past once, then only the
   * new frame; with `causal` temporal normalisation the same to rounding, with `window` normalisation an approximation (docs/streaming.md).
   */
  evaluation: z.enum(["window", "streaming"]).default("window"),
  /**
   * `streaming`: after how many new frames the past is evaluated anew from the window's frames. 1 is the window's result at the price of one
   * window per frame; 0 never, so that frames keep what they once saw.
   */
  refreshEvery: z.int().min(0).default(0),
  /**
   * `streaming` on a CUDA device: whether the evaluation of a frame is launched as one CUDA graph, in place of some thousand kernels one by
   * one (docs/streaming.md). It takes memory for up to eight of them.
   */
  cudaGraphs: z.boolean().default(false),
  /** Which first frame the image condition `first-frame` shows: the sliding window's (published), or the rollout's for ever. */
  imageAnchor: z.enum(["window", "fixed"]).default("window"),
  /**
   * Which image tokens a frame sees. `published`: its own in a window of exactly the trained length, all of them in any other; `per-frame`:
   * always those of its place in the window, as in training.
   */
  imageTokens: z.enum(["published", "per-frame"]).default("published"),
  seed: z.int().min(0).default(0),
});

/** Configuration of sampling. The defaults are those of the published evaluation. */
export const samplerSchema = settings.superRefine(({ solver, eta, guidanceInterval: interval }, context) => {
  const fail = (path: string, message: string): void => context.addIssue({ code: "custom", path: [path], message });
  if ((solver === "unipc" || solver === "heun") && eta > 0)
    fail("eta", `expected 0, as ${solver} adds no noise, got ${eta}`);
  if (interval && interval[0] > interval[1]) fail("guidanceInterval", "expected the smaller timestep first");
});

/** The resolved `sampler` part of a configuration. */
export type SamplerConfig = z.infer<typeof samplerSchema>;
