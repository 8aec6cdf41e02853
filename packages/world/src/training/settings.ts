// What every training run has in common, as a configuration: optimiser, budget, precision, reporting.
import { z } from "zod";
import { parameterSettings } from "./parameter-groups.js";
import { retentionSettings } from "./retention.js";

/** Settings of the training loop; all have defaults except the budget, which needs `maxSteps`, `maxMinutes` or both. */
export const trainingSchema = z
  .strictObject({
    /** Every random draw of a run follows from this number and the step's index. */
    seed: z.int().min(0).default(42),
    device: z.string().default("cpu"),
    /** CPU threads of libtorch; absent: one per core. */
    threads: z.int().min(1).optional(),
    /**
     * `bfloat16` and `float16` compute convolutions and matrix products in half the bits (autocast); weights and optimiser stay float32.
     * `float16` scales the loss, so that small gradients do not vanish.
     */
    precision: z.enum(["float32", "bfloat16", "float16"]).default("float32"),
    /** Clips (frames, for an autoencoder) of one micro batch. */
    batchSize: z.int().min(1),
    /** Micro batches whose gradients are averaged before one optimiser step. */
    accumulate: z.int().min(1).default(1),
    /** The run ends after this many optimiser steps ... */
    maxSteps: z.int().min(1).optional(),
    /** ... or after this much wall-clock time, summed over resumed runs, whichever comes first. */
    maxMinutes: z.number().positive().optional(),
    learningRate: z.number().positive(),
    /** Optimiser steps over which the learning rate rises linearly from zero. */
    warmupSteps: z.int().min(0).default(0),
    /** How the learning rate falls over the budget, to `finalLearningRate` times its peak. */
    decay: z.enum(["constant", "linear", "cosine"]).default("constant"),
    finalLearningRate: z.number().min(0).max(1).default(0),
    betas: z.tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)]).default([0.9, 0.999]),
    /** Added to AdamW's denominator. Larger values keep rounding noise in tiny gradients from becoming whole steps. */
    eps: z.number().positive().default(1e-8),
    weightDecay: z.number().min(0).default(0.01),
    ...parameterSettings,
    /** Upper bound of the gradient's global L2 norm. */
    gradientClip: z.number().positive().default(0.5),
    /** Steps whose gradient is not finite, or larger than `maxGradientNorm`: they are left out, weights and optimiser stay as they are. */
    instability: z
      .strictObject({
        /** `skip` goes on; `stop` ends the run at the next report. What float16's loss scaling leaves out does not count. */
        policy: z.enum(["skip", "stop"]).default("skip"),
        /** So many steps in a row, whatever their reason, end the run under both policies. */
        maxConsecutive: z.int().min(1).default(20),
        /** Largest norm of the whole gradient, before clipping, that a step is made with; absent: any finite one. */
        maxGradientNorm: z.number().positive().optional(),
      })
      .prefault({}),
    /** Each of several ranks keeps only its part of the optimiser's state, and updates that part of the weights. */
    shardOptimizer: z.boolean().default(false),
    /** Decay of the moving average of the weights that is evaluated and exported; 0 switches it off. */
    emaDecay: z.number().min(0).lt(1).default(0),
    /** Steps between two lines of metrics.jsonl; the only steps that wait for the device. */
    logEvery: z.int().min(1).default(10),
    /** Steps between validations; absent: only at the end. */
    validateEvery: z.int().min(1).optional(),
    ...retentionSettings,
  })
  .refine((settings) => settings.maxSteps !== undefined || settings.maxMinutes !== undefined, {
    message: "no end is set; give maxSteps, maxMinutes or both",
  });

/** Checked settings of a training loop. */
export type TrainingSettings = z.output<typeof trainingSchema>;
