// The 3-D U-Net of the world model, and of the bidirectional video model that it is made from.
// Axes: B batch, T frames, F = B * T folded frames, A action, L context tokens, D context width, E embedding.
import { Conv2d, Module, cat, full, scope, sequential, zeroInit, type Tensor } from "@vid2world/torch";
import { invalid } from "@vid2world/formats";

import { ActionEncoder } from "./action-encoder.js";
import type { SplitContext } from "./attention.js";
import { HeightCausalConv2d } from "./causal-conv.js";
import { EmbeddingMlp } from "./embedding-mlp.js";
import { type FoldedLayout, foldTokens, foldedLayout, isFolded } from "./folded-context.js";
import type { Window } from "./frames.js";
import { unetLayout } from "./layout.js";
import { FrameNorm } from "./norm.js";
import { unetSchema, type ResolvedUNetOptions, type UNetOptions } from "./options.js";
import type { TimePass } from "./time-pass.js";
import { TemporalTransformer } from "./temporal-transformer.js";
import { timestepEmbedding } from "./timestep-embedding.js";
import { splitContext } from "./split-context.js";
import { UNetBlock, embeddingWidth } from "./unet-block.js";

const INITIAL_ATTENTION_HEADS = 8;

/** Everything one evaluation needs. */
export interface UNetInput {
  /** Noisy latents, joined along C with the channels that condition them. */
  readonly x_BTCHW: Tensor;
  /** Timesteps `[B]` (the same for all frames) or `[B T]`. */
  readonly timesteps: Tensor;
  /** Text tokens followed by image tokens, `[B L D]`; or what `UNet3D.foldContext` made of them. */
  readonly context?: Tensor;
  /** Entry t is the action that led to frame t: shifting is the caller's business. */
  readonly actions_BTA?: Tensor;
  /** 1 keeps an action, 0 drops it. */
  readonly actionMask_BT?: Tensor;
  /** Frames per second of each clip; left out, the option `defaultFps`. */
  readonly fps_B?: Tensor;
}

/**
 * Predicts one tensor of latents per frame from noisy latents, per-frame timesteps, actions and a context.
 *
 * `new UNet3D({ inChannels: 8, outChannels: 4, modelChannels: 320, contextDim: 1024, actionDim: 13 })` is the published world model.
 */
export class UNet3D extends Module {
  readonly timeEmbedding: EmbeddingMlp;
  readonly fpsEmbedding: EmbeddingMlp | undefined;
  readonly actionEncoder: ActionEncoder | undefined;
  readonly inputBlocks: readonly UNetBlock[];
  readonly initialAttention: TemporalTransformer | undefined;
  readonly middleBlocks: readonly UNetBlock[];
  readonly outputBlocks: readonly UNetBlock[];
  readonly outputNorm: FrameNorm;
  readonly outputConv: Conv2d;
  readonly #options: ResolvedUNetOptions;
  #folded: FoldedLayout | undefined;

  constructor(options: UNetOptions) {
    super();
    const resolved = unetSchema.parse(options);
    this.#options = resolved;
    const { modelChannels, normGroups, outChannels } = resolved;
    const width = embeddingWidth(resolved);
    this.timeEmbedding = new EmbeddingMlp(modelChannels, width);
    this.fpsEmbedding = resolved.fpsCondition ? new EmbeddingMlp(modelChannels, width, { zero: true }) : undefined;
    this.actionEncoder =
      resolved.actionDim === undefined
        ? undefined
        : new ActionEncoder({
            kind: resolved.actionEncoder,
            actionDim: resolved.actionDim,
            hidden: modelChannels,
            width,
          });
    const layout = unetLayout(resolved);
    this.inputBlocks = layout.input.map((block) => new UNetBlock(block, resolved));
    this.initialAttention = resolved.additionAttention ? makeInitialAttention(resolved) : undefined;
    this.middleBlocks = layout.middle.map((block) => new UNetBlock(block, resolved));
    this.outputBlocks = layout.output.map((block) => new UNetBlock(block, resolved));
    this.outputNorm = new FrameNorm(normGroups, modelChannels);
    const OutputConv = resolved.causal ? HeightCausalConv2d : Conv2d;
    this.outputConv = zeroInit(new OutputConv(modelChannels, outChannels, 3, { padding: 1 }));
  }

  /** The options with every default filled in. */
  get options(): ResolvedUNetOptions {
    return this.#options;
  }

