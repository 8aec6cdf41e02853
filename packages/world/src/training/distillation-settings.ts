// The settings of a distillation: how few steps the student takes, who teaches it, and on what.
import { z } from "zod";
import { solverNames } from "../diffusion/samplers/sampler-config.js";

/** What is distilled, and how. */
export const distillationSchema = z
  .strictObject({
    /** Denoising steps of the student, which takes them unguided. */
    steps: z.int().min(1).max(16).default(2),
    /** Timesteps of the student's steps; absent: spaced as the teacher's sampler says. */
    timesteps: z.array(z.int().min(0)).min(1).optional(),
    /** Frames that the student rolls out after its context, from its own frames; each of them is taught. */
    frames: z.int().min(1).default(4),
    /** How the teacher samples; what is absent is as its world says. It adds no noise in its steps, so that one question has one answer. */
    teacher: z
      .strictObject({
        solver: z.enum(solverNames).default("unipc"),
        numSteps: z.int().min(1).max(1000).default(8),
        guidanceScale: z.number().optional(),
        guidanceRescale: z.number().min(0).max(1).optional(),
      })
      .prefault({}),
    /**
     * Differences of latents well above this count by their size, those below by their square, as in arXiv:2310.14189 section 3.3. Latents have
     * about unit variance. 0: by their size alone.
     */
    huber: z.number().min(0).default(0.03),
  })
  .refine(({ steps, timesteps }) => timesteps === undefined || timesteps.length === steps, {
    message: "expected as many timesteps as steps",
    path: ["timesteps"],
  });

/** Checked settings of a distillation. */
export type DistillationSettings = z.output<typeof distillationSchema>;
