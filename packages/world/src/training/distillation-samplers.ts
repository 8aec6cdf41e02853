// The samplers of a distillation's two sides, from the teacher's own.
import { invalid } from "@vid2world/formats";
import type { SamplerConfig } from "../diffusion/samplers/sampler-config.js";
import { samplerSchema } from "../diffusion/samplers/sampler-config.js";
import { historyTimestep } from "../diffusion/samplers/timesteps.js";
import type { NoiseSchedule } from "../diffusion/schedule.js";
import type { DistillationSettings } from "./distillation-settings.js";

/** How both sides sample. */
export interface DistillationSamplers {
  /** What the distilled world is sampled with: few steps, no guidance. */
  readonly student: SamplerConfig;
  readonly teacher: SamplerConfig;
}

/**
 * Both sides see the same history, noised as the teacher's own sampler says, and stream. Steps end at clean latents (`consistent`): the
 * published last step leaves noise and scale of the smallest timestep, which with few steps is a large one.
 */
export function distillationSamplers(
  own: SamplerConfig,
  schedule: NoiseSchedule,
  { steps, timesteps, teacher }: DistillationSettings,
): DistillationSamplers {
  const { guidanceScale = own.guidanceScale, guidanceRescale = own.guidanceRescale, solver, numSteps } = teacher;
  const shared = {
    ...own,
    eta: 0,
    variant: "consistent",
    evaluation: "streaming",
    historyLevel: historyTimestep(schedule, own) ?? "clean",
  } as const;
  const { guidanceInterval: _, ...unguided } = shared;
  const spacing = typeof own.spacing === "string" ? own.spacing : "uniform_trailing";
  if (numSteps <= steps) throw invalid("distillation.teacher.numSteps", `more than the student's ${steps}`, numSteps);
  return {
    student: samplerSchema.parse({
      ...{ ...unguided, solver: "ddim", numSteps: steps, spacing: timesteps ?? spacing },
      ...{ guidanceScale: 1, guidanceRescale: 0 },
    }),
    teacher: samplerSchema.parse({ ...shared, solver, numSteps, spacing, guidanceScale, guidanceRescale }),
  };
}
