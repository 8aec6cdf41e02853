// What is trained on single frames that are all in memory: random ones in every step, the same held-out ones in every validation.
// Axes: N frames, B batch, C colour channels, H height, W width.
import { type Device, type Module, noGrad, scope, type Tensor } from "@vid2world/torch";
import { clipTable, drawClips, nameClips } from "./clip-table.js";
import { type FrameTable, sampleFrames, validationFrames } from "./frame-table.js";
import type { Losses, Objective } from "./objective.js";
import { phase } from "./phases.js";
import type { ToPixels } from "./pixels.js";

/** The frames, and how many of them at once. */
export interface FrameObjectiveOptions {
  readonly frames: FrameTable;
  /** Held-out frames; absent: no validation. */
  readonly validation?: FrameTable | undefined;
  readonly toPixels: ToPixels;
  readonly batchSize: number;
  readonly device: Device;
}

/** A network for pictures [B 3 H W] in [-1, 1], the padding included. */
export interface PictureModel {
  readonly module: Module;
  losses(pixels_BCHW: Tensor): Losses;
  /** Mean squared errors of clamped pictures, by the name of the PSNR that validation makes of each. */
  squaredErrors(pixels_NCHW: Tensor): Readonly<Record<string, number>>;
}

const VALIDATION_FRAMES = 64;
const PIECE = 16;

/** The losses of random frames; validation reports PSNR in decibels, over the whole picture with its padding. */
export function frameObjective(model: PictureModel, options: FrameObjectiveOptions): Objective<void> {
  const { frames, validation, batchSize, device } = options;
  const pixelsOf: ToPixels = (frames_NHWC) => options.toPixels(frames_NHWC.to(device));
  const objective: Objective<void> = {
    module: model.module,
    frames: batchSize,
    samples: (draw) => nameClips(frames.episodes, drawClips(clipTable(frames.episodes, 1), draw, batchSize), 1),
    losses: (draw) => model.losses(phase("loading", () => pixelsOf(sampleFrames(frames, draw, batchSize)))),
  };
  if (!validation) return objective;
  const validate = (): Record<string, number> => {
    const pieces = validationFrames(validation, VALIDATION_FRAMES).split(PIECE);
    const errors = pieces.map((piece_NHWC) => scope(() => model.squaredErrors(pixelsOf(piece_NHWC))));
    const mean = (name: string): number => errors.reduce((sum, each) => sum + (each[name] ?? NaN), 0) / errors.length;
    // The range [-1, 1] is 2 wide.
    return Object.fromEntries(Object.keys(errors[0] ?? {}).map((name) => [name, 10 * Math.log10(4 / mean(name))]));
  };
  return { ...objective, validate: () => noGrad(() => scope(validate)) };
}
