// The spatial transformer: each frame attends to itself and, where there is a context, to its tokens.
// Axes: F = B * T folded frames, N = H * W positions.
import { Module, scope, sequential, zeroInit, type Tensor } from "@vid2world/torch";

import { Attention, type SplitContext } from "./attention.js";
import { FeedForward } from "./feed-forward.js";
import { mapToTokens, tokensToMap } from "./frames.js";
import { FrameNorm, TokenNorm } from "./norm.js";
import { makeProjection, project, type Projection } from "./projection.js";

/** Options of {@link SpatialTransformer}. */
export interface SpatialTransformerOptions {
  readonly headChannels: number;
  readonly depth: number;
  readonly normGroups: number;
  readonly useLinear: boolean;
  /** Absent: no cross attention. */
  readonly contextDim?: number;
  readonly imageCrossAttention: boolean;
}

class SpatialTransformerLayer extends Module {
  readonly norm1: TokenNorm;
  readonly selfAttention: Attention;
  readonly norm2: TokenNorm | undefined;
  readonly crossAttention: Attention | undefined;
  readonly norm3: TokenNorm;
  readonly feedForward: FeedForward;

  constructor(width: number, options: SpatialTransformerOptions) {
    super();
    const { contextDim, headChannels } = options;
    const heads = width / headChannels;
    this.norm1 = new TokenNorm(width);
    this.selfAttention = new Attention(width, { heads, headChannels });
    this.norm2 = contextDim === undefined ? undefined : new TokenNorm(width);
    this.crossAttention =
      contextDim === undefined
        ? undefined
        : new Attention(width, { heads, headChannels, contextWidth: contextDim, image: options.imageCrossAttention });
    this.norm3 = new TokenNorm(width);
    this.feedForward = new FeedForward(width);
  }

  forward(x_FNC: Tensor, context: SplitContext | undefined): Tensor {
    return sequential(x_FNC, [
      (x) => x.add(this.selfAttention.attendWithin(this.norm1.forward(x))),
      (x) => this.#attendToContext(x, context),
      (x) => x.add(this.feedForward.forward(this.norm3.forward(x))),
    ]);
  }

  #attendToContext(x_FNC: Tensor, context: SplitContext | undefined): Tensor {
    const { crossAttention, norm2 } = this;
    if (crossAttention === undefined || norm2 === undefined || context === undefined) return x_FNC;
    return x_FNC.add(crossAttention.attendTo(norm2.forward(x_FNC), context));
  }
}

/** `[F C H W] -> [F C H W]` with a residual connection; starts as the identity. */
export class SpatialTransformer extends Module {
  readonly norm: FrameNorm;
  readonly projectIn: Projection;
  readonly blocks: readonly SpatialTransformerLayer[];
  readonly projectOut: Projection;

  constructor(channels: number, options: SpatialTransformerOptions) {
    super();
    const kind = options.useLinear ? "linear" : "conv2d";
    this.norm = new FrameNorm(options.normGroups, channels, { eps: 1e-6 });
    this.projectIn = makeProjection(kind, channels, channels);
    this.blocks = Array.from({ length: options.depth }, () => new SpatialTransformerLayer(channels, options));
    this.projectOut = zeroInit(makeProjection(kind, channels, channels));
  }

  forward(x_FCHW: Tensor, context: SplitContext | undefined): Tensor {
    return scope(() => {
      const mixed = sequential(x_FCHW, [
        (map) => project(this.projectIn, mapToTokens(this.norm.forward(map))),
        ...this.blocks.map((block) => (tokens: Tensor) => block.forward(tokens, context)),
        (tokens) => tokensToMap(project(this.projectOut, tokens), x_FCHW.size(2)),
      ]);
      return x_FCHW.add(mixed);
    });
  }
}
