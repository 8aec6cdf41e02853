// Few-step distillation: the student rolls out from its own frames, and at each of them learns in one step what the teacher, guided and in
// many steps, makes of the same noise and the same past.
// Axes: B batch, T frames, C channels, H height, W width, N image tokens, D width.
import { type Tensor, noGrad, scope } from "@vid2world/torch";
import { samplingSteps } from "../diffusion/samplers/timesteps.js";
import type { NoiseSchedule } from "../diffusion/schedule.js";
import { UNetStream } from "../model/unet/unet-stream.js";
import type { UNet3D } from "../model/unet/unet.js";
import { type ClipSource, randomClips } from "./clip-source.js";
import { clipTable, spreadClips } from "./clip-table.js";
import {
  type DistillationRollout,
  type DistillationSide,
  distillationSide,
  meanSquareFromTeacher,
  rolloutLessons,
} from "./distillation-rollout.js";
import type { DistillationSamplers } from "./distillation-samplers.js";
import type { DistillationSettings } from "./distillation-settings.js";
import { seedTensors } from "./draws.js";
import type { Objective } from "./objective.js";

/** What is distilled into what, on which clips. */
export interface DistillationOptions extends Pick<DistillationRollout, "contextFrames" | "context"> {
  readonly student: UNet3D;
  /** Frozen. */
  readonly teacher: UNet3D;
  readonly schedule: NoiseSchedule;
  readonly samplers: DistillationSamplers;
  readonly settings: Pick<DistillationSettings, "frames" | "huber">;
  /** Clips of `contextFrames` and at least `settings.frames` frames. */
  readonly clips: ClipSource;
  /** Held-out clips; absent: no validation. */
  readonly validation?: ClipSource | undefined;
  readonly batchSize: number;
}

/** Clips of one validation. */
const VALIDATION_CLIPS = 16;

/**
 * The pseudo-Huber distance between the student's predictions and the teacher's. Gradients pass through the frame that is denoised and end at
 * the frames before it (arXiv:2506.08009 section 3.2); guidance, where the teacher has it, is folded in (arXiv:2210.03142). Validation gives
 * the root mean square between frames after real ones by student and teacher (`distance`), and by a teacher that takes the student's steps
 * (`distanceOfTeacher`): what distillation is to improve on.
 */
export async function distillationObjective(options: DistillationOptions): Promise<Objective> {
  const { schedule, samplers, settings, clips, validation, batchSize, contextFrames, context } = options;
  const { student: module } = options;
  const student = distillationSide(new UNetStream(module, { trained: true }), schedule, samplers.student);
  const teacher = distillationSide(new UNetStream(options.teacher), schedule, samplers.teacher);
  const rollout: DistillationRollout = { student, teacher, contextFrames, context };
  const steps = samplingSteps(schedule, samplers.student).length;
  const objective: Objective = {
    module,
    ...randomClips(clips, batchSize),
    losses(draw, raw) {
      module.eval(); // a rollout has no dropout
      const lessons = rolloutLessons(rollout, clips.clips(raw), settings.frames, () => draw.below(steps));
      const losses = lessons.map((lesson) =>
        pseudoHuber(lesson.predicted_B1CHW.sub(lesson.target_B1CHW), settings.huber),
      );
      return { total: losses.reduce((sum, loss) => sum.add(loss)).div(losses.length) };
    },
  };
  if (!validation) return objective;
  const places = spreadClips(clipTable(validation.episodes, validation.frames), VALIDATION_CLIPS);
  const pieces: unknown[] = [];
  for (let i = 0; i < places.length; i += batchSize) pieces.push(await validation.read(places.slice(i, i + batchSize)));
  const distance = (side: DistillationSide): number =>
    noGrad(() => {
      seedTensors(0, 0); // the same posteriors and noise each time
      const squares = pieces.map((raw) => scope(() => meanSquareFromTeacher(side, rollout, validation.clips(raw))));
      return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length);
    });
  let distanceOfTeacher: number | undefined;
  return {
    ...objective,
    validate() {
      module.eval();
      distanceOfTeacher ??= distance({ ...teacher, settings: { ...teacher.settings, sampler: samplers.student } });
      return { distance: distance(student), distanceOfTeacher };
    },
  };
}

/** `mean(sqrt(d^2 + c^2) - c)`: as the absolute difference far from zero, as the square near it. */
export const pseudoHuber = (difference: Tensor, c: number): Tensor =>
  difference
    .square()
    .add(Math.max(c, 1e-6) ** 2)
    .sqrt()
    .sub(c)
    .mean();
