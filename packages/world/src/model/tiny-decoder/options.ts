// The tiny decoder's options.
import { z } from "zod";

const count = z.number().int().positive();

/** Options of {@link TinyDecoder}. The defaults are those of the published TAESD decoders of Stable Diffusion's latents. */
export const tinyDecoderSchema = z
  .strictObject({
    /** Channels of the latents. */
    latentChannels: count.default(4),
    /** Channels of the pictures. */
    outChannels: count.default(3),
    /** Channels of each level, the smallest resolution first; every level but the last doubles the resolution at its end. */
    channels: z.array(count).min(1).default([64, 64, 64, 64]),
    /** Residual blocks of each level. */
    blocks: z.array(z.number().int().min(0)).min(1).default([3, 3, 3, 1]),
    memoryFormat: z.enum(["channelsLast", "contiguous"]).default("channelsLast"),
  })
  .refine(({ channels, blocks }) => channels.length === blocks.length, {
    path: ["blocks"],
    error: "expected as many entries as channels has",
  });

/** Options as a caller writes them: whatever has a default may be left out. */
export type TinyDecoderOptions = z.input<typeof tinyDecoderSchema>;
/** Options with every default filled in. */
export type ResolvedTinyDecoderOptions = z.output<typeof tinyDecoderSchema>;
