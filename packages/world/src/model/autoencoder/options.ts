// The autoencoder's options.
import { z } from "zod";

const count = z.number().int().positive();

/** Options of {@link AutoencoderKL}. The defaults are those of Stable Diffusion's autoencoder, which the published world model uses. */
export const autoencoderSchema = z
  .strictObject({
    /** Channels of the images. */
    inChannels: count.default(3),
    /** Channels at full resolution. */
    ch: count.default(128),
    /** Channels of each level as a multiple of `ch`; the resolution halves from one level to the next. */
    channelMultipliers: z.array(count).min(1).default([1, 2, 4, 4]),
    numResBlocks: count.default(2),
    /** Channels of the encoder's mean and of the decoder's input. */
    zChannels: count.default(4),
    /** Channels of the latents, between the two 1x1 convolutions. */
    embedDim: count.default(4),
    normGroups: count.default(32),
    /** Dropout inside the residual blocks (training only). */
    dropout: z.number().min(0).max(1).default(0),
    memoryFormat: z.enum(["channelsLast", "contiguous"]).default("channelsLast"),
  })
  .refine((options) => options.ch % options.normGroups === 0, {
    path: ["normGroups"],
    error: "expected a divisor of ch",
  });

/** Options as a caller writes them: whatever has a default may be left out. */
export type AutoencoderOptions = z.input<typeof autoencoderSchema>;
/** Options with every default filled in. */
export type ResolvedAutoencoderOptions = z.output<typeof autoencoderSchema>;
