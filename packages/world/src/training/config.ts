// The configuration of a training run: one of five kinds. Every component's part has its schema beside the component.
import { z } from "zod";
import { splitSchema } from "../data/recording-format.js";
import { lossSchema } from "../diffusion/loss.js";
import { samplerSchema } from "../diffusion/samplers/sampler-config.js";
import { diffusionSchema } from "../diffusion/schedule.js";
import { autoencoderSchema } from "../model/autoencoder/options.js";
import { unetSchema } from "../model/unet/options.js";
import { tinyDecoderSchema } from "../model/tiny-decoder/options.js";
import { autoencoderLossSchema } from "./autoencoder-objective.js";
import { contextSchema, domainDataSchema, protocolSchema, publishedAutoencoderSchema } from "./published-settings.js";
import { syntheticSchema } from "./synthetic.js";
import { distillationSchema } from "./distillation-settings.js";
import { rolloutValidationSchema } from "./rollout-settings.js";
import { tinyDecoderLossSchema } from "./tiny-decoder-objective.js";
import { trainingSchema } from "./settings.js";
import { loggingSchema } from "./sinks/open-sinks.js";

/** Size that the networks work on: frames are padded at the bottom and right; absent: not padded. */
const padded = { paddedHeight: z.int().min(1).optional(), paddedWidth: z.int().min(1).optional() };

/** Recordings on disk, the invented ones of the debug configuration, or a published data set. */
const dataSchema = z.union([
  z.strictObject({
    ...padded,
    /** Folder of recordings (docs/recordings.md). */
    recordings: z.string(),
    split: splitSchema.default("train"),
    /** Split that is only measured; absent: no validation. */
    validationSplit: splitSchema.optional(),
  }),
  z.strictObject({ ...padded, synthetic: syntheticSchema }),
  domainDataSchema,
]);

/** The autoencoder that makes the latents: of a finished run, of a published checkpoint, or with random weights (for debugging). */
const latentsSchema = z.strictObject({
  /** `autoencoder.safetensors` of a run, or the run's folder. */
  autoencoder: z.union([z.string(), z.strictObject({ untrained: autoencoderSchema }), publishedAutoencoderSchema]),
  /** Folder of encoded recordings (`vid2world data encode`, or made before the first step), to be shared by runs; absent: in the run's folder. */
  cache: z.string().optional(),
  /** Without `cache`: frames are read, augmented and encoded in every step, and nothing is stored. */
  live: z.boolean().default(false),
  /** Differently augmented copies of each recording in the cache; absent: all that it has, one where it is made. */
  variants: z.int().min(1).optional(),
  /** How image tokens are stored, which are nine tenths of the cache of a published model. */
  tokenPrecision: z.enum(["float16", "float32"]).default("float16"),
  /** Threads that read and decode frames for `live`. */
  workers: z.int().min(1).default(2),
});

const common = { data: dataSchema, training: trainingSchema, logging: loggingSchema.prefault({}) };

/** Trains an autoencoder on single frames. */
const autoencoderRunSchema = z.strictObject({
  kind: z.literal("autoencoder"),
  ...common,
  autoencoder: autoencoderSchema,
  loss: autoencoderLossSchema.prefault({}),
  /** The run to go on from; absent: random weights. */
  initialise: z
    .strictObject({
      from: z.string(),
      /** `decoder` leaves the encoder as it is: latents, and models trained on them, stay valid. */
      train: z.enum(["all", "decoder"]).default("all"),
    })
    .optional(),
});

/** Trains a small decoder for the latents of a finished autoencoder. */
const tinyDecoderRunSchema = z.strictObject({
  kind: z.literal("tiny-decoder"),
  ...common,
  /** `autoencoder.safetensors` of a run, or the run's folder: whose latents are decoded, and whose pictures are imitated. */
  teacher: z.string(),
  decoder: tinyDecoderSchema.prefault({}),
  loss: tinyDecoderLossSchema.prefault({}),
  /** Weights to go on from: of a run of this kind, or a published TAESD decoder; absent: random. */
  initialise: z.strictObject({ from: z.string() }).optional(),
});

