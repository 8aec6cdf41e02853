// One block of the U-Net: the parts that its layout names, run in order.
// Axes: F = B * T folded frames, E width of the embedding.
import { Conv2d, Module, checkpoint, sequential, type Tensor } from "@vid2world/torch";

import type { SplitContext } from "./attention.js";
import type { Window } from "./frames.js";
import type { BlockLayout, BlockPart } from "./layout.js";
import type { ResolvedUNetOptions } from "./options.js";
import { Downsample, Upsample } from "./resample.js";
import { ResidualBlock } from "./residual-block.js";
import { SpatialTransformer } from "./spatial-transformer.js";
import { TemporalTransformer } from "./temporal-transformer.js";

/** What all blocks of one evaluation share. */
export interface BlockInput {
  /** SiLU of every frame's embedding, `[F E]`. */
  readonly activeEmbedding_FE: Tensor;
  readonly context: SplitContext | undefined;
  readonly window: Window;
}

/** The width of the timestep embedding. */
export const embeddingWidth = (options: ResolvedUNetOptions): number => 4 * options.modelChannels;

/** A block with the parts of `layout`; a part that it does not have is undefined. */
export class UNetBlock extends Module {
  readonly conv: Conv2d | undefined;
  readonly residual: ResidualBlock | undefined;
  readonly spatial: SpatialTransformer | undefined;
  readonly temporal: TemporalTransformer | undefined;
  readonly downsample: Downsample | undefined;
  readonly upsample: Upsample | undefined;
  readonly #recomputed: { readonly residual: boolean; readonly attention: boolean };

  constructor(layout: BlockLayout, options: ResolvedUNetOptions) {
    super();
    const { inChannels, outChannels } = layout;
    const has = (part: BlockPart): boolean => layout.parts.includes(part);
    this.conv = has("conv") ? new Conv2d(inChannels, outChannels, 3, { padding: 1 }) : undefined;
    this.residual = has("residual") ? makeResidual(inChannels, outChannels, options) : undefined;
    this.spatial = has("spatial") ? makeSpatial(outChannels, options) : undefined;
    this.temporal = has("temporal") ? makeTemporal(outChannels, options) : undefined;
    this.downsample = has("downsample") ? new Downsample(inChannels) : undefined;
    this.upsample = has("upsample") ? new Upsample(outChannels) : undefined;
    const { checkpointing } = options;
    const recomputed = (part: "residual" | "attention"): boolean => checkpointing === "all" || checkpointing === part;
    this.#recomputed = { residual: recomputed("residual"), attention: recomputed("attention") };
  }

  /** `[F C H W] -> [F Co H' W']` */
  forward(x_FCHW: Tensor, input: BlockInput): Tensor {
    const { residual, spatial, temporal } = this;
    const { activeEmbedding_FE, context, window } = input;
    const recomputed = this.#recomputed;
    const steps: ((x: Tensor) => Tensor)[] = [];
    if (this.conv) steps.push(this.conv.forward.bind(this.conv));
    if (residual)
      steps.push((x) =>
        this.#run(recomputed.residual, (y, e) => residual.forward(y, e, window), x, activeEmbedding_FE),
      );
    if (spatial)
      steps.push((x) =>
        this.#run(
          recomputed.attention,
          (y, ...c) => spatial.forward(y, contextOf(c, context)),
          x,
          ...tensorsOf(context),
        ),
      );
    if (temporal) steps.push((x) => this.#run(recomputed.attention, (y) => temporal.forward(y, window), x));
    if (this.downsample) steps.push(this.downsample.forward.bind(this.downsample));
    if (this.upsample) steps.push(this.upsample.forward.bind(this.upsample));
    return sequential(x_FCHW, steps);
  }

  /** Runs a part, recomputed in the backward pass if asked for. Every tensor it uses must be among the inputs: it outlives this call. */
  #run(
    recomputed: boolean,
    part: (x: Tensor, ...inputs: Tensor[]) => Tensor,
    x: Tensor,
    ...inputs: readonly Tensor[]
  ): Tensor {
    if (!recomputed || !this.training) return part(x, ...inputs);
    return checkpoint((first, ...rest) => part(first, ...rest), [x, ...inputs]);
  }
}

const tensorsOf = (context: SplitContext | undefined): readonly Tensor[] =>
  context === undefined ? [] : context.image === undefined ? [context.text] : [context.text, context.image];

const contextOf = ([text, image]: readonly Tensor[], like: SplitContext | undefined): SplitContext | undefined =>
  text === undefined ? undefined : { ...like, text, image };

function makeResidual(inChannels: number, outChannels: number, options: ResolvedUNetOptions): ResidualBlock {
  const { normGroups, dropout, causal, temporalNorm, temporalConvDropout } = options;
  return new ResidualBlock(inChannels, outChannels, {
    embeddingWidth: embeddingWidth(options),
    normGroups,
    dropout,
    temporal: { normGroups, causal, statistics: temporalNorm, dropout: temporalConvDropout },
  });
}

function makeSpatial(channels: number, options: ResolvedUNetOptions): SpatialTransformer {
  const { headChannels, normGroups, useLinear, contextDim, imageCrossAttention, transformerDepth } = options;
  const shared = { headChannels, normGroups, useLinear, imageCrossAttention, depth: transformerDepth };
  return new SpatialTransformer(channels, contextDim === undefined ? shared : { ...shared, contextDim });
}

function makeTemporal(channels: number, options: ResolvedUNetOptions): TemporalTransformer {
  const { headChannels, normGroups, useLinear, causal, temporalNorm, transformerDepth } = options;
  return new TemporalTransformer(channels, {
    heads: channels / headChannels,
    headChannels,
    depth: transformerDepth,
    normGroups,
    useLinear,
    causal,
    statistics: temporalNorm,
  });
}
