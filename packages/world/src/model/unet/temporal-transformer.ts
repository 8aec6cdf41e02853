// The temporal transformer: every position attends over time, twice per layer.
// Axes: F = B * T folded frames, N = H * W positions.
import { Module, scope, sequential, zeroInit, type Tensor } from "@vid2world/torch";

import { Attention } from "./attention.js";
import { FeedForward } from "./feed-forward.js";
import { mapToTokens, tokensToMap, type Window } from "./frames.js";
import { TemporalNorm, TokenNorm, type TemporalStatistics } from "./norm.js";
import { makeProjection, project, type Projection } from "./projection.js";

/** Options of {@link TemporalTransformer}. */
export interface TemporalTransformerOptions {
  readonly heads: number;
  readonly headChannels: number;
  readonly depth: number;
  readonly normGroups: number;
  readonly useLinear: boolean;
  readonly causal: boolean;
  readonly statistics: TemporalStatistics;
}

/** Both attentions are self attention over time: the published base model trained the second one without a context. */
class TemporalTransformerLayer extends Module {
  readonly norm1: TokenNorm;
  readonly attention1: Attention;
  readonly norm2: TokenNorm;
  readonly attention2: Attention;
  readonly norm3: TokenNorm;
  readonly feedForward: FeedForward;
  readonly #causal: boolean;

  constructor(width: number, options: TemporalTransformerOptions) {
    super();
    this.norm1 = new TokenNorm(width);
    this.attention1 = new Attention(width, options);
    this.norm2 = new TokenNorm(width);
    this.attention2 = new Attention(width, options);
    this.norm3 = new TokenNorm(width);
    this.feedForward = new FeedForward(width);
    this.#causal = options.causal;
  }

  forward(x_FNC: Tensor, window: Window): Tensor {
    return sequential(x_FNC, [
      (x) => x.add(this.attention1.attendOverTime(this.norm1.forward(x), window, this.#causal)),
      (x) => x.add(this.attention2.attendOverTime(this.norm2.forward(x), window, this.#causal)),
      (x) => x.add(this.feedForward.forward(this.norm3.forward(x))),
    ]);
  }
}

/** `[F C H W] -> [F C H W]` with a residual connection; starts as the identity. There is no positional encoding. */
export class TemporalTransformer extends Module {
  readonly norm: TemporalNorm;
  readonly projectIn: Projection;
  readonly blocks: readonly TemporalTransformerLayer[];
  readonly projectOut: Projection;

  constructor(channels: number, options: TemporalTransformerOptions) {
    super();
    const inner = options.heads * options.headChannels;
    const kind = options.useLinear ? "linear" : "conv1d";
    this.norm = new TemporalNorm(options.normGroups, channels, { eps: 1e-6, statistics: options.statistics });
    this.projectIn = makeProjection(kind, channels, inner);
    this.blocks = Array.from({ length: options.depth }, () => new TemporalTransformerLayer(inner, options));
    this.projectOut = zeroInit(makeProjection(kind, inner, channels));
  }

  forward(x_FCHW: Tensor, window: Window): Tensor {
    return scope(() => {
      const mixed = sequential(x_FCHW, [
        (map) => project(this.projectIn, mapToTokens(this.norm.forwardFrames(map, window))),
        ...this.blocks.map((block) => (tokens: Tensor) => block.forward(tokens, window)),
        (tokens) => tokensToMap(project(this.projectOut, tokens), x_FCHW.size(2)),
      ]);
      return x_FCHW.add(mixed);
    });
  }
}
