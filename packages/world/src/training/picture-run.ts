// A run on single frames, whatever its network: frames in memory, the loss of random ones, pictures as validation.
// Axes: N frames, C colour channels, H height, W width.
import type { Device, Tensor } from "@vid2world/torch";
import { type PictureModel, frameObjective } from "./frame-objective.js";
import { type FrameTable, frameTable } from "./frame-table.js";
import type { TrainingEpisode } from "./episodes.js";
import type { TrainingData } from "./load-episodes.js";
import { pictureValidation } from "./picture-validation.js";
import { type ToPixels, toPixels } from "./pixels.js";
import type { PreparedRun } from "./prepared-run.js";
import type { RunOptions } from "./run.js";
import type { TrainingSettings } from "./settings.js";

/** A network on its device, and what becomes of it. */
export interface PictureRunParts extends PictureModel {
  /** File of the trained network. */
  readonly output: string;
  /** What networks make of pixels in [-1, 1], for people: float32 [N 3 H W] each. */
  readonly rows: (pixels_NCHW: Tensor) => readonly Tensor[];
  readonly save: (frames: FrameTable, pixelsOf: ToPixels) => Promise<void>;
}

/** Reads all frames and joins them with a network. */
export async function pictureRun(
  { batchSize, validateEvery, device: name }: TrainingSettings,
  data: TrainingData,
  { output, rows, save, ...model }: PictureRunParts,
  options: RunOptions,
): Promise<PreparedRun> {
  const device = name as Device;
  const read = (part: readonly TrainingEpisode[], what: string): Promise<FrameTable> =>
    frameTable(part, {
      signal: options.signal,
      onBroken: (message) => options.onEvent?.({ type: "warning", message }),
      onProgress: (done, total) => options.onEvent?.({ type: "prepare", what, done, total }),
    });
  const frames = await read(data.training, "read frames");
  const validation = data.validation.length > 0 ? await read(data.validation, "read validation frames") : undefined;
  const pixelsOf = toPixels(data.frame, data.padded);
  return {
    objective: frameObjective(model, { frames, validation, toPixels: pixelsOf, batchSize, device }),
    output,
    ...(validation && {
      rollouts: () =>
        pictureValidation({
          ...{ folder: options.folder, every: validateEvery, frames: validation, frame: data.frame, rows },
          toPixels: (frames_NHWC) => pixelsOf(frames_NHWC.to(device)),
        }),
    }),
    save: () => save(frames, pixelsOf),
    close: async () => {},
  };
}