  /**
   * Keys and values that the cross attentions make of a context, to be given in its place as often as it is used: `[B L D] -> [B L P]`, in the
   * weights' type. The same numbers come of it, to rounding, for as long as the weights stay as they are. A folded one is returned as it is.
   */
  foldContext(context: Tensor): Tensor {
    const { contextDim } = this.#options;
    if (contextDim === undefined) return context;
    const layout = this.#foldedLayout();
    if (layout.width === contextDim || isFolded(context, layout, contextDim)) return context;
    return scope(() => foldTokens(context.to(this.outputConv.weight.dtype), layout, this.#options));
  }

  /** `[B T C H W] -> [B T Co H W]`; `time` joins the evaluation to earlier and later ones (see `UNetStream`). */
  forward(input: UNetInput, time?: TimePass): Tensor {
    return scope(() => this.#evaluate(input, time));
  }

  #evaluate(input: UNetInput, time: TimePass | undefined): Tensor {
    const [batch, frames, channels, height, width] = input.x_BTCHW.dims("B T C H W");
    this.#check(frames, channels);
    const { causal, temporalLength } = this.#options;
    const window: Window = { batch, frames, ...(causal && { reach: temporalLength }), ...(time && { time }) };
    const activeEmbedding_FE = this.#embed(input, window).silu();
    const shared = { activeEmbedding_FE, context: this.#context(input, window), window };

    const folded = input.x_BTCHW.reshape([batch * frames, channels, height, width]);
    const laidOut =
      this.#options.memoryFormat === "channelsLast" ? folded.contiguous({ memoryFormat: "channels_last" }) : folded;
    let newest = laidOut.to(this.outputConv.weight.dtype);
    const skips = this.inputBlocks.map((block, i) => {
      newest = block.forward(newest, shared);
      if (i === 0) newest = this.initialAttention?.forward(newest, window) ?? newest;
      return newest;
    });
    /** The features so far beside those of the way down, which are not needed after that. */
    const joined = (x: Tensor): Tensor => {
      using skip = skips.pop() as Tensor;
      return cat([x, skip], { dim: 1 });
    };
    const y_FCHW = sequential(newest, [
      ...this.middleBlocks.map((block) => (x: Tensor) => block.forward(x, shared)),
      ...this.outputBlocks.flatMap((block) => [joined, (x: Tensor) => block.forward(x, shared)]),
      (x) => this.outputConv.forward(this.outputNorm.forward(x).silu()),
    ]);
    return y_FCHW.reshape([batch, frames, this.#options.outChannels, height, width]);
  }

  /** The embedding of every frame, `[F E]`: its timestep, the clip's frame rate and the action that led to it. */
  #embed({ timesteps, actions_BTA, actionMask_BT, fps_B }: UNetInput, { batch, frames }: Window): Tensor {
    const { modelChannels, defaultFps } = this.#options;
    const time = this.timeEmbedding.forward(timestepEmbedding(timesteps, modelChannels));
    let embedding_BTE = time.shape.length === 3 ? time : time.unsqueeze(1);
    if (this.fpsEmbedding !== undefined) {
      const fps = fps_B ?? full([batch], defaultFps, { dtype: "float32", device: timesteps.device });
      embedding_BTE = embedding_BTE.add(this.fpsEmbedding.forward(timestepEmbedding(fps, modelChannels)).unsqueeze(1));
    }
    if (this.actionEncoder !== undefined) {
      if (actions_BTA === undefined)
        throw invalid("actions_BTA", "a tensor [B T A]: this network has an action encoder", undefined);
      embedding_BTE = embedding_BTE.add(this.actionEncoder.forward(actions_BTA, actionMask_BT));
    }
    return embedding_BTE.expand([batch, frames, embedding_BTE.size(2)]).reshape([batch * frames, -1]);
  }

  #context({ context }: UNetInput, window: Window): SplitContext | undefined {
    const { contextDim } = this.#options;
    if (contextDim === undefined) return undefined;
    if (context === undefined)
      throw invalid("context", "a tensor [B L D]: this network has cross attention", undefined);
    const layout = this.#foldedLayout();
    const split = splitContext(context.to(this.outputConv.weight.dtype), window, this.#options);
    return isFolded(context, layout, contextDim) ? { ...split, places: layout.places } : split;
  }

  #foldedLayout(): FoldedLayout {
    return (this.#folded ??= foldedLayout(this.namedModules().values()));
  }

  #check(frames: number, channels: number): void {
    const { inChannels, temporalLength, causal, temporalNorm } = this.#options;
    if (channels !== inChannels) throw invalid("x_BTCHW", `${inChannels} channels`, `${channels}`);
    // Strictly causal layers have a meaning for longer clips: each sees the newest `temporalLength` frames, as a rollout does.
    if (causal && temporalNorm === "window" && frames > temporalLength) {
      throw invalid("x_BTCHW", `at most temporalLength = ${temporalLength} frames in the causal form`, `${frames}`);
    }
  }
}

/** The temporal transformer after the first convolution; its projections are convolutions whatever `useLinear` says. */
function makeInitialAttention(options: ResolvedUNetOptions): TemporalTransformer {
  const { modelChannels, headChannels, transformerDepth, normGroups, causal, temporalNorm } = options;
  return new TemporalTransformer(modelChannels, {
    heads: INITIAL_ATTENTION_HEADS,
    headChannels,
    depth: transformerDepth,
    normGroups,
    useLinear: false,
    causal,
    statistics: temporalNorm,
  });
}
