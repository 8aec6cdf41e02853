// Training of a tiny decoder: latents of the teacher's encoder back to the real frames, and to what the teacher's decoder makes of them.
// Axes: B batch, C channels, H height, W width.
import { noGrad, scope } from "@vid2world/torch";
import type { Tensor } from "@vid2world/torch";
import { z } from "zod";
import { samplePosterior } from "../model/autoencoder/autoencoder.js";
import type { TinyDecoder } from "../model/tiny-decoder/tiny-decoder.js";
import type { TrainedAutoencoder } from "./autoencoder-file.js";
import type { PictureModel } from "./frame-objective.js";
import type { Losses } from "./objective.js";

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

/** The network to train, by the loss of {@link tinyDecoderLosses}; validation decodes posterior means, by the teacher too. */
export function taughtDecoder(decoder: TinyDecoder, teacher: Teacher, loss: TinyDecoderLossConfig): PictureModel {
  const { autoencoder, scale } = teacher;
  return {
    module: decoder,
    losses: (pixels_BCHW) => tinyDecoderLosses(decoder, teacher, pixels_BCHW, loss),
    squaredErrors(pixels_NCHW) {
      const { mean_NCHW } = autoencoder.encode(pixels_NCHW);
      const limit = (x: Tensor): Tensor => x.float().clamp({ min: -1, max: 1 });
      const [tiny, taught] = [limit(decoder.forward(mean_NCHW.mul(scale))), limit(autoencoder.decode(mean_NCHW))];
      const squared = (a: Tensor, b: Tensor): number => a.sub(b).square().mean().item();
      return {
        psnr: squared(tiny, pixels_NCHW),
        psnrOfTeacher: squared(taught, pixels_NCHW),
        psnrToTeacher: squared(tiny, taught),
      };
    },
  };
}

type Teacher = Pick<TrainedAutoencoder, "autoencoder" | "scale">;

/** Means over all pixels; the latents are posterior samples, as a world sees them. */
export function tinyDecoderLosses(
  decoder: TinyDecoder,
  { autoencoder, scale }: Teacher,
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
