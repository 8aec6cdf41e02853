// The residual block: two convolutions per frame, conditioned on the frame's embedding, then a temporal convolution block.
// Axes: F = B * T folded frames, E width of the embedding.
import { Conv2d, Dropout, Linear, Module, scope, zeroInit, type Tensor } from "@vid2world/torch";

import type { Window } from "./frames.js";
import { FrameNorm } from "./norm.js";
import { TemporalConvBlock, type TemporalConvOptions } from "./temporal-conv.js";

/** Options of {@link ResidualBlock}. */
export interface ResidualBlockOptions {
  readonly embeddingWidth: number;
  readonly normGroups: number;
  readonly dropout: number;
  readonly temporal: TemporalConvOptions;
}

/** `[F C H W] -> [F Co H W]`, conditioned on `[F E]`. */
export class ResidualBlock extends Module {
  readonly norm1: FrameNorm;
  readonly conv1: Conv2d;
  readonly embedding: Linear;
  readonly norm2: FrameNorm;
  readonly dropout: Dropout;
  readonly conv2: Conv2d;
  readonly skip: Conv2d | undefined;
  readonly temporalConv: TemporalConvBlock;

  constructor(inChannels: number, outChannels: number, options: ResidualBlockOptions) {
    super();
    this.norm1 = new FrameNorm(options.normGroups, inChannels);
    this.conv1 = new Conv2d(inChannels, outChannels, 3, { padding: 1 });
    this.embedding = new Linear(options.embeddingWidth, outChannels);
    this.norm2 = new FrameNorm(options.normGroups, outChannels);
    this.dropout = new Dropout(options.dropout);
    this.conv2 = zeroInit(new Conv2d(outChannels, outChannels, 3, { padding: 1 }));
    this.skip = inChannels === outChannels ? undefined : new Conv2d(inChannels, outChannels, 1);
    this.temporalConv = new TemporalConvBlock(outChannels, options.temporal);
  }

  /** `activeEmbedding` is SiLU of the embedding: it is the same for all blocks, so the network computes it once. */
  forward(x_FCHW: Tensor, activeEmbedding_FE: Tensor, window: Window): Tensor {
    return scope(() => {
      const shift_FC11 = this.embedding.forward(activeEmbedding_FE).unsqueeze(-1).unsqueeze(-1);
      const active = (norm: FrameNorm, x: Tensor): Tensor => scope(() => norm.forward(x).silu());
      const sum = scope(() => {
        const first = scope(() => this.conv1.forward(active(this.norm1, x_FCHW)).add(shift_FC11));
        const second = scope(() => this.conv2.forward(this.dropout.forward(active(this.norm2, first))));
        return (this.skip?.forward(x_FCHW) ?? x_FCHW).add(second);
      });
      return this.temporalConv.forward(sum, window);
    });
  }
}