/** Distils a finished world into one with few denoising steps and no guidance. */
const distillationRunSchema = z.strictObject({
  kind: z.literal("distillation"),
  ...common,
  /** A world by its name in `worlds/`, its folder, or that of its run: architecture, latents and noise schedule are the teacher's. */
  teacher: z.string(),
  latents: latentsSchema.omit({ autoencoder: true }).prefault({}),
  /** Where the teacher has text and image tokens. The resampler is not trained. */
  context: contextSchema.optional(),
  distillation: distillationSchema.prefault({}),
  /** Rollouts of held-out clips while training goes on. */
  validation: rolloutValidationSchema.optional(),
  /** Frames that rollouts start from; absent: the teacher's. */
  contextFrames: z.int().min(1).optional(),
});

const denoising = {
  ...common,
  /** What the finished world is, in a sentence or two, for whoever plays it. */
  description: z.string().optional(),
  latents: latentsSchema,
  model: unetSchema,
  /** Absent: a model without text and image tokens (then `model.contextDim` is absent too). */
  context: contextSchema.optional(),
  /** Finished weights of this very model: a file or `weights:NAME`. What rolling it out loads unless told otherwise. */
  checkpoint: z.string().optional(),
  diffusion: diffusionSchema.prefault({}),
  loss: lossSchema.prefault({}),
  /** Rollouts of held-out clips while training goes on; absent: only the held-out loss is measured (training.validateEvery). */
  validation: rolloutValidationSchema.optional(),
  /** How the finished world is sampled unless its user says otherwise. */
  sampler: samplerSchema.prefault({}),
  /** Frames that a rollout of the finished world starts from. */
  contextFrames: z.int().min(1).default(1),
  /** How its published evaluation rolls it out. */
  protocol: protocolSchema.optional(),
};

/** Trains a bidirectional video diffusion model without actions. */
const baseRunSchema = z.strictObject({
  kind: z.literal("base"),
  ...denoising,
  /** Folder of a base run that is trained on, or a checkpoint of the published kind, by its file or `weights:NAME`; absent: random. */
  initialise: z.strictObject({ from: z.string() }).optional(),
});

/** Trains a world model: causal in time, told one action per frame. */
const worldRunSchema = z.strictObject({
  kind: z.literal("world"),
  ...denoising,
  /** Where the first weights come from; absent: random. */
  initialise: z
    .strictObject({
      /**
       * Folder of a base run, whose weights are made causal, or of a world run, which is trained on; or a checkpoint of the published
       * kind, by its file or `weights:NAME`.
       */
      from: z.string(),
      /** How kernels that looked into the future become causal (arXiv:2505.14357 section 4.1). */
      transfer: z.enum(["shift", "masked", "extrapolative"]).default("extrapolative"),
      /** Newest frames that an extrapolation is fitted to, at most the kernels' size 3; absent: 2 (appendix A.2). */
      regressionWindow: z.int().min(1).max(3).optional(),
    })
    .optional(),
});

/** What editors call the schema below. */
export const SCHEMA_TITLE = "vid2world training configuration";

/** A training run's configuration. */
export const trainingConfigSchema = z.discriminatedUnion("kind", [
  autoencoderRunSchema,
  tinyDecoderRunSchema,
  distillationRunSchema,
  baseRunSchema,
  worldRunSchema,
]);

/** Checked configuration of any run. */
export type TrainingConfig = z.output<typeof trainingConfigSchema>;
/** Checked configuration of an autoencoder's run. */
export type AutoencoderRunConfig = z.output<typeof autoencoderRunSchema>;
/** Checked configuration of a tiny decoder's run. */
export type TinyDecoderRunConfig = z.output<typeof tinyDecoderRunSchema>;
/** Checked configuration of a distillation. */
export type DistillationRunConfig = z.output<typeof distillationRunSchema>;
/** Checked configuration of a base or world model's run. */
export type DenoisingRunConfig = z.output<typeof baseRunSchema> | z.output<typeof worldRunSchema>;
