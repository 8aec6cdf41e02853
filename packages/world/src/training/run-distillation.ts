// A run of kind "distillation": a finished world as the teacher, a copy of it as the student, and at the end the student's world.
import path from "node:path";
import { invalid } from "@vid2world/formats";
import type { Device } from "@vid2world/torch";
import { noiseSchedule } from "../diffusion/schedule.js";
import { UNet3D } from "../model/unet/unet.js";
import type { WorldConfig } from "../world-config.js";
import { findWorld, loadWorld, readWorldConfig } from "../world-folder.js";
import { clipsRun, contextOf } from "./clips-run.js";
import type { DistillationRunConfig } from "./config.js";
import { distillationObjective } from "./distillation-objective.js";
import { distillationSamplers } from "./distillation-samplers.js";
import { loadResampler } from "./frozen-networks.js";
import { worldFolderOf } from "./initialise.js";
import type { TrainingData } from "./load-episodes.js";
import type { PreparedRun } from "./prepared-run.js";
import type { RunOptions } from "./run.js";

/** Prepares a distillation; the student is saved as a world folder: that of the teacher with other weights and another sampler. */
export async function distillationRun(
  config: DistillationRunConfig,
  data: TrainingData,
  options: RunOptions,
): Promise<PreparedRun> {
  const { training, distillation, context } = config;
  const device = training.device as Device;
  const teacherFolder = await findTeacher(config.teacher);
  checkTeacher(await readWorldConfig(teacherFolder), data, config);
  const teacher = await loadWorld(teacherFolder, { device });
  const { unet, autoencoder, tinyDecoder } = teacher.parts;
  const schedule = noiseSchedule(teacher.config.diffusion);
  const samplers = distillationSamplers(teacher.sampler, schedule, distillation);
  const contextFrames = config.contextFrames ?? teacher.contextFrames;
  const frozen = { autoencoder, scale: teacher.config.latentScale };
  const frames = contextFrames + distillation.frames;
  return clipsRun({ config, data, frozen, frames, kind: "world" }, options, async (clips) => {
    const student = new UNet3D(unet.options).to(device);
    student.loadStateDict(unet.stateDict());
    const resampler = context && (await loadResampler({ ...context, trainResampler: false }, device));
    const shown = contextOf(context, clips, resampler);
    const objective = await distillationObjective({
      ...{ student, teacher: unet, schedule, samplers, contextFrames },
      ...{ settings: distillation, clips: clips.training, validation: clips.validation },
      ...(shown && { context: (tokens_BND) => shown(tokens_BND, false) }),
      batchSize: training.batchSize,
    });
    const description = {
      ...teacher.config,
      name: path.basename(path.resolve(options.folder)),
      sampler: samplers.student,
      ...(data.recordings !== undefined && { recordings: data.recordings }),
    };
    return { objective, description, unet: student, resampler, tinyDecoder };
  });
}

/** The folder of a teacher: a world by its name in `worlds/`, by its folder, or that of a run. */
export async function findTeacher(teacher: string): Promise<string> {
  return findWorld(await worldFolderOf(teacher));
}

/** Says where a teacher does not fit the data, or can not be streamed. */
export function checkTeacher(
  { unet, frame }: WorldConfig,
  data: Pick<TrainingData, "training" | "frame" | "padded">,
  { teacher, context }: Pick<DistillationRunConfig, "teacher" | "context">,
): void {
  const { paddedHeight = frame.height, paddedWidth = frame.width } = frame;
  if (!unet.causal) throw invalid("teacher", "a world model, which is causal in time", `${teacher}, which is not`);
  const sizes = ({ height, width }: { height: number; width: number }, inner: { height: number; width: number }) =>
    `${inner.height}x${inner.width} in ${height}x${width}`;
  const wanted = sizes({ height: paddedHeight, width: paddedWidth }, frame);
  const given = sizes(data.padded, data.frame);
  if (given !== wanted) throw invalid("data", `frames of ${wanted} (height x width), as the teacher's`, given);
  const recorded = data.training[0]?.actionDim;
  if (unet.actionDim !== undefined && unet.actionDim !== recorded)
    throw invalid("data", `actions of ${unet.actionDim} numbers, as the teacher's`, recorded);
  if ((context !== undefined) !== (unet.contextDim !== undefined))
    throw invalid("context", "given exactly where the teacher has text and image tokens", context && "given");
}
