// Distillation of one frame: a student with few steps is taught by a teacher with many, wherever the student itself arrives.
// Axes: B batch, C channels, H height, W width.

import { type Tensor, noGrad, scope } from "@vid2world/torch";
import { ddimStep } from "./samplers/ddim.js";
import type { SamplerConfig } from "./samplers/sampler-config.js";
import { solvers } from "./samplers/solve.js";
import type { Predictor } from "./samplers/solver.js";
import { samplingTimesteps } from "./samplers/placements.js";
import { type SamplingStep, samplingSteps } from "./samplers/timesteps.js";
import type { NoiseSchedule } from "./schedule.js";

/** Who teaches whom, and how each of them samples. Neither adds noise in its steps: the teacher's answer must follow from the question. */
export interface FrameDistillation {
  readonly schedule: NoiseSchedule;
  /** Takes DDIM steps; it is not guided, as it learns what the guided teacher says. */
  readonly student: { readonly predict: Predictor; readonly sampler: SamplerConfig };
  readonly teacher: { readonly predict: Predictor; readonly sampler: SamplerConfig };
  /** Standard normal noise that the frame begins as, [B 1 C H W]. */
  readonly start_B1CHW: Tensor;
  /** The step of the student that is taught, from 0. */
  readonly taught: number;
}

/** What became of a frame. */
export interface DistilledFrame {
  /** The student's prediction of clean latents at the taught step, with gradients, [B 1 C H W]. */
  readonly predicted_B1CHW: Tensor;
  /** Where the teacher arrives from the same place. */
  readonly target_B1CHW: Tensor;
  /** The frame as the student finishes it, without gradients: it goes on from there. */
  readonly latent_B1CHW: Tensor;
}

/**
 * The student takes its steps; at the taught one the teacher solves the rest of the way from where the student stands. A step that does so
 * from noise alone is the distillation of arXiv:2101.02388; asking at the student's own places teaches it to correct itself (arXiv:1011.0686).
 */
export function distilFrame({ schedule, student, teacher, start_B1CHW, taught }: FrameDistillation): DistilledFrame {
  return scope(() => {
    let x_B1CHW = start_B1CHW;
    let lesson: Pick<DistilledFrame, "predicted_B1CHW" | "target_B1CHW"> | undefined;
    for (const [index, step] of samplingSteps(schedule, student.sampler).entries()) {
      const here_B1CHW = x_B1CHW;
      const predict = (): Tensor => student.predict(here_B1CHW, step.timestep);
      const scaled_B1CHW = index === taught ? predict() : noGrad(predict);
      if (index === taught)
        lesson = {
          // The network sees latents scaled by the dynamic rescale of their level; both are compared without it.
          predicted_B1CHW: scaled_B1CHW.div(step.scale),
          target_B1CHW: solveFrom(teacher.predict, here_B1CHW, step.timestep, schedule, teacher.sampler),
        };
      x_B1CHW = ddimStep(here_B1CHW, scaled_B1CHW.detach(), step).x;
    }
    return { ...(lesson as NonNullable<typeof lesson>), latent_B1CHW: x_B1CHW };
  });
}

/** Solves from latents at `timestep` to clean ones, by the steps of `sampler` that lie below it. */
export function solveFrom(
  predict: Predictor,
  x_B1CHW: Tensor,
  timestep: number,
  schedule: NoiseSchedule,
  sampler: SamplerConfig,
): Tensor {
  return noGrad(() => solvers[sampler.solver](predict, x_B1CHW, stepsFrom(timestep, schedule, sampler)));
}

/** The steps of `sampler` below `timestep`, after one from `timestep` itself. */
export function stepsFrom(timestep: number, schedule: NoiseSchedule, sampler: SamplerConfig): SamplingStep[] {
  const spacing = [...samplingTimesteps(schedule, sampler).filter((below) => below < timestep), timestep];
  return samplingSteps(schedule, { ...sampler, spacing, numSteps: spacing.length });
}
