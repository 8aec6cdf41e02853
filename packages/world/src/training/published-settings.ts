// The parts of a configuration that only models of the published kind have: a published data set, a whole checkpoint to start from, the
// CLIP context, and the protocol of their evaluation. Here they are declared; data, model and evaluation read them.
import { z } from "zod";
import { autoencoderSchema } from "../model/autoencoder/options.js";
import { clipSchema } from "../model/clip/options.js";
import { resamplerSchema } from "../model/resampler.js";

const count = z.int().min(1);

/** A published data set in the layout that its authors' scripts leave on the disk (docs/published-models.md). */
export const domainDataSchema = z.strictObject({
  /** `stills`: a folder of single images, each repeated into a clip that stands still. */
  domain: z.enum(["rt1", "csgo", "recon", "stills"]),
  folder: z.string(),
  /** Folder of the held-out episodes where it is another one. */
  validationFolder: z.string().optional(),
  /** Size of the frames that the networks see, bars included. */
  height: count.default(320),
  width: count.default(512),
  /** `resize_center_crop` fits the shorter side and crops or pads the other; `resize_center_crop_csgo` goes by 275x512 first. */
  spatialTransform: z.enum(["resize_center_crop", "resize_center_crop_csgo"]).default("resize_center_crop"),
  /** Shift by up to two pixels and colour jitter, of training clips only: `standard` within a tenth, `strong` within four tenths. */
  augmentation: z.enum(["none", "standard", "strong"]).default("none"),
  /** File that names the held-out episodes; absent: the domain's own rule. */
  validationList: z.string().optional(),
  /** File of the first frame of each held-out clip (CS:GO). */
  validationStarts: z.string().optional(),
  /** Folder with the names of training and test trajectories and the evaluation's indices (RECON). */
  splits: z.string().optional(),
  /** Hold out only a few clips, for a quick look while training. */
  validationSubsample: z.boolean().default(false),
});

/** The frozen autoencoder of a published checkpoint. */
export const publishedAutoencoderSchema = z.strictObject({
  /** File of a whole model, or `weights:NAME` (docs/weights.md). */
  checkpoint: z.string(),
  /** Factor between its latents and those of the diffusion model. */
  scale: z.number().positive().default(0.18215),
  options: autoencoderSchema.prefault({}),
});

/** Text and image tokens from frozen CLIP towers, the image's through a trained resampler. */
export const contextSchema = z.strictObject({
  /** File of a whole model that holds both towers and the resampler, or `weights:NAME`. */
  checkpoint: z.string(),
  clip: clipSchema.prefault({}),
  resampler: resamplerSchema.prefault({}),
  trainResampler: z.boolean().default(true),
  /** p: in training the text is dropped with probability 2p, the image (set to grey before its tower) where p <= draw < 3p. */
  dropout: z
    .number()
    .min(0)
    .max(1 / 3)
    .default(0.05),
});

/** How the published evaluation rolls a model out; the sampler's own settings stand in `sampler`. */
export const protocolSchema = z.strictObject({
  name: z.enum(["ar", "nar", "single-step", "rollout", "long", "action-control"]),
  /** Frames to predict of `long`; the other protocols fill the model's window. */
  frames: count.optional(),
  /** World vector of the six pushes of `action-control`. */
  magnitude: z.number().positive().optional(),
  /** Held-out episodes to roll out from; absent: all. */
  episodes: count.optional(),
});
