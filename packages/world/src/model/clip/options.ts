// Options of the image and text towers (arXiv:2103.00020, OpenCLIP's form).
import { z } from "zod";

const count = z.number().int().positive();

/** The image tower's options; the defaults are those of ViT-H/14. */
const imageSchema = z
  .strictObject({
    /** Side of the square that pictures are resized to, in pixels. */
    imageSize: count.default(224),
    /** Side of a patch, in pixels. */
    patchSize: count.default(14),
    width: count.default(1280),
    layers: count.default(32),
    /** Width of one attention head. */
    headChannels: count.default(80),
  })
  .refine(({ width, headChannels }) => width % headChannels === 0, {
    path: ["headChannels"],
    error: "expected a divisor of width",
  })
  .refine(({ imageSize, patchSize }) => imageSize >= patchSize, {
    path: ["patchSize"],
    error: "expected at most imageSize",
  });

/** The text tower's options; the defaults are those of ViT-H/14. */
const textSchema = z
  .strictObject({
    /** Tokens of a text, start and end included. */
    contextLength: count.default(77),
    /** The last two of these tokens mark start and end. */
    vocabularySize: count.min(2).default(49408),
    width: count.default(1024),
    layers: count.min(2).default(24),
    heads: count.default(16),
  })
  .refine(({ width, heads }) => width % heads === 0, { path: ["heads"], error: "expected a divisor of width" });

/** Options of both towers. The defaults are those of OpenCLIP ViT-H/14, which the published world model is conditioned by. */
export const clipSchema = z.strictObject({
  /** Width of the space in which images and texts are compared. */
  embedDim: count.default(1024),
  image: imageSchema.prefault({}),
  text: textSchema.prefault({}),
});

/** Options as a caller writes them: whatever has a default may be left out. */
export type ClipOptions = z.input<typeof clipSchema>;
/** Options with every default filled in. */
export type ResolvedClipOptions = z.output<typeof clipSchema>;
