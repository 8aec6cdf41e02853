// The temporal half of a residual block: four normalised convolutions over time at every position.
// Axes: F = B * T folded frames, N = H * W positions.
import { Conv3d, Dropout, Module, conv2d, pad, scope, sequential, zeroInit, type Tensor } from "@vid2world/torch";

import { foldFrames, unfoldFrames, type Window } from "./frames.js";
import { TemporalNorm, type TemporalStatistics } from "./norm.js";

const LAYERS = 4;
const KERNEL = 3;

/** Options of {@link TemporalConvBlock}. */
export interface TemporalConvOptions {
  readonly normGroups: number;
  readonly causal: boolean;
  readonly statistics: TemporalStatistics;
  readonly dropout: number;
}

/**
 * Convolution over time only. The weight is that of a 3-D convolution of kernel (k, 1, 1); it runs as a 2-D convolution over (T, N), which
 * on channels-last maps is a view on both sides and several times faster than a 3-D convolution.
 *
 * `[B C T N], [Co C k 1 1] -> [B Co T N]`
 */
export function temporalConv(x_BCTN: Tensor, weight: Tensor, bias: Tensor | undefined, causal: boolean): Tensor {
  const weight_OCK1 = weight.squeeze(-1);
  const past = weight.size(2) - 1;
  const shared = bias === undefined ? {} : { bias };
  if (!causal) return conv2d(x_BCTN, weight_OCK1, { ...shared, padding: [past / 2, 0] });
  return conv2d(pad(x_BCTN, [0, 0, past, 0]), weight_OCK1, shared);
}

/** Normalisation, SiLU, dropout, convolution over time: one of the four layers. */
class TemporalConvLayer extends Module {
  readonly norm: TemporalNorm;
  readonly dropout: Dropout | undefined;
  readonly conv: Conv3d;
  readonly #causal: boolean;

  constructor(channels: number, options: TemporalConvOptions, position: { first: boolean; last: boolean }) {
    super();
    this.norm = new TemporalNorm(options.normGroups, channels, { statistics: options.statistics });
    this.dropout = position.first ? undefined : new Dropout(options.dropout);
    const conv = new Conv3d(channels, channels, [KERNEL, 1, 1], { padding: [(KERNEL - 1) / 2, 0, 0] });
    this.conv = position.last ? zeroInit(conv) : conv;
    this.#causal = options.causal;
  }

  forward(x_FCHW: Tensor, window: Window): Tensor {
    return scope(() => {
      const active = scope(() => this.norm.forwardFrames(x_FCHW, window).silu());
      const dropped = this.dropout?.forward(active) ?? active;
      const y_BCTN = temporalConv(unfoldFrames(dropped, window), this.conv.weight, this.conv.bias, this.#causal);
      return foldFrames(y_BCTN, x_FCHW.size(2));
    });
  }
}

/** Four temporal layers with a residual connection around all of them; the last starts at zero, so a new block changes nothing. */
export class TemporalConvBlock extends Module {
  readonly layers: readonly TemporalConvLayer[];

  constructor(channels: number, options: TemporalConvOptions) {
    super();
    this.layers = Array.from(
      { length: LAYERS },
      (_, i) => new TemporalConvLayer(channels, options, { first: i === 0, last: i === LAYERS - 1 }),
    );
  }

  /** `[F C H W] -> [F C H W]` for the frames of `window`. */
  forward(x_FCHW: Tensor, window: Window): Tensor {
    return scope(() => {
      const steps = this.layers.map((layer) => (x: Tensor) => layer.forward(x, window));
      return x_FCHW.add(sequential(x_FCHW, steps));
    });
  }
}
