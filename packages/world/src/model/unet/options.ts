// The U-Net's options: one strict schema, so that a misspelt key in a configuration is an error and never a default.
import { z } from "zod";

const count = z.number().int().positive();

/** What a U-Net can recompute in the backward pass. */
export const checkpointingPolicies = ["none", "attention", "residual", "all"] as const;

/**
 * Options of {@link UNet3D}. The defaults are those of the published world model (DynamiCrafter 320x512 with a causal time axis), except
 * where a value depends on the data: channels, actions and the context's width have no default.
 */
export const unetSchema = z
  .strictObject({
    /** Channels of the input: noisy latents plus the channels concatenated to them. */
    inChannels: count,
    /** Channels of the prediction: those of the latents. */
    outChannels: count,
    /** Channels at the first level; the timestep embedding has four times as many. */
    modelChannels: count,
    /** Channels of each level as a multiple of `modelChannels`; the resolution halves from one level to the next. */
    channelMultipliers: z.array(count).min(1).default([1, 2, 4, 4]),
    numResBlocks: count.default(2),
    /** Downsampling factors (1 = the latents' own resolution) at which the blocks have spatial and temporal attention. */
    attentionResolutions: z.array(count).default([4, 2, 1]),
    /** Width of one attention head; the number of heads follows from the channels. */
    headChannels: count.default(64),
    transformerDepth: count.default(1),
    /**
     * Width of the context tokens. Absent: the network has no cross attention at all. The small configurations do that: they own no CLIP,
     * have no text, and see the start image only through the channels joined to the input (the autoencoder's latent of the window's
     * first frame, repeated for every frame: `inChannels` is twice the latent's channels).
     */
    contextDim: count.optional(),
    /** Separate keys and values for the image tokens of the context (those after the text tokens). */
    imageCrossAttention: z.boolean().default(true),
    textTokens: count.default(77),
    /** A context of exactly `textTokens + frames * imageTokensPerFrame` tokens gives each frame its own image tokens. */
    imageTokensPerFrame: count.default(16),
    /**
     * Frames of a training window, and in the causal form the most frames that a layer looks at: longer clips are refused with `window`
     * statistics, and seen through a rolling window of this length with `causal` ones.
     */
    temporalLength: count.default(16),
    /** Causal world model (true) or the bidirectional video model it is made from. */
    causal: z.boolean().default(true),
    /**
     * Statistics of the temporal normalisations. `window`: joint over all frames, as published; it lets later frames leak into earlier ones.
     * `causal`: frame i over frames 0..i, which makes the causal form strictly causal.
     */
    temporalNorm: z.enum(["window", "causal"]).default("window"),
    /** Numbers per action. Absent: no action encoder. */
    actionDim: count.optional(),
    /** `continuous`: a perceptron on the numbers. `multiHot`: the sum of one learned row per pressed key, then a perceptron. */
    actionEncoder: z.enum(["continuous", "multiHot"]).default("continuous"),
    /** Whether the frame rate is embedded and added to the timestep embedding. */
    fpsCondition: z.boolean().default(true),
    /** Frame rate that is assumed where none is given. */
    defaultFps: z.number().positive().default(3),
    /** One more temporal transformer right after the first convolution. */
    additionAttention: z.boolean().default(true),
    /** Linear instead of 1x1 convolutions at both ends of a transformer: the same function, another shape of weight. */
    useLinear: z.boolean().default(true),
    normGroups: count.default(32),
    /** Dropout inside the residual blocks (training only). */
    dropout: z.number().min(0).max(1).default(0.1),
    /** Dropout inside the temporal convolutions (training only); fixed at 0.1 in the published code. */
    temporalConvDropout: z.number().min(0).max(1).default(0.1),
    /**
     * What the backward pass recomputes instead of keeping it: less memory, more time. `attention`: spatial and temporal transformers;
     * `residual`: residual blocks with their temporal convolutions; `all`: both, as published (true). Results are the same.
     */
    checkpointing: z
      .union([z.enum(checkpointingPolicies), z.boolean()])
      .default("none")
      .transform((given) => (typeof given === "string" ? given : given ? "all" : "none")),
    /** Memory layout of the feature maps. `channelsLast` makes every change between maps and tokens a view. */
    memoryFormat: z.enum(["channelsLast", "contiguous"]).default("channelsLast"),
  })
  .superRefine((options, context) => {
    const fail = (path: string, message: string): void =>
      void context.addIssue({ code: "custom", path: [path], message });
    if (options.modelChannels % options.normGroups !== 0) {
      fail("normGroups", `expected a divisor of modelChannels (${options.modelChannels}), got ${options.normGroups}`);
    }
    options.channelMultipliers.forEach((multiplier, level) => {
      const channels = multiplier * options.modelChannels;
      const attends =
        level === options.channelMultipliers.length - 1 || options.attentionResolutions.includes(2 ** level);
      if (attends && channels % options.headChannels !== 0) {
        fail(
          "headChannels",
          `expected a divisor of level ${level}'s ${channels} channels, got ${options.headChannels}`,
        );
      }
    });
    if (options.temporalNorm === "causal" && !options.causal) {
      fail("temporalNorm", 'expected "window" where causal is false, got "causal"');
    }
  });

/** Options as a caller writes them: whatever has a default may be left out. */
export type UNetOptions = z.input<typeof unetSchema>;
/** Options with every default filled in. */
export type ResolvedUNetOptions = z.output<typeof unetSchema>;
