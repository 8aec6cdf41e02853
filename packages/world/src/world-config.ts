// What `world.json` holds: everything about a world but its weights.

import * as z from "zod";
import { actionWidth, channelsSchema } from "./data/action-space.js";
import { samplerSchema } from "./diffusion/samplers/sampler-config.js";
import { diffusionSchema } from "./diffusion/schedule.js";
import { autoencoderSchema } from "./model/autoencoder/options.js";
import { clipSchema } from "./model/clip/options.js";
import { resamplerSchema } from "./model/resampler.js";
import { tinyDecoderSchema } from "./model/tiny-decoder/options.js";
import { unetSchema } from "./model/unet/options.js";

const count = z.int().positive();

/** Frames as they are shown, and the size the networks work on: padded at the bottom and right by repeating the edge. */
export const frameSchema = z
  .strictObject({
    width: count,
    height: count,
    /** Absent: not padded. Must be multiples of what autoencoder and U-Net halve together. */
    paddedWidth: count.optional(),
    paddedHeight: count.optional(),
    /** Frames per second at which the world is played. */
    fps: z.number().positive(),
  })
  .refine((frame) => (frame.paddedWidth ?? frame.width) >= frame.width, {
    path: ["paddedWidth"],
    error: "expected at least width",
  })
  .refine((frame) => (frame.paddedHeight ?? frame.height) >= frame.height, {
    path: ["paddedHeight"],
    error: "expected at least height",
  });

/** What makes pictures of latents: the autoencoder's own decoder, or the small one for live use. */
export const decoderSchema = z.enum(["full", "tiny"]);

/** One of the two decoders. */
export type DecoderName = z.output<typeof decoderSchema>;

/** Schema of `world.json`. */
export const worldSchema = z
  .strictObject({
    format: z.literal("vid2world-world/1").default("vid2world-world/1"),
    name: z.string().min(1),
    description: z.string().optional(),
    frame: frameSchema,
    /** Frames a rollout starts from. */
    contextFrames: count.default(1),
    /** Factor between the autoencoder's latents and those of the diffusion model. */
    latentScale: z.number().positive().default(0.18215),
    /** Which latents of a context frame are used: a sample of the posterior (published) or its mean. */
    latents: z.enum(["sample", "mean"]).default("sample"),
    autoencoder: autoencoderSchema,
    /** A small decoder for live use, whose weights lie in the world's folder; absent: it has none. */
    tinyDecoder: tinyDecoderSchema.optional(),
    /** Which decoder makes the pictures unless a user says otherwise. */
    decoder: decoderSchema.default("full"),
    unet: unetSchema,
    /** Text and image towers that describe the scene; with `resampler`, or not at all. */
    clip: clipSchema.optional(),
    /** Gathers the image tower's tokens into those of the context. */
    resampler: resamplerSchema.optional(),
    diffusion: diffusionSchema.prefault({}),
    sampler: samplerSchema.prefault({}),
    /** Named channels of an action; absent: a world that cannot be acted in. */
    channels: channelsSchema.optional(),
    /** Folder of the recordings it was trained on, relative to the world or absolute: where starts come from. */
    recordings: z.string().optional(),
  })
  .superRefine((world, context) => {
    const fail = (path: string[], message: string): void => void context.addIssue({ code: "custom", path, message });
    const width = world.channels && actionWidth(world.channels);
    if (width !== undefined && width !== world.unet.actionDim) {
      fail(["unet", "actionDim"], `expected ${width}, the width of channels, got ${world.unet.actionDim ?? "none"}`);
    }
    for (const [path, message] of sceneIssues(world)) fail(path, message);
    const latents = world.autoencoder.embedDim;
    if (world.unet.outChannels !== latents) {
      fail(["unet", "outChannels"], `expected autoencoder.embedDim (${latents}), got ${world.unet.outChannels}`);
    }
    const tiny = world.tinyDecoder;
    if (tiny && tiny.latentChannels !== latents) {
      fail(["tinyDecoder", "latentChannels"], `expected autoencoder.embedDim (${latents}), got ${tiny.latentChannels}`);
    }
    const levels = world.autoencoder.channelMultipliers.length;
    if (tiny && tiny.channels.length !== levels) {
      fail(
        ["tinyDecoder", "channels"],
        `expected ${levels} levels, as the autoencoder has, got ${tiny.channels.length}`,
      );
    }
    if (world.contextFrames >= world.unet.temporalLength) {
      fail(
        ["contextFrames"],
        `expected less than unet.temporalLength (${world.unet.temporalLength}), got ${world.contextFrames}`,
      );
    }
  });

/** What does not fit between the networks that describe a scene and the U-Net that is told of it. */
function sceneIssues({ clip, resampler, unet }: SceneParts): [path: string[], message: string][] {
  if (clip === undefined && resampler === undefined) return [];
  if (clip === undefined || resampler === undefined)
    return [[[clip ? "resampler" : "clip"], "expected clip and resampler together: they describe the scene as one"]];
  const issues: [path: string[], message: string][] = [];
  const expect = (path: string[], got: number | undefined, of: string, wanted: number): void => {
    if (got !== wanted) issues.push([path, `expected ${wanted}, ${of}, got ${got ?? "none"}`]);
  };
  expect(["resampler", "inputWidth"], resampler.inputWidth, "clip.image.width", clip.image.width);
  expect(["resampler", "outputWidth"], resampler.outputWidth, "clip.text.width", clip.text.width);
  expect(["unet", "contextDim"], unet.contextDim, "resampler.outputWidth", resampler.outputWidth);
  expect(["unet", "textTokens"], unet.textTokens, "clip.text.contextLength", clip.text.contextLength);
  return issues;
}

interface SceneParts {
  readonly clip?: z.output<typeof clipSchema> | undefined;
  readonly resampler?: z.output<typeof resamplerSchema> | undefined;
  readonly unet: z.output<typeof unetSchema>;
}

/** A resolved world configuration. */
export type WorldConfig = z.output<typeof worldSchema>;
/** The same as written: what has a default may be left out. */
export type WorldConfigInput = z.input<typeof worldSchema>;
