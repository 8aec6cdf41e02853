// Training of a tiny decoder: latents of the teacher's encoder back to the real frames, and to what the teacher's decoder makes of them.
// Axes: B batch, C channels, H height, W width.
import { noGrad, scope } from "@vid2world/torch";
import type { Device, Tensor } from "@vid2world/torch";
import { z } from "zod";
import { samplePosterior } from "../model/autoencoder/autoencoder.js";
import type { TinyDecoder } from "../model/tiny-decoder/tiny-decoder.js";
import type { TrainedAutoencoder } from "./autoencoder-file.js";
import { sampleFrames, validationFrames } from "./frame-table.js";
import type { FrameTable } from "./frame-table.js";
import type { Losses, Objective } from "./objective.js";
import { phase } from "./phases.js";
import type { ToPixels } from "./pixels.js";

/** Weights of the tiny decoder's loss. */
export const tinyDecoderLossSchema = z.strictObject({
  /** Of the mean absolute and of the mean squared difference from the real frames. */
  l1: z.number().min(0).default(1),
  mse: z.number().min(0).default(1),
  /** Of the mean absolute difference from the teacher's pictures. */
  teacher: z.number().min(0).default(1),
});

/** Checked weights of the tiny decoder's loss. */
export type TinyDecoderLossConfig = z.output<typeof tinyDecoderLossSchema>;

/** What a tiny decoder is trained with. */
export interface TinyDecoderObjectiveOptions {
  readonly decoder: TinyDecoder;
  readonly teacher: Pick<TrainedAutoencoder, "autoencoder" | "scale">;
  readonly frames: FrameTable;
  /** Held-out frames; absent: no validation. */
  readonly validation?: FrameTable | undefined;
  readonly toPixels: ToPixels;
  readonly loss: TinyDecoderLossConfig;
  readonly batchSize: number;
  readonly device: Device;
}

const VALIDATION_FRAMES = 64;

/** The loss of random frames; validation reports PSNR in decibels against the real frames (beside the teacher's) and against the teacher. */
export function tinyDecoderObjective(options: TinyDecoderObjectiveOptions): Objective<void> {
  const { decoder, teacher, frames, validation, loss, batchSize, device } = options;
  const pixelsOf: ToPixels = (frames_NHWC) => options.toPixels(frames_NHWC.to(device));
  const objective: Objective<void> = {
    module: decoder,
    frames: batchSize,
    losses(draw) {
      const pixels_BCHW = phase("loading", () => pixelsOf(sampleFrames(frames, draw, batchSize)));
      return tinyDecoderLosses(decoder, teacher, pixels_BCHW, loss);
    },
  };
  if (!validation) return objective;
  return {
    ...objective,
    validate: () => noGrad(() => scope(() => compareDecoders(decoder, teacher, validation, pixelsOf))),
  };
}

/** Means over all pixels; the latents are posterior samples, as a world sees them. */
export function tinyDecoderLosses(
  decoder: TinyDecoder,
  { autoencoder, scale }: Pick<TrainedAutoencoder, "autoencoder" | "scale">,
  pixels_BCHW: Tensor,
  weights: TinyDecoderLossConfig,
): Losses {
  const { latents_BCHW, taught_BCHW } = noGrad(() =>
    scope(() => {
      const sample_BCHW = samplePosterior(autoencoder.encode(pixels_BCHW));
      const taught_BCHW = weights.teacher > 0 ? autoencoder.decode(sample_BCHW).float() : pixels_BCHW.clone();
      return { latents_BCHW: sample_BCHW.float().mul(scale), taught_BCHW };
    }),
  );
  const decoded_BCHW = decoder.forward(latents_BCHW).float();
  const error_BCHW = decoded_BCHW.sub(pixels_BCHW);
  const l1 = error_BCHW.abs().mean();
  const mse = error_BCHW.square().mean();
  const teacher = decoded_BCHW.sub(taught_BCHW).abs().mean();
  const total = l1.mul(weights.l1).add(mse.mul(weights.mse)).add(teacher.mul(weights.teacher));
  return { total, parts: { l1, mse, teacher } };
}

/** PSNR of pictures decoded from posterior means, over the whole picture with its padding; the range [-1, 1] is 2 wide. */
function compareDecoders(
  decoder: TinyDecoder,
  { autoencoder, scale }: Pick<TrainedAutoencoder, "autoencoder" | "scale">,
  table: FrameTable,
  pixelsOf: ToPixels,
): { psnr: number; psnrOfTeacher: number; psnrToTeacher: number } {
  const pieces = validationFrames(table, VALIDATION_FRAMES).split(16);
  const sums = { psnr: 0, psnrOfTeacher: 0, psnrToTeacher: 0 };
  for (const piece_NHWC of pieces) {
    scope(() => {
      const pixels = pixelsOf(piece_NHWC);
      const { mean_NCHW } = autoencoder.encode(pixels);
      const limit = (x: Tensor): Tensor => x.float().clamp({ min: -1, max: 1 });
      const [tiny, taught] = [limit(decoder.forward(mean_NCHW.mul(scale))), limit(autoencoder.decode(mean_NCHW))];
      const squared = (a: Tensor, b: Tensor): number => a.sub(b).square().mean().item();
      sums.psnr += squared(tiny, pixels);
      sums.psnrOfTeacher += squared(taught, pixels);
      sums.psnrToTeacher += squared(tiny, taught);
    });
  }
  const decibels = (sum: number): number => 10 * Math.log10((4 * pieces.length) / sum);
  return {
    psnr: decibels(sums.psnr),
    psnrOfTeacher: decibels(sums.psnrOfTeacher),
    psnrToTeacher: decibels(sums.psnrToTeacher),
  };
}
